import ApplianceCore
import HTTPTypes
import Hummingbird
package import HummingbirdCore
import Logging
package import NIOCore
import Primitives

/// The administration as a remote session sees it (F-C10): what configures the appliance, and nothing else.
///
/// A list of what is open, not of what is closed. Whatever takes a password is not on it, because the Control Center would
/// read it on its way (X7); neither are call records, messages and the ledger, which have flows or an owner of their own, nor
/// any switch: consent is given at the appliance.
package struct RemoteAdministration: Sendable {
    private static let open: [(method: HTTPRequest.Method, path: String)] = [
        (.get, "/health"), (.get, "/v1/status"), (.get, "/v1/privacy"), (.put, "/v1/settings"), (.get, "/v1/backups"),
        (.post, "/v1/backups"), (.get, "/v1/backup/plan"), (.put, "/v1/backup/plan"), (.get, "/v1/firmware"),
        (.get, "/v1/update"), (.post, "/v1/update/check"), (.post, "/v1/update/install"),
        (.post, "/v1/telephones/resync"), (.get, "/v1/remote-access"),
    ]
    /// Settings that only the owner changes: where data and media go, how strictly, and who is recorded.
    private static let ownersSettings = [
        "privacy.", "cloud.", "call_records.", "media.backend", "media.rtpengine", "media.srtp", "features.recording_",
        "sip.protection.", "https.",
    ]

    /// Whether a key of the settings, as a difference names it, is the owner's.
    static func isOwners(_ key: Substring) -> Bool {
        ownersSettings.contains { key.hasPrefix($0) } || key.hasSuffix(".features.recording")
    }

    private let routes: AdminRoutes

    package init(backend: any AdminBackend, firmware: FirmwareInbox?) {
        routes = AdminRoutes(backend: RemoteBackend(backend: backend), token: Secret(""), firmware: firmware)
    }

    /// Answers a request of a session that was let in.
    package func respond(to request: Request, on channel: any Channel) async throws -> Response {
        guard Self.open.contains(where: { $0.method == request.method && $0.path == request.uri.path }) else {
            return .problem(
                AdminProblem(
                    status: 403,
                    detail:
                        "\(request.method.rawValue) \(request.uri.path) is not for remote sessions; do it at the appliance"
                ))
        }
        var quiet = Logger(label: "remote") { _ in SwiftLogNoOpLogHandler() }
        quiet.logLevel = .critical
        var context = AdminContext(source: ApplicationRequestContextSource(channel: channel, logger: quiet))
        context.isLocal = false
        context.isRemoteSession = true
        return try await routes.router.buildResponder().respond(to: request, context: context)
    }

    /// Passes everything on but changes of the owner's own settings.
    private struct RemoteBackend: AdminBackend {
        let backend: any AdminBackend

        var identity: AdminIdentity { backend.identity }

        func administer(_ command: AdminCommand) async -> AdminReply { await backend.administer(command) }
        func serve(_ request: ServiceRequest) async -> ServiceReply { await backend.serve(request) }

        func applyConfiguration(_ yaml: [UInt8], isDryRun: Bool) async throws(AdminProblem) -> [String] {
            let changes = try await backend.applyConfiguration(yaml, isDryRun: true)
            // `~ cloud.relay: …`
            if let key = changes.lazy.map({ $0.dropFirst(2).prefix { $0 != ":" } }).first(where: isOwners) {
                throw AdminProblem(
                    status: 403, detail: "'\(key)' is changed at the appliance only; nothing was changed")
            }
            return isDryRun ? changes : try await backend.applyConfiguration(yaml, isDryRun: false)
        }

        func restore(_ source: RestoreSource, password: Secret) async throws(AdminProblem) -> String { throw Self.no }
        func proveBackup(_ id: String?, password: Secret) async throws(AdminProblem) -> String { throw Self.no }
        func restart() async {}

        private static let no = AdminProblem(status: 403, detail: "not for remote sessions; do it at the appliance")
    }
}
