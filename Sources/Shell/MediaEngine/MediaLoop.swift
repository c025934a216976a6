import CSockets
import Glibc
import Media
import Primitives
import RTP

/// What a media thread does: the sockets and the time of a `MediaGraph`.
///
/// ```text
///   epoll ─▶ recvmmsg ─▶ graph ─▶ sendmmsg      then commands, then what is due, then what is told; and again
/// ```
/// A socket's readiness comes once (EPOLLET): it is read until less comes than was asked for. One that has more than that
/// waits until the others had their turn.
struct MediaLoop: ~Copyable {
    static let mailboxToken = UInt64.max
    private static let eventsAtOnce = 64
    private static let receivedAtOnce = 16

    /// Its own place among the workers.
    let index: Int
    /// All workers', by their places.
    let mailboxes: [Mailbox]
    let shared: EngineShared
    let onEvent: @Sendable (MediaEvent) -> Void
    private let epoll: Int32
    private let incoming: OpaquePointer
    private let sending: OpaquePointer
    var outgoing: PacketBatch
    let address: IPAddress
    var pool: PortPool
    var graph: MediaGraph
    /// What a session is charged a second.
    struct Charge {
        var time = Duration.zero
        /// It has not been described yet, and is no call for help.
        var mayBeRefused = false
    }
    /// By the graph's slots.
    var charges: [Charge] = []
    /// What is asked of sessions that are on their way here.
    var expected = ExpectedSessions<WorkerMessage>()
    /// By the graph's slots.
    var sockets: [SessionSockets?] = []
    /// By tokens; -1: none.
    private(set) var descriptors: [Int32] = []
    /// Tokens of sockets that were not read to their end.
    private var unread: [UInt64] = []
    /// Of the graph's, those that were counted.
    var refusedCommands: UInt64 = 0
    var pressure = MediaPressure()
    /// Datagrams that the kernel has dropped so far, by tokens.
    var drops: [UInt32] = []
    var nextInspection = Instant.origin
    /// The slot from which on drops are looked for next.
    var inspectedSlot = 0

    /// What a loop has of the system; it ends with the loop. Asked for apart: the optimiser of Swift 6.2 does not take an
    /// initialiser of a value that cannot be copied when it may throw half-way.
    struct Handles {
        fileprivate let epoll: Int32
        fileprivate let incoming: OpaquePointer
        fileprivate let sending: OpaquePointer

        /// Watches `mailbox`; `sentAtOnce` is the capacity of the loop's batch.
        init(mailbox: Mailbox, packetBytes: Int, sentAtOnce: Int) throws(MediaEngineError) {
            let epoll = csockets_epoll()
            guard epoll >= 0 else { throw .system(call: "epoll_create1", errno: -epoll) }
            let watched = csockets_epoll_add(epoll, mailbox.wakeUp, MediaLoop.mailboxToken)
            guard watched >= 0, let incoming = csockets_batch_create(Int32(MediaLoop.receivedAtOnce), packetBytes),
                let sending = csockets_batch_create(Int32(sentAtOnce), 0)
            else {
                csockets_close(epoll)
                throw .system(call: "epoll_ctl or calloc", errno: -watched)
            }
            self.epoll = epoll
            self.incoming = incoming
            self.sending = sending
        }
    }

    init(
        index: Int, mailboxes: [Mailbox], address: IPAddress, pool: PortPool, graph: consuming MediaGraph,
        batch: consuming PacketBatch, handles: Handles,
        shared: EngineShared, onEvent: @escaping @Sendable (MediaEvent) -> Void
    ) {
        self.index = index
        self.mailboxes = mailboxes
        epoll = handles.epoll
        incoming = handles.incoming
        sending = handles.sending
        outgoing = batch
        self.address = address
        self.pool = pool
        self.graph = graph
        self.shared = shared
        self.onEvent = onEvent
    }

    deinit {
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(sending)
        csockets_close(epoll)
    }

    static var now: Instant { Instant(nanoseconds: csockets_monotonic()) }

