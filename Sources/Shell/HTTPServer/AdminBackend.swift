package import ApplianceCore
package import Primitives

/// What the administration's HTTP interface needs of the appliance.
package protocol AdminBackend: Sendable {
    /// Hands a command to the core and waits for its reply.
    func administer(_ command: AdminCommand) async -> AdminReply
    /// A request for a provisioning file from the local network (F-S3).
    func serve(_ request: ServiceRequest) async -> ServiceReply
    /// Checks a configuration (YAML), and applies it unless `isDryRun`. Returns what changes, a line each.
    func applyConfiguration(_ yaml: [UInt8], isDryRun: Bool) async throws(AdminProblem) -> [String]
    /// Verifies a backup and prepares the restart with it; the restart follows when `restart()` is called.
    func restore(_ source: RestoreSource, password: Secret) async throws(AdminProblem) -> String
    /// Puts a backup to the proof (nil: the newest): decrypts it, restores it into a scratch copy, has that test itself.
    func proveBackup(_ id: String?, password: Secret) async throws(AdminProblem) -> String
    /// Called after the answer to a restore has been written.
    func restart() async
    var identity: AdminIdentity { get }
    /// Sets the owner's first password for whoever knows the code on the board's label.
    func claim(code: String, password: Secret) async throws(AdminProblem)
    /// The token of the administration for whoever knows the owner's password.
    func signIn(password: Secret) async throws(AdminProblem) -> Secret
}

extension AdminBackend {
    package func claim(code: String, password: Secret) async throws(AdminProblem) {
        throw AdminProblem(status: 404, detail: "this board has no label code")
    }

    package func signIn(password: Secret) async throws(AdminProblem) -> Secret {
        throw AdminProblem(status: 404, detail: "this board knows no owner's password")
    }
}

/// Where a backup comes from.
package enum RestoreSource: Sendable, Hashable {
    /// A file on the appliance's own disk; its encrypted identity is `<path>.key`, or the one that the appliance holds.
    case file(path: String)
    /// By id from the backup server.
    case server(id: String)
}

package struct AdminIdentity: Sendable, Hashable {
    package var serial: String
    package var model: String
    package var firmwareVersion: String

    package init(serial: String, model: String, firmwareVersion: String) {
        self.serial = serial
        self.model = model
        self.firmwareVersion = firmwareVersion
    }
}

/// An error answer (RFC 9457) of the administration.
package struct AdminProblem: Error, Sendable, Hashable {
    package var status: Int
    package var detail: String

    package init(status: Int, detail: String) {
        self.status = status
        self.detail = detail
    }
}
