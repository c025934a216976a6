package import Primitives
import SIPDialog
package import SIPMessage
package import SIPTransaction
package import SIPUserAgent

/// The notifier (RFC 6665 section 4.2): who has subscribed to whose calls, messages, registration and presence.
///
/// The caller authenticates, decides who may watch whom, and says what becomes of users (`setDialogs`,
/// `setMessageSummary`, `setContacts`); it hands over the responses and failures of transactions that `owns` names, and
/// requests in the dialogs whose local tag is known here. Nothing survives a restart: a refresh is then answered with
/// 481, upon which telephones subscribe anew.
package struct SubscriptionServer: Sendable {
    /// Between two NOTIFYs to one subscription.
    static let notifyInterval = Duration.milliseconds(250)
    /// NOTIFYs that a subscriber may put off with Retry-After before the subscription ends.
    static let postponementLimit = 3
    static let longestRetryAfter = 300

    let limits: Limits
    var subscriptions: [UInt64: Subscription] = [:]
    var tags: [String: UInt64] = [:]
    var clients: [ClientTransactionID: UInt64] = [:]
    /// Subscriptions to a resource, the oldest first.
    var byResource: [String: [UInt64]] = [:]
    var countByWatcher: [String: Int] = [:]
    var deadlines = DeadlineQueue<UInt64>()
    var states: [String: ResourceState] = [:]
    var unsolicited: [ClientTransactionID: NotificationOutcome] = [:]
    var outcomes: [NotificationOutcome] = []
    private var lastID: UInt64 = 0

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Subscriptions, those included whose last NOTIFY is under way.
    package var count: Int { subscriptions.count }

    /// Nothing is subscribed and no NOTIFY is under way.
    package var isIdle: Bool { subscriptions.isEmpty && unsolicited.isEmpty }

    /// When `deadline` next has work to do. An early call changes nothing.
    package var nextDeadline: Instant? { deadlines.first }

    /// Whether a NOTIFY of ours is that transaction.
    package func owns(_ client: ClientTransactionID) -> Bool {
        clients[client] != nil || unsolicited[client] != nil
    }

    /// Whether a request with that To tag belongs to a subscription.
    package func owns(tag: String) -> Bool { tags[tag] != nil }

    // MARK: What becomes of users

    /// One call of a user has begun, changed or ended (`.terminated`, with its reason if that is known).
    package mutating func note(_ dialog: WatchedDialog, of user: String, _ agent: inout UserAgentContext) {
        change(user, [.dialog, .presence], &agent) { $0.note(dialog) }
    }

    /// The calls of a user, all of them; ended ones are left out.
    package mutating func setDialogs(
        of user: String, to dialogs: [WatchedDialog], _ agent: inout UserAgentContext
    ) {
        change(user, [.dialog, .presence], &agent) { $0.dialogs = dialogs.filter { $0.state != .terminated } }
    }

    /// The bindings of a user, all of them. Not needed for a mere refresh.
    package mutating func setContacts(
        of user: String, to contacts: [WatchedContact], _ agent: inout UserAgentContext
    ) {
        change(user, [.registration, .presence], &agent) { $0.contacts = contacts }
    }

    /// The voice messages of a user; nil when there is no mailbox any more, which subscribers read as none waiting.
    package mutating func setMessageSummary(
        of user: String, to summary: MessageSummary?, _ agent: inout UserAgentContext
    ) {
        change(user, [.messageSummary], &agent) { $0.summary = summary }
    }

    package func messageSummary(of user: String) -> MessageSummary? { states[user]?.summary }

    private mutating func change(
        _ user: String, _ packages: [EventPackage], _ agent: inout UserAgentContext,
        _ body: (inout ResourceState) -> Void
    ) {
        var state = states[user] ?? ResourceState()
        let old = state
        body(&state)
        guard state != old else { return }
        states[user] = state.isEmpty ? nil : state
        for id in byResource[user] ?? [] {
            guard let package = subscriptions[id]?.package, packages.contains(package) else { continue }
            proceed(id, &agent)
        }
    }

    // MARK: Transactions and time

    /// Takes a response to one of our NOTIFYs; false when it is nobody's here.
    package mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, _ agent: inout UserAgentContext
    ) -> Bool {
        if response.isFinal, finishUnsolicited(client, status: response.status) { return true }
        guard let id = clients[client] else { return owns(client) }
        guard response.isFinal else { return true }
        clients[client] = nil
        subscriptions[id]?.outstanding = nil
        if response.isSuccess {
            subscriptions[id]?.postponements = 0
            try? subscriptions[id]?.dialog.refreshTarget(from: response)
            proceed(id, &agent)
        } else {
            refused(id, by: response, &agent)
        }
        return true
    }

    /// Takes the failure of one of our NOTIFYs: who cannot be reached is no subscriber any more (RFC 6665 section 4.2.2).
    package mutating func failed(
        _ client: ClientTransactionID, _ failure: TransactionFailure, _ agent: inout UserAgentContext
    ) -> Bool {
        if finishUnsolicited(client, status: failure == .timedOut ? 408 : 503) { return true }
        guard let id = clients.removeValue(forKey: client) else { return false }
        if subscriptions[id]?.phase != .ended { agent.count("subscriptions.lost") }
        remove(id)
        return true
    }

    /// Does what is due.
    package mutating func deadline(_ agent: inout UserAgentContext) {
        for id in deadlines.popDue(at: agent.now) {
            guard let subscription = subscriptions[id] else { continue }
            if subscription.phase == .active, subscription.expiresAt <= agent.now {
                end(id, SubscriptionState(.terminated, reason: .timeout), tellsState: true, &agent)
            } else {
                proceed(id, &agent)
            }
        }
    }

    /// Takes note that a connection is closed. Subscribers over it that can be dialled keep their subscription, the
    /// others subscribe again when they are back.
    package mutating func flowClosed(_ flow: SIPFlow, _ agent: inout UserAgentContext) {
        guard flow.connection != nil else { return }
        for id in subscriptions.keys.sorted() {
            guard let subscription = subscriptions[id], subscription.flow.connection == flow.connection,
                subscription.flow.transport == flow.transport
            else { continue }
            let target = subscription.dialog.remoteTarget
            if flow.transport == .tcp, subscription.dialog.routeSet.isEmpty,
                IPAddress(target.host) == flow.remote.address
            {
                subscriptions[id]?.flow.connection = nil
                subscriptions[id]?.flow.remote = Endpoint(address: flow.remote.address, port: target.port ?? 5060)
            } else {
                agent.count("subscriptions.lost")
                remove(id)
            }
        }
    }

    /// A NOTIFY was answered with an error (RFC 6665 section 4.2.2): 481 and whatever has no Retry-After ends the
    /// subscription without another word.
    private mutating func refused(_ id: UInt64, by response: SIPResponse, _ agent: inout UserAgentContext) {
        guard var subscription = subscriptions[id], subscription.phase != .ended else {
            remove(id)
            return
        }
        guard response.status != 481, let seconds = response.retryAfter(),
            subscription.postponements < Self.postponementLimit
        else {
            agent.count("subscriptions.lost")
            remove(id)
            return
        }
        subscription.postponements += 1
        subscription.earliest = agent.now + .seconds(min(max(1, seconds), Self.longestRetryAfter))
        subscription.told = nil  // what the NOTIFY said was not taken
        subscription.owesNotify = true
        subscriptions[id] = subscription
        proceed(id, &agent)
    }

    // MARK: The table

    mutating func insert(_ subscription: Subscription) -> UInt64 {
        lastID += 1
        subscriptions[lastID] = subscription
        tags[subscription.dialog.id.localTag] = lastID
        byResource[subscription.resource, default: []].append(lastID)
        countByWatcher[subscription.watcher, default: 0] += 1
        return lastID
    }

    /// Forgets a subscription. A NOTIFY that is under way goes on by itself and its outcome is nobody's.
    mutating func remove(_ id: UInt64) {
        guard let subscription = subscriptions.removeValue(forKey: id) else { return }
        deadlines.remove(id)
        tags[subscription.dialog.id.localTag] = nil
        if let client = subscription.outstanding { clients[client] = nil }
        byResource[subscription.resource]?.removeAll { $0 == id }
        if byResource[subscription.resource]?.isEmpty == true { byResource[subscription.resource] = nil }
        let left = (countByWatcher[subscription.watcher] ?? 1) - 1
        countByWatcher[subscription.watcher] = left > 0 ? left : nil
    }
}
