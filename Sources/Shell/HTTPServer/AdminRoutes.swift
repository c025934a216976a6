import ApplianceCore
import Applications
import CloudMessages
import CloudWire
import Hummingbird
import NIOCore
import Primitives
import PrivacyContract

/// The resources of the administration, one closure each.
struct AdminRoutes: Sendable {
    static let bodyLimit = 65_536
    static let configurationLimit = 1_048_576

    let backend: any AdminBackend
    let token: Secret
    let firmware: FirmwareInbox?

    var router: Router<AdminContext> {
        let router = Router(context: AdminContext.self)
        router.addMiddleware { AnswerProblems() }
        router.get("/health") { _, _ in try Response.json(["status": "ok"]) }
        router.get("/provisioning/:token") { request, context in try await provisioning(request, context) }
        // Without the token, and so behind delays of their own: how the owner comes by it.
        router.post("/v1/owner") { request, _ in
            let body = try await decode(ClaimBody.self, request)
            try await backend.claim(code: body.code, password: Secret(body.password))
            return try Response.json(MessageBody(message: "the board is yours"), status: .created)
        }
        router.post("/v1/session") { request, _ in
            let body = try await decode(PasswordBody.self, request)
            let token = try await backend.signIn(password: Secret(body.password))
            return try Response.json(SessionBody(token: token.withBytes { String(decoding: $0, as: UTF8.self) }))
        }
        let protected = router.group().add(middleware: Authenticate(token: token))
        addStatus(to: protected)
        addCloud(to: protected)
        addHistory(to: protected)
        addConfiguration(to: protected)
        addFirmware(to: protected)
        addApplications(to: protected)
        addServices(to: protected)
        return router
    }

    private func addStatus(to group: RouterGroup<AdminContext>) {
        group.get("/v1/status") { _, _ in try await answer(.status) }
        group.get("/v1/privacy") { _, _ in try await answer(.privacy) }
        group.get("/v1/calls") { _, _ in try await answer(.calls) }
        group.get("/metrics") { _, _ in
            guard case .status(let status) = await backend.administer(.status) else {
                throw AdminProblem(status: 503, detail: "the status is not available; try again")
            }
            return Response.bytes(Array(OpenMetrics.text(status).utf8), type: OpenMetrics.contentType)
        }
        group.put("/v1/switches/:name") { request, context in
            let text = try context.parameters.require("name")
            guard let name = Switch(rawValue: text) else {
                let names = Switch.allCases.map(\.rawValue).joined(separator: ", ")
                throw AdminProblem(status: 404, detail: "no switch '\(text)'; there are \(names)")
            }
            let body = try await decode(SwitchBody.self, request)
            return try await answer(.setSwitch(name, body.on))
        }
    }

    private func addCloud(to group: RouterGroup<AdminContext>) {
        group.post("/v1/pairing/code") { request, _ in
            try await answer(.enterPairingCode(try await decode(PairingCodeBody.self, request).code))
        }
        group.put("/v1/backup/password") { request, _ in
            try await answer(.setBackupPassword(Secret(try await decode(PasswordBody.self, request).password)))
        }
        group.delete("/v1/backup/password") { _, _ in try await answer(.deleteBackupPassword) }
        group.post("/v1/backups") { _, _ in try await answer(.backUpNow) }
        group.get("/v1/backups") { _, _ in try await answer(.listBackups) }
        group.post("/v1/backups/proof") { request, _ in
            let body = try await decode(BackupProofRequestBody.self, request)
            return try Response.json(
                MessageBody(message: try await backend.proveBackup(body.id, password: Secret(body.password))))
        }
        group.get("/v1/backup/plan") { _, _ in try await answer(.showBackupPlan) }
        group.put("/v1/backup/plan") { request, _ in
            try await answer(.planBackups(try await decode(BackupPlanChangeBody.self, request).change()))
        }
        group.get("/v1/backup/sheet") { request, _ in
            let language = request.uri.queryParameters["language"].map { String($0) } ?? "en"
            return try await answer(.recoverySheet(language: language))
        }
        group.post("/v1/provisioning/tokens") { request, _ in
            let body = try await decode(ProvisioningTokenRequestBody.self, request)
            return try await answer(.makeProvisioningToken(extension: body.extension), status: .created)
        }
        group.post("/v1/telephones/resync") { request, _ in
            let body = try await decode(ResyncBody.self, request)
            return try await answer(.resync(extension: body.extension, reboots: body.reboot ?? false))
        }
        group.post("/v1/restore") { request, context in try await restore(request, context) }
    }

