import ApplianceCore
import Applications
import CloudMessages
import Media
import Persistence
import Primitives
import PrivacyContract
import SIPTransaction
import ServerLocation
import Settings
import Telemetry

/// The appliance of a simulated world: the real core, and a shell made of virtual time.
///
/// The store is one writer that commits some milliseconds after it is asked and reports a little later still; only what
/// is committed outlives a power cut.
final class ApplianceNode {
    static let address = IPAddress.v4(0xC000_020A)  // 192.0.2.10
    static let serial = "SIM0000001"
    static let firmwareVersion = "1.0.0"
    static let sipEndpoint = Endpoint(address: address, port: 5060)

    unowned let world: World
    private var machine: Machine?
    /// Counts boots: what was on its way to an earlier one is lost.
    private(set) var boot = 0
    var disk: SimulatedDisk
    private(set) var media: any SimulatedMedia
    let jobs: JobRunner
    /// The files of voice messages; they outlive a power cut.
    let messages = SimulatedMessages()
    var entropy: Entropy
    /// Inputs so far: who looks at the core need not do so again before there was another one.
    private(set) var inputCount: UInt64 = 0
    /// Records of calls that were handed to the store.
    private(set) var recordedCalls: [UInt64] = []
    private var armedDeadline: Instant?
    /// When the store's last outcome arrives.
    private var reportedUntil = Instant.origin
    private var pending: [Input] = []
    private var isRunning = false
    /// Added to the true wall clock.
    private(set) var clockError = Duration.zero
    private(set) var isDrained = false

    // ApplianceNode+Remote.swift
    var remote = SimulatedUplink()
    var sessions: [ServiceRequestID: RemoteSession] = [:]
    /// On the disk beside the database; outlive a power cut.
    private(set) var crashReports: [CrashReport] = []

    // ApplianceNode+Cloud.swift
    var uplink = SimulatedUplink()
    var nextRequest: UInt64 = 0
    var serviceReplies: [ServiceRequestID: (ServiceReply?) -> Void] = [:]
    var streams: [ServiceRequestID: CallDataStream] = [:]
    var adminReplies: [AdminRequestID: AdminReply] = [:]
    /// Messages whose connection is still being made.
    var departing: Set<CloudRequestID> = []
    /// How often each flow was used.
    var egressed: [FlowID: Int] = [:]

    init(world: World) {
        self.world = world
        disk = SimulatedDisk(entropy: world.fork())
        jobs = JobRunner(entropy: world.fork())
        entropy = world.fork()
        media = world.media == .real ? MediaNode(world: world) : MediaModel(world: world)
        media.onEvent = { [unowned self] in
            if let event = messages.take($0) { input(.messages(event)) }
            input(.media($0))
        }
    }

    /// The core where it can be changed and looked at in place; a copy of all of it costs more than most inputs.
    private final class Machine {
        var core: ApplianceCore
        init(_ core: ApplianceCore) { self.core = core }
    }

    /// A copy.
    var core: ApplianceCore? { machine?.core }
    var isOn: Bool { machine != nil }

    func inspection(since revision: UInt64 = 0) -> TelephonyInspection? {
        machine?.core.telephonyInspection(since: revision)
    }

    // MARK: - Power and faults

    func powerOn(settings: ApplianceSettings? = nil) {
        precondition(machine == nil, "the appliance is on already")
        if let settings { disk.install(settings) }
        boot += 1
        world.note("appliance boot \(boot)")
        var core = ApplianceCore(
            snapshot: disk.snapshot, serial: Self.serial, model: "PBX-SIM", firmwareVersion: Self.firmwareVersion,
            hashes: world.hashes, entropy: world.fork(), at: world.now, wall: world.wall + clockError)
        let effects = core.start(at: world.now)
        machine = Machine(core)
        world.bind(Self.sipEndpoint) { [unowned self] bytes, source in
            input(.sipMessage(bytes, SIPFlow(transport: .udp, local: Self.sipEndpoint, remote: source)))
        }
        run(effects)
        input(.listening([ListenerAddress(.udp, Self.sipEndpoint)]))
        input(.messages(.found(messages.found)))
        crashReports.removeAll { jobs.removedCrashReports.contains($0.id) }
        input(.crashReports(crashReports))
    }

    /// Everything that is not committed is gone from this instant.
    func cutPower() {
        world.note("power cut")
        machine = nil
        armedDeadline = nil
        pending = []
        world.unbind(Self.sipEndpoint)
        media.cutPower()
        messages.cutPower()
        jobs.cutPower()
        disk.cutPower()
        adminReplies = [:]
        departing = []
        let wasUp = uplink.isUp
        uplink.lose()
        if wasUp { connectionsLost() }
        if remote.isUp { world.cloud.remoteAccessClosed() }
        remote.lose()
        sessions = [:]
    }

    func setDiskFull(_ isFull: Bool) {
        disk.isFull = isFull
        world.note(isFull ? "disk full" : "disk has room")
    }

    /// The appliance's wall clock runs ahead of the true one by `error` from now on.
    func setClockError(_ error: Duration) {
        clockError = error
        world.note("wall clock off by \(error.wholeMilliseconds) ms")
        input(.wallClock(world.wall + error))
    }

    // MARK: - Inputs

    /// Delivers later if the core is at work: inputs that arise while effects run are queued, never nested. Without power
    /// nothing arrives.
    func input(_ input: Input) {
        guard isOn else { return }
        pending.append(input)
        guard !isRunning else { return }
        isRunning = true
        while !pending.isEmpty {
            let next = pending.removeFirst()
            guard let machine else { break }
            inputCount += 1
            run(machine.core.handle(next, at: world.now))
        }
        isRunning = false
        arm()
    }

