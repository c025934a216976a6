import ApplianceCore
import CloudMessages
import HAL
import Media
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import SIPTransaction
import Settings
import Telemetry

/// The appliance of a simulated world: the real core, and a shell made of virtual time.
///
/// The store commits some milliseconds after it is asked, and only what is committed outlives a power cut.
final class ApplianceNode {
    static let address = IPAddress.v4(0xC000_020A)  // 192.0.2.10
    static let serial = "SIM0000001"

    unowned let world: World
    private(set) var core: ApplianceCore?
    /// Counts boots: what was on its way to an earlier one is lost.
    private(set) var boot = 0
    private(set) var disk: SimulatedDisk
    let jobs: JobRunner
    lazy var media = MediaNode(world: world) { [unowned self] in input(.media($0)) }
    private var armedDeadline: Instant?
    private var nextRequest: UInt64 = 0
    private var adminReplies: [AdminRequestID: AdminReply] = [:]
    private var serviceReplies: [ServiceRequestID: (ServiceReply) -> Void] = [:]
    private var streams: [ServiceRequestID: (CallRecord) -> Void] = [:]
    private(set) var uplink = SimulatedUplink()
    private(set) var egressed: [FlowID: Int] = [:]
    private(set) var isDrained = false
    private var pending: [Input] = []
    private var isRunning = false
    /// Added to the true wall clock.
    var clockError = Duration.zero

    static let sipEndpoint = Endpoint(address: address, port: 5060)
    var sipEndpoint: Endpoint { Self.sipEndpoint }

    init(world: World) {
        self.world = world
        disk = SimulatedDisk(entropy: world.fork())
        jobs = JobRunner()
    }

    var isOn: Bool { core != nil }

    // MARK: - Power

    func powerOn(settings: ApplianceSettings? = nil) {
        precondition(core == nil, "the appliance is on already")
        if let settings { disk.install(settings) }
        boot += 1
        world.note("appliance boot \(boot)")
        var core = ApplianceCore(
            snapshot: disk.snapshot, serial: Self.serial, model: "PBX-SIM", firmwareVersion: "1.0.0",
            hashes: world.hashes, entropy: world.fork(), at: world.now, wall: world.wall + clockError)
        let effects = core.start(at: world.now)
        self.core = core
        world.bind(sipEndpoint) { [unowned self] bytes, source in
            input(.sipMessage(bytes, SIPFlow(transport: .udp, local: sipEndpoint, remote: source)))
        }
        run(effects)
        input(.listening([.udp: sipEndpoint]))
        arm()
    }

    /// Everything that is not committed is gone from this instant.
    func cutPower() {
        world.note("power cut")
        core = nil
        armedDeadline = nil
        pending = []
        world.unbind(sipEndpoint)
        media.cutPower()
        uplink.lose()
        world.cloud.relayLost()
        adminReplies = [:]
        serviceReplies = [:]
        streams = [:]
    }

    func setDiskFull(_ isFull: Bool) {
        disk.isFull = isFull
        world.note(isFull ? "disk full" : "disk has room")
    }

    func setClockError(_ error: Duration) {
        clockError = error
        world.note("wall clock off by \(error.wholeMilliseconds) ms")
        input(.wallClock(world.wall + error))
    }

    // MARK: - Inputs

    /// Delivers later if the core is at work: inputs that arise while effects run are queued, never nested.
    func input(_ input: Input) {
        pending.append(input)
        guard !isRunning else { return }
        isRunning = true
        while !pending.isEmpty {
            let next = pending.removeFirst()
            guard var core else { break }
            self.core = nil  // one owner, so that the value is changed in place
            let effects = core.handle(next, at: world.now)
            self.core = core
            run(effects)
        }
        isRunning = false
        arm()
    }

    /// As `input`, after a delay, unless the power went off meanwhile.
    private func later(_ delay: Duration, _ input: @escaping @autoclosure () -> Input) {
        let boot = boot
        world.after(delay) { [unowned self] in
            guard isOn, boot == self.boot else { return }
            self.input(input())
        }
    }

    private func arm() {
        guard let deadline = core?.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline, armedDeadline >= world.now { return }
        armedDeadline = deadline
        let boot = boot
        world.at(deadline) { [unowned self] in
            guard isOn, boot == self.boot, armedDeadline == deadline else { return }
            armedDeadline = nil
            input(.deadline)
        }
    }

    // MARK: - Effects

    private func run(_ effects: [Effect]) {
        for effect in effects { run(effect) }
    }

