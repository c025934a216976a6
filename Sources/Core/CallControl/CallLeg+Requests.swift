import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent

/// Requests of the peer inside a dialog of the leg (RFC 3261 section 12.2.2).
extension CallLeg {
    mutating func received(
        _ request: SIPRequest, _ server: ServerTransactionID, over source: SIPFlow, _ context: inout CallContext
    ) -> [LegEvent] {
        guard let id = DialogID(of: request, as: .uas), var target = dialog(id) else {
            respond(server, to: request, 481, &context)
            return []
        }
        guard mayMove(to: source) else {
            context.count("calls.unprotected-requests")
            respond(server, to: request, 403, reason: "This Dialog Is Protected by TLS", &context)
            return []
        }
        do {
            try target.accept(request)
        } catch {
            respond(server, to: request, error.status, &context)
            return []
        }
        update(target)
        guard dialog?.id == id else {
            return receivedAside(request, server, in: id, &context)
        }
        peer.note(request)
        if source.connection != flow.connection || [.invite, .update].contains(request.method) {
            flow = target.flow(over: source, sentBy: try? request.topVia())  // back over another connection, or moved
        }
        switch request.method {
        case .bye: return receivedBye(request, server, &context)
        case .invite: return receivedReinvite(request, server, &context)
        case .update: return receivedUpdate(request, server, isInUse: true, &context)
        case .prack: return receivedPrack(request, server, &context)
        case .info: return receivedInfo(request, server, &context)
        case .refer: return [.referred(request, server)]
        case .options: respond(server, to: request, 200, fields: SIPCapabilities.fields, &context)
        case .subscribe: return receivedSubscribe(request, server, &context)
        case .notify: respond(server, to: request, 481, &context)  // we have no subscription here
        default:
            let fields = [SIPHeaders.Field(.allow, SIPCapabilities.allow)]
            respond(server, to: request, 405, fields: fields, &context)
        }
        return []
    }

    /// A request in the dialog of another fork: one that rings as well, or one that answered too late and is being
    /// ended. It neither ends nor changes the call, unless it is the BYE of the only one that rings.
    private mutating func receivedAside(
        _ request: SIPRequest, _ server: ServerTransactionID, in id: DialogID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch request.method {
        case .bye:
            respond(server, to: request, 200, &context)
            return dropFork(id, &context)
        case .update: _ = receivedUpdate(request, server, isInUse: false, &context)
        case .invite where isRinging: respond(server, to: request, 491, &context)  // our own is open (section 14.2)
        case .options where isRinging: respond(server, to: request, 200, fields: SIPCapabilities.fields, &context)
        default: respond(server, to: request, 481, &context)
        }
        return []
    }

    /// A dialog that TLS carries stays there: its descriptions may hold keys (RFC 4568 section 8.3), and nobody in the
    /// clear has shown to be the peer. 403 speaks of the one request (RFC 5057 section 5.1), which may be sent again
    /// over TLS; 481 would end the peer's call, and 488 speak of its media.
    func mayMove(to source: SIPFlow) -> Bool { flow.transport != .tls || source.transport == .tls }

    /// Of subscriptions only those by REFER share a dialog with a call (RFC 6665 section 4.5.2, RFC 3515 section
    /// 2.4.4): every other one needs a dialog of its own, and a 489 would say that its package is not here at all.
    private mutating func receivedSubscribe(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        guard let event = try? request.event() else {
            respond(server, to: request, 489, fields: [.init(.allowEvents, "refer")], &context)
            return []
        }
        guard event.name == "refer" else {
            respond(server, to: request, 403, reason: "Subscription Needs Its Own Dialog", &context)
            return []
        }
        return [.resubscribed(request, event, server)]
    }

    /// INFO as it was before packages (RFC 2976): keys, or nothing; no package (RFC 6086) is known here.
    private mutating func receivedInfo(
        _ request: SIPRequest, _ server: ServerTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        guard !request.headers.contains(.infoPackage) else {
            respond(server, to: request, 469, fields: [.init(.recvInfo, "")], &context)
            return []
        }
        guard !request.body.isEmpty else {
            respond(server, to: request, 200, &context)
            return []
        }
        let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" }
            .filter { $0 != " " && $0 != "\t" }.lowercased()
        guard DigitRelay.types.contains(type) else {
            let accept = SIPHeaders.Field(.accept, DigitRelay.types.joined(separator: ", "))
            respond(server, to: request, 415, fields: [accept], &context)
            return []
        }
        guard digitRate.admit(at: context.now) else {  // of this dialog only; a 503 would speak of the whole appliance
            context.count("calls.digits-refused")
            respond(server, to: request, 500, fields: [.init(.retryAfter, "1")], &context)
            return []
        }
        guard let digit = DigitRelay(body: request.body, type: type) else {
            respond(server, to: request, 400, &context)
            return []
        }
        respond(server, to: request, 200, &context)
        peer.sentKey()
        return state == .established ? [.digits(digit)] : []
    }

    /// Passes a key on to a peer that takes it by INFO; without effect on others.
    mutating func relay(_ digit: DigitRelay, _ context: inout CallContext) {
        guard state == .established, peer.allowsInfo, requests.count < Self.requestLimit,
            let request = makeRequest(.info, body: digit.body, contentType: DigitRelay.types[0])
        else { return }
        send(request, for: .notice, over: flow, &context)
    }
}
