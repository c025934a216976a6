import Applications
import CallControl
import CloudMessages
import Media
import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings
import Testing

/// Call control with several numbers, lines to the outside and a plan that answers routing questions, in virtual time.
/// Nobody registers and nobody is challenged by the appliance: who calls is known by the address.
final class Switchboard {
    static let realm = "pbx.example"
    static let local = Endpoint(address: .v4(0x0A00_0001), port: 5060)

    var control: CallControl
    var context: CallContext
    var entropy = Entropy(SeededGenerator(seed: 1))
    var now = Instant.origin
    private(set) var phones: [TestPhone] = []
    /// Whom a number rings; without an entry its telephones, all at once.
    var ranks: [String: [[CallTarget]]] = [:]
    /// Numbers that the appliance answers itself.
    var services: [String: CallService] = [:]
    /// The line of the telephone that stands for it.
    var lines: [String: LineID] = [:]
    private(set) var media: [MediaCommand] = []
    private(set) var records: [CallRecord] = []
    private(set) var questions: [RoutingRequest] = []
    private(set) var states: [DialogState] = []
    private(set) var counts: [String] = []
    /// What the files of voice messages were told.
    private(set) var files: [MessageCommand] = []
    private(set) var lamps: [String] = []
    private(set) var logs: [String] = []
    /// Mailboxes of numbers.
    var mailboxes: [String: CallFallback] = [:]
    /// What gets lost on its way to a telephone.
    var loses: (SIPMessage) -> Bool = { _ in false }

    init(
        limits: Limits = Limits(), timers: CallTimers = CallTimers(), playsMusic: Bool = true,
        backend: MediaBackendKind = .builtin, applications: ApplicationSettings = ApplicationSettings()
    ) {
        var settings = ApplianceSettings()
        settings.sip.realm = Self.realm
        settings.media.address = .v4(0x0A00_0001)
        settings.features.musicOnHold = playsMusic
        settings.media.backend = backend
        settings.applications = applications
        control = CallControl(settings: settings, limits: limits, timers: timers)
        context = CallContext(
            agent: UserAgentContext(transactions: TransactionLayer(limits: limits), at: now, wall: Self.wallStart),
            hashes: OpenSSLHashes())
    }

    static let wallStart = UnixTime(seconds: 1_800_000_000)
    var wall: UnixTime { Self.wallStart + (now - .origin) }
    static let names = ["100": "Ada", "101": "Bob", "102": "Cleo", "103": "Dan"]

    func party(_ number: String) -> CallParty { CallParty(number: number, name: Self.names[number] ?? "") }

    func phone(_ number: String, port: UInt16) -> TestPhone {
        let phone = TestPhone(self, number, port: port)
        phones.append(phone)
        return phone
    }

    // MARK: Input

    func feed(_ message: SIPMessage, from flow: SIPFlow) {
        enter {
            guard let parsed = try? SIPParser.parse(message.serialised(), framing: .datagram) else {
                Issue.record("a test telephone sent what cannot be parsed")
                return
            }
            context.agent.pending += context.agent.transactions.receive(parsed, from: flow, at: now)
        }
    }

    func closeFlow(_ flow: SIPFlow) {
        enter { context.agent.pending += context.agent.transactions.flowFailed(flow, at: now) }
    }

    func feed(_ event: MediaEvent) { enter { control.media(event, &context) } }

    func feed(_ event: MessageEvent) { enter { control.messages(event, &context) } }

    func adopt(_ settings: ApplianceSettings) { enter { control.adopt(settings, &context) } }

    func endAll() { enter { control.endAll(&context) } }

    private func enter(_ body: () -> Void) {
        context.agent.begin(at: now, wall: wall, entropy: &entropy)
        body()
        run()
        context.agent.end(entropy: &entropy)
    }

    private func run() {
        takeEffects()
        while !context.agent.pending.isEmpty {
            carryOut(context.agent.pending.removeFirst())
            takeEffects()
        }
        counts += context.agent.counts
        context.agent.counts = []
    }

    private func carryOut(_ effect: TransactionEffect) {
        switch effect {
        case .transmit(let bytes, let flow):
            guard let message = try? SIPParser.parse(bytes, framing: .datagram) else {
                Issue.record("call control sent what cannot be parsed: \(String(decoding: bytes, as: UTF8.self))")
                return
            }
            if !loses(message) { phones.first { $0.flow.remote == flow.remote }?.inbox.append(message) }
        case .request(let server, let request, let flow): received(request, server, flow)
        case .ack(let ack, let flow): _ = control.acknowledged(by: ack, over: flow, &context)
        case .cancelled(let server): control.cancelled(server, &context)
        case .response(let client, let response, _): control.received(response, to: client, &context)
        case .failed(let client, let reason): control.failed(client, reason, &context)
        case .ackMissing(let server): control.ackMissing(server, &context)
        case .dropped: break
        }
    }

