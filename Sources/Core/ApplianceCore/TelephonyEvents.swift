import CallControl
import Events
import Primitives
import Registration
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings

/// Who may watch whom, and what watchers are told (RFC 6665).
extension Telephony {
    mutating func subscribe(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard let watcher = authenticate(request, server, over: flow), passesInspection(request, server) else { return }
        let resource = DialPlan.number(in: request.uri) ?? watcher
        events.subscribe(
            request, server, over: flow, watcher: watcher, resource: resource, domain: settings.sip.realm,
            grant: grant(EventPackage(of: request), of: resource, to: watcher), &context.agent)
    }

    /// Everything of oneself. Of a colleague whether they are busy, not with whom; their messages and devices are theirs.
    private func grant(_ package: EventPackage?, of resource: String, to watcher: String) -> SubscriptionGrant {
        if package == .dialog, settings.features.office.parkOrbits.contains(resource) { return .full }
        guard plan.user(resource) != nil else { return .refused(status: 404) }
        guard resource != watcher else { return .full }
        guard package != .messageSummary, package != .registration else { return .refused(status: 403) }
        switch officeMemory.features[resource]?.lamp ?? .state {
        case .full: return .full
        case .state: return .stateOnly
        case .hidden: return .refused(status: 403)
        }
    }

    /// A user's call has begun, changed or ended.
    mutating func tell(_ change: DialogStateChange) {
        if change.dialog.state == .terminated, users[change.party.number] != nil {
            officeMemory.lastCalls[change.party.number] = context.now
            officeMemory.seen(change.party.number)
            mayCallBack = true
        }
        events.note(WatchedDialog(change.dialog, domain: settings.sip.realm), of: change.party.number, &context.agent)
    }

    /// A user's bindings have changed.
    mutating func tellContacts(of user: String) {
        let contacts = registrar.bindings(of: user, at: context.now).map {
            WatchedContact(
                uri: $0.contact.uri, displayName: $0.contact.displayName, expiresAt: $0.expiresAt,
                preference: $0.preference, callID: $0.callID, cseq: $0.cseq)
        }
        events.setContacts(of: user, to: contacts, &context.agent)
    }

    /// Makes the telephones of a user fetch their configuration (`Event: check-sync`); what the administrator is told.
    mutating func resync(_ user: String, reboots: Bool) -> AdminReply {
        guard users[user] != nil else {
            return .refused(status: 404, detail: "there is no user with extension \(user)")
        }
        let targets = registrar.bindings(of: user, at: context.now).map {
            NotificationTarget(uri: $0.contact.uri, route: $0.path, flow: $0.flow)
        }
        guard !targets.isEmpty else {
            return .refused(status: 409, detail: "no telephone of \(user) is registered; it will ask when it starts")
        }
        events.resync(user, domain: settings.sip.realm, at: targets, reboot: reboots, &context.agent)
        let count = targets.count
        return .done("\(count) telephone\(count == 1 ? "" : "s") of \(user) asked to fetch the configuration")
    }
}

extension WatchedDialog {
    /// As RFC 4235 writes it, seen from the user's telephone.
    fileprivate init(_ dialog: DialogState, domain: String) {
        let state: State =
            switch dialog.state {
            case .trying: .trying
            case .early: .early
            case .confirmed: .confirmed
            case .terminated: .terminated
            }
        let remote = Party(
            uri: SIPURI(user: dialog.remote.number, host: domain),
            displayName: dialog.remote.name.isEmpty ? nil : dialog.remote.name)
        self.init(
            id: dialog.id, state: state, direction: dialog.direction == .initiator ? .initiator : .recipient,
            callID: dialog.callID, localTag: dialog.localTag, remoteTag: dialog.remoteTag,
            local: Party(
                uri: SIPURI(user: dialog.party.number, host: domain), displayName: dialog.party.name,
                target: dialog.localTarget),
            remote: dialog.isRemoteAnonymous ? nil : remote, event: dialog.event?.rawValue, code: dialog.code)
    }
}
