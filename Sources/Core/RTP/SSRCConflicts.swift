package import Primitives

/// Tells a collision of SSRCs from a loop: the addresses that our own SSRC has come from (RFC 3550 section 8.2).
///
/// The first time that a packet of a peer bears the SSRC that we send with, by chance or because it sends our packets
/// back, we take another. If packets with that one come back too, the peer is a mirror, and they are dropped.
package struct SSRCConflicts: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        /// Say BYE for the old SSRC and take a new one.
        case collision
        /// Drop the packet.
        case loop
    }
    private struct Conflict: Hashable, Sendable {
        var source: IPAddress
        var last: Instant
    }
    /// Addresses remembered; one more evicts the one that was heard of longest ago.
    package static let capacity = 4
    /// Ten report intervals of five seconds, as the RFC proposes.
    package static let memory = Duration.seconds(50)

    private var conflicts: [Conflict] = []

    package init() {}

    /// A packet from `source` bears the SSRC we send with.
    package mutating func judge(_ source: IPAddress, at now: Instant) -> Verdict {
        conflicts.removeAll { now - $0.last > Self.memory }
        if let index = conflicts.firstIndex(where: { $0.source == source }) {
            conflicts[index].last = now
            return .loop
        }
        if conflicts.count == Self.capacity,
            let oldest = conflicts.indices.min(by: { conflicts[$0].last < conflicts[$1].last })
        {
            conflicts.remove(at: oldest)
        }
        conflicts.append(Conflict(source: source, last: now))
        return .collision
    }
}
