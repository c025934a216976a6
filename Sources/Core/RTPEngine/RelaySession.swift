import Media
import Primitives

/// One media session as rtpengine's call: what is wanted, what has been asked for, and what comes next.
///
/// One request is under way at a time, so that exchanges keep their order:
///
///     opening ── offer, answer (nothing known) ──> open ── exchanges, block, query … ──> closing ── delete ──> gone
///        └── refused, unreachable: gone              └── unknown call, unreachable: lost ── close ──> gone
struct RelaySession: Sendable {
    enum Phase: Hashable, Sendable {
        case opening, open, closing
        /// rtpengine does not have the call any more; call control has been told, and will close it.
        case lost
    }
    /// How often figures are asked for while media may flow.
    static let pollInterval = Duration.seconds(5)
    /// Keys that may wait to be pressed.
    static let waitingDigits = 32
    static let digitMilliseconds = 120
    /// From one key's start to the next one's.
    static let digitInterval = Duration.milliseconds(240)

    let id: MediaSessionID
    let call: String
    private let isV4: Bool
    var phase = Phase.opening
    var isWaiting = false
    private var ports: [MediaSide: UInt16] = [:]
    private(set) var descriptions: [MediaSide: MediaStreamDescription] = [:]
    private var isEcho = false
    private var silenced: Set<MediaSide> = []
    private var injectsEvents = false
    /// What is wanted differs from what has been asked for.
    private var isChanged = false
    private var planned: [RelayRequest] = []
    private var blocked: Set<MediaSide> = []
    private var digits: [(side: MediaSide, code: UInt8)] = []
    private var nextDigit: Instant?
    private var nextPoll: Instant?
    private(set) var figures: RelayFigures?
    private var watch: [MediaSide: PacketWatch] = [:]

    init(id: MediaSessionID, call: String, isV4: Bool) {
        self.id = id
        self.call = call
        self.isV4 = isV4
        let unknown = RelayDescription.unknown(isV4: isV4)
        var options = RelayOfferOptions()
        options.addressFamily = isV4 ? "IP4" : "IP6"
        planned = [
            .offer(call: call, from: .a, unknown, options), .answer(call: call, to: .a, unknown, options),
        ]
    }

    /// Both local ports, once they are known.
    var localPorts: (a: UInt16, b: UInt16)? { ports[.a].flatMap { a in ports[.b].map { (a, $0) } } }

    // MARK: What is wanted

    mutating func configure(_ side: MediaSide, _ description: MediaStreamDescription) {
        guard descriptions[side] != description else { return }
        descriptions[side] = description
        isChanged = true
    }

    mutating func setEcho() {
        isEcho = true
        isChanged = true
    }

    mutating func silence(_ side: MediaSide, _ isSilent: Bool) {
        if isSilent { silenced.insert(side) } else { silenced.remove(side) }
        isChanged = true
    }

    /// False when too many wait, or one is no key.
    mutating func press(_ codes: [UInt8], towards side: MediaSide) -> Bool {
        guard !codes.isEmpty, digits.count + codes.count <= Self.waitingDigits, codes.allSatisfy({ $0 < 16 }) else {
            return false
        }
        digits += codes.map { (side, $0) }
        if !injectsEvents {
            injectsEvents = true
            isChanged = true
        }
        return true
    }

    // MARK: What comes next

    /// Nil while nothing is to be asked for, or an answer is awaited.
    mutating func nextRequest(at now: Instant) -> RelayRequest? {
        guard !isWaiting else { return nil }
        switch phase {
        case .lost: return nil
        case .closing: return .delete(call: call)
        case .opening: return planned.isEmpty ? nil : planned.removeFirst()
        case .open: break
        }
        if planned.isEmpty, isChanged, let wish {
            isChanged = false
            planned = ExchangePlan(call: call, wish: wish, isV4: isV4).requests + blocking(wish)
            nextPoll = nextPoll ?? now + Self.pollInterval
        }
        if !planned.isEmpty { return planned.removeFirst() }
        if let digit = digits.first, (nextDigit ?? now) <= now, wish != nil {
            digits.removeFirst()
            nextDigit = now + Self.digitInterval
            return .playDTMF(call: call, from: digit.side.other, digit.code, milliseconds: Self.digitMilliseconds)
        }
        if let nextPoll, nextPoll <= now {
            self.nextPoll = now + Self.pollInterval
            return .query(call: call)
        }
        return nil
    }

