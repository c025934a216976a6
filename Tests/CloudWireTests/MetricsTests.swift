import CloudMessages
import CloudWire
import Primitives
import Testing

@Suite struct MetricsTests {
    private let time = UnixTime(milliseconds: 1_767_323_045_678)

    @Test func `points of one name become one gauge, as OTLP JSON writes it`() throws {
        let points = [
            MetricPoint(
                name: "system.memory.usage", unit: "By", value: 5, attributes: [MetricAttribute("state", "used")]),
            MetricPoint(name: "system.cpu.utilization", unit: "1", value: 0.25),
            MetricPoint(
                name: "system.memory.usage", unit: "By", value: 3, attributes: [MetricAttribute("state", "free")]),
            MetricPoint(name: "pbx.media.mos", unit: "1", value: .nan),
        ]
        let json = String(decoding: try OTLPMetrics.encode(points, at: time), as: UTF8.self)
        let used =
            #"{"asDouble":5,"attributes":[{"key":"state","value":{"stringValue":"used"}}],"timeUnixNano":"1767323045678000000"}"#
        let free =
            #"{"asDouble":3,"attributes":[{"key":"state","value":{"stringValue":"free"}}],"timeUnixNano":"1767323045678000000"}"#
        let memory = #"{"gauge":{"dataPoints":[\#(used),\#(free)]},"name":"system.memory.usage","unit":"By"}"#
        let cpu =
            #"{"gauge":{"dataPoints":[{"asDouble":0.25,"timeUnixNano":"1767323045678000000"}]},"name":"system.cpu.utilization","unit":"1"}"#
        let resource = #"{"attributes":[{"key":"service.name","value":{"stringValue":"pbx"}}]}"#
        let scope = #"{"metrics":[\#(memory),\#(cpu)],"scope":{"name":"pbx.telemetry"}}"#
        #expect(json == #"{"resourceMetrics":[{"resource":\#(resource),"scopeMetrics":[\#(scope)]}]}"#)
    }

    @Test func `what is encoded is decoded again`() throws {
        let points = [
            MetricPoint(name: "pbx.calls.active", unit: "{call}", value: 3),
            MetricPoint(
                name: "system.memory.usage", unit: "By", value: 7, attributes: [MetricAttribute("state", "used")]),
        ]
        let received = try OTLPMetrics.decode(try OTLPMetrics.encode(points, at: time))
        #expect(received.map(\.point) == points)
        #expect(received.allSatisfy { $0.time == time })
    }

    @Test func `sums, integers and unknown kinds of a stock exporter are read`() throws {
        let json = """
            {"resourceMetrics":[{"scopeMetrics":[{"metrics":[
            {"name":"a","sum":{"dataPoints":[{"asInt":"12","timeUnixNano":"5000000"}],"isMonotonic":true}},
            {"name":"b","gauge":{"dataPoints":[{"asInt":4,"timeUnixNano":"0"}]}},
            {"name":"h","histogram":{"dataPoints":[]}}]}]}]}
            """
        let received = try OTLPMetrics.decode(Array(json.utf8))
        #expect(received.map(\.point.value) == [12, 4])
        #expect(received.first?.time == UnixTime(milliseconds: 5))
    }

    @Test func `each limit of a metrics request is enforced`() throws {
        var limits = WireLimits()
        limits.metricPoints = 2
        limits.metricTextBytes = 8
        limits.attributesPerPoint = 1
        func body(_ points: [MetricPoint]) throws -> [UInt8] { try OTLPMetrics.encode(points, at: time) }
        let point = MetricPoint(name: "a", unit: "1", value: 1)
        #expect(try OTLPMetrics.decode(body([point, point]), limits: limits).count == 2)
        #expect(throws: CloudWireError.self) { try OTLPMetrics.decode(body([point, point, point]), limits: limits) }
        let long = MetricPoint(name: "123456789", unit: "1", value: 1)
        #expect(throws: CloudWireError.self) { try OTLPMetrics.decode(body([long]), limits: limits) }
        let labels = MetricPoint(name: "a", unit: "1", value: 1, attributes: [.init("k", "v"), .init("l", "w")])
        #expect(throws: CloudWireError.self) { try OTLPMetrics.decode(body([labels]), limits: limits) }
        limits.metricsBytes = 10
        #expect(throws: CloudWireError.bodyTooLarge(what: "metrics", bytes: 11, limit: 10)) {
            try OTLPMetrics.decode([UInt8](repeating: 32, count: 11), limits: limits)
        }
    }

    @Test func `mutated metrics never trap`() throws {
        var generator = SeededGenerator(seed: 7)
        let points = [MetricPoint(name: "a", unit: "1", value: 1, attributes: [.init("k", "v")])]
        let valid = try OTLPMetrics.encode(points, at: time)
        for _ in 0..<1_000 {
            var bytes = valid
            bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            _ = try? OTLPMetrics.decode(bytes)
        }
    }
}
