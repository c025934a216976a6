import CallControl
import CloudMessages
import Media
import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings
import Testing

/// Call control with its transactions in virtual time, telephones around it, nothing else: no registrar, no passwords.
/// Messages arrive at once unless the test takes them away; timers fire when time is advanced.
final class CallWorld {
    static let local = Endpoint(address: .v4(0x0A00_0001), port: 5060)

    var control: CallControl
    var context: CallContext
    var entropy = Entropy(SeededGenerator(seed: 11))
    var now = Instant.origin
    private(set) var peers: [Peer] = []
    /// Who rings when an INVITE comes.
    var callees: [Peer] = []
    private(set) var media: [MediaCommand] = []
    private(set) var records: [CallRecord] = []
    private(set) var counts: [String] = []
    /// What side a comes to in the end.
    var finalFigures = StreamStatistics()
    /// True: the message is lost on its way to that telephone.
    var loses: (SIPMessage, Peer) -> Bool = { _, _ in false }

    init(timers: CallTimers = CallTimers()) {
        var settings = ApplianceSettings()
        settings.sip.realm = "pbx.example"
        settings.media.address = .v4(0x0A00_0001)
        control = CallControl(settings: settings, limits: Limits(), timers: timers)
        context = CallContext(
            agent: UserAgentContext(
                transactions: TransactionLayer(), at: .origin, wall: UnixTime(seconds: 1_800_000_000)))
    }

    func add(_ peer: Peer) { peers.append(peer) }

    // MARK: Input

    func receive(_ message: SIPMessage, from flow: SIPFlow) {
        guard let parsed = try? SIPParser.parse(message.serialised(), framing: .datagram) else {
            Issue.record("a telephone wrote what cannot be parsed")
            return
        }
        step { $0.agent.pending += $0.agent.transactions.receive(parsed, from: flow, at: $0.now) }
    }

    func tell(_ event: MediaEvent) { step { control.media(event, &$0) } }

    func silence(_ side: MediaSide) { step { control.media(.silent(MediaSessionID(1), side), &$0) } }

    func closeFlow(_ flow: SIPFlow) {
        step { $0.agent.pending += $0.agent.transactions.flowFailed(flow, at: $0.now) }
    }

    /// The appliance stops.
    func endAll() { step { control.endAll(&$0) } }

    private func step(_ input: (inout CallContext) -> Void) {
        context.agent.begin(at: now, wall: UnixTime(seconds: 1_800_000_000) + (now - .origin), entropy: &entropy)
        input(&context)
        run()
        context.agent.end(entropy: &entropy)
    }

    private func run() {
        takeEffects()
        while !context.agent.pending.isEmpty {
            let effect = context.agent.pending.removeFirst()
            switch effect {
            case .transmit(let bytes, let flow): deliver(bytes, over: flow)
            case .request(let server, let request, let flow): received(request, server, flow)
            case .ack(let ack, let flow): _ = control.acknowledged(by: ack, over: flow, &context)
            case .cancelled(let server): control.cancelled(server, &context)
            case .response(let client, let response, _): control.received(response, to: client, &context)
            case .failed(let client, let reason): control.failed(client, reason, &context)
            case .ackMissing(let server): control.ackMissing(server, &context)
            case .dropped: break
            }
            takeEffects()
        }
    }

    private func received(_ request: SIPRequest, _ server: ServerTransactionID, _ flow: SIPFlow) {
        guard (try? request.to())?.tag == nil else {
            if !control.received(request, server, over: flow, &context) { context.reply(server, to: request, 481) }
            return
        }
        let parties = callees.map { CallParty(number: $0.number, name: $0.number) }
        let targets = zip(callees, parties).map { CallTarget(party: $1, uri: $0.contact, flow: $0.flow) }
        let caller = peers.first { $0.isReached(by: flow) }?.number ?? "?"
        control.invite(
            Invitation(
                server: server, request: request, flow: flow, caller: CallParty(number: caller, name: caller),
                destination: .user(CallParty(number: "101", name: "101")), targets: targets), &context)
    }

    private func deliver(_ bytes: [UInt8], over flow: SIPFlow) {
        guard let message = try? SIPParser.parse(bytes, framing: .datagram) else {
            Issue.record("what was sent cannot be parsed: \(String(decoding: bytes, as: UTF8.self))")
            return
        }
        guard let peer = peers.first(where: { $0.isReached(by: flow) }), !loses(message, peer) else { return }
        peer.inbox.append(message)
    }

    private func takeEffects() {
        counts += context.agent.counts
        context.agent.counts = []
        let effects = context.effects
        context.effects = []
        for effect in effects {
            if case .ended(let record) = effect { records.append(record) }
            guard case .media(let command) = effect else { continue }
            media.append(command)
            if case .open(let id) = command { control.media(.opened(id, portA: 20_000, portB: 20_002), &context) }
            if case .close(let id) = command {
                control.media(.closed(id, a: finalFigures, b: StreamStatistics()), &context)
            }
        }
        if !context.effects.isEmpty { takeEffects() }
    }

    // MARK: Time

    /// Lets time pass; every deadline on the way is served when it is due.
    func advance(by duration: Duration) {
        let end = now + duration
        while let due = [context.agent.transactions.nextDeadline, control.nextDeadline].compactMap({ $0 }).min(),
            due <= end
        {
            now = max(now, due)
            step {
                $0.agent.pending += $0.agent.transactions.handleDeadline(at: now)
                control.deadline(&$0)
            }
        }
        now = end
    }

    // MARK: What came out

    /// What a side was configured to last.
    func stream(_ side: MediaSide) -> MediaStreamDescription? {
        media.compactMap { if case .configure(_, side, let stream) = $0 { stream } else { nil } }.last
    }

    /// The keys that the media were told to press.
    var digits: [MediaCommand] { media.filter { if case .sendDigits = $0 { true } else { false } } }

    func forgetDigits() { media.removeAll { if case .sendDigits = $0 { true } else { false } } }

    func count(_ name: String) -> Int { counts.filter { $0 == name }.count }

    /// Lets every timer run out: no call, transaction, directory entry or media session may be left.
    func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) {
        advance(by: .seconds(200))
        #expect(control.isIdle, "a call is left", sourceLocation: location)
        #expect(control.activeCount == 0, sourceLocation: location)
        #expect(context.isEmpty, "an entry of a leg is left", sourceLocation: location)
        #expect(context.agent.transactions.serverCount == 0, "a transaction is left", sourceLocation: location)
        #expect(context.agent.transactions.clientCount == 0, "a transaction is left", sourceLocation: location)
        #expect(control.nextDeadline == nil, sourceLocation: location)
        let opened = media.filter { if case .open = $0 { true } else { false } }.count
        let closed = media.filter { if case .close = $0 { true } else { false } }.count
        #expect(opened == closed, "a media session is left", sourceLocation: location)
    }
}
