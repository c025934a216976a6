/// How long something is kept.
package enum Clock: Hashable, Sendable {
    /// Until it was passed on.
    case untilForwarded
    /// The latest value only.
    case untilReplaced
    case days(Int)
    case months(Int)
    /// While somebody looks at it.
    case whileDisplayed
    /// Until the owner switches off what it is for, or deletes it.
    case untilDeletedByOwner
    case forever
    /// Nothing is written down.
    case never

    /// As the access request's answer and the tables say it.
    package var text: String {
        switch self {
        case .untilForwarded: "deleted at once after forwarding"
        case .untilReplaced: "the latest value only"
        case .days(let count): "\(count) days"
        case .months(let count): "\(count) months"
        case .whileDisplayed: "kept for display only"
        case .untilDeletedByOwner: "until the owner deletes it or switches off"
        case .forever: "without end"
        case .never: "never stored"
        }
    }
}

/// One retention promise of FLOWS.md section 3.
package struct RetentionPromise: Hashable, Sendable {
    package let id: RetentionID
    /// What is kept, in words.
    package let datum: String
    package let clock: Clock
    /// Where the policies promise it.
    package let clauses: [Clause]
}

extension Contract {
    /// In the order of the ids; each `RetentionID` exactly once.
    package static let retention: [RetentionPromise] = [
        RetentionPromise(
            id: .r2, datum: "provisioning log, anonymised", clock: .months(12), clauses: [.sp(.provisioning, 4, 2)]),
        RetentionPromise(
            id: .r3, datum: "relay buffers", clock: .untilForwarded, clauses: [.sp(.proxyServer, 3, 2)]),
        RetentionPromise(
            id: .r5, datum: "address of a mobile client at the push server", clock: .untilReplaced,
            clauses: [.sp(.proxyServer, 4, 3)]),
        RetentionPromise(
            id: .r6, datum: "push diagnostics", clock: .days(7), clauses: [.sp(.pushNotificationService, 1, 1)]),
        RetentionPromise(
            id: .r7, datum: "call records at relay and Control Center", clock: .never,
            clauses: [.cc(.callData, 1, 1), .cc(.callData, 1, 2)]),
        RetentionPromise(
            id: .r8, datum: "token, pairing user and password", clock: .untilDeletedByOwner, clauses: [.cc(.use, 4, 2)]),
        RetentionPromise(
            id: .r9, datum: "remote-access log with addresses; an anonymised copy is kept", clock: .days(14),
            clauses: [.cc(.remoteConfiguration, 2, 2), .cc(.remoteConfiguration, 2, 3)]),
        RetentionPromise(
            id: .r10, datum: "backup; unrecoverable once its password is gone", clock: .untilDeletedByOwner,
            clauses: [.cc(.remoteBackup, 2, 3)]),
        RetentionPromise(
            id: .r11, datum: "monitoring values", clock: .whileDisplayed, clauses: [.cc(.monitoring, 1, 1)]),
    ]

    /// The promise with that id; nil only for a contract that lacks it.
    package static func promise(_ id: RetentionID) -> RetentionPromise? { retention.first { $0.id == id } }
}
