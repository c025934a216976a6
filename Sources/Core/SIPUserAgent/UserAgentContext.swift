package import Primitives
package import SIPMessage
package import SIPTransaction

/// What a user agent core (RFC 3261 section 6) stands on while it handles an input: the transaction layer, the time,
/// randomness, and room for effects.
///
/// Calls, subscriptions and trunks share one. Its owner calls `begin` before and `end` after handling an input, and
/// takes out `pending` and `counts`. Whoever sends a request keeps the transaction's identity and is handed its outcome.
package struct UserAgentContext: Sendable {
    package var transactions: TransactionLayer
    package var entropy = Entropy(SeededGenerator(seed: 0))
    package private(set) var now: Instant
    package private(set) var wall: UnixTime
    /// Effects of the transaction layer, in order; the owner takes them from the front until none are left.
    package var pending: [TransactionEffect] = []
    /// Names of counters to raise by one, in order.
    package var counts: [String] = []

    package init(transactions: TransactionLayer, at now: Instant, wall: UnixTime) {
        self.transactions = transactions
        self.now = now
        self.wall = wall
    }

    /// Lends the context the caller's generator until `end` gives it back.
    package mutating func begin(at now: Instant, wall: UnixTime, entropy: inout Entropy) {
        self.now = now
        self.wall = wall
        swap(&self.entropy, &entropy)
    }

    package mutating func end(entropy: inout Entropy) { swap(&self.entropy, &entropy) }

    package mutating func count(_ name: String) { counts.append(name) }

    /// 64 random bits in hexadecimal: a tag.
    package mutating func makeTag() -> String { entropy.hexToken(bytes: 8) }

    /// 128 random bits in hexadecimal: a Call-ID.
    package mutating func makeCallID() -> String { entropy.hexToken(bytes: 16) }

    // MARK: Transactions

    package mutating func respond(_ server: ServerTransactionID, with response: SIPResponse) {
        pending += transactions.respond(server, with: response, at: now)
    }

    /// Answers a request outside every dialog.
    package mutating func reply(
        _ server: ServerTransactionID, to request: SIPRequest, _ status: Int, reason: String? = nil,
        fields: [SIPHeaders.Field] = []
    ) {
        var response = SIPResponse(to: request, status: status, reason: reason, toTag: makeTag())
        for field in fields { response.headers.append(field) }
        response.headers.append(.server, SIPCapabilities.product)
        respond(server, with: response)
    }

    /// The same without keeping anything, for an answer that depends on the request alone: it costs a stranger's flood no
    /// memory, and a repeated request gets it again with the same tag (RFC 3261 section 8.2.7).
    package mutating func replyStatelessly(
        _ server: ServerTransactionID, to request: SIPRequest, _ status: Int, reason: String? = nil,
        fields: [SIPHeaders.Field] = []
    ) {
        var response = SIPResponse(to: request, status: status, reason: reason, toTag: request.statelessTag)
        for field in fields { response.headers.append(field) }
        response.headers.append(.server, SIPCapabilities.product)
        respondStatelessly(server, with: response)
    }

    /// Answers without keeping anything: a challenge.
    package mutating func respondStatelessly(_ server: ServerTransactionID, with response: SIPResponse) {
        pending += transactions.respondStatelessly(server, with: response)
    }

    /// Sends a request in a new client transaction; its responses and its failure come under the identity returned.
    package mutating func send(_ request: SIPRequest, over flow: SIPFlow) -> ClientTransactionID {
        let hop = (try? request.routes())?.first?.uri ?? request.uri
        let (id, effects) = transactions.send(
            request, over: flow, branch: makeBranch(), mayChangeTransport: flow.leads(to: hop), at: now)
        pending += effects
        return id
    }

    package mutating func sendAck(_ ack: SIPRequest, over flow: SIPFlow) {
        pending += transactions.sendAck(ack, over: flow, branch: makeBranch())
    }

    /// `fields` go into the CANCEL: Reason (RFC 3326).
    package mutating func cancel(_ client: ClientTransactionID, fields: [SIPHeaders.Field] = []) {
        pending += transactions.cancel(client, with: fields, at: now)
    }

    package mutating func acknowledge(_ server: ServerTransactionID) { transactions.acknowledge(server) }

    /// RFC 3261 section 8.1.1.7: the cookie, then something unique.
    private mutating func makeBranch() -> String { "z9hG4bK" + entropy.hexToken(bytes: 8) }
}
