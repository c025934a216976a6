import CloudCore
import CloudMessages
import CloudWire
import HTTPTypes
import Hummingbird
import Logging
import Primitives
import TLS

/// The backup server (F-C7, F-C8, F-C9): ciphertext per appliance, streamed to and from the disk.
actor BackupServer {
    private var core: BackupServerCore
    private let files: BackupFiles
    private var revision: UInt64 = 0
    private let commit: GroupCommit<BackupServerCore.Index>
    private let log: MessageLog
    private let logger: Logger
    private let limits: CloudLimits
    /// Uploads with a request under way, so that two cannot write one file.
    private var writing: Set<String> = []

    init(files: BackupFiles, limits: CloudLimits, log: MessageLog, logger: Logger) throws(VendorCloudError) {
        self.files = files
        commit = GroupCommit { try files.save($0) }
        self.log = log
        self.logger = logger
        self.limits = limits
        core = BackupServerCore(index: try files.loadIndex(), limits: limits)
    }

    nonisolated var router: Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.addMiddleware {
            AnswerProblems(logger: logger)
            IdentifyPeer()
        }
        router.get("/v1/service") { request, context in try await self.service(request, context) }
        router.get("/v1/backups") { request, context in try await self.list(request, context) }
        router.put("/v1/backups/:id") { request, context in try await self.put(request, context) }
        router.get("/v1/backups/:id") { request, context in try await self.get(request, context) }
        router.delete("/v1/backups/:id") { request, context in try await self.delete(request, context) }
        router.put("/v1/backup-keys/:id") { request, context in try await self.putKey(request, context) }
        router.get("/v1/backup-keys/:id") { request, context in try await self.getKey(request, context) }
        router.delete("/v1/backup-keys/:id") { request, context in try await self.deleteKey(request, context) }
        return router
    }

    private func record(_ what: String, _ context: PeerContext, _ fields: [String: LogValue] = [:], bytes: Int64 = 0) {
        let peer = context.peer
        log.record(peer: peer?.serialNumber, unit: peer?.organizationalUnit, what: what, fields: fields, bytes: bytes)
    }

    private func service(_ request: Request, _ context: PeerContext) throws -> Response {
        let serial = try context.applianceSerial()
        record("GET /v1/service", context)
        return try .json(BackupServiceBody(core.serviceStatus(serial: serial)))
    }

    private func list(_ request: Request, _ context: PeerContext) throws -> Response {
        let serial = try context.subjectSerial(of: request)
        record("GET /v1/backups", context)
        return try .json(BackupListBody(core.list(serial: serial)))
    }

    private func save() async throws {
        revision += 1
        try await commit.save(core.index, revision: revision)
    }

    // MARK: Upload

    private func put(_ request: Request, _ context: PeerContext) async throws -> Response {
        let serial = try context.applianceSerial()
        let announcement = try Self.announcement(request, id: try context.parameters.require("id"))
        let key = "\(serial)/\(announcement.id)"
        guard writing.insert(key).inserted else {
            throw CloudRefusal.unavailable(what: "backup \(announcement.id), which another request is writing,")
        }
        defer { writing.remove(key) }
        if case .alreadyStored = try core.begin(announcement, serial: serial) {
            record("PUT /v1/backups", context, Self.logged(announcement, bytes: 0), bytes: 0)
            return .noContent
        }
        do {
            try await receive(request, announcement, serial: serial, context)
            guard core.isComplete(serial: serial, id: announcement.id) else {
                let received = core.receivedBytes(serial: serial, id: announcement.id)
                return Response(status: .accepted, headers: [.range: Self.receivedRange(received)])
            }
            return try await commit(announcement, serial: serial)
        } catch let error as ServerFiles.Failure {
            core.abandon(serial: serial, id: announcement.id)
            try? await files.discardPart(serial: serial, id: announcement.id)
            throw error
        }
    }

    private func receive(
        _ request: Request, _ announcement: BackupServerCore.Announcement, serial: String, _ context: PeerContext
    ) async throws {
        var offset = announcement.offset
        let patience = ServerClock.now + limits.uploadDuration
        defer {
            let bytes = offset - announcement.offset
            record("PUT /v1/backups", context, Self.logged(announcement, bytes: bytes), bytes: bytes)
        }
        for try await buffer in request.body where buffer.readableBytes > 0 {
            guard ServerClock.now < patience else { throw CloudRefusal.unavailable(what: "so slow an upload") }
            let bytes = Array(buffer.readableBytesView)
            do throws(CloudRefusal) {
                try core.received(Int64(bytes.count), serial: serial, id: announcement.id)
            } catch {
                try? await files.discardPart(serial: serial, id: announcement.id)
                throw error
            }
            try await files.append(bytes, serial: serial, id: announcement.id, offset: offset)
            offset += Int64(bytes.count)
        }
    }

    private func commit(_ announcement: BackupServerCore.Announcement, serial: String) async throws -> Response {
        let id = announcement.id
        let digest = try await files.digestOfPart(serial: serial, id: id, sizeBytes: announcement.sizeBytes)
        guard digest == announcement.sha256 else {
            core.abandon(serial: serial, id: id)
            try await files.discardPart(serial: serial, id: id)
            throw CloudRefusal.digestMismatch
        }
        try await files.publish(serial: serial, id: id)
        let (_, evicted) = try core.commit(serial: serial, id: id, sha256: digest, at: ServerClock.wall)
        try await save()
        for old in evicted { try await files.remove(serial: serial, id: old) }
        return Response(status: .created, headers: [.location: "/v1/backups/\(id)"])
    }

    private static func logged(_ announcement: BackupServerCore.Announcement, bytes: Int64) -> [String: LogValue] {
        [
            "id": .text(announcement.id), "time": .text(announcement.createdAt.rfc3339),
            "keyId": .text(announcement.keyID), "size": .integer(announcement.sizeBytes),
            "offset": .integer(announcement.offset), "sha256": .text(Hex.encode(announcement.sha256)),
            "ciphertext": .opaque(bytes: bytes),
        ]
    }

    private static func announcement(
        _ request: Request, id: String
    ) throws -> BackupServerCore.Announcement {
        guard request.headers[.ifNoneMatch] == "*" else {
            throw HTTPError(.init(code: 428), message: "send If-None-Match: *; a backup is never replaced")
        }
        guard let length = request.headers[.contentLength].flatMap({ Int64($0) }) else {
            throw HTTPError(.lengthRequired, message: "send Content-Length")
        }
        func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { request.headers[$0] } }
        guard let createdAt = header(BackupHeaders.createdAt).flatMap(RFC3339.parse),
            let keyID = header(BackupHeaders.keyID),
            let sha256 = header("Repr-Digest").flatMap(BackupHeaders.sha256(digestField:))
        else {
            throw CloudRefusal.invalid(
                what: "backup", reason: "send Repr-Digest (sha-256), \(BackupHeaders.createdAt), \(BackupHeaders.keyID)"
            )
        }
        var size = length
        var offset: Int64 = 0
        if let value = request.headers[.contentRange] {
            guard let (range, total) = BackupHeaders.contentRange(value),
                range.upperBound - range.lowerBound + 1 == length
            else { throw CloudRefusal.invalid(what: "Content-Range", reason: "it does not fit the body") }
            (size, offset) = (total, range.lowerBound)
        }
        return BackupServerCore.Announcement(
            id: id, createdAt: createdAt, keyID: keyID, sha256: sha256, sizeBytes: size, offset: offset)
    }

    /// `Range` header of an unfinished upload: what the server has; without a range when it has nothing.
    static func receivedRange(_ count: Int64) -> String { count > 0 ? "bytes=0-\(count - 1)" : "bytes=" }

    // MARK: Download and deletion

    private func get(_ request: Request, _ context: PeerContext) async throws -> Response {
        let serial = try context.subjectSerial(of: request)
        let id = try context.parameters.require("id")
        record("GET /v1/backups/{id}", context, ["id": .text(id)])
        guard let entry = core.entry(serial: serial, id: id) else { throw CloudRefusal.notFound(what: "backup \(id)") }
        let files = files
        let body = ResponseBody(contentLength: Int(entry.sizeBytes)) { writer in
            var offset: Int64 = 0
            while offset < entry.sizeBytes {
                let chunk = try await files.chunk(serial: serial, id: id, offset: offset)
                if chunk.isEmpty { break }
                try await writer.write(ByteBuffer(bytes: chunk))
                offset += Int64(chunk.count)
            }
            try await writer.finish(nil)
        }
        var headers: HTTPFields = [.contentType: "application/octet-stream", .cacheControl: "no-store"]
        if let name = HTTPField.Name("Repr-Digest") { headers[name] = BackupHeaders.digest(sha256: entry.sha256) }
        if let name = HTTPField.Name(BackupHeaders.keyID) { headers[name] = entry.keyID }
        return Response(status: .ok, headers: headers, body: body)
    }

    private func delete(_ request: Request, _ context: PeerContext) async throws -> Response {
        let serial = try context.subjectSerial(of: request)
        let id = try context.parameters.require("id")
        record("DELETE /v1/backups/{id}", context, ["id": .text(id)])
        try core.delete(serial: serial, id: id)
        try await save()
        try await files.remove(serial: serial, id: id)
        return .noContent
    }

    // MARK: Encrypted identities

    private func putKey(_ request: Request, _ context: PeerContext) async throws -> Response {
        var request = request
        let serial = try context.applianceSerial()
        let id = try context.parameters.require("id")
        let bytes = try await request.body(upTo: limits.backupKeyBytes, what: "backup key")
        record(
            "PUT /v1/backup-keys", context, ["keyId": .text(id), "ciphertext": .opaque(bytes: Int64(bytes.count))],
            bytes: Int64(bytes.count))
        guard case .receive = try core.putKey(serial: serial, keyID: id, sizeBytes: bytes.count) else {
            guard try await files.readKey(serial: serial, keyID: id) == bytes else {
                throw CloudRefusal.alreadyExists(what: "backup key \(id)")
            }
            return .noContent
        }
        do {
            try await files.writeKey(bytes, serial: serial, keyID: id)
        } catch {
            try core.deleteKey(serial: serial, keyID: id)
            throw error
        }
        try await save()
        return Response(status: .created)
    }

    private func getKey(_ request: Request, _ context: PeerContext) async throws -> Response {
        let serial = try context.subjectSerial(of: request)
        let id = try context.parameters.require("id")
        record("GET /v1/backup-keys/{id}", context, ["keyId": .text(id)])
        guard core.hasKey(serial: serial, keyID: id) else { throw CloudRefusal.notFound(what: "backup key \(id)") }
        return .bytes(try await files.readKey(serial: serial, keyID: id), type: "application/octet-stream")
    }

    private func deleteKey(_ request: Request, _ context: PeerContext) async throws -> Response {
        let serial = try context.subjectSerial(of: request)
        let id = try context.parameters.require("id")
        record("DELETE /v1/backup-keys/{id}", context, ["keyId": .text(id)])
        try core.deleteKey(serial: serial, keyID: id)
        try await save()
        try await files.removeKey(serial: serial, keyID: id)
        return .noContent
    }
}
