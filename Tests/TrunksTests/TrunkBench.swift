import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent
import ServerLocation
import Settings
import Trunks

/// Trunks on a transaction layer, and a test that plays their servers under virtual time.
final class TrunkBench {
    struct Sent {
        let request: SIPRequest
        let flow: SIPFlow
    }

    static let local: [SIPFlow.Transport: Endpoint] = [
        .udp: Endpoint("192.0.2.1:5060")!, .tcp: Endpoint("192.0.2.1:5060")!, .tls: Endpoint("192.0.2.1:5061")!,
    ]

    let hashes = OpenSSLHashes()
    var trunks = Trunks(hashes: OpenSSLHashes())
    var agent = UserAgentContext(transactions: TransactionLayer(), at: .origin, wall: UnixTime(seconds: 0))
    var entropy: Entropy
    var now = Instant.origin
    /// What is answered to `locate`; other hosts are left without answer.
    var places: [String: LocationResult] = [:]
    /// Requests that are not repetitions, oldest first; tests take them out.
    var sent: [Sent] = []
    var asked: [LocationTarget] = []
    var changes: [TrunkState] = []
    var hopFailures: [Hop] = []
    private var branches: Set<String> = []

    init(seed: UInt64 = 1) { entropy = Entropy(SeededGenerator(seed: seed)) }

    /// One registering trunk over UDP at 198.51.100.1, everything located.
    static func registering(
        seed: UInt64 = 1, hops: [String] = ["198.51.100.1:5060"], transport: SIPFlow.Transport = .udp,
        _ change: (inout TrunkSettings) -> Void = { _ in }
    ) -> TrunkBench {
        let bench = TrunkBench(seed: seed)
        bench.places["telco.example"] = .hops(hops.map { Hop(transport: transport, endpoint: Endpoint($0)!) })
        var trunk = trunk()
        change(&trunk)
        bench.adopt(settings([trunk]))
        bench.listen()
        return bench
    }

    static func trunk(_ name: String = "telco", kind: TrunkSettings.Kind = .registering) -> TrunkSettings {
        var trunk = TrunkSettings(
            name: name, kind: kind, server: TrunkServer(host: "telco.example"), user: "4930123456",
            password: Secret("right"))
        trunk.healthInterval = .zero
        trunk.defaultDestination = "610"
        return trunk
    }

    static func settings(_ trunks: [TrunkSettings]) -> ApplianceSettings {
        var settings = ApplianceSettings()
        settings.users = [
            UserSettings(extension: "100", name: "Ada", password: Secret("x"), callerNumber: "+493012345611"),
            UserSettings(extension: "101", name: "Bob", password: Secret("x")),
            UserSettings(extension: "107", name: "Cleo", password: Secret("x")),
        ]
        settings.groups = [GroupSettings(extension: "610", name: "Office", strategy: .all, members: ["100", "101"])]
        settings.numbering = NumberingSettings(countryCode: "49")
        settings.numbering.areaCode = "30"
        settings.numbering.outsidePrefix = "0"
        settings.outgoing.emergencyNumbers = ["110", "112"]
        settings.outgoing.rules = [OutgoingRule(prefix: "+", trunks: trunks.map(\.name))]
        settings.trunks = trunks
        return settings
    }

    // MARK: Inputs

    func adopt(_ settings: ApplianceSettings) { run { $0.adopt(settings, &$1) } }

    func listen(_ listeners: [SIPFlow.Transport: Endpoint] = local) {
        run { trunks, agent in
            let list = [SIPFlow.Transport.udp, .tcp, .tls].compactMap { transport in
                listeners[transport].map { ListenerAddress(transport, $0) }
            }
            trunks.listening(list, &agent)
        }
    }

    func run(_ body: (inout Trunks, inout UserAgentContext) -> Void) {
        agent.begin(at: now, wall: UnixTime(seconds: 0), entropy: &entropy)
        body(&trunks, &agent)
        settle()
        agent.end(entropy: &entropy)
    }

