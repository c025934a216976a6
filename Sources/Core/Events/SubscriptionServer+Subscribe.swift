import Primitives
import SIPDialog
package import SIPMessage
package import SIPTransaction
package import SIPUserAgent

extension SubscriptionServer {
    /// Takes a SUBSCRIBE outside every dialog (RFC 6665 section 4.2.1). Always answers it.
    ///
    /// - 489 with Allow-Events for packages that we do not have, 406 when Accept excludes the package's type, 423 for too
    ///   short an interval, 503 over `Limits.subscriptions` or `Limits.subscriptionsPerUser`, 400 for what cannot be read.
    /// - Parameters:
    ///   - watcher: who has proved to be asking.
    ///   - resource: the user who is asked about.
    ///   - domain: host of the resource's URI in documents.
    ///   - grant: what the caller has decided; 489 comes before it.
    package mutating func subscribe(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow, watcher: String, resource: String,
        domain: String, grant: SubscriptionGrant, _ agent: inout UserAgentContext
    ) {
        guard let event = try? request.event(), let package = EventPackage(rawValue: event.name) else {
            agent.reply(server, to: request, 489, fields: [.init(.allowEvents, EventPackage.allowEvents)])
            return
        }
        if let status = refusal(of: grant, for: package) {
            agent.reply(server, to: request, status)
            return
        }
        guard event.id.map({ $0.utf8.count <= longestEventID }) ?? true else {
            agent.reply(server, to: request, 400, reason: "Event Id Too Long")
            return
        }
        guard package.isAcceptable(to: request) else {
            agent.reply(server, to: request, 406, fields: [.init(.accept, package.contentType)])
            return
        }
        let granted: Int
        switch lifetime(of: request, package) {
        case .granted(let seconds): granted = seconds
        case .tooBrief:
            refuseBrief(request, server, &agent)
            return
        }
        let tag = agent.makeTag()
        guard var dialog = try? Dialog(received: request, localTag: tag, secure: flow.transport == .tls) else {
            agent.reply(server, to: request, 400, reason: "Bad Contact Or Record-Route")
            return
        }
        supersede(watcher, resource, event, dialog.remoteTarget)
        guard subscriptions.count < limits.subscriptions,
            countByWatcher[watcher] ?? 0 < limits.subscriptionsPerUser
        else {
            agent.count("subscriptions.refused")
            agent.reply(
                server, to: request, 503, reason: "Too Many Subscriptions", fields: [.init(.retryAfter, "60")])
            return
        }
        dialog.confirm()
        let scheme: SIPURI.Scheme = request.uri.scheme == .sips ? .sips : .sip
        let id = insert(
            Subscription(
                package: package, event: EventHeader(name: event.name, id: event.id), watcher: watcher,
                resource: resource, entity: SIPURI(scheme: scheme, user: resource, host: domain).description,
                isFull: grant == .full, contact: flow.contact(user: resource, scheme: scheme), dialog: dialog,
                flow: dialog.flow(over: flow, sentBy: try? request.topVia()), expiresAt: agent.now + .seconds(granted),
                earliest: agent.now))
        accept(id, request, server, seconds: granted, &agent)
    }

    /// Takes a request inside a dialog of ours: a SUBSCRIBE refreshes or ends the subscription. False when no
    /// subscription has that dialog, else it is answered.
    package mutating func received(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow, _ agent: inout UserAgentContext
    ) -> Bool {
        guard let tag = (try? request.to())?.tag, let id = tags[tag], var subscription = subscriptions[id] else {
            return false
        }
        do {
            try subscription.dialog.accept(request)
        } catch {
            agent.reply(server, to: request, error.status)
            return true
        }
        subscriptions[id]?.dialog = subscription.dialog
        guard request.method == .subscribe else {
            agent.reply(server, to: request, 405, fields: [.init(.allow, SIPMethod.subscribe.rawValue)])
            return true
        }
        guard let event = try? request.event(), let package = EventPackage(rawValue: event.name) else {
            agent.reply(server, to: request, 489, fields: [.init(.allowEvents, EventPackage.allowEvents)])
            return true
        }
        // Another subscription in the same dialog is a thing of the past (RFC 6665 section 4.5.2).
        guard subscription.phase == .active, event.matches(subscription.event) else {
            agent.reply(server, to: request, 481)
            return true
        }
        switch lifetime(of: request, package) {
        case .tooBrief: refuseBrief(request, server, &agent)
        case .granted(let seconds):
            subscription.expiresAt = agent.now + .seconds(seconds)
            subscription.flow = subscription.dialog.flow(over: flow, sentBy: try? request.topVia())
            subscription.contact = flow.contact(user: subscription.resource, scheme: subscription.contact.scheme)
            subscription.told = nil
            subscription.owesNotify = true
            subscriptions[id] = subscription
            accept(id, request, server, seconds: seconds, &agent)
        }
        return true
    }

    // MARK: Rules

    private func refusal(of grant: SubscriptionGrant, for package: EventPackage) -> Int? {
        switch grant {
        case .full: nil
        case .stateOnly: package == .registration ? 403 : nil
        case .refused(let status): status
        }
    }

    private enum Lifetime { case granted(Int), tooBrief }

    /// The wish, at most the longest; 0 is a fetch or an end (RFC 6665 sections 4.2.1.1, 4.4.3).
    private func lifetime(of request: SIPRequest, _ package: EventPackage) -> Lifetime {
        let wish = request.headers.contains(.expires) ? request.expires() ?? 3600 : package.defaultExpiry
        if wish == 0 { return .granted(0) }
        return wish < limits.subscriptionExpiry.lowerBound
            ? .tooBrief : .granted(min(wish, limits.subscriptionExpiry.upperBound))
    }

    private func refuseBrief(
        _ request: SIPRequest, _ server: ServerTransactionID, _ agent: inout UserAgentContext
    ) {
        let shortest = String(limits.subscriptionExpiry.lowerBound)
        agent.reply(server, to: request, 423, fields: [.init(.minExpires, shortest)])
    }

    /// A telephone that was switched off subscribes anew from the same Contact: the old subscription would only be told
    /// things until it runs out.
    private mutating func supersede(
        _ watcher: String, _ resource: String, _ event: EventHeader, _ target: SIPURI
    ) {
        let old = (byResource[resource] ?? []).filter {
            guard let subscription = subscriptions[$0] else { return false }
            return subscription.watcher == watcher && subscription.event.matches(event)
                && subscription.dialog.remoteTarget.isEquivalent(to: target)
        }
        for id in old { remove(id) }
    }

    /// 200, then the NOTIFY that every SUBSCRIBE gets (RFC 6665 section 4.2.1.2).
    private mutating func accept(
        _ id: UInt64, _ request: SIPRequest, _ server: ServerTransactionID, seconds: Int,
        _ agent: inout UserAgentContext
    ) {
        guard let subscription = subscriptions[id] else { return }
        var response = SIPResponse(to: request, status: 200, toTag: subscription.dialog.id.localTag)
        for value in request.headers.all(.recordRoute) { response.headers.append(.recordRoute, value) }
        response.headers.append(.contact, NameAddress(uri: subscription.contact).description)
        response.headers.append(.expires, String(seconds))
        response.headers.append(.allowEvents, EventPackage.allowEvents)
        response.headers.append(.server, SIPCapabilities.product)
        agent.respond(server, with: response)
        if seconds == 0 {
            end(id, SubscriptionState(.terminated, reason: .timeout), tellsState: true, &agent)
        } else {
            proceed(id, &agent)
        }
    }
}

/// An `id` of Event is repeated in every NOTIFY.
private let longestEventID = 128
