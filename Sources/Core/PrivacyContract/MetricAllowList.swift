package import CloudMessages

/// The metrics that F-C5 may carry, and the attributes each may have. Nothing here can hold a number, a name or an
/// address of a person: attribute values are from closed lists.
///
/// Names and units follow the OpenTelemetry semantic conventions; `pbx.*` are ours.
package enum MetricAllowList {
    package struct Entry: Sendable, Hashable {
        package let name: String
        package let unit: String
        /// The permitted attributes, `key=value` each; a point has at most one of them.
        package let attributes: [MetricAttribute]
    }

    package static let entries: [Entry] = [
        Entry(name: "system.cpu.utilization", unit: "1", attributes: []),
        Entry(name: "system.memory.usage", unit: "By", attributes: usage),
        Entry(name: "system.filesystem.usage", unit: "By", attributes: usage),
        Entry(name: "system.uptime", unit: "s", attributes: []),
        Entry(name: "pbx.calls.active", unit: "{call}", attributes: []),
        Entry(name: "pbx.registrations", unit: "{registration}", attributes: []),
        Entry(name: "pbx.media.mos", unit: "1", attributes: []),
    ]

    private static let usage = [MetricAttribute("state", "used"), MetricAttribute("state", "free")]

    /// True when name, unit and every attribute are on the list and the value is a finite number.
    package static func permits(_ point: MetricPoint) -> Bool {
        guard let entry = entries.first(where: { $0.name == point.name }), entry.unit == point.unit else {
            return false
        }
        return point.value.isFinite && point.attributes.count <= 1
            && point.attributes.allSatisfy { entry.attributes.contains($0) }
    }
}
