import Primitives
import RTP

/// Where a peer's media comes from and goes to: one source at a time is believed, so that a stranger who sprays the port
/// is neither heard nor sent the peer's audio ("RTP bleed").
///
/// ```text
///        packet from the signalled endpoint; or an authentic one (SRTP), from anywhere
///  open ───────────────────────────────────────────────────────────────────────────────▶ latched
///   │  ▲                                                                                   ▲    │
///   │  └─ 1 s without its next packet ─┐            5 packets in sequence                  │    │ 10 s of silence
///   └─ plain packet from the ────────▶ probation ──────────────────────────────────────────┘    ▼
///      signalled or the signalling address, another port                                      open
/// ```
/// Another port, or the address that the signalling comes from, is what an address translator makes of a telephone behind
/// it. All other sources are refused; a new signalled endpoint opens the latch. While open again after silence, packets
/// still go to the source that was latched last.
///
/// Such a source may also be one that has outlived its call and shares the peer's address, as behind a trunk's one media
/// gateway: so the signalled endpoint takes a plain stream over from it, after the same five packets. Who forges those
/// only has the audio sent to where the peer wanted it.
struct SymmetricLatch: Sendable {
    /// What the negotiation told about the peer.
    struct Signalled {
        /// Where it said it receives RTP.
        var media: Endpoint?
        /// Where its signalling comes from.
        var signalling: IPAddress?
        /// Whether its packets prove who sent them.
        var isProtected: Bool
    }
    private struct Candidate: Sendable {
        var source: Endpoint
        var ssrc: UInt32
        var nextSequence: UInt16
        var count: Int
        var lastHeard: Instant
    }
    /// Packets in sequence that a source on probation has to send.
    static let proof = 5
    /// For so long a source on probation keeps others from it.
    static let probationGap = Duration.seconds(1)
    /// After so long without a packet from the latched source, another may be latched.
    static let silence = Duration.seconds(10)

    private var latched: Endpoint?
    private var lastHeard = Instant.origin
    private var candidate: Candidate?

    init() {}

    mutating func reset() {
        latched = nil
        candidate = nil
    }

    /// False when `admits` would refuse any packet from `source`: spares the work of authenticating it.
    func mayAdmit(_ source: Endpoint, _ signalled: Signalled, at now: Instant) -> Bool {
        if source == latched { return true }
        if isClosed(at: now) { return source == signalled.media && !signalled.isProtected }
        return source == signalled.media || signalled.isProtected || Self.isTranslated(source, signalled)
    }

    /// Whether a key agreement may come from `source`: the signalled endpoint, or a translated one.
    func mayAgree(_ source: Endpoint, _ signalled: Signalled, at now: Instant) -> Bool {
        if source == latched { return true }
        return !isClosed(at: now) && (source == signalled.media || Self.isTranslated(source, signalled))
    }

    /// The peer has proved that it is there.
    mutating func believe(_ source: Endpoint, at now: Instant) { latch(source, at: now) }

    /// True when a packet from `source` is to be taken. It has been found valid, and authentic if the stream is protected.
    mutating func admits(_ source: Endpoint, _ header: RTPHeader, _ signalled: Signalled, at now: Instant) -> Bool {
        if source == latched {
            lastHeard = now
            return true
        }
        if isClosed(at: now) {
            guard source == signalled.media, !signalled.isProtected, proves(source, header, at: now) else {
                return false
            }
        } else if source != signalled.media, !signalled.isProtected {
            guard Self.isTranslated(source, signalled), proves(source, header, at: now) else { return false }
        }
        latch(source, at: now)
        return true
    }

    /// Where to send: the latched source, before that the signalled endpoint when it is a place one can send to.
    func destination(signalled: Endpoint?) -> Endpoint? {
        if let latched { return latched }
        guard let signalled, signalled.port != 0, !signalled.address.isUnspecified else { return nil }
        return signalled
    }

    private func isClosed(at now: Instant) -> Bool { latched != nil && now - lastHeard < Self.silence }

    private static func isTranslated(_ source: Endpoint, _ signalled: Signalled) -> Bool {
        source.address == signalled.media?.address || source.address == signalled.signalling
    }

    private mutating func latch(_ source: Endpoint, at now: Instant) {
        latched = source
        lastHeard = now
        candidate = nil
    }

    /// True with the packet that completes the proof. One source is on probation at a time.
    private mutating func proves(_ source: Endpoint, _ header: RTPHeader, at now: Instant) -> Bool {
        if var current = candidate, now - current.lastHeard < Self.probationGap {
            guard current.source == source else { return false }
            current.count =
                current.ssrc == header.ssrc && current.nextSequence == header.sequence ? current.count + 1 : 1
            current.ssrc = header.ssrc
            current.nextSequence = header.sequence &+ 1
            current.lastHeard = now
            candidate = current
            return current.count >= Self.proof
        }
        candidate = Candidate(
            source: source, ssrc: header.ssrc, nextSequence: header.sequence &+ 1, count: 1, lastHeard: now)
        return false
    }
}
