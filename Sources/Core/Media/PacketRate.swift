import Primitives

/// How many packets of one kind are taken of a peer in a second. A telephone sends 100, or 400 in frames of 2.5 ms, and some
/// hundreds at once after a hold-up; more is a flood, or a packet that runs in a circle: two sides whose peers named each
/// other's ports here as their own would pass it on as fast as the machine can.
struct PacketRate: Sendable {
    /// Of all packets of a stream.
    static let ofStream = 1_000
    /// Of telephone events alone, each of which may ask for a fifth of a second of tones.
    static let ofEvents = 200

    private let atMost: Int
    private var count = 0
    private var since = Instant.origin

    init(atMost: Int) { self.atMost = atMost }

    /// False for a packet that is one too many in its second.
    mutating func admits(at now: Instant) -> Bool {
        if now - since >= .seconds(1) {
            since = now
            count = 0
        }
        guard count < atMost else { return false }
        count += 1
        return true
    }
}
