import CloudCore
import CloudMessages
import Primitives
import Testing

/// What the charts are drawn from.
@Suite struct MonitoringSeriesTests {
    private let start = UnixTime(seconds: 1_000_000)

    @Test func `values that come and go keep their place in time`() throws {
        var core = MonitoringCore()
        let cpu = MetricPoint(name: "cpu", unit: "1", value: 0.5)
        let used = MetricPoint(name: "memory", unit: "By", value: 7, attributes: [MetricAttribute("state", "used")])
        let free = MetricPoint(name: "memory", unit: "By", value: 3, attributes: [MetricAttribute("state", "free")])
        try core.receive([cpu], serial: "A", at: start)
        try core.receive([free, used], serial: "A", at: start + .seconds(60))
        try core.receive([cpu, used], serial: "A", at: start + .seconds(120))
        let (times, series) = core.series(serial: "A", at: start + .seconds(120))
        #expect(times == [start, start + .seconds(60), start + .seconds(120)])
        #expect(series.map(\.values) == [[0.5, nil, 0.5], [nil, 3, nil], [nil, 7, 7]])
        #expect(core.latest(serial: "A", at: start + .seconds(120))?.points == [cpu, used])
        #expect(core.history(serial: "A", at: start + .seconds(120))[1].points == [free, used])
        #expect(core.series(serial: "B", at: start).times.isEmpty)
    }

    @Test func `the kinds of values of one appliance are bounded`() throws {
        var limits = CloudLimits()
        limits.seriesPerDevice = 2
        var core = MonitoringCore(limits: limits)
        func points(_ names: [String]) -> [MetricPoint] { names.map { MetricPoint(name: $0, unit: "1", value: 1) } }
        try core.receive(points(["a", "b"]), serial: "A", at: start)
        #expect(throws: CloudRefusal.tooMany(what: "kinds of values of one appliance", limit: 2)) {
            try core.receive(points(["c"]), serial: "A", at: start + .seconds(60))
        }
        try core.receive(points(["b"]), serial: "A", at: start + .seconds(60))
    }

    @Test func `an appliance that reports no more makes room after a day`() throws {
        var limits = CloudLimits()
        limits.monitoredDevices = 1
        var core = MonitoringCore(limits: limits)
        try core.receive([MetricPoint(name: "a", unit: "1", value: 1)], serial: "A", at: start)
        let tomorrow = start + .seconds(86_401)
        try core.receive([MetricPoint(name: "a", unit: "1", value: 2)], serial: "B", at: tomorrow)
        #expect(core.latest(serial: "A", at: tomorrow) == nil)
        #expect(core.latest(serial: "B", at: tomorrow)?.points.first?.value == 2)
    }

    @Test func `a day of reports is kept, no more`() throws {
        var core = MonitoringCore()
        for minute in 0..<2_000 {
            let point = MetricPoint(name: "a", unit: "1", value: Double(minute))
            try core.receive([point], serial: "A", at: start + .seconds(Int64(minute) * 60))
        }
        let (times, series) = core.series(serial: "A", at: start + .seconds(1_999 * 60))
        #expect(times.count == 1_441)
        #expect(series[0].values.first == 559)
        #expect(series[0].values.last == 1_999)
    }
}