    private func run(_ effect: Effect) {
        switch effect {
        case .sipTransmit(let bytes, let flow):
            world.note("sip > \(flow.remote) \(firstLine(bytes))")
            world.send(bytes, from: sipEndpoint, to: flow.remote)
        case .sipClose(let flow): world.note("sip closes \(flow.remote)")
        case .media(let command): media.run(command)
        case .store(let ticket, let commands): store(ticket, commands)
        case .egress(let message, let permit): egress(message, permit)
        case .openUplink(let permit):
            sent(permit)
            uplink.isWanted = true
            dial(after: .milliseconds(20))
        case .closeUplink:
            uplink.isWanted = false
            uplinkLost("closed by the owner")
        case .serviceReply(let id, let reply):
            world.note("service \(id.value) answers \(Summary.of(reply))")
            if case .provisioningFile(_, let permit) = reply { sent(permit) }
            serviceReplies.removeValue(forKey: id)?(reply)
        case .serviceEvent(let id, let record, let permit):
            sent(permit)
            world.note("call data \(record.callDataID) on stream \(id.value)")
            streams[id]?(record)
        case .serviceEnd(let id):
            world.note("service \(id.value) ends")
            serviceReplies[id] = nil
            streams[id] = nil
        case .adminReply(let id, let reply):
            world.note("admin \(id.value) answers \(Summary.of(reply))")
            adminReplies[id] = reply
        case .run(let id, let job):
            world.note("job \(id.value) \(Summary.of(job))")
            let outcome = jobs.run(job, disk: disk)
            later(.milliseconds(50), .jobFinished(id, outcome))
        case .takeSample:
            let used = Int64(world.entropy.next() % 400) << 20
            later(
                .milliseconds(1),
                .sample(
                    SystemSample(
                        cpuUtilization: 0.25, memoryUsedBytes: used, memoryTotalBytes: 1 << 30,
                        fileSystemUsedBytes: 1 << 28, fileSystemTotalBytes: 1 << 32,
                        uptimeSeconds: (self.world.now - .origin).inSeconds)))
        case .log(let level, let text): if level.rawValue >= LogLevel.notice.rawValue { world.note("log \(text)") }
        case .drained: isDrained = true
        }
    }

    private func store(_ ticket: StoreTicket, _ commands: [StoreCommand]) {
        let boot = boot
        world.after(disk.commitTime()) { [unowned self] in
            guard isOn, boot == self.boot else { return }
            let outcome = disk.commit(commands)
            world.note("store \(ticket.value) \(commands.map(Summary.of).joined(separator: ",")) \(Summary.of(outcome))")
            input(.stored(ticket, outcome))
        }
    }

    private func firstLine(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.prefix { $0 != 13 }, as: UTF8.self)
    }

    // MARK: - Towards the cloud

    /// A permit is used: whatever the gate believes, the contract's switches are asked again here.
    private func sent(_ permit: Permit) {
        egressed[permit.flow, default: 0] += 1
        Invariants.checkPermit(permit, switches: disk.snapshot.switches, world: world)
    }

    private func egress(_ message: OutboundMessage, _ permit: Permit) {
        sent(permit)
        Invariants.checkFields(message, permit, world: world)
        let names = message.fields.map(\.name.rawValue).joined(separator: ",")
        world.note("egress \(message.flow.rawValue) to \(message.recipient.rawValue) [\(names)]")
        let (delay, reply, bytes) = world.cloud.receive(message, artifact: jobs.artifact(for: message))
        later(delay, .cloudReply(message.id, reply, bytesSent: bytes))
    }

    private func dial(after delay: Duration) {
        let boot = boot
        let attempt = uplink.nextAttempt()
        world.after(delay) { [unowned self] in
            guard isOn, boot == self.boot, uplink.isCurrent(attempt), uplink.isWanted, !uplink.isUp else { return }
            guard !world.cloudIsUnreachable, let external = world.cloud.relayAccepts(serial: Self.serial) else {
                dial(after: .seconds(1) + world.entropy.jitter(upTo: .seconds(4)))
                return
            }
            uplink.isUp = true
            world.note("uplink up as \(external)")
            input(.uplink(.up(external: external)))
        }
    }

    func uplinkLost(_ reason: String) {
        guard uplink.isUp else { return }
        uplink.isUp = false
        world.note("uplink down: \(reason)")
        world.cloud.relayLost()
        for id in streams.keys.sorted() { input(.serviceClosed(id)) }
        streams = [:]
        if isOn { input(.uplink(.down(reason: reason))) }
        if uplink.isWanted { dial(after: .seconds(1) + world.entropy.jitter(upTo: .seconds(4))) }
    }

    /// A request on one of the appliance's services, through the relay.
    @discardableResult
    func request(_ request: ServiceRequest, reply: @escaping (ServiceReply) -> Void) -> ServiceRequestID {
        nextRequest += 1
        let id = ServiceRequestID(nextRequest)
        serviceReplies[id] = reply
        input(.service(id, request))
        return id
    }

    func subscribe(
        _ credentials: Credentials, after cursor: UInt64, reply: @escaping (ServiceReply) -> Void,
        event: @escaping (CallRecord) -> Void
    ) {
        nextRequest += 1
        let id = ServiceRequestID(nextRequest)
        serviceReplies[id] = reply
        streams[id] = event
        input(.service(id, .callData(credentials, after: cursor)))
    }

    // MARK: - The administrator

    /// Asks, and lets time pass until the answer is there.
    func admin(_ command: AdminCommand, within limit: Duration = .seconds(120)) throws(ScenarioFailure) -> AdminReply {
        nextRequest += 1
        let id = AdminRequestID(nextRequest)
        world.note("admin \(id.value) \(Summary.of(command))")
        input(.admin(id, command))
        try world.wait("an answer to \(Summary.of(command))", within: limit) { adminReplies[id] != nil }
        guard let reply = adminReplies.removeValue(forKey: id) else {
            throw ScenarioFailure("no answer to \(Summary.of(command))", at: world.now)
        }
        return reply
    }

    /// As `admin`, without waiting: for what a power cut may interrupt.
    func adminUnattended(_ command: AdminCommand) {
        nextRequest += 1
        world.note("admin \(nextRequest) \(Summary.of(command)) (unattended)")
        input(.admin(AdminRequestID(nextRequest), command))
    }
}
