import CSockets
import Media
import Primitives
import RTP

/// One media thread: the sockets and the time of a `MediaGraph`.
///
/// `@unchecked Sendable`: made on one thread and handed to its own, which alone touches its state from then on; what
/// others reach (`mailbox`, `shared`) is safe by itself.
final class MediaWorker: @unchecked Sendable {
    private static let mailboxToken = UInt64.max
    private static let eventsAtOnce = 64
    private static let receivedAtOnce = 16

    let mailbox: Mailbox
    private let shared: EngineShared
    private let address: IPAddress
    private let onEvent: @Sendable (MediaEvent) -> Void
    private let epoll: Int32
    private let incoming: OpaquePointer
    private let sending: OpaquePointer
    private var outgoing: PacketBatch
    private var pool: PortPool
    private var graph: MediaGraph
    /// By the graph's slots.
    private var sockets: [SessionSockets?] = []
    /// Of the graph's, those that were counted.
    private var refusedCommands: UInt64 = 0

    init(
        address: IPAddress, pool: PortPool, codecs: any CodecFactory, protection: any PacketProtection,
        keying: (any KeyAgreementFactory)?, limits: Limits, entropy: Entropy, shared: EngineShared,
        onEvent: @escaping @Sendable (MediaEvent) -> Void
    ) throws(MediaEngineError) {
        let batch = PacketBatch(packetBytes: limits.rtpPacketBytes)
        mailbox = try Mailbox(sessionsLimit: shared.sessionsLimit)
        let epoll = csockets_epoll()
        guard epoll >= 0 else { throw .system(call: "epoll_create1", errno: -epoll) }
        let watched = csockets_epoll_add(epoll, mailbox.wakeUp, Self.mailboxToken)
        guard watched >= 0, let incoming = csockets_batch_create(Int32(Self.receivedAtOnce), limits.rtpPacketBytes),
            let sending = csockets_batch_create(Int32(batch.capacity), 0)
        else {
            csockets_close(epoll)
            throw .system(call: "epoll_ctl or calloc", errno: -watched)
        }
        self.epoll = epoll
        self.incoming = incoming
        self.sending = sending
        outgoing = batch
        self.address = address
        self.pool = pool
        graph = MediaGraph(codecs: codecs, protection: protection, keying: keying, limits: limits, entropy: entropy)
        self.shared = shared
        self.onEvent = onEvent
    }

    deinit {
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(sending)
        csockets_close(epoll)
    }

