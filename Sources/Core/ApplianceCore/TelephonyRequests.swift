import CallControl
import Events
import Numbering
import Primitives
import Registration
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings
import Trunks

/// What becomes of a SIP message: who may speak, and who it is for.
extension Telephony {
    // MARK: Bytes

    mutating func received(_ bytes: [UInt8], over flow: SIPFlow) {
        let isProtected = settings.sip.protectionEnabled && !isFamiliar(flow)
        if isProtected, !protection.hears(flow.remote.address, at: context.now) {
            outputs.append(.count("sip.banned"))
            return
        }
        var message: SIPMessage
        do {
            message = try SIPParser.parse(bytes, limits: limits, framing: flow.connection == nil ? .datagram : .stream)
        } catch {
            refuseMalformed(SIPParser.rejection(of: bytes, because: error, limits: limits), from: flow)
            return
        }
        if case .request(var request) = message {
            do {
                try request.read()
            } catch {
                let isAnswerable = error.isAnswerable && request.method != .ack
                let status = error.responseStatus
                refuseMalformed(isAnswerable ? SIPResponse(to: request, status: status) : nil, from: flow)
                return
            }
            if isProtected, let refusal = refusal(of: request, from: flow) {
                outputs.append(.count(refusal))
                return
            }
            if overload.isOverloaded, isNewWork(request),
                !overload.admits(flow.remote, isFamiliar: isFamiliar(flow), at: context.now)
            {
                refuseForOverload(request, from: flow)
                return
            }
            message = .request(request)
        }
        context.agent.pending += context.agent.transactions.receive(message, from: flow, at: context.now)
    }

    /// Answered without state, within the rate for strangers.
    private mutating func refuseMalformed(_ response: SIPResponse?, from flow: SIPFlow) {
        outputs.append(.count("sip.malformed"))
        guard let response else { return }
        if settings.sip.protectionEnabled, !protection.admits(flow.remote.address, at: context.now) { return }
        outputs.append(.transmit(response.serialised(), flow))
    }

    // MARK: Who is heard

    /// True for a registered telephone's way to us and for a trunk's server: they have proved who they are.
    private func isFamiliar(_ flow: SIPFlow) -> Bool {
        registrar.isHome(flow.remote) || trunks.isServer(flow)
    }

    /// The counter's name when a stranger's request gets no answer, nil when it is heard.
    ///
    /// What costs an answer is held to a rate, except what belongs to a running call or a waiting INVITE, and what carries
    /// credentials that met a challenge of ours: those end well, or count as wrong ones. ACK has no answer.
    private mutating func refusal(of request: SIPRequest, from flow: SIPFlow) -> String? {
        guard request.method != .ack else { return nil }
        if let tag = request.toTag(), calls.hasDialog(localTag: tag, context) || events.owns(tag: tag) { return nil }
        if ScannerSignature.matches(request) {
            protection.ban(flow.remote.address, at: context.now)
            return "sip.scanner"
        }
        switch request.method {
        case .cancel where context.agent.transactions.knows(cancel: request, from: flow): return nil
        case .register, .invite:
            if request.toTag() == nil, let credentials = credentials(in: request),
                authenticator.isOurs(
                    credentials, method: request.method, uri: Self.digestURI(of: request, credentials), at: context.now)
            {
                return nil
            }
        default: break
        }
        return protection.admits(flow.remote.address, at: context.now) ? nil : "sip.rate-limited"
    }

    // MARK: Overload

    /// Everything but ACK, CANCEL and what belongs to a dialog: it may come later, what runs may not wait.
    private func isNewWork(_ request: SIPRequest) -> Bool {
        guard request.method != .ack, request.method != .cancel else { return false }
        guard request.toTag() == nil else { return false }
        return request.method != .invite || !isForHelp(request.uri)
    }

