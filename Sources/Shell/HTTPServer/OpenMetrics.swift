import ApplianceCore
import Primitives
import PrivacyContract

/// The status as OpenMetrics text, for Prometheus. No label holds a number, a name or an address of a person.
enum OpenMetrics {
    static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    static func text(_ status: ApplianceStatus) -> String {
        var lines = [
            "# TYPE pbx_registrations gauge", "pbx_registrations \(status.registrations)",
            "# TYPE pbx_calls_active gauge", "pbx_calls_active \(status.calls)",
            "# TYPE pbx_users gauge", "pbx_users \(status.users)",
            "# TYPE pbx_uplink_up gauge", "pbx_uplink_up \(status.uplink.hasPrefix("up") ? 1 : 0)",
            "# TYPE pbx_switch gauge",
        ]
        for (name, isOn) in status.switches.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            lines.append("pbx_switch{name=\"\(name.rawValue)\"} \(isOn ? 1 : 0)")
        }
        lines.append("# TYPE pbx_trunk_up gauge")
        for trunk in status.trunks {
            let isUp = ["registered", "reachable"].contains(trunk.state)
            lines.append("pbx_trunk_up{trunk=\"\(escaped(trunk.name))\"} \(isUp ? 1 : 0)")
        }
        lines.append("# TYPE pbx_events counter")
        for counter in status.counters.sorted(by: { $0.name < $1.name }) {
            lines.append("pbx_events_total{event=\"\(escaped(counter.name))\"} \(counter.value)")
        }
        lines += histogram("pbx_loop_turn_seconds", status.loopTurns)
        lines.append("# EOF")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func histogram(_ name: String, _ durations: DurationHistogram) -> [String] {
        let buckets = durations.cumulative.map { "\(name)_bucket{le=\"\($0.limit / .seconds(1))\"} \($0.count)" }
        return ["# TYPE \(name) histogram"] + buckets + [
            "\(name)_bucket{le=\"+Inf\"} \(durations.count)", "\(name)_count \(durations.count)",
            "\(name)_sum \(durations.total / .seconds(1))",
        ]
    }

    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "\\" || $0 == "\"" ? "\\\($0)" : $0 == "\n" ? "\\n" : "\($0)" })
    }
}