    /// When `nextRequest` may have one that it does not have now.
    var nextDeadline: Instant? {
        guard phase == .open, !isWaiting else { return nil }
        guard digits.isEmpty || wish == nil else { return nextPoll.orEarlier(nextDigit) }
        return nextPoll
    }

    private var wish: ExchangePlan.Wish? {
        guard let a = descriptions[.a], isEcho || descriptions[.b] != nil else { return nil }
        var wish = ExchangePlan.Wish(a: a, b: isEcho ? nil : descriptions[.b])
        wish.isEcho = isEcho
        wish.injectsEvents = injectsEvents
        return wish
    }

    /// What a side says is stopped when it is not to be heard, or the other one is to hear nothing.
    private mutating func blocking(_ wish: ExchangePlan.Wish) -> [RelayRequest] {
        var requests: [RelayRequest] = []
        for side in MediaSide.allCases {
            let hearer = isEcho ? side : side.other
            let isBlocked =
                wish[side]?.receives == false || wish[hearer]?.sends == false || silenced.contains(hearer)
            guard isBlocked != blocked.contains(side) else { continue }
            if isBlocked { blocked.insert(side) } else { blocked.remove(side) }
            requests.append(isBlocked ? .block(call: call, from: side) : .unblock(call: call, from: side))
        }
        return requests
    }

    // MARK: Answers

    /// Takes the port that an exchange names. False when it is not the one that the peer was told.
    mutating func take(port: UInt16, of side: MediaSide) -> Bool {
        if let known = ports[side] { return known == port }
        ports[side] = port
        return true
    }

    /// After a refusal: the rest of an exchange makes no sense.
    mutating func abandonPlan() { planned = [] }

    /// Takes figures, and tells what is to be told about them.
    mutating func take(_ figures: RelayFigures, limits: Limits, at now: Instant) -> [MediaEvent] {
        self.figures = figures
        var events: [MediaEvent] = [.figures(id, a: figures.a, b: figures.b)]
        for side in MediaSide.allCases {
            guard let description = descriptions[side], !(isEcho && side == .b) else { continue }
            let isHeld = !description.receives || !description.sends
            let packets = figures[side].packetsReceived
            var watch = self.watch[side] ?? PacketWatch(at: now)
            let news = watch.see(packets, isHeld: isHeld, silence: limits.mediaSilence, at: now)
            self.watch[side] = watch
            if let path = news.path { events.append(.audioPath(id, side, path)) }
            if news.isSilent { events.append(.silent(id, side)) }
        }
        return events
    }
}

/// Whether packets come from a side, seen from time to time.
struct PacketWatch: Sendable {
    /// Two looks without a packet, at least.
    static let absentAfter = RelaySession.pollInterval * 2

    private var packets: UInt64 = 0
    private var lastGrowth: Instant
    private var path = AudioPath.flowing
    private var isReported = false

    init(at now: Instant) { lastGrowth = now }

    /// What has changed: the path, and whether the side has just been silent for `silence`.
    mutating func see(
        _ count: UInt64, isHeld: Bool, silence: Duration, at now: Instant
    ) -> (path: AudioPath?, isSilent: Bool) {
        if count != packets || isHeld {
            packets = count
            lastGrowth = now
            isReported = false
        }
        let before = path
        if isHeld {
            path = .held
        } else if now - lastGrowth >= Self.absentAfter {
            path = .absent(.noPackets)
        } else if now == lastGrowth || before == .held {
            path = .flowing
        }
        let isSilent = !isReported && now - lastGrowth >= silence
        if isSilent { isReported = true }
        return (path == before ? nil : path, isSilent)
    }
}
