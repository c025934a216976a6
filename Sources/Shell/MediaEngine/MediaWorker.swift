import CSockets
import Media
import Primitives
import RTP

/// One media thread: its epoll, its sessions, its share of the ports.
///
/// `@unchecked Sendable`: made on one thread and handed to its own, which alone touches its state from then on; what
/// others reach (`mailbox`, `shared`) is safe by itself.
final class MediaWorker: @unchecked Sendable {
    private struct Slot {
        var session: MediaSession
        let sockets: SessionSockets
    }
    private static let mailboxToken = UInt64.max
    private static let eventsAtOnce = 64
    private static let receivedAtOnce = 16
    /// Deadlines are seconds long: looking at them more often than this is waste.
    private static let deadlineStep = Duration.milliseconds(50)

    let mailbox: Mailbox
    private let shared: EngineShared
    private let address: IPAddress
    private let codecs: any CodecFactory
    private let protection: any PacketProtection
    private let keying: (any KeyAgreementFactory)?
    private let limits: Limits
    private let onEvent: @Sendable (MediaEvent) -> Void
    private let epoll: Int32
    private let incoming: OpaquePointer
    private let sending: OpaquePointer
    private var outgoing: PacketBatch
    private var pool: PortPool
    private var entropy: Entropy
    private var slots: [Slot?] = []
    private var freeSlots: [Int] = []
    private var slotOf: [MediaSessionID: Int] = [:]
    private var nextLook: Instant?

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
        self.codecs = codecs
        self.protection = protection
        self.keying = keying
        self.limits = limits
        self.entropy = entropy
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
            if let nextLook, nextLook <= Self.now { handleDeadlines() }
        }
        for id in slotOf.keys.sorted() { close(id) }
    }

    private static var now: Instant { Instant(nanoseconds: csockets_monotonic()) }

    // MARK: Packets

    private static func token(slot: Int, side: MediaSide, isRTCP: Bool) -> UInt64 {
        UInt64(slot) << 2 | UInt64(side.rawValue) << 1 | (isRTCP ? 1 : 0)
    }

    private func receive(_ token: UInt64) {
        let index = Int(token >> 2)
        let side: MediaSide = token & 2 == 0 ? .a : .b
        let isRTCP = token & 1 != 0
        guard index < slots.count, let descriptor = slots[index]?.sockets.descriptor(side, isRTCP: isRTCP) else {
            return
        }
        let count = csockets_receive(descriptor, incoming)
        guard count >= 0 else { return shared.countSocketError() }
        let now = Self.now
        var source = csockets_address()
        for datagram in 0..<count {
            guard csockets_received_source(incoming, datagram, &source) == 0 else { continue }
            if !outgoing.hasRoomForOneInput { flush(index) }
            // The batch owns these bytes until the next call, so they may be decrypted where they are.
            let bytes = UnsafeMutableRawBufferPointer(
                start: csockets_received_bytes(incoming, datagram), count: csockets_received_size(incoming, datagram))
            if isRTCP {
                slots[index]?.session.receiveRTCP(bytes, from: source.endpoint, on: side, at: now)
            } else {
                slots[index]?.session.receiveRTP(bytes, from: source.endpoint, on: side, at: now, output: &outgoing)
            }
        }
        flush(index)
        followKeys(index)
    }

    /// While keys are agreed on, a datagram may bring the next deadline forward, and an end to the agreement.
    private func followKeys(_ index: Int) {
        guard slots[index]?.session.isAgreeingOnKeys == true else { return }
        look(at: slots[index]?.session.nextDeadline)
        while let id = slots[index]?.session.id, let (side, failure) = slots[index]?.session.takeFailure() {
            onEvent(.failed(id, .keysNotAgreed(side, failure)))
        }
    }

    /// Sends what the session at `index` has put out: one system call for each run of packets from one socket.
    private func flush(_ index: Int) {
        let count = outgoing.count
        defer { outgoing.removeAll() }
        guard count > 0, let sockets = slots[index]?.sockets else { return }
        for packet in 0..<count {
            let entry = outgoing.entry(packet)
            var destination = csockets_address(entry.destination)
            csockets_set(sending, Int32(packet), outgoing.bytes(packet).baseAddress, entry.size, &destination)
        }
        var first = 0
        while first < count {
            let entry = outgoing.entry(first)
            var end = first + 1
            while end < count, outgoing.entry(end).side == entry.side, outgoing.entry(end).isRTCP == entry.isRTCP {
                end += 1
            }
            send(first..<end, by: sockets.descriptor(entry.side, isRTCP: entry.isRTCP))
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
            case .configure(let id, let side, let description): configure(id, side, description)
            case .setEcho(let id): setEcho(id)
            case .hear(let id, _, _), .record(let id, _, _), .stopRecording(let id, _), .collect(let id, _, _),
                .stopCollecting(let id, _), .sendDigits(let id, _, _):
                onEvent(.refused(id, .unavailable))
            case .gate: shared.countRefusedCommand()
            case .close(let id): close(id)
            }
        }
        return !isClosed
    }

    private func open(_ id: MediaSessionID) {
        if let index = slotOf[id], let sockets = slots[index]?.sockets {
            return onEvent(.opened(id, portA: sockets.portA, portB: sockets.portB))
        }
        guard shared.enter() else {
            return onEvent(.failed(id, .tooManySessions(limit: shared.sessionsLimit)))
        }
        let now = Self.now
        do throws(MediaFailure) {
            let sockets = try SessionSockets(address: address, pool: &pool, at: now)
            let index = freeSlots.popLast() ?? slots.count
            if let error = watch(sockets, slot: index) {
                sockets.close(pool: &pool, at: now)
                if index < slots.count { freeSlots.append(index) }
                throw MediaFailure.socket(errno: error)
            }
            let session = MediaSession(
                id: id, codecs: codecs, protection: protection, keying: keying, limits: limits, entropy: &entropy,
                at: now)
            if index == slots.count { slots.append(nil) }
            slots[index] = Slot(session: session, sockets: sockets)
            slotOf[id] = index
            onEvent(.opened(id, portA: sockets.portA, portB: sockets.portB))
        } catch {
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

    private func configure(_ id: MediaSessionID, _ side: MediaSide, _ description: MediaStreamDescription) {
        guard let index = slotOf[id] else { return shared.countRefusedCommand() }
        do {
            try slots[index]?.session.configure(side, description, entropy: &entropy, at: Self.now)
            look(at: slots[index]?.session.nextDeadline)
        } catch {
            onEvent(.failed(id, error))
        }
    }

    private func setEcho(_ id: MediaSessionID) {
        guard let index = slotOf[id] else { return shared.countRefusedCommand() }
        do { try slots[index]?.session.setEcho() } catch { onEvent(.failed(id, error)) }
    }

    /// Answers in any case, so that call control never waits for a session that failed to open.
    private func close(_ id: MediaSessionID) {
        guard let index = slotOf.removeValue(forKey: id) else {
            return onEvent(.closed(id, a: StreamStatistics(), b: StreamStatistics()))
        }
        let now = Self.now
        slots[index]?.session.close(at: now, output: &outgoing)
        flush(index)
        guard let slot = slots[index] else { return }
        slot.sockets.close(pool: &pool, at: now)
        slots[index] = nil
        freeSlots.append(index)
        shared.leave()
        onEvent(.closed(id, a: slot.session.statistics(of: .a), b: slot.session.statistics(of: .b)))
    }

    // MARK: Deadlines

    private func look(at deadline: Instant?) {
        if let deadline { nextLook = min(nextLook ?? deadline, deadline) }
    }

    private func timeoutMilliseconds() -> Int32 {
        guard let nextLook else { return -1 }
        let left = (nextLook - Self.now).wholeNanoseconds
        return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
    }

    private func handleDeadlines() {
        let now = Self.now
        nextLook = nil
        for index in slots.indices {
            guard let due = slots[index]?.session.nextDeadline else { continue }
            if due <= now {
                let silent = slots[index]?.session.handleDeadline(at: now, output: &outgoing) ?? []
                flush(index)
                followKeys(index)
                if let id = slots[index]?.session.id { for side in silent { onEvent(.silent(id, side)) } }
                for event in slots[index]?.session.takeEvents(at: now) ?? [] { onEvent(event) }
            }
            look(at: slots[index]?.session.nextDeadline)
        }
        if let earliest = nextLook { nextLook = max(earliest, now + Self.deadlineStep) }
    }
}
