import ApplianceCore
import Media
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
        lines += audio(status.audio)
        lines += [
            "# TYPE pbx_media_workers gauge", "pbx_media_workers \(status.media.workers)",
            "# TYPE pbx_media_budget_seconds gauge", "pbx_media_budget_seconds \(status.media.capacity / .seconds(1))",
            "# TYPE pbx_media_charged_seconds gauge", "pbx_media_charged_seconds \(status.media.charged / .seconds(1))",
            "# TYPE pbx_media_held_up gauge", "pbx_media_held_up \(status.media.isHeldUp ? 1 : 0)",
        ]
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

    /// How the running calls sound, and how the legs of those did that have ended.
    private static func audio(_ audio: AudioSummary) -> [String] {
        var lines = [
            "# TYPE pbx_media_legs gauge", "pbx_media_legs \(audio.legs)",
            "# TYPE pbx_media_unheard gauge", "pbx_media_unheard \(audio.unheard)",
        ]
        if let opinion = audio.meanOpinion { lines += ["# TYPE pbx_media_mos gauge", "pbx_media_mos \(opinion)"] }
        lines.append("# TYPE pbx_leg_mos histogram")
        lines += values("pbx_leg_mos", of: audio.ended.opinionReceived, labelled: "direction=\"received\"")
        lines += values("pbx_leg_mos", of: audio.ended.opinionSent, labelled: "direction=\"sent\"")
        for (name, histogram) in [
            ("pbx_leg_loss_ratio", audio.ended.lossFraction), ("pbx_leg_jitter_seconds", audio.ended.jitterSeconds),
            ("pbx_leg_round_trip_seconds", audio.ended.roundTripSeconds),
        ] {
            lines.append("# TYPE \(name) histogram")
            lines += values(name, of: histogram)
        }
        return lines
    }

    private static func values(_ name: String, of values: ValueHistogram, labelled label: String = "") -> [String] {
        func labels(_ limit: String) -> String { (label.isEmpty ? "" : label + ",") + "le=\"\(limit)\"" }
        let own = label.isEmpty ? "" : "{\(label)}"
        return values.cumulative.map { "\(name)_bucket{\(labels("\($0.limit)"))} \($0.count)" } + [
            "\(name)_bucket{\(labels("+Inf"))} \(values.count)", "\(name)_count\(own) \(values.count)",
            "\(name)_sum\(own) \(values.sum)",
        ]
    }

    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "\\" || $0 == "\"" ? "\\\($0)" : $0 == "\n" ? "\\n" : "\($0)" })
    }
}
