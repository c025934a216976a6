import CallControl
import Features
import Media
import Numbering
import Primitives
import SIPMessage
import SIPTransaction
import Settings
import Trunks

/// What is done, rather than rung, when a user has dialled.
extension Telephony {
    /// An INVITE of a user that is for the appliance, and not for somebody to ring.
    struct Order {
        let invitation: Invitation
        /// Whose registration the telephone has; another user may have logged in at it.
        let telephone: String
        /// What was dialled, without what followed the code.
        let code: String
    }

    mutating func carryOut(_ decision: FeatureDecision, _ order: Order) {
        switch decision {
        case .change(let change): carryOut(change, order)
        case .act(let action): carryOut(action, order)
        case .route, .forward, .unavailable, .refuse, .ring: refuse(order, 404)
        }
    }

    private mutating func carryOut(_ change: FeatureChange, _ order: Order) {
        let user = order.invitation.caller.number
        if case .wrongDeskPIN(let owner) = change {
            context.count("features.desk-refused")
            if officeMemory.wrongDeskPIN(of: owner, at: context.now) {
                outputs.append(.log(.notice, "too many wrong PINs for the desk of \(owner), last by \(user)"))
            }
            return refuse(order, 403)
        }
        context.count("features.changed")
        switch change {
        case .features(let features):
            officeMemory.set(features, of: user)
            outputs.append(.features(extension: user, features))
        case .night(let isOn): setNight(isOn)
        case .desk(let occupant): officeMemory.sit(occupant, at: order.telephone)
        case .wrongDeskPIN: break
        }
        confirm(order)
    }

    /// The one night switch, by code or by the number of a time profile: for permissions, and all time profiles.
    mutating func setNight(_ isOn: Bool) {
        officeMemory.isNight = isOn
        calls.setNight(isOn, &context)
        outputs.append(.night(isOn))
    }

    /// An agent has come or gone, in all of their queues.
    mutating func setAgent(_ user: String, _ state: AgentState) {
        guard var features = officeMemory.features[user] else { return }
        features.agent = state
        officeMemory.set(features, of: user)
        outputs.append(.features(extension: user, features))
    }

    private mutating func carryOut(_ action: CallAction, _ order: Order) {
        let user = order.invitation.caller
        switch action {
        case .park(orbit: let orbit):
            let party = CallParty(number: orbit, name: "Parked")
            settle(calls.park(user.number, at: party, &context), order)
        case .retrieve(orbit: let orbit):
            if !calls.retrieve(from: orbit, by: order.invitation, &context) { refuse(order, 404) }
        case .pickUp(from: let users):
            if !calls.pickUp(from: users, by: order.invitation, &context) { refuse(order, 404) }
        case .transferHeld(to: let number):
            let uri = SIPURI(user: number, host: settings.sip.realm)
            settle(calls.transferHeld(by: user.number, to: uri, &context), order)
        case .conference:
            var invitation = order.invitation
            invitation.destination = .service(CallParty(number: order.code, name: "Conference"), .tone(.confirmation))
            if !calls.confer(by: invitation, &context) { refuse(order, 480) }
        case .callBack(let callee):
            let isAway = plan.user(callee).map { telephones(of: $0).isEmpty } ?? true
            settle(
                officeMemory.callBack(
                    user.number, when: callee, isAway: isAway, at: context.now, limit: limits.callbacks), order)
        case .forgetCallBacks:
            officeMemory.forgetCallbacks(of: user.number)
            confirm(order)
        case .page(let numbers): page(numbers, order)
        case .openDoor(let digits): openDoor(digits, order)
        case .record: settle(calls.toggleRecording(by: user.number, &context), order)
        case .testEmergency: testEmergency(order)
        }
    }

    private mutating func page(_ numbers: [String], _ order: Order) {
        let members = numbers.compactMap { plan.user($0) }.map { party in
            (party: party, ranks: telephones(of: party).answeringByThemselves)
        }
        var invitation = order.invitation
        invitation.destination = .service(CallParty(number: order.code, name: "Announcement"), .tone(.confirmation))
        if !calls.page(members, by: invitation, &context) { refuse(order, 480) }
    }

    /// A code may name the keys; else they are those of the station's settings.
    private mutating func openDoor(_ digits: String, _ order: Order) {
        settle(calls.press(doorKeys(digits), for: order.invitation.caller.number, &context), order)
    }

