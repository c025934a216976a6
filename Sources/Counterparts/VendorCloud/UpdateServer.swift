import CloudCore
import CloudWire
import HTTPTypes
import Hummingbird
import Logging
import Primitives
import TLS

/// The update server (F-S2): manifests as their signer made them, and bundles in ranges. It asks for no client certificate and
/// would not know what to do with one.
actor UpdateServer {
    private var core: UpdateServerCore
    private let directory: String
    private let log: MessageLog
    private let logger: Logger

    /// `directory` holds `<system>/manifest.jws`, `<system>/version` and `<system>/<version>`; read again for each question.
    init(directory: String, limits: CloudLimits, log: MessageLog, logger: Logger) {
        core = UpdateServerCore(limits: limits)
        self.directory = directory
        self.log = log
        self.logger = logger
    }

    nonisolated var router: Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.addMiddleware {
            AnswerProblems(logger: logger)
            IdentifyPeer()
        }
        router.get("/v1/updates") { request, context in try await self.answer(request, context) }
        router.get("/v1/bundles/:system/:version") { request, context in try await self.bundle(request, context) }
        return router
    }

    private func answer(_ request: Request, _ context: PeerContext) throws -> Response {
        let query = request.uri.queryParameters.map { (name: String($0.key), value: String($0.value)) }
        var fields = Dictionary(query.map { ($0.name, LogValue.text($0.value)) }) { first, _ in first }
        fields["externalAddress"] = .text(context.channel.remoteAddress?.ipAddress ?? "")
        log.record(
            peer: context.peer?.serialNumber, unit: context.peer?.organizationalUnit, what: "GET /v1/updates",
            fields: fields, bytes: 0)
        if let system = query.first(where: { $0.name == "operatingSystem" })?.value { try load(system) }
        guard let manifest = try core.answer(query) else { return .noContent }
        return .bytes(manifest, type: UpdateManifestBody.contentType)
    }

    private func load(_ system: String) throws {
        guard CloudNames.isIdentifier(system), ServerFiles.exists("\(directory)/\(system)/manifest.jws") else { return }
        let version = String(decoding: try ServerFiles.read("\(directory)/\(system)/version"), as: UTF8.self)
        try core.publish(
            system: system, version: version,
            signedManifest: try ServerFiles.read("\(directory)/\(system)/manifest.jws"))
    }

    /// `Range: bytes=N-` only (RFC 9110 section 14.2).
    private func bundle(_ request: Request, _ context: PeerContext) throws -> Response {
        let system = try context.parameters.require("system")
        let version = try context.parameters.require("version")
        guard CloudNames.isIdentifier(system), CloudNames.isIdentifier(version) else {
            throw CloudRefusal.notFound(what: "bundle")
        }
        let path = "\(directory)/\(system)/\(version)"
        guard ServerFiles.exists(path), case let size = try ServerFiles.size(path) else {
            throw CloudRefusal.notFound(what: "bundle \(version)")
        }
        let first = try Self.first(request.headers[.range], of: size)
        log.record(
            peer: context.peer?.serialNumber, unit: context.peer?.organizationalUnit, what: "GET /v1/bundles",
            fields: [
                "externalAddress": .text(context.channel.remoteAddress?.ipAddress ?? ""),
                "operatingSystem": .text(system), "version": .text(version),
                "offset": .integer(first),
            ], bytes: 0)
        let body = ResponseBody(contentLength: Int(size - first)) { writer in
            var offset = first
            while offset < size {
                let chunk = try ServerFiles.readChunk(path, offset: offset, count: 65_536)
                if chunk.isEmpty { break }
                try await writer.write(ByteBuffer(bytes: chunk))
                offset += Int64(chunk.count)
            }
            try await writer.finish(nil)
        }
        var headers: HTTPFields = [.contentType: "application/octet-stream", .acceptRanges: "bytes"]
        if first > 0 { headers[.contentRange] = "bytes \(first)-\(size - 1)/\(size)" }
        return Response(status: first > 0 ? .partialContent : .ok, headers: headers, body: body)
    }

    private static func first(_ range: String?, of size: Int64) throws -> Int64 {
        guard let range else { return 0 }
        guard range.hasPrefix("bytes="), range.hasSuffix("-"), let first = Int64(range.dropFirst(6).dropLast()),
            first >= 0
        else { throw CloudRefusal.invalid(what: "Range", reason: "bytes=N- is served") }
        guard first < size else { throw HTTPError(.rangeNotSatisfiable, message: "the bundle has \(size) bytes") }
        return first
    }
}

/// The crash-report server (F-S10), likewise without client certificates.
actor CrashServer {
    private var core: CrashServerCore
    private let log: MessageLog
    private let logger: Logger
    private let wire = WireLimits()

    init(limits: CloudLimits, log: MessageLog, logger: Logger) {
        core = CrashServerCore(limits: limits)
        self.log = log
        self.logger = logger
    }

    nonisolated var router: Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.addMiddleware {
            AnswerProblems(logger: logger)
            IdentifyPeer()
        }
        router.post("/v1/crash-reports") { request, context in try await self.receive(request, context) }
        return router
    }

    private func receive(_ request: Request, _ context: PeerContext) async throws -> Response {
        var request = request
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
            throw HTTPError(.unsupportedMediaType, message: "crash reports are application/json")
        }
        let bytes = try await request.body(upTo: wire.jsonBytes, what: "crash report")
        let fields = try CrashReportBody.decode(bytes)
        try core.receive(fields)
        log.record(
            peer: context.peer?.serialNumber, unit: context.peer?.organizationalUnit, what: "POST /v1/crash-reports",
            fields: Dictionary(fields.map { ($0.name, LogValue.text($0.value)) }) { first, _ in first },
            bytes: Int64(bytes.count))
        return .noContent
    }
}
