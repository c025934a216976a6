import Media
import MediaNegotiation
package import Primitives
import SDP
import SIPDialog
import SIPMessage
package import SIPTransaction

/// A SIP user agent with one account and one call at a time, as a pure state machine (RFC 3261 sections 8, 10, 12-15).
///
///     registration   idle -> registering -> registered -> (refresh) registering
///                                  \-> failed (retried after 30 s)      registered -> unregistering -> idle
///     call           see `SoftphoneCall`
///
/// It serves the headless softphone program and the simulator alike.
package struct SoftphoneCore: Sendable {
    package let account: SoftphoneAccount
    var transactions: TransactionLayer
    let hashes: any HashFunctions
    var flow: SIPFlow?
    var registration = RegistrationState.idle
    var registerCallID = ""
    var registerTag = ""
    var registerCSeq: UInt32 = 0
    var call: SoftphoneCall?
    var nonceCounts: [String: UInt32] = [:]
    var sessionNumber: UInt64 = 0
    /// Requests outside calls that wait for their answers.
    var errands: [Errand] = []
    var watches: [Watch] = []

    /// So many challenges are answered for one request.
    static let maximumChallenges = 3
    /// What Allow says.
    static let methods = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY"

    enum RegistrationState: Sendable, Equatable {
        case idle
        case registering(ClientTransactionID, challenges: Int, expires: Int)
        case registered(refreshAt: Instant)
        case failed(retryAt: Instant)
    }

    package init(
        account: SoftphoneAccount, hashes: any HashFunctions, timers: TimerValues = TimerValues(),
        limits: Limits = Limits()
    ) {
        self.account = account
        self.hashes = hashes
        transactions = TransactionLayer(timers: timers, limits: limits)
    }

    /// The earliest instant at which `.deadline` has work to do.
    package var nextDeadline: Instant? {
        var deadlines = [transactions.nextDeadline, call?.nextDeadline].compactMap { $0 }
        switch registration {
        case .registered(let instant), .failed(let instant): deadlines.append(instant)
        case .idle, .registering: break
        }
        return deadlines.min()
    }

    /// True when no transaction, call or registration attempt is under way.
    package var isQuiet: Bool {
        guard call == nil, transactions.clientCount == 0, transactions.serverCount == 0 else { return false }
        if case .registering = registration { return false }
        return true
    }

    package mutating func handle(
        _ input: SoftphoneInput, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        switch input {
        case .connected(let flow):
            self.flow = flow
            guard account.registers else { return [] }
            return register(expires: account.expires, at: now, entropy: &entropy)
        case .message(let bytes, let flow):
            guard let message = try? SIPParser.parse(bytes, framing: flow.transport.isReliable ? .stream : .datagram)
            else {
                return []
            }
            return run(transactions.receive(message, from: flow, at: now), at: now, entropy: &entropy)
        case .flowClosed:
            guard let flow else { return [] }
            self.flow = nil
            registration = .idle
            return run(transactions.flowFailed(flow, at: now), at: now, entropy: &entropy) + endCall(status: 503)
        case .mediaReady(let address, let port):
            return mediaReady(address, port: port, at: now, entropy: &entropy)
        case .command(.call(let number)): return placeCall(to: number, entropy: &entropy)
        case .command(.answer): return answerNow()
        case .command(.refuse(let status)): return refuse(status, at: now, entropy: &entropy)
        case .command(.redirect(let number)): return refuse(302, contact: number, at: now, entropy: &entropy)
        case .command(.hold(let isHeld)): return hold(isHeld, at: now, entropy: &entropy)
        case .command(.transfer(let number, let replaces)):
            return transfer(to: number, replaces: replaces, at: now, entropy: &entropy)
        case .command(.pickUp(let number, let dialog)):
            return placeCall(to: number, replacing: dialog, entropy: &entropy)
        case .command(.watch(let number, let package)):
            return watch(number, package, at: now, entropy: &entropy)
        case .command(.message(let number, let text)): return message(number, text, at: now, entropy: &entropy)
        case .command(.connect(let number)): return connect(number, at: now, entropy: &entropy)
        case .command(.hangUp): return hangUp(at: now, entropy: &entropy)
        case .command(.unregister): return register(expires: 0, at: now, entropy: &entropy)
        case .deadline: return deadline(at: now, entropy: &entropy)
        }
    }

    private mutating func deadline(at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        var effects = run(transactions.handleDeadline(at: now), at: now, entropy: &entropy)
        effects += callDeadline(at: now, entropy: &entropy)
        switch registration {
        case .registered(let instant) where now >= instant, .failed(let instant) where now >= instant:
            effects += register(expires: account.expires, at: now, entropy: &entropy)
        case .registered, .failed, .idle, .registering: break
        }
        return effects
    }

    /// Turns transaction effects into ours; what they bring for the user agent is handled at once.
    mutating func run(
        _ effects: [TransactionEffect], at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        var result: [SoftphoneEffect] = []
        for effect in effects {
            switch effect {
            case .transmit(let bytes, let flow): result.append(.transmit(bytes, flow))
            case .request(let id, let request, let flow):
                result += received(request, id, over: flow, at: now, entropy: &entropy)
            case .ack(let request, _): received(ack: request)
            case .cancelled(let id): result += cancelled(id, at: now, entropy: &entropy)
            case .response(let id, let response, _):
                if case .registering(id, let challenges, let expires) = registration {
                    result += registerAnswered(
                        response, challenges: challenges, expires: expires, at: now, entropy: &entropy)
                } else if let answered = errandAnswered(id, response, at: now, entropy: &entropy) {
                    result += answered
                } else {
                    result += callAnswered(id, response, at: now, entropy: &entropy)
                }
            case .failed(let id, let failure):
                let status = failure == .timedOut ? 408 : 503
                if case .registering(id, _, let expires) = registration {
                    result += registrationFailed(status, expires: expires, at: now)
                } else if let failed = errandFailed(id, status: status) {
                    result += failed
                } else {
                    result += callFailed(id, status: status, at: now, entropy: &entropy)
                }
            case .ackMissing(let id): result += ackMissing(id, at: now, entropy: &entropy)
            case .dropped: break
            }
        }
        return result
    }

    // MARK: - Building requests

    var addressOfRecord: SIPURI { SIPURI(user: account.user, host: account.domain) }

    /// Our Contact on the present flow (RFC 3261 section 8.1.1.8).
    func contactURI(on flow: SIPFlow) -> SIPURI {
        var parameters = SIPParameters()
        if flow.transport != .udp { parameters.set("transport", flow.transport.rawValue.lowercased()) }
        let address = flow.local.address
        return SIPURI(
            user: account.user, host: address.isV4 ? "\(address)" : "[\(address)]", port: flow.local.port,
            parameters: parameters)
    }

    /// Adds credentials for the challenge of a 401 or 407; false when there is no algorithm that we know.
    mutating func authorise(_ request: inout SIPRequest, for response: SIPResponse, entropy: inout Entropy) -> Bool {
        let challenges = response.challenges()
        let nonce = challenges.first?.parameters["nonce"] ?? ""
        nonceCounts[nonce, default: 0] += 1
        let count = nonceCounts[nonce] ?? 1
        if nonceCounts.count > 8 { nonceCounts = [nonce: count] }
        guard
            let credentials = DigestClient.authorization(
                for: challenges, username: account.user, password: account.password, method: request.method,
                uri: request.uri.description, nc: count, cnonce: entropy.hexToken(bytes: 8), hashes: hashes)
        else { return false }
        request.headers.set(response.status == 407 ? .proxyAuthorization : .authorization, credentials.description)
        return true
    }

    /// Whether a 401 or 407 is to be answered: the first one, and again as long as only our nonce was too old (RFC 7616
    /// section 3.3), but not for ever.
    func mayAnswer(_ response: SIPResponse, challenges: Int) -> Bool {
        let isStale = response.challenges().contains { $0.parameters["stale"]?.lowercased() == "true" }
        return challenges == 0 || (isStale && challenges < Self.maximumChallenges)
    }

    mutating func branch(_ entropy: inout Entropy) -> String { "z9hG4bK" + entropy.hexToken(bytes: 8) }

    // MARK: - Registration

    private mutating func register(expires: Int, at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        guard let flow else { return [] }
        if registerCallID.isEmpty {
            registerCallID = entropy.hexToken(bytes: 12)
            registerTag = entropy.hexToken(bytes: 6)
        }
        return sendRegister(
            registerRequest(expires: expires, over: flow), expires: expires, challenges: 0,
            over: flow, at: now, entropy: &entropy)
    }

    private mutating func registerRequest(expires: Int, over flow: SIPFlow) -> SIPRequest {
        registerCSeq += 1
        var from = NameAddress(displayName: account.displayName, uri: addressOfRecord)
        let to = from
        from.tag = registerTag
        var headers = SIPHeaders()
        headers.append(.maxForwards, "70")
        headers.append(.from, from.description)
        headers.append(.to, to.description)
        headers.append(.callID, registerCallID)
        headers.append(.cseq, CSeq(number: registerCSeq, method: .register).description)
        headers.append(.contact, NameAddress(uri: contactURI(on: flow)).description)
        headers.append(.expires, String(expires))
        headers.append(.userAgent, "pbx-softphone")
        return SIPRequest(method: .register, uri: SIPURI(host: account.domain), headers: headers)
    }

    private mutating func sendRegister(
        _ request: SIPRequest, expires: Int, challenges: Int, over flow: SIPFlow, at now: Instant,
        entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        let (id, effects) = transactions.send(request, over: flow, branch: branch(&entropy), at: now)
        registration = .registering(id, challenges: challenges, expires: expires)
        return run(effects, at: now, entropy: &entropy)
    }

    private mutating func registerAnswered(
        _ response: SIPResponse, challenges: Int, expires: Int, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        switch response.status {
        case ..<200: return []
        case 200..<300:
            guard expires > 0 else {
                registration = .idle
                return [.event(.unregistered)]
            }
            let granted = grantedExpiry(response) ?? expires
            registration = .registered(refreshAt: now + .milliseconds(Int64(granted) * 900))
            return [.event(.registered(expiresSeconds: granted))]
        case 401, 407:
            guard let flow else { return [] }
            var request = registerRequest(expires: expires, over: flow)
            guard mayAnswer(response, challenges: challenges), authorise(&request, for: response, entropy: &entropy)
            else {
                return registrationFailed(response.status, expires: expires, at: now)
            }
            return sendRegister(
                request, expires: expires, challenges: challenges + 1, over: flow, at: now, entropy: &entropy)
        default: return registrationFailed(response.status, expires: expires, at: now)
        }
    }

    private func grantedExpiry(_ response: SIPResponse) -> Int? {
        if case .list(let contacts)? = try? response.contacts(), let flow {
            let own = contactURI(on: flow)
            let mine = contacts.first { $0.uri.user == own.user && $0.uri.port == own.port && $0.uri.host == own.host }
            if let seconds = mine?.parameters["expires"].flatMap({ Int($0) }) { return seconds }
        }
        return response.expires()
    }

    /// Registering is tried again, unregistering is not: the binding ends by itself.
    private mutating func registrationFailed(_ status: Int, expires: Int, at now: Instant) -> [SoftphoneEffect] {
        registration = expires > 0 ? .failed(retryAt: now + .seconds(30)) : .idle
        return [.event(.registrationFailed(status: status))]
    }
}
