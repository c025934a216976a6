import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// Transfer by REFER (RFC 3515, RFC 5589): the transferor stays until the new party has answered.
extension Call {
    /// Answers a REFER of a leg and begins what it asks for, or refuses it: 400 (Refer-To), 403 (who may not, or what is
    /// not to be invited), 416 (scheme), 491 (another transfer is under way), 503 (limit).
    mutating func referred(
        _ request: SIPRequest, _ server: ServerTransactionID, by index: Int,
        carriedBy carrier: ReferSubscription.Carrier,
        _ context: inout CallContext
    ) {
        let wanted: SIPURI
        let replaces: Replaces?
        switch judge(request, by: index) {
        case .refuse(let status):
            respond(to: request, server, status, carriedBy: carrier, &context)
            return
        case .accept(let uri, let dialog):
            wanted = uri
            replaces = dialog
        }
        transferCount += 1
        let isSilent = request.headers[.referSub].map { $0.prefix { $0 != ";" && $0 != " " }.lowercased() } == "false"
        var fields: [SIPHeaders.Field] = []
        if isSilent { fields.append(.init(.referSub, "false")) }
        let asked = request.required().contains("norefersub") && !isSilent
        respond(to: request, server, 202, fields: fields, carriedBy: carrier, &context)
        // The second REFER of a dialog, and those after it, need their number as id (RFC 3515 section 2.4.6).
        let isFirst = !subscriptions.contains { $0.leg == index } && transferCount == 1
        let number = (try? request.cseq())?.number
        subscriptions.append(
            ReferSubscription(
                leg: index, carrier: carrier,
                event: EventHeader(name: "refer", id: isFirst ? nil : number.map(String.init)),
                expires: Int(timers.ringing.components.seconds) + 60, isSilent: isSilent || asked))
        begin(transferFrom: index)
        context.count("calls.transfers")
        notify(100, of: subscriptions.count - 1, &context)
        if let replaces {
            wishes.append(.join(replaces, uri: wanted))
        } else {
            askForTransfer(to: wanted, &context)
        }
    }

    /// A transfer that was asked for by code: as with REFER, but nobody is told how it goes, and who asked leaves at once.
    mutating func transferBlindly(from index: Int, to uri: SIPURI, _ context: inout CallContext) {
        transferCount += 1
        begin(transferFrom: index)
        context.count("calls.transfers")
        leave(index, &context)
        configureMedia(&context)
        askForTransfer(to: uri, &context)
    }

    private mutating func begin(transferFrom index: Int) {
        transfer = Transfer(
            transferor: index, question: takeQuestion(),
            referredBy: CallerIdentity.address(of: legs[index].party, in: domain))
    }

    private enum Judgement {
        case refuse(Int)
        case accept(SIPURI, Replaces?)
    }

    private func judge(_ request: SIPRequest, by index: Int) -> Judgement {
        guard request.headers.all(.referTo).count == 1, let target = (try? request.referTo()) ?? nil else {
            return .refuse(400)
        }
        let side = participants[index].side
        guard phase == .talking, legs[index].isEstablished, bridge[side] == index, let other = bridge[side.other],
            legs[other].isEstablished, participants[index].line == nil
        else { return .refuse(403) }
        guard transfer == nil else { return .refuse(491) }
        guard transferCount < limits.transfersPerCall else { return .refuse(503) }
        guard [.sip, .sips, .tel].contains(target.uri.scheme) else { return .refuse(416) }
        if let method = target.uri.parameters["method"], method.uppercased() != "INVITE" { return .refuse(403) }
        // Who refers is known from the dialog; a Referred-By may say so once more, nothing else (RFC 3892 section 2.1).
        if request.headers.contains(.referredBy) {
            guard let named = (try? request.referredBy()) ?? nil else { return .refuse(400) }
            guard DialPlan.number(in: named.uri) == legs[index].party.number else { return .refuse(403) }
        }
        var uri = target.uri
        uri.parameters.remove("method")
        do {
            let replaces = try uri.replaces()
            uri.headers = nil
            return .accept(uri, replaces)
        } catch {
            return .refuse(400)
        }
    }

