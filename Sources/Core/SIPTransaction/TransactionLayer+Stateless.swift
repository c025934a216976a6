package import SIPMessage

extension TransactionLayer {
    /// Answers a request once and forgets it: how questionable requests are challenged, so that who has not proved
    /// anything cannot fill the table (RFC 3261 section 26.3.2.4). A repeated request is a new one; the ACK to a
    /// refused INVITE comes up as `.ack` and matches no dialog. Not for a request that has had a final response.
    package mutating func respondStatelessly(
        _ id: ServerTransactionID, with response: SIPResponse
    ) -> [TransactionEffect] {
        let flow: SIPFlow
        if let position = nonInvites.position(of: id) {
            flow = nonInvites[position].flow
            forget(nonInvite: position, wasCompleted: nonInvites[position].machine.isCompleted)
        } else if let entry = invites[id] {
            flow = entry.flow
            forget(invite: id)
        } else {
            return []
        }
        return [.transmit(response.serialised(), flow)]
    }

    /// The 503 for a request that is to have no transaction because there is too much of everything (section 21.5.4).
    package func refuseForOverload(
        _ request: SIPRequest, from flow: SIPFlow, retryAfter seconds: Int
    ) -> [TransactionEffect] {
        guard let (stamped, via) = request.stamped(from: flow.remote) else { return [.dropped(.malformed)] }
        var response = SIPResponse(to: stamped, status: 503, toTag: stamped.statelessTag)
        response.headers.append(.retryAfter, String(seconds))
        return [.transmit(response.serialised(), flow.reply(to: via))]
    }
}