    /// Does something after a delay, unless the power goes off meanwhile.
    func afterwards(_ delay: Duration, _ action: @escaping () -> Void) {
        let boot = boot
        world.after(delay) { [unowned self] in
            if isOn, boot == self.boot { action() }
        }
    }

    func later(_ delay: Duration, _ input: Input) {
        afterwards(delay) { [unowned self] in self.input(input) }
    }

    private func arm() {
        guard let deadline = machine?.core.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline, armedDeadline >= world.now { return }
        armedDeadline = deadline
        afterwards(deadline - world.now) { [unowned self] in
            guard armedDeadline == deadline else { return }
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
            world.note("sip > \(flow.remote) \(Summary.firstLine(bytes))")
            world.send(bytes, from: Self.sipEndpoint, to: flow.remote)
        case .sipClose(let flow): world.note("sip closes \(flow.remote)")
        case .resolve(let query): later(.milliseconds(20), .resolved(query, .failed(.noResolver)))
        case .media(let command): media.run(command)
        case .store(let ticket, let commands): store(ticket, commands)
        case .egress(let message, let permit): egress(message, permit)
        case .cancelEgress(let id): cancelEgress(id)
        case .openUplink(let permit): openUplink(permit)
        case .closeUplink: closeUplink()
        case .serviceReply(let id, let reply): serviceReply(id, reply)
        case .serviceEvent(let id, let record, let permit): serviceEvent(id, record, permit)
        case .serviceEnd(let id): serviceEnd(id)
        case .openRemoteAccess(let permit): openRemoteAccess(permit)
        case .closeRemoteAccess: closeRemoteAccess()
        case .adminReply(let id, let reply):
            world.note("admin \(id.value) answers \(Summary.of(reply))")
            adminReplies[id] = reply
        case .run(let id, let job):
            world.note("job \(id.value) \(Summary.of(job))")
            start(job, as: id)
        case .takeSample: later(.milliseconds(1), .sample(sample()))
        case .log(let level, let text): if level.rawValue >= LogLevel.notice.rawValue { world.note("log \(text)") }
        case .drained: isDrained = true
        case .messages(let command):
            if let event = messages.run(command) { later(.milliseconds(3), .messages(event)) }
        }
    }

    private func start(_ job: Job, as id: JobID) {
        let delay = Duration.milliseconds(2) + entropy.jitter(upTo: .milliseconds(100))
        let outcome = jobs.run(job, disk: disk)
        afterwards(delay) { [unowned self] in
            if case .makeBackup = job {
                // What is prepared for an upload is gone with the power: it is made anew.
                guard !cutsPower(at: "write of the artifact"), !cutsPower(at: "sync of the artifact") else { return }
            }
            input(.jobFinished(id, outcome))
            crashReports.removeAll { jobs.removedCrashReports.contains($0.id) }
        }
    }

    /// The run before the next boot ended in a crash.
    func crashed() {
        let day = String(world.wall.rfc3339.prefix(10))
        crashReports.append(
            CrashReport(
                id: "\(day)-\(crashReports.count + 1)", make: "pbx-appliance", model: "PBX-SIM", codename: "process",
                osVersion: "6.1.0", language: "en", appVersion: Self.firmwareVersion, appName: "pbxd",
                startTime: world.wall, crashDay: world.wall))
    }

    private func store(_ ticket: StoreTicket, _ commands: [StoreCommand]) {
        for case .appendCallRecord(let record) in commands { recordedCalls.append(record.callDataID) }
        let finish = disk.finishTime(at: world.now)
        afterwards(finish - world.now) { [unowned self] in
            let what = commands.map(Summary.of).joined(separator: ",")
            // Before the journal is synced the transaction has never been; after it, it has, whoever heard of it.
            guard !cutsPower(at: "write of \(what)"), !cutsPower(at: "sync of \(what), lost") else { return }
            let outcome = disk.commit(commands)
            guard !cutsPower(at: "sync of \(what), kept") else { return }
            world.note(
                "store \(ticket.value) \(commands.map(Summary.of).joined(separator: ",")) \(Summary.of(outcome))")
            // The writer's reports come in the order of its transactions.
            reportedUntil = max(reportedUntil, world.now + entropy.jitter(upTo: .milliseconds(2)))
            later(reportedUntil - world.now, .stored(ticket, outcome))
        }
    }

    private func sample() -> SystemSample {
        SystemSample(
            cpuUtilization: 0.25, memoryUsedBytes: Int64(entropy.next() % 400) << 20, memoryTotalBytes: 1 << 30,
            fileSystemUsedBytes: (1 << 28) + 3, fileSystemTotalBytes: 1 << 32,
            uptimeSeconds: (world.now - .origin).inSeconds)
    }

    // MARK: - The administrator

    /// Asks, and lets time pass until the answer is there.
    func admin(_ command: AdminCommand, within limit: Duration = .seconds(120)) throws(ScenarioFailure) -> AdminReply {
        let id = adminUnattended(command)
        try world.wait("an answer to \(Summary.of(command))", within: limit) { adminReplies[id] != nil }
        guard let reply = adminReplies.removeValue(forKey: id) else {
            throw ScenarioFailure("no answer to \(Summary.of(command))", at: world.now)
        }
        return reply
    }

    /// As `admin`, without waiting: for what a power cut may interrupt.
    @discardableResult
    func adminUnattended(_ command: AdminCommand) -> AdminRequestID {
        nextRequest += 1
        let id = AdminRequestID(nextRequest)
        world.note("admin \(id.value) \(Summary.of(command))")
        input(.admin(id, command))
        return id
    }

    /// The answer to an unattended request, once there is one.
    func answer(to id: AdminRequestID) -> AdminReply? { adminReplies[id] }
}
