import Primitives

/// Watches for one side of a call that is not heard, and tells each change once.
///
/// ```text
///           5 s without speech (30 s if comfort noise comes)
///  flowing ──────────────────────────────────────────────────▶ absent(cause), comfortNoiseOnly ─┐ another cause or kind,
///     ▲  ▲               25 packets of speech in a row          │        ▲                      │ the same for 3 looks
///     │  └──────────────────────────────────────────────────────┘        └──────────────────────┘
///     │ resumed                                                 │ hold
///     └───────────────────────── held ◀─────────────────────────┘   (told only if there was trouble)
/// ```
struct AudioPathMonitor: Sendable {
    /// A peer that is not heard for so long is in trouble.
    static let absentAfter = Duration.seconds(5)
    /// People are silent for long while they listen; nobody for so long.
    static let comfortAfter = Duration.seconds(30)
    /// Packets of speech that end trouble.
    static let proof = 25
    /// Speech with a longer gap begins its proof anew.
    static let proofGap = Duration.seconds(1)
    /// How often it looks while there is trouble.
    static let look = Duration.seconds(1)
    /// Looks that must agree before another cause is told.
    static let agreement = 3

    /// What came instead of speech, since speech came last or since the last look.
    private struct Instead {
        var refused: Endpoint?
        var notAuthentic = false
        var undecodable = false
    }

    private(set) var path = AudioPath.flowing
    private var isExpecting = false
    private var lastSpeech = Instant.origin
    private var speechBefore = Instant.origin
    private var lastComfort: Instant?
    private var instead = Instead()
    private var hasInstead = false
    private var proven = 0
    private var nextLook = Instant.origin
    private var candidate: AudioPath?
    private var agreed = 0

    init() {}

    // MARK: What comes

    mutating func heardSpeech(at now: Instant) {
        if hasInstead {
            instead = Instead()
            hasInstead = false
        }
        if path.isTrouble { proven = now - lastSpeech > Self.proofGap ? 1 : proven + 1 }
        speechBefore = lastSpeech
        lastSpeech = now
    }

    mutating func heardComfort(at now: Instant) { lastComfort = now }

    /// What was taken for speech cannot be decoded.
    mutating func undecodable() {
        lastSpeech = speechBefore
        proven = max(0, proven - 1)
        unexpected()
    }

    /// A packet of a payload type that was not agreed on.
    mutating func unexpected() {
        instead.undecodable = true
        hasInstead = true
    }

    mutating func refused(_ source: Endpoint) {
        instead.refused = source
        hasInstead = true
    }

    mutating func notAuthentic() {
        instead.notAuthentic = true
        hasInstead = true
    }

    // MARK: What is told

    /// Whether the peer is to be heard; a change to false ends trouble with `.held`, which is to be told.
    mutating func expect(_ isExpected: Bool, at now: Instant) -> AudioPath? {
        guard isExpected != isExpecting else { return nil }
        isExpecting = isExpected
        instead = Instead()
        lastSpeech = now
        speechBefore = now
        lastComfort = nil
        proven = 0
        candidate = nil
        nextLook = now + Self.absentAfter
        let wasTrouble = path.isTrouble
        let wasHeld = path == .held
        path = isExpected || !wasTrouble ? .flowing : .held
        return wasTrouble || wasHeld ? path : nil
    }

    /// When `deadline` next has work; it moves later with what is heard.
    var nextDeadline: Instant? {
        guard isExpecting else { return nil }
        return path.isTrouble ? nextLook : max(nextLook, lastSpeech + Self.absentAfter)
    }

    /// The new state, once; nil while nothing changes.
    mutating func deadline(at now: Instant) -> AudioPath? {
        guard let due = nextDeadline, now >= due else { return nil }
        nextLook = now + Self.look
        guard path.isTrouble else {
            guard let found = trouble(at: now) else { return nil }
            return tell(found)
        }
        if proven >= Self.proof, now - lastSpeech <= Self.proofGap { return tell(.flowing) }
        // What came since the last look decides; who is silent for one is not yet another case.
        defer { instead = Instead() }
        guard let found = trouble(at: now), found != path else {
            candidate = nil
            return nil
        }
        agreed = found == candidate ? agreed + 1 : 1
        candidate = found
        return agreed >= Self.agreement ? tell(found) : nil
    }

    private mutating func tell(_ new: AudioPath) -> AudioPath {
        path = new
        candidate = nil
        proven = 0
        instead = Instead()
        return new
    }

    /// What is wrong now; nil when nothing is, or not for long enough.
    private func trouble(at now: Instant) -> AudioPath? {
        guard now - lastSpeech >= Self.absentAfter else { return nil }
        if let lastComfort, now - lastComfort < Self.absentAfter {
            return now - lastSpeech >= Self.comfortAfter ? .comfortNoiseOnly : nil
        }
        if instead.notAuthentic { return .absent(.notAuthentic) }
        if instead.undecodable { return .absent(.undecodable) }
        if let refused = instead.refused { return .absent(.refusedSource(refused)) }
        return .absent(.noPackets)
    }
}
