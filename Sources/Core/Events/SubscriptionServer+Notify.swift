import Primitives
import SIPDialog
package import SIPMessage
import SIPTransaction
package import SIPUserAgent

extension SubscriptionServer {
    // MARK: Ending

    /// Ends every subscription with a NOTIFY that says why: `.deactivated` lets telephones subscribe again at once,
    /// `.probation` after `retryAfter` seconds.
    package mutating func endAll(
        _ reason: SubscriptionState.Reason, retryAfter: Int? = nil, _ agent: inout UserAgentContext
    ) {
        for id in subscriptions.keys.sorted() {
            let state = SubscriptionState(.terminated, reason: reason, retryAfter: retryAfter)
            end(id, state, tellsState: false, &agent)
        }
    }

    /// After a change of settings: ends the subscriptions that may not go on, with the reason that `verdict` gives:
    /// `.noResource` when the watched user is no more, `.rejected` when the watcher may not watch (any more), `.deactivated`
    /// to have it asked for anew. What is known of users whom `isUser` denies is forgotten.
    package mutating func keepOnly(
        isUser: (String) -> Bool,
        _ verdict: (_ watcher: String, _ resource: String, EventPackage) -> SubscriptionState.Reason?,
        _ agent: inout UserAgentContext
    ) {
        for id in subscriptions.keys.sorted() {
            guard let subscription = subscriptions[id] else { continue }
            let reason: SubscriptionState.Reason? =
                isUser(subscription.resource)
                ? verdict(subscription.watcher, subscription.resource, subscription.package) : .noResource
            guard let reason else { continue }
            end(id, SubscriptionState(.terminated, reason: reason), tellsState: false, &agent)
        }
        for user in states.keys.filter({ !isUser($0) }) { states[user] = nil }
    }

    /// Has the last NOTIFY sent as soon as none is under way.
    mutating func end(
        _ id: UInt64, _ state: SubscriptionState, tellsState: Bool, _ agent: inout UserAgentContext
    ) {
        guard subscriptions[id]?.phase == .active else { return }
        subscriptions[id]?.phase = .ending(state, tellsState: tellsState)
        proceed(id, &agent)
    }

    // MARK: NOTIFY

    /// Sends what is to be sent and may be sent now, and arms the deadline for the rest.
    mutating func proceed(_ id: UInt64, _ agent: inout UserAgentContext) {
        guard let subscription = subscriptions[id] else { return }
        guard subscription.outstanding == nil else {
            // Its outcome comes within timer F and leads here again.
            deadlines.set(id, to: subscription.phase == .active ? subscription.expiresAt : nil)
            return
        }
        switch subscription.phase {
        case .ended: remove(id)
        case .ending(let state, let tellsState):
            subscriptions[id]?.phase = .ended
            deadlines.remove(id)
            notify(id, state, tellsState: tellsState, &agent)
        case .active:
            let view = (states[subscription.resource] ?? ResourceState()).view(
                of: subscription.package, isFull: subscription.isFull)
            let isNeeded = subscription.owesNotify || view != subscription.told
            guard isNeeded, subscription.earliest <= agent.now else {
                let due = isNeeded ? min(subscription.earliest, subscription.expiresAt) : subscription.expiresAt
                deadlines.set(id, to: due)
                return
            }
            let left = max(1, (subscription.expiresAt - agent.now).wholeMilliseconds / 1000)
            deadlines.set(id, to: subscription.expiresAt)
            notify(id, SubscriptionState(.active, expires: Int(left)), tellsState: true, &agent)
        }
    }

    private mutating func notify(
        _ id: UInt64, _ state: SubscriptionState, tellsState: Bool, _ agent: inout UserAgentContext
    ) {
        guard var subscription = subscriptions[id] else { return }
        var body: [UInt8] = []
        if tellsState {
            let resource = states[subscription.resource] ?? ResourceState()
            let view = resource.view(of: subscription.package, isFull: subscription.isFull)
            body = view.body(
                entity: subscription.entity, version: subscription.version, previous: subscription.told,
                ended: resource.ended, limits: limits, at: agent.now)
            subscription.version &+= 1
            subscription.told = view
        }
        var request = subscription.dialog.makeRequest(
            .notify, contact: subscription.contact, contentType: subscription.package.contentType, body: body)
        request.headers.append(.event, subscription.event.description)
        request.headers.append(.subscriptionState, state.description)
        request.headers.append(.userAgent, SIPCapabilities.product)
        subscription.owesNotify = false
        subscription.earliest = agent.now + Self.notifyInterval
        let client = agent.send(request, over: subscription.flow)
        subscription.outstanding = client
        subscriptions[id] = subscription
        clients[client] = id
    }
}
