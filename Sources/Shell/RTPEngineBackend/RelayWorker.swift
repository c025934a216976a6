import CSockets
import Media
import Primitives
import RTPEngine
import Synchronization

/// The thread's body: commands and datagrams to the controller, its effects to the socket and the callbacks.
///
/// `@unchecked Sendable`: made on one thread and handed to its own, which alone touches its state from then on; what
/// others reach (`commands`, the counters) is safe by itself.
final class RelayWorker: @unchecked Sendable {
    private static let receivedAtOnce = 16
    private static let datagramBytes = 65_535

    let commands: CommandQueue
    private let control: Endpoint
    private let onHealth: @Sendable (RelayHealth) -> Void
    private let onEvent: @Sendable (MediaEvent) -> Void
    private let socket: Int32
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var controller: RelayController
    private let socketErrors = Atomic<UInt64>(0)
    private let strangers = Atomic<UInt64>(0)
    private let strays = Atomic<UInt64>(0)
    private let refusedCommands = Atomic<UInt64>(0)

    init(
        _ options: RTPEngineBackend.Options, entropy: Entropy, onHealth: @escaping @Sendable (RelayHealth) -> Void,
        onEvent: @escaping @Sendable (MediaEvent) -> Void
    ) throws(RTPEngineBackendError) {
        commands = try CommandQueue(sessionsLimit: options.sessionsLimit)
        // From a loopback address when rtpengine is there, so that nobody else reaches the socket.
        let isV4 = options.control.address.isV4
        let any: IPAddress = isV4 ? .v4(0) : .v6(0, 0)
        let own = options.control.address.isLoopback ? options.control.address : any
        var local = csockets_address(Endpoint(address: own, port: 0))
        let socket = csockets_udp(&local, 0)
        guard socket >= 0 else { throw .system(call: "socket", errno: -socket) }
        guard let incoming = csockets_batch_create(Int32(Self.receivedAtOnce), Self.datagramBytes) else {
            csockets_close(socket)
            throw .system(call: "calloc", errno: 12)
        }
        guard let outgoing = csockets_batch_create(1, 0) else {
            csockets_batch_destroy(incoming)
            csockets_close(socket)
            throw .system(call: "calloc", errno: 12)
        }
        self.socket = socket
        self.incoming = incoming
        self.outgoing = outgoing
        control = options.control
        self.onHealth = onHealth
        self.onEvent = onEvent
        var core = RelayController.Options(sessionsLimit: options.sessionsLimit)
        core.isV4 = options.address.isV4
        core.mayCarryKeys = options.control.address.isLoopback
        core.limits = options.limits
        var entropy = entropy
        controller = RelayController(core, entropy: &entropy, at: Self.now)
    }

    deinit {
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(outgoing)
        csockets_close(socket)
    }

    func countRefusedCommand() { refusedCommands.add(1, ordering: .relaxed) }

    var troubles: [MediaTrouble] {
        [
            MediaTrouble("media.relay-socket-errors", socketErrors.load(ordering: .relaxed)),
            MediaTrouble("media.relay-refused-commands", refusedCommands.load(ordering: .relaxed)),
            MediaTrouble("media.relay-strangers", strangers.load(ordering: .relaxed)),
            MediaTrouble("media.relay-strays", strays.load(ordering: .relaxed)),
        ]
    }

    private static var now: Instant { Instant(nanoseconds: csockets_monotonic()) }

    /// Returns after `commands.shut()`, with every session closed.
    func run() {
        var isRunning = true
        while isRunning {
            let left = (controller.nextDeadline - Self.now).wholeNanoseconds
            let wait = Int32(clamping: max(0, (left + 999_999) / 1_000_000))
            let ready = csockets_poll2(socket, commands.wakeUp, wait)
            if ready < 0 { socketErrors.add(1, ordering: .relaxed) }
            if ready > 0, ready & 1 != 0 { receive() }
            if ready > 0, ready & 2 != 0 {
                let (commands, isShut) = commands.takeAll()
                for command in commands { run(controller.handle(.command(command), at: Self.now)) }
                isRunning = !isShut
            }
            if controller.nextDeadline <= Self.now { run(controller.handle(.deadline, at: Self.now)) }
        }
        run(controller.shutDown(at: Self.now))
    }

    private func receive() {
        let count = csockets_receive(socket, incoming)
        guard count >= 0 else {
            socketErrors.add(1, ordering: .relaxed)
            return
        }
        var source = csockets_address()
        for index in 0..<count {
            guard csockets_received_source(incoming, index, &source) == 0, source.endpoint == control else {
                strangers.add(1, ordering: .relaxed)
                continue
            }
            let size = csockets_received_size(incoming, index)
            let bytes = Array(UnsafeRawBufferPointer(start: csockets_received_bytes(incoming, index), count: size))
            run(controller.handle(.datagram(bytes), at: Self.now))
        }
        strays.store(controller.strayDatagrams, ordering: .relaxed)
    }

    private func run(_ effects: [RelayController.Effect]) {
        for effect in effects {
            switch effect {
            case .transmit(let bytes): send(bytes)
            case .event(let event): onEvent(event)
            case .health(let health): onHealth(health)
            }
        }
    }

    /// What cannot be sent is sent again by the controller, or given up there.
    private func send(_ bytes: [UInt8]) {
        var destination = csockets_address(control)
        let sent = bytes.withUnsafeBytes { datagram in
            csockets_set(outgoing, 0, datagram.baseAddress, datagram.count, &destination)
            return csockets_send(socket, outgoing, 0, 1)
        }
        if sent < 1 { socketErrors.add(1, ordering: .relaxed) }
    }
}

extension csockets_address {
    init(_ endpoint: Endpoint) {
        switch endpoint.address {
        case .v4(let bits): self.init(high: 0, low: UInt64(bits), port: endpoint.port, isV6: 0)
        case .v6(let high, let low): self.init(high: high, low: low, port: endpoint.port, isV6: 1)
        }
    }

    var endpoint: Endpoint {
        let address = isV6 != 0 ? IPAddress.v6(high, low) : .v4(UInt32(truncatingIfNeeded: low))
        return Endpoint(address: address, port: port)
    }
}
