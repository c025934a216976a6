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

    package init(agent: UserAgentContext) {
        self.agent = agent
    }

    package var now: Instant { agent.now }
    package var wall: UnixTime { agent.wall }

    /// True when nothing is kept of any call.
    package var isEmpty: Bool { directory.isEmpty }

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
        let id = agent.send(request, over: flow)
        directory.enter(id, for: leg)
        return id
    }

    mutating func sendAck(_ ack: SIPRequest, over flow: SIPFlow) { agent.sendAck(ack, over: flow) }

    /// `fields` go into the CANCEL.
    mutating func cancel(_ client: ClientTransactionID, fields: [SIPHeaders.Field] = []) {
        agent.cancel(client, fields: fields)
    }

    mutating func acknowledge(_ server: ServerTransactionID) { agent.acknowledge(server) }
}
