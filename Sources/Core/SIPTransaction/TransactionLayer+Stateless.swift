package import SIPMessage

extension TransactionLayer {
    /// Answers a request once and forgets it: how questionable requests are challenged, so that who has not proved
    /// anything cannot fill the table (RFC 3261 section 26.3.2.4). A repeated request is a new one; the ACK to a
    /// refused INVITE comes up as `.ack` and matches no dialog.
    package mutating func respondStatelessly(
        _ id: ServerTransactionID, with response: SIPResponse
    ) -> [TransactionEffect] {
        guard let entry = servers[id] else { return [] }
        forget(id)
        return [.transmit(response.serialised(), entry.flow)]
    }
}
