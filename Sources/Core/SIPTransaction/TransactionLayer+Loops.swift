import Primitives
import SIPMessage

extension TransactionLayer {
    /// True for a request that we have sent ourselves and that has come back with its Request-URI unchanged while its
    /// client transaction still lives: it would go the same way again (RFC 3261 section 16.3, item 4).
    ///
    /// With another Request-URI it is a spiral: a proxy has sent it back to be routed anew, and Max-Forwards bounds it. A
    /// loop through another back-to-back user agent, which makes a new Call-ID, is bounded by Max-Forwards too.
    func isLooped(_ incoming: IncomingRequest, from flow: SIPFlow) -> Bool {
        guard !clientIDs.isEmpty else { return false }
        // Our own Via on top: nobody else has had it.
        if flow.remote.address == flow.local.address, isOurs(incoming.via, incoming.request) { return true }
        guard incoming.viaCount > 1, let vias = try? incoming.request.vias() else { return false }
        return vias.dropFirst().contains { isOurs($0, incoming.request) }
    }

    private func isOurs(_ via: Via, _ request: SIPRequest) -> Bool {
        guard let branch = via.branch,
            let id = clientIDs[ClientTransactionKey(branch: branch, method: request.method)], let entry = clients[id]
        else { return false }
        return entry.isSentBy(via) && entry.uri == request.uri
    }
}
