import ApplianceCore
import CloudMessages
import CloudWire
import Hummingbird
import Primitives
import PrivacyContract
import Updates

// Updates, crash reports and remote access (docs/protocols).

extension AdminRoutes {
    func addServices(to group: RouterGroup<AdminContext>) {
        group.get("/v1/update") { _, _ in try await answer(.update(.status)) }
        group.post("/v1/update/check") { _, _ in try await answer(.update(.check)) }
        group.post("/v1/update/install") { _, _ in try await answer(.update(.install), status: .accepted) }
        group.put("/v1/update") { request, _ in
            try await answer(.update(.lookByItself(try await decode(AutomaticBody.self, request).automatic)))
        }
        group.get("/v1/crash-reports") { _, _ in try await answer(.crashReports(.list)) }
        group.delete("/v1/crash-reports/:id") { _, context in
            try await answer(.crashReports(.delete(id: try context.parameters.require("id"))))
        }
        group.get("/v1/remote-access") { _, _ in try await answer(.remoteAccess(.status)) }
        group.put("/v1/remote-access") { request, _ in
            let body = try await decode(RemoteAccessBody.self, request)
            guard body.on else { return try await answer(.setSwitch(.remoteAccess, false)) }
            guard let hours = body.hours else { return try await answer(.setSwitch(.remoteAccess, true)) }
            guard hours > 0, hours <= 168 else {
                throw AdminProblem(status: 400, detail: "'hours' is more than 0 and at most 168")
            }
            return try await answer(.remoteAccess(.open(for: .milliseconds(Int64(hours * 3_600_000)))))
        }
    }
}

struct AutomaticBody: Codable { var automatic: Bool }

struct RemoteAccessBody: Codable {
    var on: Bool
    /// Until it ends by itself; 4 when left out.
    var hours: Double?
}

struct RemoteAccessStatusBody: Codable {
    var state: String
    var detail: String
    var until: String?
    var sessions: Int

    init(_ status: RemoteAccessStatus) {
        state = status.state
        detail = status.detail
        until = status.end?.rfc3339
        sessions = status.sessions
    }
}

struct UpdateStatusBody: Codable {
    var phase: String
    /// What can be installed, or is being.
    var version: String?
    var notes: String?
    var sizeBytes: Int64?
    var heldBack: Bool
    var checkedAt: String?
    var outcome: String?
    var automatic: Bool

    init(_ status: UpdateStatus) {
        phase = status.phase.rawValue
        version = status.offer?.version
        notes = status.offer?.notes
        sizeBytes = status.offer?.sizeBytes
        heldBack = status.isHeldBack
        checkedAt = status.checkedAt?.rfc3339
        outcome = status.outcome
        automatic = status.looksByItself
    }
}

struct CrashReportsBody: Codable {
    struct Report: Codable {
        var id: String
        /// Exactly what is sent.
        var fields: [String: String]
    }
    var reports: [Report]
    var sending: String

    init(_ list: CrashReportList) {
        sending = list.sending
        reports = list.reports.map { report in
            let pairs = zip(CrashReport.wireNames, report.values).map { ($0, $1) }
            return Report(id: report.id, fields: Dictionary(pairs) { first, _ in first })
        }
    }
}
