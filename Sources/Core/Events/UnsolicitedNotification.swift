import Primitives
package import SIPMessage
package import SIPTransaction
package import SIPUserAgent

/// Where a NOTIFY outside every dialog goes: a registered Contact, its Path, its flow.
package struct NotificationTarget: Sendable, Equatable {
    package var uri: SIPURI
    package var route: [NameAddress]
    package var flow: SIPFlow

    package init(uri: SIPURI, route: [NameAddress] = [], flow: SIPFlow) {
        self.uri = uri
        self.route = route
        self.flow = flow
    }
}

/// What became of a NOTIFY that nobody had subscribed to.
package struct NotificationOutcome: Sendable, Equatable {
    package enum Purpose: Sendable, Hashable {
        /// The telephone was told to fetch its settings anew.
        case resync
        case messageSummary
    }
    package var user: String
    package var purpose: Purpose
    /// The answer; 408 when there was none, 503 when it could not be sent.
    package var status: Int
}

extension SubscriptionServer {
    /// Tells telephones to fetch their settings anew, and with `reboot` to restart for it: `Event: check-sync`, which
    /// most makes know. The outcome of each comes in `takeOutcomes`.
    package mutating func resync(
        _ user: String, domain: String, at targets: [NotificationTarget], reboot: Bool,
        _ agent: inout UserAgentContext
    ) {
        var event = EventHeader(name: "check-sync")
        event.parameters.set("reboot", reboot ? "true" : "false")
        for target in targets {
            send(event, .resync, of: user, domain: domain, to: target, &agent)
        }
    }

    /// Tells telephones about waiting messages that did not subscribe, by configuration; what to say was set by
    /// `setMessageSummary`, and without it there is nothing to say. Call it after a change, and when a telephone has
    /// registered.
    package mutating func sendMessageSummary(
        of user: String, domain: String, to targets: [NotificationTarget], _ agent: inout UserAgentContext
    ) {
        guard let summary = states[user]?.summary else { return }
        let account = SIPURI(user: user, host: domain).description
        for target in targets {
            send(
                EventHeader(name: EventPackage.messageSummary.rawValue), .messageSummary, of: user, domain: domain,
                to: target, body: summary.bytes(account: account), &agent)
        }
    }

    /// What has become known since the last call, in order.
    package mutating func takeOutcomes() -> [NotificationOutcome] {
        var taken: [NotificationOutcome] = []
        swap(&taken, &outcomes)
        return taken
    }

    mutating func finishUnsolicited(_ client: ClientTransactionID, status: Int) -> Bool {
        guard var outcome = unsolicited.removeValue(forKey: client) else { return false }
        outcome.status = status
        outcomes.append(outcome)
        return true
    }

    private mutating func send(
        _ event: EventHeader, _ purpose: NotificationOutcome.Purpose, of user: String, domain: String,
        to target: NotificationTarget, body: [UInt8] = [], _ agent: inout UserAgentContext
    ) {
        guard unsolicited.count < limits.subscriptions else {
            outcomes.append(NotificationOutcome(user: user, purpose: purpose, status: 503))
            return
        }
        let secure = target.uri.scheme == .sips
        var from = NameAddress(uri: SIPURI(scheme: secure ? .sips : .sip, user: user, host: domain))
        let to = from
        from.tag = agent.makeTag()
        var uri = target.uri
        uri.headers = nil
        uri.parameters.remove("method")
        var headers = SIPHeaders(target.route.map { .init(.route, $0.description) })
        headers.append(.maxForwards, "70")
        headers.append(.from, from.description)
        headers.append(.to, to.description)
        headers.append(.callID, agent.makeCallID())
        headers.append(.cseq, CSeq(number: 1, method: .notify).description)
        let contact = target.flow.contact(user: user, scheme: secure ? .sips : .sip)
        headers.append(.contact, NameAddress(uri: contact).description)
        headers.append(.event, event.description)
        // No subscription stands behind it, and none remains.
        headers.append(.subscriptionState, SubscriptionState(.terminated, reason: .noResource).description)
        headers.append(.userAgent, SIPCapabilities.product)
        if !body.isEmpty { headers.append(.contentType, EventPackage.messageSummary.contentType) }
        let request = SIPRequest(method: .notify, uri: uri, headers: headers, body: body)
        let client = agent.send(request, over: target.flow)
        unsolicited[client] = NotificationOutcome(user: user, purpose: purpose, status: 0)
    }
}