    /// Until the mailbox is shut.
    mutating func run() {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: Self.eventsAtOnce) { tokens in
            guard let tokens = tokens.baseAddress else { return }
            var isRunning = true
            var now = Self.now
            while isRunning {
                let wait = unread.isEmpty ? timeoutMilliseconds(at: now) : 0
                let count = csockets_epoll_wait(epoll, tokens, Int32(Self.eventsAtOnce), wait)
                let woken = Self.now
                if count < 0 { shared.countSocketError() }
                var hasCommands = false
                let earlier = unread.count
                for index in 0..<Int(max(0, count)) {
                    if tokens[index] == Self.mailboxToken { hasCommands = true } else { receive(tokens[index]) }
                }
                if earlier > 0 { receiveUnread(earlier) }
                // After the packets: a slot that a command frees cannot be named by an event of the same batch.
                if hasCommands { isRunning = takeMessages() }
                now = Self.now
                let lateness = graph.nextDeadline.map { now - $0 } ?? .zero
                if handleDeadlines(at: now) { now = Self.now }
                tell()
                watchPressure(late: max(lateness, now - woken), at: now)
            }
        }
        for id in graph.sessions { close(id) }
        tell()
    }

    mutating func tell() {
        guard graph.hasEvents else { return }
        for event in graph.takeEvents() { onEvent(event) }
    }

    // MARK: Sockets

    private static func token(slot: Int, side: MediaSide, isRTCP: Bool) -> Int {
        slot << 2 | side.rawValue << 1 | (isRTCP ? 1 : 0)
    }

    /// Begins to receive for a slot; the errno when a socket could not be watched.
    mutating func watch(_ bound: SessionSockets, slot: Int) -> Int32? {
        while sockets.count <= slot {
            sockets.append(nil)
            charges.append(Charge())
            descriptors += [-1, -1, -1, -1]
            drops += [0, 0, 0, 0]
        }
        for side in MediaSide.allCases {
            for isRTCP in [false, true] {
                let token = Self.token(slot: slot, side: side, isRTCP: isRTCP)
                let descriptor = bound.descriptor(side, isRTCP: isRTCP)
                let result = csockets_epoll_add_edge(epoll, descriptor, UInt64(token))
                if result < 0 {
                    for token in slot << 2..<(slot + 1) << 2 { descriptors[token] = -1 }
                    return -result
                }
                descriptors[token] = descriptor
                drops[token] = 0
            }
        }
        sockets[slot] = bound
        return nil
    }

    /// Receives for a slot no more; its sockets, which are open. They are to be closed when they do not stay `watched`
    /// elsewhere, for closing is what ends that here.
    mutating func unwatch(slot: Int, moving: Bool) -> SessionSockets? {
        guard slot < sockets.count, let bound = sockets[slot] else { return nil }
        sockets[slot] = nil
        for token in slot << 2..<(slot + 1) << 2 {
            if moving { _ = csockets_epoll_remove(epoll, descriptors[token]) }
            descriptors[token] = -1
        }
        return bound
    }

    // MARK: Packets

    private mutating func receiveUnread(_ count: Int) {
        for index in 0..<count { receive(unread[index]) }
        unread.removeFirst(count)
    }

    private mutating func receive(_ token: UInt64) {
        guard token < UInt64(descriptors.count), descriptors[Int(token)] >= 0 else { return }
        let slot = Int(token >> 2)
        let side: MediaSide = token & 2 == 0 ? .a : .b
        let isRTCP = token & 1 != 0
        var count = csockets_receive(descriptors[Int(token)], incoming)
        if count < 0 {
            // An error that waited for this socket was told instead of what else has come to it.
            guard -count != EAGAIN else { return }
            shared.countSocketError()
            count = csockets_receive(descriptors[Int(token)], incoming)
        }
        let now = Self.now
        var source = csockets_address()
        for datagram in 0..<max(0, count) {
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
        if count == Self.receivedAtOnce { unread.append(token) }
    }

    /// Sends what the graph has put out: one system call for each run of packets from one socket.
    mutating func flush() {
        let count = outgoing.count
        guard count > 0 else { return }
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
            let token = Self.token(slot: entry.slot, side: entry.side, isRTCP: entry.isRTCP)
            if token < descriptors.count, descriptors[token] >= 0 { send(first..<end, by: descriptors[token]) }
            first = end
        }
        outgoing.removeAll()
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

    // MARK: Deadlines

    private func timeoutMilliseconds(at now: Instant) -> Int32 {
        guard let due = graph.nextDeadline else { return -1 }
        let left = due.nanoseconds - now.nanoseconds
        return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
    }

    /// Everything that is due by the time it is called: ticks that fall due meanwhile wait until packets were received.
    /// True when there was something.
    private mutating func handleDeadlines(at now: Instant) -> Bool {
        guard let due = graph.nextDeadline, due <= now else { return false }
        while let due = graph.nextDeadline, due <= now {
            graph.handleDeadline(at: now, output: &outgoing)
            flush()
        }
        return true
    }
}