    /// The thread's body; returns after `mailbox.shut()`, with every session closed.
    func run() {
        let tokens = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.eventsAtOnce)
        defer { tokens.deallocate() }
        var isRunning = true
        while isRunning {
            let count = csockets_epoll_wait(epoll, tokens, Int32(Self.eventsAtOnce), timeoutMilliseconds())
            if count < 0 { shared.countSocketError() }
            var hasCommands = false
            for index in 0..<Int(max(0, count)) {
                if tokens[index] == Self.mailboxToken { hasCommands = true } else { receive(tokens[index]) }
            }
            // After the packets: a slot that a command frees cannot be named by an event of the same batch.
            if hasCommands { isRunning = runCommands() }
            handleDeadlines()
            tell()
        }
        for id in graph.sessions { close(id) }
        tell()
    }

    private func tell() {
        guard graph.hasEvents else { return }
        for event in graph.takeEvents() { onEvent(event) }
    }

    private static var now: Instant { Instant(nanoseconds: csockets_monotonic()) }

    // MARK: Packets

    private static func token(slot: Int, side: MediaSide, isRTCP: Bool) -> UInt64 {
        UInt64(slot) << 2 | UInt64(side.rawValue) << 1 | (isRTCP ? 1 : 0)
    }

    private func receive(_ token: UInt64) {
        let slot = Int(token >> 2)
        let side: MediaSide = token & 2 == 0 ? .a : .b
        let isRTCP = token & 1 != 0
        guard slot < sockets.count, let descriptor = sockets[slot]?.descriptor(side, isRTCP: isRTCP) else { return }
        let count = csockets_receive(descriptor, incoming)
        guard count >= 0 else { return shared.countSocketError() }
        let now = Self.now
        var source = csockets_address()
        for datagram in 0..<count {
            guard csockets_received_source(incoming, datagram, &source) == 0 else { continue }
            if !outgoing.hasRoomForOneInput { flush() }
            // The batch owns these bytes until the next call, so they may be decrypted where they are.
            let bytes = UnsafeMutableRawBufferPointer(
                start: csockets_received_bytes(incoming, datagram), count: csockets_received_size(incoming, datagram))
            if isRTCP {
                graph.receiveRTCP(bytes, from: source.endpoint, slot: slot, side: side, at: now)
            } else {
                graph.receiveRTP(
                    bytes, from: source.endpoint, slot: slot, side: side, at: now, output: &outgoing)
            }
        }
        flush()
    }

    /// Sends what the graph has put out: one system call for each run of packets from one socket.
    private func flush() {
        let count = outgoing.count
        guard count > 0 else { return }
        defer { outgoing.removeAll() }
        for packet in 0..<count {
            let entry = outgoing.entry(packet)
            var destination = csockets_address(entry.destination)
            csockets_set(sending, Int32(packet), outgoing.bytes(packet).baseAddress, entry.size, &destination)
        }
        var first = 0
        while first < count {
            let entry = outgoing.entry(first)
            var end = first + 1
            while end < count, outgoing.entry(end).isFromSocket(of: entry) { end += 1 }
            if let descriptor = sockets[entry.slot]?.descriptor(entry.side, isRTCP: entry.isRTCP) {
                send(first..<end, by: descriptor)
            }
            first = end
        }
    }

    private func send(_ packets: Range<Int>, by descriptor: Int32) {
        var first = packets.lowerBound
        while first < packets.upperBound {
            let sent = csockets_send(descriptor, sending, Int32(first), Int32(packets.upperBound - first))
            if sent > 0 {
                first += Int(sent)
            } else {
                // The first one cannot be sent (no route, full buffer, an old ICMP error): it alone is given up.
                shared.countSocketError()
                shared.countUnsent(1)
                first += 1
            }
        }
    }

    // MARK: Commands

    /// False when the mailbox is shut and empty.
    private func runCommands() -> Bool {
        let (commands, isClosed) = mailbox.takeAll()
        for command in commands {
            switch command {
            case .open(let id): open(id)
            case .close(let id): close(id)
            default: graph.handle(command, at: Self.now)
            }
            tell()
        }
        while refusedCommands < graph.refusedCommands {
            refusedCommands += 1
            shared.countRefusedCommand()
        }
        return !isClosed
    }

    private func open(_ id: MediaSessionID) {
        if let slot = graph.slot(of: id), let sockets = sockets[slot] {
            return onEvent(.opened(id, portA: sockets.portA, portB: sockets.portB))
        }
        guard shared.enter() else {
            return onEvent(.failed(id, .tooManySessions(limit: shared.sessionsLimit)))
        }
        let now = Self.now
        let slot = graph.open(id, at: now)
        do throws(MediaFailure) {
            let bound = try SessionSockets(address: address, pool: &pool, at: now)
            if let error = watch(bound, slot: slot) {
                bound.close(pool: &pool, at: now)
                throw MediaFailure.socket(errno: error)
            }
            while sockets.count <= slot { sockets.append(nil) }
            sockets[slot] = bound
            onEvent(.opened(id, portA: bound.portA, portB: bound.portB))
        } catch {
            graph.discard(slot: slot)
            shared.leave()
            onEvent(.failed(id, error))
        }
    }

    /// The errno when a socket could not be watched.
    private func watch(_ sockets: SessionSockets, slot: Int) -> Int32? {
        for side in MediaSide.allCases {
            for isRTCP in [false, true] {
                let token = Self.token(slot: slot, side: side, isRTCP: isRTCP)
                let result = csockets_epoll_add(epoll, sockets.descriptor(side, isRTCP: isRTCP), token)
                if result < 0 { return -result }
            }
        }
        return nil
    }

    /// Answers in any case, so that call control never waits for a session that failed to open.
    private func close(_ id: MediaSessionID) {
        let now = Self.now
        guard let slot = graph.close(id, at: now, output: &outgoing) else { return }
        flush()
        sockets[slot]?.close(pool: &pool, at: now)
        sockets[slot] = nil
        shared.leave()
    }

    // MARK: Deadlines

    private func timeoutMilliseconds() -> Int32 {
        guard let due = graph.nextDeadline else { return -1 }
        let left = (due - Self.now).wholeNanoseconds
        return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
    }

    /// Everything that is due by the time it is called: ticks that fall due meanwhile wait until packets were received.
    private func handleDeadlines() {
        guard let due = graph.nextDeadline else { return }
        let now = Self.now
        guard due <= now else { return }
        while let due = graph.nextDeadline, due <= now {
            graph.handleDeadline(at: now, output: &outgoing)
            flush()
        }
    }
}
