package import Primitives

/// A bound SIP listener: what Via and Contact may name.
package struct ListenerAddress: Hashable, Sendable {
    package var transport: SIPFlow.Transport
    package var local: Endpoint

    package init(_ transport: SIPFlow.Transport, _ local: Endpoint) {
        self.transport = transport
        self.local = local
    }
}

extension Sequence<ListenerAddress> {
    /// The listener of that transport from whose address `remote` is to be reached: of its family, loopback for loopback,
    /// in the same network if there is one that plainly is, else the first. Nil when the family has no listener.
    ///
    /// "Plainly" takes 16 common bits for IPv4 and 48 for IPv6: masks are not known here (RFC 6724 section 5, rule 8,
    /// compares scopes, rule 9 prefixes).
    package func local(for transport: SIPFlow.Transport, towards remote: IPAddress) -> Endpoint? {
        var best: Endpoint?
        var bestRank = -1
        for listener in self where listener.transport == transport && listener.local.address.isV4 == remote.isV4 {
            let address = listener.local.address
            let common = address.commonPrefixBits(with: remote)
            let isNear = common >= (remote.isV4 ? 16 : 48)
            let rank = address.isLoopback != remote.isLoopback ? 0 : (isNear ? 1 + common : 1)
            if rank > bestRank { (best, bestRank) = (listener.local, rank) }
        }
        return best
    }
}