    /// 503 without state and without a look at who asks (RFC 3261 section 21.5.4).
    private mutating func refuseForOverload(_ request: SIPRequest, from flow: SIPFlow) {
        outputs.append(.count("sip.overload"))
        context.agent.pending += context.agent.transactions.refuseForOverload(
            request, from: flow, retryAfter: 5 + Int(context.agent.entropy.next() % 10))
    }

    // MARK: Requests

    /// A request that has its server transaction.
    mutating func received(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        if request.toTag() != nil {
            receivedInDialog(request, server, over: flow)
            return
        }
        switch request.method {
        case .options:
            if passesInspection(request, server) {
                context.agent.replyStatelessly(server, to: request, 200, fields: Self.capabilities)
            }
        case .register: register(request, server, over: flow)
        case .invite: invite(request, server, over: flow)
        case .refer: refer(request, server, over: flow)
        case .subscribe: subscribe(request, server, over: flow)
        case .bye, .info, .update, .prack, .notify:
            if passesInspection(request, server) { context.agent.replyStatelessly(server, to: request, 481) }
        default:
            context.agent.replyStatelessly(
                server, to: request, 405, fields: [.init(.allow, SIPCapabilities.allow)])
        }
    }

    /// False when the request has been refused for a scheme (416) or an extension (420) that we do not have: the header
    /// inspection of RFC 3261 section 8.2.2, which comes after authentication and the method.
    mutating func passesInspection(_ request: SIPRequest, _ server: ServerTransactionID) -> Bool {
        guard request.uri.scheme.isCallable else {
            context.agent.replyStatelessly(server, to: request, 416)
            return false
        }
        guard SIPCapabilities.unsupportedOptions(in: request).isEmpty else {
            refuseExtensions(of: request, server)
            return false
        }
        return true
    }

    private mutating func receivedInDialog(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard SIPCapabilities.unsupportedOptions(in: request).isEmpty else {
            refuseExtensions(of: request, server)
            return
        }
        guard !calls.received(request, server, over: flow, &context),
            !events.received(request, server, over: flow, &context.agent)
        else { return }
        context.agent.replyStatelessly(server, to: request, 481)
    }

    private static let capabilities: [SIPHeaders.Field] = [
        .init(.allow, SIPCapabilities.allow), .init(.accept, SIPCapabilities.accept),
        .init(.supported, SIPCapabilities.supported), .init(.allowEvents, EventPackage.allowEvents),
    ]

    private mutating func refuseExtensions(of request: SIPRequest, _ server: ServerTransactionID) {
        let options = SIPCapabilities.unsupportedOptions(in: request).joined(separator: ", ")
        context.agent.replyStatelessly(server, to: request, 420, fields: [.init(.unsupported, options)])
    }

    /// The order is that of RFC 3261 section 10.3: what can be no registration at all (the Request-URI, and To, which
    /// must be a SIP URI by section 10.2) is refused to everybody, the rest to who is authenticated.
    private mutating func register(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard request.uri.scheme.isCallable else {
            context.agent.replyStatelessly(server, to: request, 416)
            return
        }
        guard let to = try? request.to(), to.uri.scheme == .sip || to.uri.scheme == .sips else {
            context.agent.replyStatelessly(server, to: request, 400, reason: "Bad Address Of Record")
            return
        }
        guard let user = authenticate(request, server, over: flow) else { return }
        guard DialPlan.number(in: to.uri) == user else {
            context.reply(server, to: request, 403)
            return
        }
        let answer = registrar.register(
            request, addressOfRecord: user, over: flow, at: context.now, wall: context.wall)
        context.reply(server, to: request, answer.status, reason: answer.reason, fields: answer.fields)
        for _ in 0..<answer.evictedCount { outputs.append(.count("registration.evicted")) }
    }
}

extension SIPURI.Scheme {
    /// True of the schemes that may stand in a Request-URI here; of others, 416.
    fileprivate var isCallable: Bool {
        switch self {
        case .sip, .sips, .tel: true
        case .other: false
        }
    }
}