    /// A response in the dialog that the REFER came in, or makes; it moves the peer's target, so it names ours.
    private func respond(
        to request: SIPRequest, _ server: ServerTransactionID, _ status: Int, fields: [SIPHeaders.Field] = [],
        carriedBy carrier: ReferSubscription.Carrier, _ context: inout CallContext
    ) {
        switch carrier {
        case .leg(let index):
            var fields = fields
            if status < 300 { fields.append(.init(.contact, NameAddress(uri: legs[index].contact).description)) }
            legs[index].respond(server, to: request, status, fields: fields, &context)
        case .own(let dialog, let flow):
            var response = SIPResponse(to: request, status: status, toTag: dialog.id.localTag)
            for route in request.headers.all(.recordRoute) { response.headers.append(.recordRoute, route) }
            for field in fields { response.headers.append(field.name, field.value) }
            let user = dialog.local.uri.user ?? ""
            if status < 300 {
                response.headers.append(
                    .contact, NameAddress(uri: flow.contact(user: user)).description)
            }
            response.headers.append(.server, SIPCapabilities.product)
            context.respond(server, with: response)
        }
    }

    // MARK: Course

    /// Asks the owner where the target is.
    mutating func askForTransfer(to uri: SIPURI, _ context: inout CallContext) {
        guard let transfer, let other = bridge[participants[transfer.transferor].side.other] else { return }
        ask(
            .transfer, for: uri, by: legs[transfer.transferor].party, for: known(other), as: transfer.question,
            &context)
    }

    mutating func beginTransfer(to route: Route?, _ context: inout CallContext) {
        guard let transfer, let route else {
            transferFailed(404, &context)
            return
        }
        let side = participants[transfer.transferor].side
        if case .service(let party, let service) = route.destination, bridge[side.other] != nil {
            switch service {
            case .orbit: return parkByTransfer(at: party, &context)
            case .conference: return conferByTransfer(service, &context)
            case .application(let application): return enterByTransfer(application, &context)
            case .echo, .tone, .dialTone: return transferFailed(501, &context)  // for who dials it, not for others
            }
        }
        let ranks = route.ringable
        guard !ranks.isEmpty, let other = bridge[side.other] else {
            transferFailed(480, &context)
            return
        }
        let identity = CallerIdentity(
            party: legs[other].party, isAnonymous: participants[other].isAnonymous, referredBy: transfer.referredBy)
        ring(
            Fork(
                side: side, identity: identity, ranks: ranks, dialled: route.destination.party.number,
                until: context.now + timers.ringing, plan: route.plan), &context)
    }

    /// The new party takes the transferor's place; the transferor leaves. `leadsOther`: the party that stays is asked to
    /// take the new one's codec, rather than the other way round.
    mutating func completeTransfer(with index: Int, leadsOther: Bool = true, _ context: inout CallContext) {
        guard let transfer else { return }
        let side = participants[transfer.transferor].side
        let transferor = bridge[side]
        self.transfer = nil
        fork = nil
        early = nil
        bridge[side] = index
        notify(200, of: subscriptions.count - 1, &context)
        if transferor == transfer.transferor { dismiss(transfer.transferor, &context) }
        rejoin(side, leadsOther: leadsOther, &context)
    }

    /// Somebody new is on that side: the media workers learn of it, and the party that stays is led to its codec.
    mutating func rejoin(_ side: MediaSide, leadsOther: Bool = true, _ context: inout CallContext) {
        configureMedia(&context)
        guard let new = bridge[side], let old = bridge[side.other] else { return }
        if participants[old].line == nil {
            legs[old].connected =
                participants[new].isAnonymous ? nil : CallerIdentity.address(of: legs[new].party, in: domain)
        }
        guard leadsOther else { return }
        if let codec = legs[new].media.stream?.codec, let other = legs[old].media.stream?.codec, codec != other {
            legs[old].renegotiate(&context)
        }
    }

    /// Nobody has come: the call is the transferor's again, if it is still there.
    mutating func transferFailed(_ status: Int, _ context: inout CallContext) {
        guard let transfer else { return }
        let side = participants[transfer.transferor].side
        stopFork(&context)
        self.transfer = nil
        context.count("calls.transfers-failed")
        notify(status, of: subscriptions.count - 1, &context)
        if bridge[side] == nil {
            if participants[transfer.transferor].line == nil, isActive {  // who transferred it gets it back
                callBack(legs[transfer.transferor].party, on: side, &context)
            } else {
                end(&context)
            }
        } else {
            configured[side] = nil  // the new party may have been heard in the meantime
            configureMedia(&context)
        }
    }

