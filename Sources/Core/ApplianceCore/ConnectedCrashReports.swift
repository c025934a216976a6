package import CloudMessages
import CrashReports
import Primitives
import PrivacyContract
import Settings

/// What the owner asks about crash reports.
package enum CrashReportCommand: Sendable, Hashable {
    case list
    case delete(id: String)
}

/// The reports on the disk, and what becomes of them.
package struct CrashReportList: Sendable, Equatable {
    /// Oldest first.
    package var reports: [CrashReport]
    /// Whether they are sent, in words.
    package var sending: String
    package init(reports: [CrashReport], sending: String) {
        self.reports = reports
        self.sending = sending
    }
}

/// Crash reports at work (F-S10): shown always, sent only if the owner allows it.
extension ConnectedServices {
    mutating func crashReports(_ command: CrashReportCommand, _ id: AdminRequestID) {
        switch command {
        case .list: reply(id, .crashReports(CrashReportList(reports: crashes.reports, sending: sendingText)))
        case .delete(let report):
            guard crashes.reports.contains(where: { $0.id == report }) else {
                return reply(id, .refused(status: 404, detail: "no crash report \(report); see 'pbxctl crash list'"))
            }
            inbox.append(.crash(.delete(id: report)))
            reply(id, .done("crash report \(report) is deleted"))
        }
    }

    /// Asked before anything is sent, so that what is not allowed is not tried either.
    private var crashReportsAreWanted: Bool {
        switches[.crashReports] == true && !isBlockedWhenStrict(.s10) && settings.cloud.crash != nil && !isDraining
    }

    private func isBlockedWhenStrict(_ flow: FlowID) -> Bool {
        gate.isStrict && Contract.flow(flow)?.isBlockedWhenStrict == true
    }

    private var sendingText: String {
        if switches[.crashReports] != true { return "not sent: 'pbxctl switch crash-reports on' allows it" }
        if isBlockedWhenStrict(.s10) { return "not sent: strict mode blocks a server whose country nobody names (Q18)" }
        return settings.cloud.crash == nil ? "not sent: no crash server is configured" : "sent, and deleted afterwards"
    }

    mutating func reviewCrashReports() {
        inbox.append(.crash(.wanted(crashReportsAreWanted)))
        inbox.append(.crash(.timePassed))
    }

    mutating func perform(_ wishes: [CrashReportMachine.Effect]) {
        for wish in wishes {
            switch wish {
            case .send(let report):
                let names = CrashReport.wireNames.map { FieldName($0) }
                let fields = zip(names, report.values).map { name, value in
                    OutboundField(name, name == .startTime ? .time(report.startTime) : .text(value))
                }
                send(.s10, to: .crash, fields, on: .afterCrash, purpose: .crashReport)
            case .remove(let id): run(.removeCrashReport(id: id), then: .crashReportRemoved)
            case .log(let text): effects.append(.log(.notice, text))
            }
        }
    }
}