    private func addHistory(to group: RouterGroup<AdminContext>) {
        group.get("/v1/ledger") { request, _ in try await answer(.ledger(after: try cursor(request))) }
        group.get("/v1/ledger/checkpoints") { request, _ in
            try await answer(.ledgerCheckpoints(after: try cursor(request)))
        }
        group.get("/v1/call-records") { request, _ in
            let records = try await callRecords(request)
            return try Response.json(CallRecordsBody(records: records.map(CallRecordWithQualityBody.init)))
        }
        // The next page is asked for with the last number of this one; a page that has only its heading is the last.
        group.get("/v1/call-records.csv") { request, _ in
            let table = try await callRecords(request).reduce(into: CallRecordTable.header) {
                $0 += CallRecordTable.line(of: $1)
            }
            return Response.bytes(Array(table.utf8), type: "text/csv; charset=utf-8; header=present")
        }
    }

    /// Those after `?after=`, with the last digits of numbers hidden that `?hide=` says.
    private func callRecords(_ request: Request) async throws -> [CallRecord] {
        var hidden = 0
        if let text = request.uri.queryParameters["hide"] {
            guard let count = Int(text), (0...15).contains(count) else {
                throw AdminProblem(status: 400, detail: "'hide' is a number of digits, 0 to 15")
            }
            hidden = count
        }
        switch await backend.administer(.callRecords(after: try cursor(request))) {
        case .callRecords(let records): return records.map { $0.anonymised(hiding: hidden) }
        case .refused(let status, let detail): throw AdminProblem(status: status, detail: detail)
        default: throw AdminProblem(status: 500, detail: "the appliance gave an unexpected answer")
        }
    }

    private func addConfiguration(to group: RouterGroup<AdminContext>) {
        group.put("/v1/settings") { request, _ in
            let isDryRun = ["1", "true"].contains(request.uri.queryParameters["dry-run"].map { String($0) } ?? "")
            let yaml = try await body(request, limit: Self.configurationLimit)
            let changes = try await backend.applyConfiguration(yaml, isDryRun: isDryRun)
            return try Response.json(ChangesBody(changes: changes, applied: !isDryRun))
        }
    }

    private func addFirmware(to group: RouterGroup<AdminContext>) {
        group.get("/v1/firmware") { _, _ in Response.bytes(try inbox().result(), type: "application/json") }
        group.put("/v1/firmware") { request, _ in
            try await inbox().take(request.body)
            return try Response.json(MessageBody(message: "handed in; ask again for the result"), status: .accepted)
        }
        group.post("/v1/factory-reset") { _, _ in
            try inbox().reset()
            return try Response.json(
                MessageBody(message: "the board forgets its owner and restarts"), status: .accepted)
        }
    }

    private func inbox() throws -> FirmwareInbox {
        guard let firmware else { throw AdminProblem(status: 404, detail: "this appliance takes no firmware") }
        return firmware
    }

    private func addApplications(to group: RouterGroup<AdminContext>) {
        group.get("/v1/voicemail") { request, _ in
            let box = request.uri.queryParameters["box"].map { String($0) }
            return try await answer(.applications(.messages(box: box)))
        }
        group.delete("/v1/voicemail/:box/:number") { _, context in
            let box = try context.parameters.require("box")
            guard let number = Int64(try context.parameters.require("number")) else {
                throw AdminProblem(status: 400, detail: "a message is named by its box and a decimal number")
            }
            return try await answer(.applications(.deleteMessage(MessageID(box: box, number: number))))
        }
        group.get("/v1/recordings") { _, _ in try await answer(.applications(.recordings)) }
        group.delete("/v1/recordings/:user/:number") { _, context in
            let user = try context.parameters.require("user")
            guard let number = Int64(try context.parameters.require("number")) else {
                throw AdminProblem(status: 400, detail: "a recording is named by its user and a decimal number")
            }
            return try await answer(.applications(.deleteRecording(user: user, number: number)))
        }
        group.get("/v1/queues") { _, _ in try await answer(.applications(.queues)) }
        group.get("/v1/conferences") { _, _ in try await answer(.applications(.rooms)) }
        group.post("/v1/conferences/:room") { request, context in
            let room = try context.parameters.require("room")
            let body = try await decode(RoomChangeBody.self, request)
            switch (body.lock, body.participant, body.mute, body.remove) {
            case (let isLocked?, nil, nil, nil): return try await answer(.applications(.lockRoom(room, isLocked)))
            case (nil, let caller?, let isMuted?, nil):
                return try await answer(.applications(.mute(CallerID(caller), room: room, isMuted)))
            case (nil, let caller?, nil, true?):
                return try await answer(.applications(.remove(CallerID(caller), room: room)))
            default:
                let text = "name 'lock', or 'participant' with 'mute' or 'remove'"
                throw AdminProblem(status: 400, detail: text)
            }
        }
    }

