import Events
import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Testing

/// A notifier on a real transaction layer in virtual time. Telephones are what the tests write and read.
final class Exchange {
    static let flow = SIPFlow(
        transport: .udp, local: Endpoint("10.0.0.1:5060")!, remote: Endpoint("10.0.0.7:5060")!)
    static let domain = "pbx.example"

    var agent: UserAgentContext
    var server: SubscriptionServer
    var entropy = Entropy(SeededGenerator(seed: 5))
    private(set) var now = Instant.origin
    /// What was sent and not yet looked at: responses to SUBSCRIBE, and NOTIFYs, without repetitions.
    var responses: [SIPResponse] = []
    var notifies: [SIPRequest] = []
    private var seen: Set<String> = []
    private var branch = 0

    init(limits: Limits = Limits()) {
        agent = UserAgentContext(
            transactions: TransactionLayer(limits: limits), at: .origin, wall: UnixTime(seconds: 1_800_000_000))
        server = SubscriptionServer(limits: limits)
    }

    // MARK: Steps

    /// Lets the notifier do something and carries out what follows.
    func act(_ body: (inout SubscriptionServer, inout UserAgentContext) -> Void) {
        agent.begin(at: now, wall: UnixTime(seconds: 1_800_000_000) + (now - .origin), entropy: &entropy)
        body(&server, &agent)
        run()
        agent.end(entropy: &entropy)
    }

    private func run(watcher: String = "101", grant: SubscriptionGrant = .full) {
        var next = 0
        while next < agent.pending.count {
            let effect = agent.pending[next]
            next += 1
            switch effect {
            case .transmit(let bytes, _): note(bytes)
            case .request(let id, let request, let flow):
                if (try? request.to())?.tag != nil {
                    if !server.received(request, id, over: flow, &agent) { agent.reply(id, to: request, 481) }
                } else {
                    server.subscribe(
                        request, id, over: flow, watcher: watcher, resource: request.uri.user ?? "",
                        domain: Self.domain, grant: grant, &agent)
                }
            case .response(let id, let response, _): #expect(server.received(response, to: id, &agent))
            case .failed(let id, let failure): _ = server.failed(id, failure, &agent)
            case .ack, .cancelled, .ackMissing, .dropped: break
            }
        }
        agent.pending.removeAll()
    }

    private func note(_ bytes: [UInt8]) {
        switch try? SIPParser.parse(bytes) {
        case .response(let response): responses.append(response)
        case .request(let request):
            let branch = (try? request.topVia())?.branch ?? ""
            if seen.insert(branch).inserted { notifies.append(request) }
        case nil: Issue.record("the notifier sent what cannot be parsed: \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    /// Serves every deadline until `duration` has passed.
    func advance(by duration: Duration) {
        let end = now + duration
        while let due = [agent.transactions.nextDeadline, server.nextDeadline].compactMap({ $0 }).min(), due <= end {
            now = max(now, due)
            act { server, agent in
                agent.pending += agent.transactions.handleDeadline(at: agent.now)
                server.deadline(&agent)
            }
        }
        now = end
    }

    // MARK: What a telephone does

    /// Sends a request as 101 does, and lets the notifier answer it.
    @discardableResult
    func send(
        _ resource: String = "100", event: String? = "dialog", expires: String? = "600", callID: String = "a",
        cseq: Int = 1, tag: String? = nil, method: SIPMethod = .subscribe, contact: String = "<sip:101@10.0.0.7:5060>",
        watcher: String = "101", grant: SubscriptionGrant = .full, over flow: SIPFlow = Exchange.flow,
        more: [SIPHeaders.Field] = []
    ) -> SIPResponse? {
        branch += 1
        var headers = SIPHeaders([
            .init(.via, "SIP/2.0/\(flow.transport.rawValue) 10.0.0.7:5060;branch=z9hG4bK\(branch)"),
            .init(.maxForwards, "70"), .init(.from, "<sip:101@pbx.example>;tag=w"),
            .init(.to, "<sip:\(resource)@pbx.example>" + (tag.map { ";tag=\($0)" } ?? "")),
            .init(.callID, callID), .init(.cseq, "\(cseq) \(method)"), .init(.contact, contact),
        ])
        if let event { headers.append(.event, event) }
        if let expires { headers.append(.expires, expires) }
        for field in more { headers.append(field.name, field.value) }
        let request = SIPRequest(method: method, uri: SIPURI(user: resource, host: Self.domain), headers: headers)
        agent.begin(at: now, wall: UnixTime(seconds: 1_800_000_000), entropy: &entropy)
        agent.pending += agent.transactions.receive(.request(request), from: flow, at: now)
        run(watcher: watcher, grant: grant)
        agent.end(entropy: &entropy)
        return responses.popLast()
    }

    /// Answers a NOTIFY.
    func answer(_ notify: SIPRequest?, _ status: Int = 200, fields: [SIPHeaders.Field] = []) {
        guard let notify else { return }
        var response = SIPResponse(to: notify, status: status)
        for field in fields { response.headers.append(field.name, field.value) }
        act { _, agent in
            agent.pending += agent.transactions.receive(.response(response), from: Self.flow, at: agent.now)
        }
    }

    /// The next NOTIFY, answered with 200.
    func taken() -> SIPRequest? {
        guard !notifies.isEmpty else { return nil }
        let notify = notifies.removeFirst()
        answer(notify)
        return notify
    }

    func setDialogs(_ dialogs: [WatchedDialog], of user: String = "100") {
        act { $0.setDialogs(of: user, to: dialogs, &$1) }
    }
}

extension SIPRequest {
    var text: String { String(decoding: body, as: UTF8.self) }
    var state: SubscriptionState? { try? subscriptionState() }
}

extension WatchedDialog {
    static func call(_ id: String, _ state: State = .confirmed, with name: String = "Bob") -> WatchedDialog {
        WatchedDialog(
            id: id, state: state, direction: .recipient, callID: "call-\(id)", localTag: "l", remoteTag: "r",
            local: Party(uri: SIPURI(user: "100", host: "pbx.example"), displayName: "Ada"),
            remote: Party(uri: SIPURI(user: "102", host: "pbx.example"), displayName: name))
    }
}
