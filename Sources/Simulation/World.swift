import OpenSSLCrypto
package import Primitives

/// One simulated world: virtual time, a seeded network, an appliance, telephones and the vendor cloud.
///
/// Everything that is random comes from the seed, everything that happens is in the trace. Single-threaded; scenarios
/// are straight-line code that lets time pass with `advance` and `wait`.
package final class World {
    let seed: UInt64
    let trace: Trace
    /// What carries the appliance's media.
    let media: MediaKind
    let hashes = OpenSSLHashes()
    /// Knows every write and every sync at which the power can go.
    let cutter = PowerCutter()
    var entropy: Entropy
    private(set) var now = Instant.origin
    var conditions = NetworkConditions.perfect
    /// True while the appliance's link to the vendor cloud is cut; telephones are on its own LAN.
    private(set) var cloudIsUnreachable = false
    private var queue = EventQueue()
    private var stepsAtOnce = 0
    /// Events so far.
    private(set) var stepCount = 0
    /// Looks at the world after every event.
    var afterStep: (() -> Void)?
    /// More events than this at one instant are an endless loop.
    private static let stepsAtOnceLimit = 100_000
    private var datagramSinks: [Endpoint: ([UInt8], Endpoint) -> Void] = [:]
    private(set) var datagramCounts = DatagramCounts()
    private(set) lazy var cloud = CloudNode(world: self)
    private(set) lazy var appliance = ApplianceNode(world: self)
    private(set) var phones: [PhoneNode] = []
    /// 2026-01-01T00:00:00Z.
    let epoch = UnixTime(seconds: 1_767_225_600)

    init(seed: UInt64, scenario: String, trace: Trace, media: MediaKind = .real) {
        self.seed = seed
        self.media = media
        self.trace = trace
        let salt = scenario.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        entropy = Entropy(SeededGenerator(seed: seed ^ salt))
        conditions = NetworkConditions(drawnFrom: &entropy)
        note("scenario \(scenario) seed \(seed)")
        note(
            "network loss \(conditions.lossPerMille)/1000 duplicates \(conditions.duplicatePerMille)/1000 "
                + "delay \(conditions.delay.wholeNanoseconds / 1000) us jitter \(conditions.jitter.wholeNanoseconds / 1000) us"
        )
    }

    /// A generator of its own for one part of the world, so that parts do not disturb each other's sequences.
    func fork() -> Entropy { Entropy(SeededGenerator(seed: entropy.next())) }

    var wall: UnixTime { epoch + (now - .origin) }

    private(set) var violations: [ScenarioFailure] = []

    func violated(_ text: String) {
        note("VIOLATION \(text)")
        violations.append(ScenarioFailure(text, at: now))
    }

    /// The text is made only if somebody wants it.
    func note(_ text: @autoclosure () -> String) { trace.write(now, text()) }

    func addPhone(_ phone: PhoneNode) { phones.append(phone) }

    // MARK: - Time

    func after(_ delay: Duration, _ action: @escaping () -> Void) {
        queue.schedule(at: now + max(delay, .zero), action)
    }

    func at(_ instant: Instant, _ action: @escaping () -> Void) {
        queue.schedule(at: max(instant, now), action)
    }

    /// Lets `duration` pass.
    func advance(_ duration: Duration) {
        let end = now + duration
        while let next = queue.nextInstant, next <= end { step() }
        now = end
    }

    /// Lets time pass until `condition` holds; throws when `limit` has passed without.
    func wait(_ what: String, within limit: Duration, until condition: () -> Bool) throws(ScenarioFailure) {
        let end = now + limit
        while !condition() {
            guard let next = queue.nextInstant, next <= end else {
                throw ScenarioFailure("\(what): not within \(limit.wholeMilliseconds) ms", at: now)
            }
            step()
        }
    }

    private func step() {
        guard let event = queue.popFirst() else { return }
        stepsAtOnce = event.at > now ? 0 : stepsAtOnce + 1
        guard stepsAtOnce < Self.stepsAtOnceLimit else {
            queue = EventQueue()
            return violated("time stands still: \(Self.stepsAtOnceLimit) events at one instant")
        }
        now = max(now, event.at)
        stepCount += 1
        event.action()
        afterStep?()
    }

    // MARK: - Datagrams

    func bind(_ endpoint: Endpoint, _ sink: @escaping ([UInt8], Endpoint) -> Void) {
        datagramSinks[endpoint] = sink
    }

    func unbind(_ endpoint: Endpoint) { datagramSinks[endpoint] = nil }

    /// Sends over the seeded network: lost, late, twice or out of order as `conditions` say.
    func send(_ bytes: [UInt8], from source: Endpoint, to destination: Endpoint) {
        datagramCounts.sent += 1
        let arrivals = conditions.arrivals(&entropy)
        if arrivals.isEmpty { datagramCounts.lost += 1 }
        if arrivals.count > 1 { datagramCounts.duplicated += 1 }
        for delay in arrivals {
            after(delay) { [unowned self] in
                guard let sink = datagramSinks[destination] else {
                    datagramCounts.unroutable += 1
                    return
                }
                sink(bytes, source)
            }
        }
    }

    // MARK: - The link to the cloud

    func cutCloud() {
        guard !cloudIsUnreachable else { return }
        cloudIsUnreachable = true
        note("cloud link cut")
        appliance.uplinkLost("link cut")
        appliance.remoteLost("link cut")
    }

    func mendCloud() {
        cloudIsUnreachable = false
        note("cloud link mended")
    }
}

/// A scenario's expectation that did not hold, with the virtual time at which that was seen.
package struct ScenarioFailure: Error, Sendable, Equatable {
    package let text: String
    package let at: Instant

    package init(_ text: String, at now: Instant) {
        self.text = text
        at = now
    }
}