    private func received(_ request: SIPRequest, _ server: ServerTransactionID, _ flow: SIPFlow) {
        if (try? request.to())?.tag != nil {
            if !control.received(request, server, over: flow, &context) { context.reply(server, to: request, 481) }
            return
        }
        guard let phone = phones.first(where: { $0.flow.remote == flow.remote }) else { return }
        let caller = party(phone.number)
        switch request.method {
        case .invite where control.replace(request, server, over: flow, by: caller, &context): break
        case .invite:
            let number = DialPlan.number(in: request.uri) ?? ""
            var invitation = Invitation(
                server: server, request: request, flow: flow, caller: caller, destination: destination(number),
                ranks: targets(of: number), line: lines[phone.number])
            invitation.fallback = mailboxes[number]
            control.invite(invitation, &context)
        case .refer: control.refer(request, server, over: flow, by: caller, &context)
        default: context.reply(server, to: request, 405)
        }
    }

    private func destination(_ number: String) -> DialPlan.Destination {
        if let service = services[number] { return .service(party(number), service) }
        return number.hasPrefix("+") ? .outside(party(number)) : .user(party(number))
    }

    func target(_ phone: TestPhone, preference: Int = 1000) -> CallTarget {
        CallTarget(party: party(phone.number), uri: phone.contact, flow: phone.flow, preference: preference)
    }

    func targets(of number: String) -> [[CallTarget]] {
        ranks[number] ?? [phones.filter { $0.number == number }.map { target($0) }]
    }

    private func takeEffects() {
        while !context.effects.isEmpty {
            let effects = context.effects
            context.effects = []
            for effect in effects { carryOut(effect) }
        }
    }

    private func carryOut(_ effect: CallEffect) {
        switch effect {
        case .media(let command):
            media.append(command)
            switch command {
            case .open(let id):
                let port = UInt16(20_000 + 4 * id.value)
                control.media(.opened(id, portA: port, portB: port + 2), &context)
            case .close(let id):
                control.media(.closed(id, a: StreamStatistics(), b: StreamStatistics()), &context)
            default: break
            }
        case .ended(let record): records.append(record)
        case .dialogState(let change): states.append(change.dialog)
        case .messages(let command): files.append(command)
        case .messagesWaiting(let user, let new, let old): lamps.append("\(user) \(new)/\(old)")
        case .log(let text): logs.append(text)
        case .night, .agent, .keys: break
        case .routing(let question):
            questions.append(question)
            guard let number = DialPlan.number(in: question.uri),
                Self.names[number] != nil || ranks[number] != nil || services[number] != nil
            else {
                control.routed(question, nil, &context)
                return
            }
            var route = Route(destination: destination(number), ranks: targets(of: number))
            route.fallback = mailboxes[number]
            control.routed(question, route, &context)
        }
    }

    // MARK: Time

    var nextDeadline: Instant? {
        [context.agent.transactions.nextDeadline, control.nextDeadline].compactMap { $0 }.min()
    }

    func advance(by duration: Duration) {
        let end = now + duration
        while let due = nextDeadline, due <= end {
            now = max(now, due)
            enter {
                context.agent.pending += context.agent.transactions.handleDeadline(at: now)
                control.deadline(&context)
            }
        }
        now = end
    }

    /// Lets every timer run out: no call, leg, transaction or media session may be left.
    func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) {
        for _ in 0..<60 where !isIdle { advance(by: .seconds(10)) }
        #expect(isIdle, "calls or transactions are left", sourceLocation: location)
        #expect(context.isEmpty, "the directory still knows legs", sourceLocation: location)
        #expect(control.activeCount == 0, sourceLocation: location)
        let opened = media.count { if case .open = $0 { true } else { false } }
        let closed = media.count { if case .close = $0 { true } else { false } }
        #expect(opened == closed, "a media session is left", sourceLocation: location)
        #expect(records.count == opened, sourceLocation: location)
        for id in Set(states.map(\.id)) {
            let ends = states.filter { $0.id == id && $0.state == .terminated }
            #expect(ends.count == 1, "dialog \(id) has not ended once", sourceLocation: location)
        }
    }

    var isIdle: Bool {
        control.isIdle && context.agent.transactions.serverCount == 0 && context.agent.transactions.clientCount == 0
    }

    // MARK: What came out

    /// What a side was last told to hear; nil: nothing but its peer.
    func hearing(_ side: MediaSide, session: UInt64 = 1) -> AudioProgram? {
        media.reversed().lazy.compactMap { command in
            if case .hear(MediaSessionID(session), side, let program) = command { program } else { nil }
        }.first
    }

    /// What a side was configured to last.
    func stream(_ side: MediaSide, session: UInt64 = 1) -> MediaStreamDescription? {
        media.compactMap {
            if case .configure(MediaSessionID(session), side, let stream) = $0 { stream } else { nil }
        }.last
    }

    /// The lamps of a user in order: `trying`, `terminated/cancelled`.
    func lamps(_ number: String) -> [String] {
        states.filter { $0.party.number == number }.map { state in
            state.state.rawValue + (state.event.map { "/\($0.rawValue)" } ?? "")
        }
    }
}