    /// Lets the time pass, with everything that falls due on the way.
    func advance(by duration: Duration) {
        let end = now + duration
        while let due = [agent.transactions.nextDeadline, trunks.nextDeadline].compactMap({ $0 }).min(), due <= end {
            now = max(now, due)
            run { trunks, agent in
                agent.pending += agent.transactions.handleDeadline(at: agent.now)
                trunks.deadline(&agent)
            }
        }
        now = end
    }

    /// Until the next request goes out; the time that took.
    @discardableResult
    func advanceToNextRequest(within limit: Duration = .seconds(7_200)) -> Duration {
        let start = now
        while sent.isEmpty, now - start < limit {
            guard let due = [agent.transactions.nextDeadline, trunks.nextDeadline].compactMap({ $0 }).min() else {
                break
            }
            advance(by: max(due - now, .zero))
        }
        return now - start
    }

    func take() -> Sent? { sent.isEmpty ? nil : sent.removeFirst() }

    func answer(
        _ sent: Sent, _ status: Int, _ fields: [(SIPHeaderName, String)] = [], over connection: UInt64? = nil
    ) {
        var response = SIPResponse(to: sent.request, status: status, toTag: "server")
        for (name, value) in fields { response.headers.append(name, value) }
        var flow = sent.flow
        flow.connection = connection ?? sent.flow.connection
        run { _, agent in
            agent.pending += agent.transactions.receive(.response(response), from: flow, at: agent.now)
        }
    }

    /// Answers the oldest REGISTER with 200, granting what it asks for.
    func accept(
        _ seconds: Int? = nil, _ fields: [(SIPHeaderName, String)] = [], over connection: UInt64? = nil
    ) {
        guard let request = take() else { return }
        let contact = request.request.headers[.contact] ?? ""
        let granted = seconds.map { contact.split(separator: ";expires=")[0] + ";expires=\($0)" } ?? contact
        answer(request, 200, [(.contact, granted)] + fields, over: connection)
    }

    func fail(_ sent: Sent) {
        run { _, agent in agent.pending += agent.transactions.flowFailed(sent.flow, at: agent.now) }
    }

    // MARK: Outcomes

    private func settle() {
        repeat {
            let effects = trunks.effects
            trunks.effects = []
            for effect in effects {
                switch effect {
                case .locate(let id, let target):
                    asked.append(target)
                    if let place = places[target.host] { trunks.located(id, target, place, &agent) }
                case .hopFailed(let hop): hopFailures.append(hop)
                case .hopSucceeded: break
                case .changed(_, _, let state): changes.append(state)
                }
            }
            let pending = agent.pending
            agent.pending = []
            for effect in pending {
                switch effect {
                case .transmit(let bytes, let flow): transmitted(bytes, flow)
                case .response(let client, let response, let flow):
                    if trunks.owns(client) { trunks.received(response, to: client, over: flow, &agent) }
                case .failed(let client, let reason):
                    if trunks.owns(client) { trunks.failed(client, reason, &agent) }
                default: break
                }
            }
        } while !agent.pending.isEmpty || !trunks.effects.isEmpty
    }

    private func transmitted(_ bytes: [UInt8], _ flow: SIPFlow) {
        guard case .request(let request)? = try? SIPParser.parse(bytes, limits: Limits()),
            let branch = (try? request.topVia())?.branch, branches.insert(branch).inserted
        else { return }
        sent.append(Sent(request: request, flow: flow))
    }

    var state: TrunkState? { status?.state }
    var status: TrunkStatus? { trunks.statuses(at: now).first }
}

/// The digest of a telephone company.
final class Registrar {
    private var authenticator = DigestAuthenticator(
        realm: "telco.example", secret: Secret([UInt8](repeating: 7, count: 16)), hashes: OpenSSLHashes())

    func challenge(at now: Instant, stale: Bool = false, _ entropy: inout Entropy) -> String {
        authenticator.challenges(at: now, entropy: &entropy, stale: stale)[0]
    }

    func verify(_ request: SIPRequest, at now: Instant) -> DigestAuthenticator.Verdict? {
        guard let credentials = request.authorizations().first else { return nil }
        return authenticator.verify(
            credentials, method: request.method, uri: request.uri.description, password: Secret("right"), at: now)
    }
}

extension SIPRequest {
    var contact: NameAddress? {
        if case .list(let list)? = try? contacts() { list.first } else { nil }
    }
}
