package import Primitives
package import SIPMessage
package import SIPTransaction
package import SIPUserAgent

/// What calls stand on while they handle an input: the user agent's context, which leg is whose, and room for effects.
///
/// Its owner takes out `effects`, and those of the `agent`, after each input.
package struct CallContext: Sendable {
    package var agent: UserAgentContext
    package var effects: [CallEffect] = []
    var directory = LegDirectory()
    var protectionRefusals: ProtectionRefusals
    /// Of the legs that have credentials.
    private var authentications: [LegReference: LegAuthentication] = [:]
    private let hashes: (any HashFunctions)?

    /// Without `hashes` no challenge is met.
    package init(agent: UserAgentContext, hashes: (any HashFunctions)? = nil, limits: Limits = Limits()) {
        self.agent = agent
        self.hashes = hashes
        protectionRefusals = ProtectionRefusals(limit: limits.protectionRefusals)
    }

    package var now: Instant { agent.now }
    package var wall: UnixTime { agent.wall }
    /// True when nothing is kept of any call.
    package var isEmpty: Bool { directory.isEmpty && authentications.isEmpty }

    /// How many transactions and dialogs are known to belong to calls.
    package var entryCount: Int { directory.count }

    package mutating func count(_ name: String) { agent.count(name) }

    mutating func makeTag() -> String { agent.makeTag() }

    package mutating func reply(
        _ server: ServerTransactionID, to request: SIPRequest, _ status: Int, reason: String? = nil,
        fields: [SIPHeaders.Field] = []
    ) {
        agent.reply(server, to: request, status, reason: reason, fields: fields)
    }

    mutating func respond(_ server: ServerTransactionID, with response: SIPResponse) {
        agent.respond(server, with: response)
    }

    /// Sends a request in a new client transaction whose outcome goes to `leg`.
    mutating func send(_ request: SIPRequest, over flow: SIPFlow, for leg: LegReference) -> ClientTransactionID {
        guard authentications[leg] != nil else {
            let id = agent.send(request, over: flow)
            directory.enter(id, for: leg)
            return id
        }
        var request = request
        authentications[leg]?.authorise(&request, entropy: &agent.entropy)
        let id = agent.send(request, over: flow)
        directory.enter(id, for: leg)
        authentications[leg]?.sent(request, as: id)
        return id
    }

    mutating func sendAck(_ ack: SIPRequest, over flow: SIPFlow) { agent.sendAck(ack, over: flow) }

    /// `fields` go into the CANCEL.
    mutating func cancel(_ client: ClientTransactionID, fields: [SIPHeaders.Field] = []) {
        agent.cancel(directory.current(client), fields: fields)
    }

    /// The 2xx of `server` needs no repetition any more.
    mutating func acknowledge(_ server: ServerTransactionID) {
        agent.acknowledge(server)
        directory.forget(server)
    }

    /// Nothing more is expected of the request that the leg knows as `client`.
    mutating func forget(_ client: ClientTransactionID) { directory.forget(directory.current(client)) }

    // MARK: Challenges

    /// The leg's requests meet challenges from now on.
    mutating func authenticate(_ leg: LegReference, with credentials: OutboundCredentials) {
        authentications[leg] = hashes.map { LegAuthentication(credentials, hashes: $0) }
    }

    /// Sends the request that the leg knows as `client` once more, with credentials and the number `cseq`, and gives it.
    /// Nil when the challenge cannot be met; the response is then the leg's to handle.
    mutating func meetChallenge(
        _ response: SIPResponse, to client: ClientTransactionID, of leg: LegReference, cseq: UInt32, over flow: SIPFlow
    ) -> SIPRequest? {
        guard
            let request = authentications[leg]?.retry(
                client, challengedBy: response, cseq: cseq, entropy: &agent.entropy)
        else { return nil }
        directory.enter(agent.send(request, over: flow), inPlaceOf: client, for: leg)
        return request
    }

    /// The request that the leg knows as `client` has had its answer, or will have none.
    mutating func finished(_ client: ClientTransactionID, with response: SIPResponse?, of leg: LegReference) {
        authentications[leg]?.finished(client, with: [401, 407].contains(response?.status) ? nil : response)
    }

    // MARK: Legs

    mutating func move(_ old: LegReference, to new: LegReference) {
        directory.move(old, to: new)
        authentications[new] = authentications.removeValue(forKey: old)
    }

    mutating func forget(call: UInt64, legCount: Int) {
        directory.remove(call: call)
        guard !authentications.isEmpty else { return }
        for leg in 0..<legCount { authentications[LegReference(call: call, leg: leg)] = nil }
    }
}