    private func provisioning(_ request: Request, _ context: AdminContext) async throws -> Response {
        let token = try context.parameters.require("token")
        guard token.utf8.count <= 256 else { throw AdminProblem(status: 404, detail: "no such file") }
        let product = String((request.headers[.userAgent] ?? "").prefix(256))
        switch await backend.serve(.provisioningFile(token: Secret(token), client: context.client, product: product)) {
        case .provisioningFile(let bytes, _): return Response.bytes(bytes, type: "application/xml")
        case .problem(let status, _, let detail): throw AdminProblem(status: status, detail: detail)
        case .noContent, .deviceState, .callDataStream, .adminSession:
            throw AdminProblem(status: 404, detail: "no such file")
        }
    }

    private func restore(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try await decode(RestoreBody.self, request)
        let source: RestoreSource
        switch (body.path, body.id) {
        case (let path?, nil):
            guard context.isLocal else {
                throw AdminProblem(status: 403, detail: "files are restored through the local socket only; name an id")
            }
            source = .file(path: path)
        case (nil, let id?): source = .server(id: id)
        case (nil, nil), (_?, _?): throw AdminProblem(status: 400, detail: "name either 'path' or 'id'")
        }
        let message = try await backend.restore(source, password: Secret(body.password))
        // From here on the store refuses writes: a restart must follow, whether or not the client hears the answer.
        let restart = RestartAfterAnswer(backend: backend)
        let bytes = try WireJSON.encode(MessageBody(message: message), what: "answer")
        return Response(
            status: .ok, headers: [.contentType: "application/json", .connection: "close"],
            body: ResponseBody(contentLength: bytes.count) { writer in
                let written: Result<Void, any Error>
                do {
                    try await writer.write(ByteBuffer(bytes: bytes))
                    written = .success(try await writer.finish(nil))
                } catch {
                    written = .failure(error)
                }
                await restart.now()
                try written.get()
            })
    }

    // MARK: Bodies and replies

    private func body(_ request: Request, limit: Int) async throws -> [UInt8] {
        var request = request
        if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limit {
            throw CloudWireError.bodyTooLarge(what: "request body", bytes: announced, limit: limit)
        }
        do {
            return Array(try await request.collectBody(upTo: limit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw CloudWireError.bodyTooLarge(what: "request body", bytes: limit + 1, limit: limit)
        }
    }

    func decode<Body: Decodable>(_ type: Body.Type, _ request: Request) async throws -> Body {
        try WireJSON.decode(
            type, from: try await body(request, limit: Self.bodyLimit), limit: Self.bodyLimit, what: "request body")
    }

    private func cursor(_ request: Request) throws -> UInt64 {
        guard let text = request.uri.queryParameters["after"] else { return 0 }
        guard let value = UInt64(text) else { throw AdminProblem(status: 400, detail: "'after' is a decimal cursor") }
        return value
    }

    func answer(_ command: AdminCommand, status: HTTPResponse.Status = .ok) async throws -> Response {
        switch await backend.administer(command) {
        case .done(let message): return try Response.json(MessageBody(message: message), status: status)
        case .status(let status): return try Response.json(StatusBody(status, backend.identity))
        case .backup(let entry): return try Response.json(BackupBody(entry, uploaded: true), status: .created)
        case .backups(let records): return try Response.json(BackupsBody(backups: records.map(BackupBody.init)))
        case .backupPlan(let report): return try Response.json(BackupPlanBody(report))
        case .recoverySheet(let text): return Response.bytes(Array(text.utf8), type: "text/plain; charset=utf-8")
        case .provisioningToken(let token, let number):
            let text = token.withBytes { String(decoding: $0, as: UTF8.self) }
            let body = ProvisioningTokenBody(extension: number, token: text, path: "/provisioning/\(text)")
            return try Response.json(body, status: status)
        case .calls(let calls): return try Response.json(CallsBody(calls: calls.map(CallBody.init)))
        case .ledger(let entries): return try Response.json(LedgerBody(entries: entries.map(LedgerEntryBody.init)))
        case .callRecords(let records):
            return try Response.json(CallRecordsBody(records: records.map(CallRecordWithQualityBody.init)))
        case .privacy(let flows, let isStrict):
            return try Response.json(FlowsBody(flows: flows.map(FlowBody.init), strict: isStrict))
        case .ledgerCheckpoints(let list):
            return try Response.json(LedgerCheckpointsBody(checkpoints: list.map(LedgerCheckpointBody.init)))
        case .messages(let messages):
            return try Response.json(MessagesBody(messages: messages.map(VoiceMessageBody.init)))
        case .rooms(let rooms): return try Response.json(RoomsBody(conferences: rooms.map(RoomBody.init)))
        case .queues(let queues): return try Response.json(QueuesBody(queues: queues.map(QueueBody.init)))
        case .update(let status): return try Response.json(UpdateStatusBody(status))
        case .crashReports(let list): return try Response.json(CrashReportsBody(list))
        case .remoteAccess(let status): return try Response.json(RemoteAccessStatusBody(status))
        case .refused(let status, let detail): throw AdminProblem(status: status, detail: detail)
        case .restorePermit: throw AdminProblem(status: 500, detail: "a permit is for the appliance alone")
        }
    }
}
