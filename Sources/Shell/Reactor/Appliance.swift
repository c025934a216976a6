package import ApplianceCore
import CloudLink
import CloudMessages
import HAL
package import HTTPServer
import Logging
import Media
package import NIOCore
import NIOPosix
import NameResolver
import Persistence
import Primitives
import PrivacyContract
import SIPTransaction
import SQLiteStore
import ServerLocation
import Settings
import Synchronization
import Transport

/// The appliance's shell around its core: one actor on one event loop (DESIGN.md section 2).
///
/// It owns the core, gives it one input at a time, runs the effects, queues what arises meanwhile, and arms exactly one
/// deadline. Whatever blocks (database, scrypt, backups, HAL) runs elsewhere and comes back as an input.
package actor Appliance {
    package nonisolated let eventLoop: any EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }
    package nonisolated let identity: AdminIdentity

    nonisolated let hal: any HardwareAbstraction
    nonisolated let store: SQLiteStore
    nonisolated let pool: NIOThreadPool
    nonisolated let logger: Logger
    nonisolated let options: ApplianceOptions
    nonisolated let marker: CrashMarker

    /// Nil until the administration starts.
    nonisolated let owner = Mutex<OwnerAccess?>(nil)

    private var core: ApplianceCore
    private var queue: [Input] = []
    private var isRunning = false
    private var armed: (at: Instant, timer: Scheduled<Void>)?
    /// When the core was last told that its deadline has come.
    private var lastDeadline: Instant?
    private var timers: [RepeatedTask] = []
    private var nextRequest: UInt64 = 1
    private var administrators: [AdminRequestID: CheckedContinuation<AdminReply, Never>] = [:]
    private var localServices: [ServiceRequestID: CheckedContinuation<ServiceReply, Never>] = [:]
    private var drained: [CheckedContinuation<Void, Never>] = []
    private var isDrained = false
    private var isShutDown = false
    /// When the turn of the loop began in which the first input came; nil between turns.
    private var turnBegan: Instant?
    private var turns = DurationHistogram()
    /// Its own, so that long jobs on `pool` never delay a kick.
    private let watchdogThread = NIOThreadPool(numberOfThreads: 1)

    var transport: SIPTransport?
    var names: NameResolver?
    var engine: (any MediaBackend)?
    var cloud: CloudLink?
    var sounds: SoundFiles?
    /// What the store holds, as far as it is committed.
    var settings: ApplianceSettings

    /// Service requests of the local network are told from the uplink's by this bit.
    private static let localService: UInt64 = 1 << 63
    /// The longest that an administrator's request may wait: an upload of a whole backup.
    static let administratorPatience = TimeAmount.minutes(65)

    /// Makes the core of what the store holds; opens no socket.
    init(
        options: ApplianceOptions, store: SQLiteStore, snapshot: StoreSnapshot, hashes: any HashFunctions,
        eventLoop: any EventLoop, pool: NIOThreadPool, logger: Logger
    ) {
        let device = options.hal.identity
        identity = AdminIdentity(serial: device.serial, model: device.model, firmwareVersion: options.firmwareVersion)
        self.options = options
        marker = CrashMarker(dataDirectory: options.dataDirectory)
        self.store = store
        self.eventLoop = eventLoop
        self.pool = pool
        self.logger = logger
        hal = options.hal
        settings = snapshot.settings
        core = ApplianceCore(
            snapshot: snapshot, serial: device.serial, model: device.model, firmwareVersion: options.firmwareVersion,
            hashes: hashes, entropy: hal.entropy.makeEntropy(),
            selfTest: options.selfTestPassword.map(SelfTestAccount.init(password:)), limits: options.limits,
            platform: Platform(board: options.boardName), at: hal.clock.now(), wall: hal.clock.wallTime())
    }

    // MARK: Inputs

    /// Takes one input and everything that follows from it; nothing after `shutdown`.
    package func take(_ input: Input) {
        guard !isShutDown else { return }
        queue.append(input)
        guard !isRunning else { return }
        isRunning = true
        noteTurn()
        var index = 0
        while index < queue.count {
            let effects = core.handle(queue[index], at: hal.clock.now())
            index += 1
            for effect in effects { run(effect) }
        }
        queue.removeAll(keepingCapacity: true)
        isRunning = false
        arm()
    }

    /// Measures from the first input of a turn of the event loop to its last: what everybody else waits for.
    private func noteTurn() {
        guard turnBegan == nil else { return }
        turnBegan = hal.clock.now()
        eventLoop.execute { [weak self] in
            guard let self else { return }
            self.assumeIsolated { appliance in
                guard let began = appliance.turnBegan else { return }
                appliance.turns.record(appliance.hal.clock.now() - began)
                appliance.turnBegan = nil
            }
        }
    }

    /// For callbacks from other threads.
    nonisolated func post(_ input: Input) {
        eventLoop.execute { [weak self] in
            guard let self else { return }
            self.assumeIsolated { $0.take(input) }
        }
    }

    /// For callbacks on the event loop.
    nonisolated func takeOnLoop(_ input: Input) { assumeIsolated { $0.take(input) } }

    /// The core's first effects, and the clocks that feed it.
    func begin(
        listening: [ListenerAddress], mediaCertificate: CertificateFingerprint?, crashReports: [CrashReport]
    ) {
        isRunning = true
        for effect in core.start(at: hal.clock.now()) { run(effect) }
        isRunning = false
        take(.wallClock(hal.clock.wallTime()))
        take(.listening(listening))
        if let mediaCertificate { take(.mediaCertificate(mediaCertificate)) }
        take(.crashReports(crashReports))
        every(.minutes(1)) { appliance in
            appliance.take(.wallClock(appliance.hal.clock.wallTime()))
            let marker = appliance.marker
            appliance.pool.submit { _ in marker.touch() }
        }
        let period = TimeAmount.nanoseconds(max(hal.watchdog.period.wholeNanoseconds / 2, 100_000_000))
        watchdogThread.start()
        // The kick starts on the loop, so that a stuck loop is a missing kick.
        every(period) { appliance in
            let watchdog = appliance.hal.watchdog
            appliance.watchdogThread.submit { state in
                if case .active = state { watchdog.kick() }
            }
        }
    }

    private func every(_ interval: TimeAmount, _ body: @escaping @Sendable (isolated Appliance) -> Void) {
        timers.append(
            eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
                guard let self else { return }
                self.assumeIsolated(body)
            })
    }

    /// How long deadlines may be gathered, so that many of them cost few turns; short beside SIP's T1 of 500 ms.
    private static let slack = Duration.milliseconds(20)

    /// One timer at most. One that is armed earlier than needed stays: waking early changes nothing.
    private func arm() {
        guard var deadline = core.nextDeadline else { return }
        if let lastDeadline { deadline = max(deadline, lastDeadline + Self.slack) }
        if let armed, armed.at <= deadline { return }
        armed?.timer.cancel()
        let wait = max(0, (deadline - hal.clock.now()).wholeNanoseconds)
        let timer = eventLoop.scheduleTask(in: .nanoseconds(wait)) { [weak self] in
            guard let self else { return }
            self.assumeIsolated {
                $0.armed = nil
                $0.lastDeadline = $0.hal.clock.now()
                $0.take(.deadline)
            }
        }
        armed = (deadline, timer)
    }

    // MARK: Effects

    private func run(_ effect: Effect) {
        switch effect {
        case .sipTransmit(let bytes, let flow): transport?.send(bytes, on: flow)
        case .sipClose(let flow): transport?.close(flow)
        case .resolve(let query):
            if let names { names.resolve(query) } else { post(.resolved(query, .failed(.noResolver))) }
        case .media(let command): engine?.submit(command)
        case .store(let ticket, let commands): commit(commands, as: ticket)
        case .egress(let message, let permit): cloud?.send(message, permit: permit)
        case .cancelEgress(let id): cloud?.cancel(id)
        case .openUplink(let permit): cloud?.openUplink(permit: permit)
        case .closeUplink: cloud?.closeUplink()
        case .serviceReply(let id, let reply):
            if let waiting = localServices.removeValue(forKey: id) {
                waiting.resume(returning: reply)
            } else {
                cloud?.reply(reply, to: id)
            }
        case .serviceEvent(let id, let record, let permit): cloud?.event(record, on: id, permit: permit)
        case .serviceEnd(let id): cloud?.end(id)
        case .openRemoteAccess(let permit): cloud?.openRemoteAccess(permit: permit)
        case .closeRemoteAccess: cloud?.closeRemoteAccess()
        case .adminReply(let id, .status(var status)):
            status.loopTurns = turns
            if let engine { status.add(engine) }
            administrators.removeValue(forKey: id)?.resume(returning: .status(status))
        case .adminReply(let id, let reply): administrators.removeValue(forKey: id)?.resume(returning: reply)
        case .run(let id, let job): start(job, as: id)
        case .takeSample: takeSample()
        case .log(let level, let text): logger.log(level: level.logging, "\(text)")
        case .messages(let command): sounds?.run(command)
        case .drained:
            isDrained = true
            for waiting in drained { waiting.resume() }
            drained = []
        }
    }

    private func commit(_ commands: [StoreCommand], as ticket: StoreTicket) {
        store.run(commands) { [weak self] result in
            guard let self else { return }
            eventLoop.execute {
                self.assumeIsolated { appliance in
                    switch result {
                    case .success:
                        appliance.adopt(commands)
                        appliance.take(.stored(ticket, .committed))
                    case .failure(let failure):
                        appliance.logger.error("not stored: \(failure.summary)")
                        appliance.take(.stored(ticket, .failed(failure)))
                    }
                }
            }
        }
    }

    /// The shell's own copy follows what is durable, before the core acts on it.
    private func adopt(_ commands: [StoreCommand]) {
        for case .replaceSettings(let new) in commands {
            if new.sip.listeners != settings.sip.listeners || new.https != settings.https || new.media != settings.media
            {
                logger.notice("addresses and ports of SIP, media and HTTPS change at the next start")
            }
            settings = new
            cloud?.update(new.cloud)
            prepareTrunkTLS()
            prepareSounds(new)
            readPrompts()
        }
    }

    private func takeSample() {
        let monitor = hal.monitor
        pool.submit { [weak self] state in
            guard let self, case .active = state else { return }
            do {
                let sample = try monitor.sample()
                post(.sample(sample))
            } catch {
                logger.warning("no system sample: \(error)")
            }
        }
    }

    // MARK: Requests

    /// Hands a command to the core and waits for its reply.
    package func administer(_ command: AdminCommand) async -> AdminReply {
        guard !isShutDown else { return Self.shuttingDown }
        let id = AdminRequestID(nextRequest)
        nextRequest += 1
        let timeout = eventLoop.scheduleTask(in: Self.administratorPatience) { [weak self] in
            guard let self else { return }
            self.assumeIsolated {
                $0.administrators.removeValue(forKey: id)?.resume(
                    returning: .refused(status: 503, detail: "the appliance did not answer in time; look at its log"))
            }
        }
        defer { timeout.cancel() }
        return await withCheckedContinuation { continuation in
            administrators[id] = continuation
            take(.admin(id, command))
        }
    }

    /// A service request from the local network.
    package func serve(_ request: ServiceRequest) async -> ServiceReply {
        guard !isShutDown else { return Self.serviceShuttingDown }
        let id = ServiceRequestID(Self.localService | nextRequest)
        nextRequest += 1
        return await withCheckedContinuation { continuation in
            localServices[id] = continuation
            take(.service(id, request))
        }
    }

    // MARK: The end

    /// No new calls; running ones end or `limit` passes. Returns when nothing is left to do.
    package func drain(within limit: Duration) async {
        take(.drain(within: limit))
        guard !isDrained, !isShutDown else { return }
        await withCheckedContinuation { drained.append($0) }
    }

    /// Closes sockets and database. Nothing is delivered to the core afterwards.
    package func shutdown() async {
        isShutDown = true
        for timer in timers { timer.cancel() }
        timers = []
        armed?.timer.cancel()
        armed = nil
        await transport?.shutdown()
        await cloud?.shutdown()
        let (engine, names, store) = (engine, names, store)
        try? await pool.runIfActive {
            names?.shutdown()
            engine?.shutdown()
            store.close()
        }
        await sounds?.shutdown()
        try? await watchdogThread.shutdownGracefully()
        marker.end()
        answerAllThatWait()
    }

    private func answerAllThatWait() {
        for waiting in administrators.values { waiting.resume(returning: Self.shuttingDown) }
        administrators = [:]
        for waiting in localServices.values { waiting.resume(returning: Self.serviceShuttingDown) }
        localServices = [:]
        for waiting in drained { waiting.resume() }
        drained = []
    }

    private static let shuttingDown = AdminReply.refused(status: 503, detail: "the appliance is shutting down")
    private static let serviceShuttingDown = ServiceReply.problem(
        status: 503, title: "Service Unavailable", detail: "the appliance is shutting down")
}

extension LogLevel {
    var logging: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}
