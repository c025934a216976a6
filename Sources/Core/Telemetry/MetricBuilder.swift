package import CloudMessages
import PrivacyContract

/// The metrics of F-C5, from a sample and the appliance's own gauges.
package enum MetricBuilder {
    /// Only points that are on the allow-list, in its order; what could not be measured is left out.
    package static func points(from sample: SystemSample, gauges: TelemetryGauges) -> [MetricPoint] {
        var points = [
            MetricPoint(name: "system.cpu.utilization", unit: "1", value: min(max(sample.cpuUtilization, 0), 1))
        ]
        points += usage("system.memory.usage", used: sample.memoryUsedBytes, total: sample.memoryTotalBytes)
        points += usage("system.filesystem.usage", used: sample.fileSystemUsedBytes, total: sample.fileSystemTotalBytes)
        points.append(MetricPoint(name: "system.uptime", unit: "s", value: sample.uptimeSeconds))
        points.append(MetricPoint(name: "pbx.calls.active", unit: "{call}", value: Double(gauges.activeCalls)))
        points.append(
            MetricPoint(name: "pbx.registrations", unit: "{registration}", value: Double(gauges.registrations)))
        if let score = gauges.meanOpinionScore {
            points.append(MetricPoint(name: "pbx.media.mos", unit: "1", value: score))
        }
        return points.filter(MetricAllowList.permits)
    }

    private static func usage(_ name: String, used: Int64, total: Int64) -> [MetricPoint] {
        let used = max(0, used)
        let free = max(0, total.subtractingReportingOverflow(used).partialValue)
        return [
            MetricPoint(name: name, unit: "By", value: Double(used), attributes: [MetricAttribute("state", "used")]),
            MetricPoint(name: name, unit: "By", value: Double(free), attributes: [MetricAttribute("state", "free")]),
        ]
    }
}