    /// Hangs up as soon as the leg has been told how it went.
    mutating func dismiss(_ index: Int, _ context: inout CallContext) {
        participants[index].event = .remoteBye
        if !dismissesLater(index) { legs[index].hangUp(&context) }
    }

    /// True of a leg that waits for its last NOTIFY: the BYE follows that.
    mutating func dismissesLater(_ index: Int) -> Bool {
        guard let last = subscriptions.lastIndex(where: { $0.leg == index && $0.isOpen }), legs[index].isEstablished
        else { return false }
        subscriptions[last].dismissesLeg = true
        return true
    }

    // MARK: NOTIFY

    /// Tells the subscription how the transfer stands; the last state only once.
    mutating func notify(_ status: Int, of index: Int, _ context: inout CallContext) {
        guard subscriptions.indices.contains(index), let status = subscriptions[index].note(status) else {
            sweepSubscriptions()
            return
        }
        sendNotify(status, of: index, &context)
    }

    /// A SUBSCRIBE for the subscription of a REFER: it is told once more how the transfer stands, and lasts no longer
    /// than it would have; with Expires 0 it ends, and the transfer goes on (RFC 3515 section 2.4.4).
    mutating func resubscribed(
        _ request: SIPRequest, to event: EventHeader, _ server: ServerTransactionID, by leg: Int,
        _ context: inout CallContext
    ) {
        guard let index = subscriptions.firstIndex(where: { $0.isCarried(by: leg, as: event) }) else {
            legs[leg].respond(server, to: request, 481, &context)
            return
        }
        let seconds = min(request.expires() ?? subscriptions[index].expires, subscriptions[index].expires)
        let fields: [SIPHeaders.Field] = [
            .init(.expires, String(seconds)), .init(.contact, NameAddress(uri: legs[leg].contact).description),
        ]
        legs[leg].respond(server, to: request, 200, fields: fields, &context)
        if let status = subscriptions[index].renew(isEnding: seconds == 0) { sendNotify(status, of: index, &context) }
    }

    private mutating func sendNotify(_ status: Int, of index: Int, _ context: inout CallContext) {
        let subscription = subscriptions[index]
        let body = ReferSubscription.fragment(status)
        let type = "message/sipfrag;version=2.0"
        let leg = legs[subscription.leg]
        var request: SIPRequest?
        var flow = leg.flow
        let contact: SIPURI
        switch subscription.carrier {
        case .leg(let index):
            request = legs[index].makeRequest(.notify, body: body, contentType: type)
            contact = leg.contact
        case .own(var dialog, let own):
            request = dialog.makeRequest(.notify, contentType: type, body: body)
            subscriptions[index].carrier = .own(dialog, own)
            flow = own
            contact = own.contact(user: dialog.local.uri.user ?? "")
        }
        guard var request else {
            subscriptions[index].close()
            sweepSubscriptions()
            return
        }
        request.headers.set(.contact, NameAddress(uri: contact).description)
        request.headers.set(.event, subscription.event.description)
        request.headers.set(.subscriptionState, subscription.state(for: status).description)
        if !request.headers.contains(.userAgent) { request.headers.append(.userAgent, SIPCapabilities.product) }
        subscriptions[index].sent(as: context.send(request, over: flow, for: leg.reference))
    }

    /// True when the transaction was that of a NOTIFY. `response` nil: none will come.
    mutating func notified(
        _ client: ClientTransactionID, response: SIPResponse?, _ context: inout CallContext
    ) -> Bool {
        guard let index = subscriptions.firstIndex(where: { $0.outstanding == client }) else { return false }
        if let response, !response.isFinal { return true }
        let next = subscriptions[index].answered(isAccepted: response?.isSuccess ?? false)
        if let next { sendNotify(next, of: index, &context) }
        let subscription = subscriptions[index]
        if !subscription.isOpen, subscription.dismissesLeg { legs[subscription.leg].hangUp(&context) }
        sweepSubscriptions()
        return true
    }

    /// Those that are through; that of a transfer under way keeps its place, which is the last one.
    private mutating func sweepSubscriptions() {
        let last = subscriptions.count - 1
        subscriptions = subscriptions.enumerated().filter { index, subscription in
            subscription.isOpen || subscription.outstanding != nil || (transfer != nil && index == last)
        }.map(\.element)
    }
}