    // MARK: Keys in a call

    /// A user has pressed a code: what it does with the call is done, what it switches is switched. Nobody rings for it, and
    /// nobody is told when it means nothing; the other end has heard the keys.
    mutating func pressed(_ keys: String, by party: CallParty, in call: UInt64) {
        guard let code = settings.features.office.codes.match(keys) else {
            return context.count("features.keys-unknown")
        }
        var dialling = Dialling(caller: party, origin: party)
        let event = FeatureEvent.code(code.code, argument: code.argument)
        let facts = facts(for: &dialling, event, dialled: .internal(keys))
        var isDone = false
        switch desk.decide(event, facts) {
        case .act(.park(orbit: let orbit))?:
            isDone = calls.park(party.number, in: call, at: CallParty(number: orbit, name: "Parked"), &context)
        case .act(.transferHeld(to: let number))?:
            let uri = SIPURI(user: number, host: settings.sip.realm)
            isDone = calls.transferHeld(by: party.number, in: call, to: uri, &context)
        case .act(.record)?: isDone = calls.toggleRecording(by: party.number, in: call, &context)
        case .act(.openDoor(let digits))?: isDone = calls.press(doorKeys(digits), for: party.number, &context)
        case .change(.features(let features))?:
            officeMemory.set(features, of: party.number)
            outputs.append(.features(extension: party.number, features))
            isDone = true
        case .change(.night(let isOn))?:
            setNight(isOn)
            isDone = true
        case .act, .change, .route, .forward, .unavailable, .refuse, .ring, nil: break
        }
        context.count(isDone ? "features.keys" : "features.keys-refused")
    }

    private func doorKeys(_ digits: String) -> [String: String] {
        var keys: [String: String] = [:]
        for door in settings.features.office.doors { keys[door.extension] = digits.isEmpty ? door.keys : digits }
        return keys
    }

    // MARK: Callbacks

    /// Calls whoever waits for somebody who can be reached now.
    mutating func runCallbacks() {
        guard officeMemory.hasArmedCallbacks else { return }
        let activity = calls.activity()
        for callback in officeMemory.armedCallbacks(at: context.now) {
            guard let caller = plan.user(callback.caller), let callee = plan.user(callback.callee),
                activity[callback.caller] == nil, activity[callback.callee] == nil,
                !telephones(of: callee).isEmpty
            else { continue }
            let ranks = telephones(of: caller)
            guard !ranks.isEmpty else { continue }
            officeMemory.take(callback)
            context.count("calls.callbacks")
            _ = calls.originate(
                Origination(
                    party: caller, ranks: ranks, shown: callee,
                    purpose: .dial(SIPURI(user: callee.number, host: settings.sip.realm))), &context)
            mayCallBack = true
            return  // the others when this one has found its telephone busy
        }
    }

    /// Whether there is a way to help now, as a tone.
    private mutating func testEmergency(_ order: Order) {
        let number = settings.outgoing.emergencyNumbers.first
        let targets = number.map { number in
            outsideTargets(
                trunks.plan.dialled(number, isInternal: false), number, for: order.invitation.caller, isWithheld: false)
        }
        let isThere = targets?.isEmpty == false
        let place = settings.features.office.emergencyLocation.map { " at \($0)" } ?? ""
        let finding =
            isThere ? "there is a way out" : "no line leads to help; check outgoing.emergency and the trunks"
        let text = "emergency test by \(order.invitation.caller.number)\(place): \(finding)"
        outputs.append(.log(isThere ? .notice : .error, text))
        confirm(order, with: isThere ? .confirmation : .congestion)
    }

    private mutating func settle(_ isDone: Bool, _ order: Order) {
        if isDone { confirm(order) } else { refuse(order, 480) }
    }

    /// The telephone hears that it was done.
    private mutating func confirm(_ order: Order, with tone: CallTone = .confirmation) {
        var invitation = order.invitation
        invitation.destination = .service(CallParty(number: order.code, name: "Feature"), .tone(tone))
        invitation.ranks = []
        calls.invite(invitation, &context)
    }

    private mutating func refuse(_ order: Order, _ status: Int) {
        context.reply(order.invitation.server, to: order.invitation.request, status)
    }
}
