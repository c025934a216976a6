import ApplianceCore
import AsyncHTTPClient
import CloudMessages
import HALLinux
package import Logging
import NIOCore
import NIOPosix
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
package import Settings

/// Many appliances against one vendor cloud over real sockets: they pair, report, back up, and come back when the relay was
/// away. Each is the product's core and cloud link; what they share is this process.
package final class ApplianceFleet: Sendable {
    package struct Options: Sendable {
        package var appliances: Int
        package var pkiDirectory: String
        /// For prepared uploads.
        package var directory: String
        package var cloud: CloudSettings
        /// Address of the Control Center's page, and who logs in there.
        package var web: String
        package var login: String
        package var password: String
        /// Appliances that do one thing at a time.
        package var parallel = 50
        /// Size of a backup's content before compression; random, so that it stays that size.
        package var configurationBytes = 100_000
        /// The first connections are spread over this time.
        package var ramp = Duration.seconds(10)

        package init(
            appliances: Int, pkiDirectory: String, directory: String, cloud: CloudSettings, web: String, login: String,
            password: String
        ) {
            self.appliances = appliances
            self.pkiDirectory = pkiDirectory
            self.directory = directory
            self.cloud = cloud
            self.web = web
            self.login = login
            self.password = password
        }
    }

    /// How the appliances came back after the connections were lost.
    package struct Reconnection: Sendable {
        /// Since the first loss; one for each appliance, ascending.
        package var back: [Duration]
        /// Connections tried meanwhile, those included that found nobody.
        package var dials: Int
    }

    private let options: Options
    private let appliances: [FleetAppliance]
    private let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool
    private let http: HTTPClient
    private let clock = SystemClock()

    /// Issues the certificates; opens nothing.
    package init(_ options: Options, logger: Logger) throws {
        self.options = options
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        self.group = group
        self.pool = pool
        http = HTTPClient(eventLoopGroupProvider: .shared(group))
        let pki = try DevelopmentPKI.open(directory: options.pkiDirectory)
        let (time, clock) = (clock.wallTime(), clock)
        appliances = try (0..<options.appliances).map { number in
            let identity = try FleetIdentity(serial: Self.serial(number), pki: pki, at: time)
            return try FleetAppliance(
                identity: identity, settings: options.cloud, directory: "\(options.directory)/\(identity.serial)",
                eventLoop: group.next(), pool: pool, clock: clock, configurationBytes: options.configurationBytes,
                logger: logger)
        }
    }

    private static func serial(_ number: Int) -> String {
        let digits = String(number)
        return "FLEET" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    // MARK: Chapters

    /// Every appliance connects to the relay. Returns how long it took until all were.
    package func connect(within limit: Duration) async throws -> Duration {
        let start = clock.now()
        for (number, appliance) in appliances.enumerated() {
            let wait = options.ramp * number / max(1, appliances.count)
            group.next().scheduleTask(in: .nanoseconds(wait.wholeNanoseconds)) { appliance.start() }
        }
        try await wait("connections to the relay", within: limit) { try await $0.observed.isUp }
        return clock.now() - start
    }

    /// The user adds each appliance; its code is typed when the offer has reached it. Returns the time of all.
    package func pair(within limit: Duration) async throws -> Duration {
        let start = clock.now()
        let center = try await FleetCenter(
            web: options.web, login: options.login, password: options.password, http: http)
        try await forEach { [self] appliance in
            let code = try await center.add(serial: appliance.serial)
            try await until("the offer for \(appliance.serial)", within: limit) {
                try await appliance.pairing == .offered
            }
            if case .refused(let status, let detail) = try await appliance.administer(.enterPairingCode(code)) {
                throw FleetError("\(appliance.serial) refused the code (\(status)): \(detail)")
            }
        }
        try await wait("pairings", within: limit) { try await $0.pairing == .paired }
        return clock.now() - start
    }

    /// Waits until each appliance's monitoring was taken so often. Returns the time of all.
    package func report(times: Int, within limit: Duration) async throws -> Duration {
        let start = clock.now()
        var before: [String: Int] = [:]
        for appliance in appliances { before[appliance.serial] = try await appliance.observed.accepted[.c5] ?? 0 }
        let counts = before
        try await wait("\(times) reports of each", within: limit) {
            try await $0.observed.accepted[.c5] ?? 0 >= counts[$0.serial, default: 0] + times
        }
        return clock.now() - start
    }

    /// Each makes a backup and has it accepted. Returns the time of all, and the bytes of ciphertext.
    package func backUp() async throws -> (time: Duration, bytes: Int64) {
        let start = clock.now()
        let password = Secret("fleet password that nobody keeps")
        let sizes = try await forEach { appliance -> Int64 in
            for command in [AdminCommand.setBackupPassword(password), .backUpNow] {
                switch try await appliance.administer(command) {
                case .refused(let status, let detail):
                    throw FleetError("\(appliance.serial), backup (\(status)): \(detail)")
                case .backup(let entry): return entry.sizeBytes
                default: break
                }
            }
            return 0
        }
        return (clock.now() - start, sizes.reduce(0, +))
    }

    /// Waits until every appliance has lost its connection and is back.
    package func reconnect(within limit: Duration) async throws -> Reconnection {
        var losses: [String: Int] = [:]
        var dialled: [String: Int] = [:]
        for appliance in appliances {
            let record = try await appliance.observed
            losses[appliance.serial] = record.isUp ? record.downs.count : record.downs.count - 1
            dialled[appliance.serial] = record.dials
        }
        let (before, dialsBefore) = (losses, dialled)
        try await wait("connections after the loss", within: limit) {
            let record = try await $0.observed
            return record.isUp && record.downs.count > before[$0.serial, default: 0]
        }
        var first: Instant?
        var ups: [Instant] = []
        var dials = 0
        for appliance in appliances {
            let record = try await appliance.observed
            dials += record.dials - dialsBefore[appliance.serial, default: 0]
            guard let down = record.downs.dropFirst(before[appliance.serial, default: 0]).first,
                let up = record.ups.last
            else { continue }
            first = first.map { min($0, down) } ?? down
            ups.append(up)
        }
        let start = first ?? clock.now()
        return Reconnection(back: ups.map { $0 - start }.sorted(), dials: dials)
    }

    /// Waits until the Control Center shows each appliance as paired and online. Returns the time.
    package func online(within limit: Duration) async throws -> Duration {
        let start = clock.now()
        let center = try await FleetCenter(
            web: options.web, login: options.login, password: options.password, http: http)
        let count = appliances.count
        try await until("\(count) appliances online in the Control Center", within: limit, pause: .seconds(1)) {
            let devices = try await center.devices()
            return devices.count { $0.state == "paired" && $0.registrationStatus == "online" } == count
        }
        return clock.now() - start
    }

    /// Answers by flow, and what went wrong, of all appliances together.
    package func totals() async throws -> (accepted: [String: Int], refused: [String: Int]) {
        var accepted: [String: Int] = [:]
        var refused: [String: Int] = [:]
        for appliance in appliances {
            let record = try await appliance.observed
            for (flow, count) in record.accepted { accepted[flow.rawValue, default: 0] += count }
            for (what, count) in record.refused { refused[what, default: 0] += count }
        }
        return (accepted, refused)
    }

    package func end() async {
        await withTaskGroup(of: Void.self) { tasks in
            for appliance in appliances { tasks.addTask { await appliance.end() } }
        }
        try? await http.shutdown()
        try? await group.shutdownGracefully()
        try? await pool.shutdownGracefully()
    }

    // MARK: Waiting

    /// Does something with each appliance, `parallel` at a time.
    @discardableResult
    private func forEach<Value: Sendable>(
        _ work: @escaping @Sendable (FleetAppliance) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: Value.self) { tasks in
            var values: [Value] = []
            for (number, appliance) in appliances.enumerated() {
                if number >= options.parallel, let value = try await tasks.next() { values.append(value) }
                tasks.addTask { try await work(appliance) }
            }
            for try await value in tasks { values.append(value) }
            return values
        }
    }

    private func wait(
        _ what: String, within limit: Duration, _ isDone: (FleetAppliance) async throws -> Bool
    ) async throws {
        var waiting = appliances
        try await until("\(what); \(waiting.count) appliances", within: limit) {
            var still: [FleetAppliance] = []
            for appliance in waiting where !(try await isDone(appliance)) { still.append(appliance) }
            waiting = still
            return still.isEmpty
        }
    }

    private func until(
        _ what: String, within limit: Duration, pause: Duration = .milliseconds(200), _ isDone: () async throws -> Bool
    ) async throws {
        let deadline = clock.now() + limit
        while !(try await isDone()) {
            guard clock.now() < deadline else { throw FleetError("waited in vain for \(what)") }
            try await group.next().scheduleTask(in: .nanoseconds(pause.wholeNanoseconds)) {}.futureResult.get()
        }
    }
}
