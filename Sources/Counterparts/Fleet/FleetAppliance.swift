import ApplianceCore
import CloudLink
import CloudMessages
import HAL
import HALLinux
import Logging
import NIOCore
import NIOPosix
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import ServerLocation
import Settings
import Telemetry

/// One appliance of a fleet: the product's core and the product's way to the cloud, with a store in memory and no telephony.
///
/// `@unchecked Sendable`: confined to its event loop, like the appliance's own shell; the methods that are `async` go there.
final class FleetAppliance: @unchecked Sendable {
    /// What the cloud has taken of it, and when it was connected.
    struct Record: Sendable {
        var ups: [Instant] = []
        var downs: [Instant] = []
        var accepted: [FlowID: Int] = [:]
        /// Answers that were none, by what went wrong.
        var refused: [String: Int] = [:]
        /// Connections that were tried, the one that holds included.
        var dials = 0
        var isUp = false
    }

    let serial: String
    private let eventLoop: any EventLoop
    private let pool: NIOThreadPool
    private let jobs: FleetJobs
    private let clock: any ClockDevice
    private var core: ApplianceCore
    private var snapshot: StoreSnapshot
    private var histories = StoreHistories()
    private var cloud: CloudLink?
    private var flows: [CloudRequestID: FlowID] = [:]
    private var administrators: [AdminRequestID: EventLoopPromise<AdminReply>] = [:]
    private var nextRequest: UInt64 = 1
    private var queue: [Input] = []
    private var isRunning = false
    private var armed: (at: Instant, timer: Scheduled<Void>)?
    private var record = Record()
    private var isEnded = false

    /// Made anywhere; everything else happens on the loop.
    init(
        identity: FleetIdentity, settings: CloudSettings, directory: String, eventLoop: any EventLoop,
        pool: NIOThreadPool, clock: any ClockDevice, configurationBytes: Int, logger: Logger
    ) throws {
        serial = identity.serial
        self.eventLoop = eventLoop
        self.pool = pool
        self.clock = clock
        jobs = FleetJobs(directory: directory, identity: identity, configurationBytes: configurationBytes)
        snapshot = StoreSnapshot()
        snapshot.settings.cloud = settings
        for name in [Switch.relay, .controlCenter, .monitoring, .backup] { snapshot.switches[name] = true }
        core = ApplianceCore(
            snapshot: snapshot, serial: identity.serial, model: identity.model,
            firmwareVersion: FleetJobs.firmwareVersion, hashes: OpenSSLHashes(),
            entropy: Entropy(SystemEntropyGenerator()), at: clock.now(), wall: clock.wallTime())
        let configuration = CloudLinkConfiguration(
            identity: identity, limits: Limits(), clock: clock, entropy: Entropy(SystemEntropyGenerator()),
            artifactDirectory: directory, adoptSIP: { channel, _ in channel.close(promise: nil) })
        cloud = try CloudLink(
            configuration, settings: settings, eventLoop: eventLoop, pool: pool, logger: logger
        ) { [weak self] input in
            guard let self else { return }
            eventLoop.execute { self.take(input) }
        }
    }

    // MARK: For the fleet

    func start() {
        eventLoop.execute { [self] in
            isRunning = true
            for effect in core.start(at: clock.now()) { run(effect) }
            isRunning = false
            take(.wallClock(clock.wallTime()))
        }
    }

    func administer(_ command: AdminCommand) async throws -> AdminReply {
        try await eventLoop.flatSubmit { [self] in
            let promise = eventLoop.makePromise(of: AdminReply.self)
            let id = AdminRequestID(nextRequest)
            nextRequest += 1
            administrators[id] = promise
            take(.admin(id, command))
            return promise.futureResult
        }.get()
    }

    var observed: Record {
        get async throws { try await eventLoop.submit { [self] in record }.get() }
    }

    /// The stage of the pairing as the store has it.
    var pairing: PairingRecord.Stage? {
        get async throws { try await eventLoop.submit { [self] in snapshot.pairing?.stage }.get() }
    }

    func end() async {
        let cloud = try? await eventLoop.submit { [self] in
            isEnded = true
            armed?.timer.cancel()
            for promise in administrators.values { promise.fail(CancellationError()) }
            administrators = [:]
            return self.cloud
        }.get()
        await cloud?.shutdown()
    }

    // MARK: Inputs

    private func take(_ input: Input) {
        guard !isEnded else { return }
        note(input)
        queue.append(input)
        guard !isRunning else { return }
        isRunning = true
        while !queue.isEmpty {
            let effects = core.handle(queue.removeFirst(), at: clock.now())
            for effect in effects { run(effect) }
        }
        isRunning = false
        arm()
    }

    private func note(_ input: Input) {
        switch input {
        case .uplink(.up):
            record.ups.append(clock.now())
            record.dials += 1
            record.isUp = true
        case .uplink(.down):
            if record.isUp { record.downs.append(clock.now()) } else { record.dials += 1 }
            record.isUp = false
        case .cloudReply(let id, let reply, _):
            guard let flow = flows.removeValue(forKey: id) else { return }
            switch reply {
            case .accepted, .serviceStatus, .backups, .update: record.accepted[flow, default: 0] += 1
            case .refused(let status, _, _): record.refused["\(flow.rawValue) \(status)", default: 0] += 1
            case .unreachable: record.refused["\(flow.rawValue) unreachable", default: 0] += 1
            }
        default: break
        }
    }

    private func arm() {
        guard let deadline = core.nextDeadline else { return }
        if let armed, armed.at <= deadline { return }
        armed?.timer.cancel()
        let wait = max(20_000_000, (deadline - clock.now()).wholeNanoseconds)
        let timer = eventLoop.scheduleTask(in: .nanoseconds(wait)) { [weak self] in
            guard let self else { return }
            armed = nil
            take(.deadline)
        }
        armed = (deadline, timer)
    }

    // MARK: Effects

    private func run(_ effect: Effect) {
        switch effect {
        case .store(let ticket, let commands):
            snapshot.apply(commands)
            histories.apply(commands)
            later(.stored(ticket, .committed))
        case .egress(let message, let permit):
            flows[message.id] = message.flow
            cloud?.send(message, permit: permit)
        case .cancelEgress(let id): cloud?.cancel(id)
        case .openUplink(let permit): cloud?.openUplink(permit: permit)
        case .closeUplink: cloud?.closeUplink()
        case .serviceReply(let id, let reply): cloud?.reply(reply, to: id)
        case .serviceEvent(let id, let record, let permit): cloud?.event(record, on: id, permit: permit)
        case .serviceEnd(let id): cloud?.end(id)
        case .adminReply(let id, let reply): administrators.removeValue(forKey: id)?.succeed(reply)
        case .run(let id, let job):
            let (jobs, histories) = (jobs, histories)
            pool.submit { [weak self] _ in
                let outcome = jobs.perform(job, histories: histories)
                guard let self else { return }
                eventLoop.execute { self.take(.jobFinished(id, outcome)) }
            }
        case .takeSample: later(.sample(sample()))
        case .resolve(let query): later(.resolved(query, .failed(.noResolver)))
        // There are no listeners, no calls and no messages.
        default: break
        }
    }

    private func later(_ input: Input) {
        eventLoop.execute { [weak self] in self?.take(input) }
    }

    private func sample() -> SystemSample {
        SystemSample(
            cpuUtilization: 0.1, memoryUsedBytes: 200 << 20, memoryTotalBytes: 512 << 20, fileSystemUsedBytes: 1 << 30,
            fileSystemTotalBytes: 4 << 30, uptimeSeconds: Double(clock.now().nanoseconds) / 1e9)
    }
}
