package import Primitives
package import RTP

/// The media of a worker: its sessions, what their sides hear, and the rooms in which they meet. Pure: the shell's workers
/// and the simulator feed it datagrams, commands and time, and send what it puts out.
///
/// ```text
///   datagram ─▶ slot ─▶ session ──────────── peer: relay, transcode ────────────▶ packets of that slot
///                          │ ear                                          ▲
///                          ▼                                              │ mouth
///   every 10 ms:      1 listen ─▶ recorder, keys    2 mix rooms, forks ─▶ 3 speak
/// ```
/// A session is named by its slot, an index that stays its own until it is closed or taken. Only sessions that do more
/// than pass on what their peers say take part in ticks; without any there are none, and without sessions no deadline.
/// The path of a datagram that is passed on neither allocates nor counts references.
package struct MediaGraph: ~Copyable {
    /// Deadlines of sessions are seconds long: looking at them more often than this is waste.
    package static let deadlineStep = Duration.milliseconds(50)
    /// Ticks that are later than this are left out.
    package static let latestTick = Duration.milliseconds(100)

    private let codecs: any CodecFactory
    private let protection: (any PacketProtection)?
    private let keying: (any KeyAgreementFactory)?
    let limits: Limits
    var entropy: Entropy

    var slots = Slab<MediaSession>()
    private var slotOf: [MediaSessionID: Int] = [:]

    var rooms: [Room] = []
    var forks: [Fork] = []
    /// The slots that take part in ticks, in their order.
    var ticking: [Int] = []
    var nextTick: Instant?
    /// The slot from which on a tick is still to be spoken; nil: none has begun.
    var tickSlot: Int?
    var nextLook: Instant?
    /// The slot from which on deadlines are still to be looked at, and the earliest of those before it.
    var lookSlot: Int?
    var lookFound: Instant?
    /// Of those where packets wait for others.
    var lookSoon: Instant?
    var events: [MediaEvent] = []
    /// Commands to sessions and rooms that are not there.
    package internal(set) var refusedCommands: UInt64 = 0

    /// Without `protection`, descriptions with keys are refused; without `keying`, those that have them agreed on.
    package init(
        codecs: any CodecFactory, protection: (any PacketProtection)? = nil,
        keying: (any KeyAgreementFactory)? = nil, limits: Limits = Limits(), entropy: Entropy
    ) {
        self.codecs = codecs
        self.protection = protection
        self.keying = keying
        self.limits = limits
        self.entropy = entropy
    }

    // MARK: Sessions

    /// The slot of a session that is open.
    package func slot(of id: MediaSessionID) -> Int? { slotOf[id] }

    /// The sessions that are open, in the order of their names.
    package var sessions: [MediaSessionID] { slotOf.keys.sorted() }
    package var sessionCount: Int { slotOf.count }
    package var roomCount: Int { rooms.count }

    /// What a session costs, and whether that is known already; nil when there is none.
    package func work(ofSlot slot: Int) -> (work: MediaWork, isDescribed: Bool)? {
        slots.contains(slot) ? (slots[slot].work, slots[slot].isDescribed) : nil
    }

    /// Makes a session; its slot. The name must be new. Ports are the shell's; if there are none, it calls `discard`.
    package mutating func open(_ id: MediaSessionID, at now: Instant) -> Int {
        place(
            MediaSession(
                id: id, codecs: codecs, protection: protection, keying: keying, limits: limits, entropy: &entropy,
                at: now))
    }

    private mutating func place(_ session: consuming MediaSession) -> Int {
        let id = session.id
        precondition(slotOf[id] == nil, "a session is opened once")
        let slot = slots.insert(session)
        slotOf[id] = slot
        return slot
    }

    /// Takes back what `open` made; nothing is told.
    package mutating func discard(slot: Int) {
        guard slots.contains(slot) else { return }
        remove(slot)
    }

    @discardableResult
    private mutating func remove(_ slot: Int) -> MediaSession {
        let session = slots.remove(slot)
        slotOf[session.id] = nil
        if slotOf.isEmpty {
            nextLook = nil
            lookSlot = nil
            lookFound = nil
            lookSoon = nil
        }
        return session
    }

    /// Ends a session: its last packets are put out, and `.closed` is told. Its slot, whose sockets the shell then closes;
    /// nil when there is no such session, which is told as closed all the same.
    package mutating func close(_ id: MediaSessionID, at now: Instant, output: inout PacketBatch) -> Int? {
        guard let slot = slotOf[id] else {
            events.append(.closed(id, a: StreamStatistics(), b: StreamStatistics()))
            return nil
        }
        output.slot = slot
        detach(slot, at: now)
        try? slots[slot].stopRecording()
        slots[slot].close(at: now, output: &output)
        collect(slot)
        events += slots[slot].takeDepartures()
        events.append(.closed(id, a: slots[slot].statistics(of: .a), b: slots[slot].statistics(of: .b)))
        remove(slot)
        settle(at: now)
        return slot
    }

    /// Takes a session out of the graph with all that it runs, to be adopted by another one, where it joins the room of the
    /// same name. Who listened to it here is told that there is nothing more to hear.
    package mutating func take(slot: Int, at now: Instant) -> MediaSession? {
        guard slots.contains(slot) else { return nil }
        detach(slot, at: now)
        collect(slot)
        let session = remove(slot)
        settle(at: now)
        return session
    }

    /// Takes a session in that `take` has taken out elsewhere; its slot here. A room that has no place for it, or a
    /// session to listen to that is not here, is told as refused, and silence is heard instead.
    package mutating func adopt(_ session: consuming MediaSession, at now: Instant) -> Int {
        let slot = place(session)
        let id = slots[slot].id
        for side in MediaSide.allCases {
            do throws(MediaRefusal) { try attach(slots[slot].program(of: side), id, slot, side) } catch {
                events.append(.refused(id, error))
                slots[slot].hear(side, .silence)
            }
        }
        settle(at: now)
        look(at: slots[slot].nextDeadline)
        return slot
    }

    // MARK: Packets

    /// A datagram arrived on the RTP port of a side; what it causes is appended to `output`, which must have room for one
    /// input. A protected datagram is decrypted where it stands.
    package mutating func receiveRTP(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, slot: Int, side: MediaSide, at now: Instant,
        output: inout PacketBatch
    ) {
        guard slots.contains(slot) else { return }
        output.slot = slot
        let hasNews = slots[slot].receiveNews(datagram, from: source, on: side, at: now, output: &output)
        if hasNews { follow(slot, at: now) }
    }

    /// A datagram arrived on the RTCP port of a side.
    package mutating func receiveRTCP(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, slot: Int, side: MediaSide, at now: Instant
    ) {
        guard slots.contains(slot) else { return }
        slots[slot].receiveRTCP(datagram, from: source, on: side, at: now)
    }

    /// A datagram may bring the next deadline forward, and something to tell.
    private mutating func follow(_ slot: Int, at now: Instant) {
        look(at: slots[slot].nextDeadline)
        collect(slot)
        if slots[slot].needsSettling { settle(at: now) }
    }

    // MARK: What is told

    package var hasEvents: Bool { !events.isEmpty }

    /// What is to be told, in its order.
    package mutating func takeEvents() -> [MediaEvent] {
        defer { events.removeAll(keepingCapacity: true) }
        return events
    }

    mutating func collect(_ slot: Int) {
        guard slots[slot].hasNews else { return }
        events += slots[slot].takeTold()
        while let (side, failure) = slots[slot].takeFailure() {
            events.append(.failed(slots[slot].id, .keysNotAgreed(side, failure)))
        }
    }
}
