import CloudCore
import CloudMessages
import CloudWire
import Hummingbird
import Logging
import NIOCore
import Primitives

/// The monitoring server (F-C5): takes OTLP/HTTP JSON from appliances, hands the newest values to the Control Center.
actor MonitoringServer {
    fileprivate var core: MonitoringCore
    private let log: MessageLog
    private let logger: Logger
    private let wire = WireLimits()

    init(limits: CloudLimits, log: MessageLog, logger: Logger) {
        self.logger = logger
        core = MonitoringCore(limits: limits)
        self.log = log
    }

    nonisolated var router: Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.addMiddleware {
            AnswerProblems(logger: logger)
            IdentifyPeer()
        }
        router.post("/v1/metrics") { request, context in try await self.receive(request, context) }
        router.get("/v1/devices/:serial/history") { _, context in try await self.history(context) }
        router.get("/v1/devices/:serial/metrics") { _, context in try await self.answer(context) }
        return router
    }

    private func receive(_ request: Request, _ context: PeerContext) async throws -> Response {
        var request = request
        let serial = try context.applianceSerial()
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
            throw HTTPError(.unsupportedMediaType, message: "metrics are OTLP in application/json")
        }
        let bytes = try await request.body(upTo: wire.metricsBytes, what: "metrics")
        let received = try OTLPMetrics.decode(bytes, limits: wire)
        log.record(
            peer: serial, what: "POST /v1/metrics",
            fields: ["metrics": .list(received.map { Self.logged($0.point) })], bytes: Int64(bytes.count))
        try core.receive(received.map(\.point), serial: serial, at: ServerClock.wall)
        // An ExportMetricsServiceResponse without partial success.
        return .bytes(Array("{}".utf8), type: "application/json")
    }

    private static func logged(_ point: MetricPoint) -> LogValue {
        let attributes = Dictionary(point.attributes.map { ($0.key, LogValue.text($0.value)) }) { first, _ in first }
        return .object([
            "name": .text(point.name), "unit": .text(point.unit), "value": .number(point.value),
            "attributes": .object(attributes),
        ])
    }

    private func answer(_ context: PeerContext) throws -> Response {
        guard context.isControlCenter else { throw CloudRefusal.foreignIdentity }
        let serial = try context.parameters.require("serial")
        guard let latest = core.latest(serial: serial, at: ServerClock.wall) else {
            throw CloudRefusal.notFound(what: "monitoring of \(serial)")
        }
        return try .json(LatestMetrics(latest, serial: serial))
    }
}

extension MonitoringServer {
    /// For appliances that report no more: their values are not kept longer than the others'.
    func expire() { core.expire(at: ServerClock.wall) }

    /// Forgets what is too old every ten minutes, as long as the loop runs.
    nonisolated func expireNowAndThen(on loop: any EventLoop) {
        loop.scheduleRepeatedTask(initialDelay: .minutes(10), delay: .minutes(10)) { _ in
            Task { await self.expire() }
        }
    }

    private func history(_ context: PeerContext) throws -> Response {
        guard context.isControlCenter else { throw CloudRefusal.foreignIdentity }
        let serial = try context.parameters.require("serial")
        let (times, series) = core.series(serial: serial, at: ServerClock.wall)
        guard !times.isEmpty else { throw CloudRefusal.notFound(what: "monitoring of \(serial)") }
        return try .json(MetricsHistory(serial: serial, times: times, series: series))
    }
}

/// The last 24 hours of an appliance's values, for charts.
struct MetricsHistory: Codable, Sendable {
    struct Series: Codable, Sendable {
        var name: String
        var unit: String
        var attributes: [String: String]
        /// null where a report did not have the value.
        var values: [Double?]
    }
    var serial: String
    /// Milliseconds since 1970, as the browser counts.
    var times: [Int64]
    var series: [Series]

    init(serial: String, times: [UnixTime], series: [MonitoringSeries]) {
        self.serial = serial
        self.times = times.map(\.milliseconds)
        self.series = series.map { item in
            let attributes = Dictionary(item.attributes.map { ($0.key, $0.value) }) { first, _ in first }
            return Series(name: item.name, unit: item.unit, attributes: attributes, values: item.values)
        }
    }
}

/// The newest report of an appliance, as the Control Center reads and shows it.
struct LatestMetrics: Codable, Sendable {
    struct Point: Codable, Sendable {
        var name: String
        var unit: String
        var value: Double
        var attributes: [String: String]
    }
    var serial: String
    var receivedAt: String
    var points: [Point]

    init(_ report: MonitoringReport, serial: String) {
        self.serial = serial
        receivedAt = report.receivedAt.rfc3339
        points = report.points.map { point in
            let attributes = Dictionary(point.attributes.map { ($0.key, $0.value) }) { first, _ in first }
            return Point(name: point.name, unit: point.unit, value: point.value, attributes: attributes)
        }
    }
}
