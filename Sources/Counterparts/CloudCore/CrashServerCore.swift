import CloudMessages

/// The crash-report server (F-S10): takes the nine declared fields, and nothing that has more.
package struct CrashServerCore: Sendable {
    /// Oldest first; values in the order of `CrashReport.wireNames`.
    package private(set) var reports: [[String]] = []
    private let limits: CloudLimits

    package init(limits: CloudLimits = CloudLimits()) { self.limits = limits }

    /// Bounded: the oldest report makes room.
    package mutating func receive(_ fields: [(name: String, value: String)]) throws(CloudRefusal) {
        guard fields.map(\.name) == CrashReport.wireNames else {
            throw .invalid(what: "crash report", reason: "it has \(CrashReport.wireNames.joined(separator: ", "))")
        }
        let day = fields.last?.value ?? ""
        guard day.utf8.count == 10 else {
            throw .invalid(what: "crash report", reason: "the crash has a date and no time")
        }
        reports.append(fields.map(\.value))
        if reports.count > limits.crashReports { reports.removeFirst() }
    }
}
