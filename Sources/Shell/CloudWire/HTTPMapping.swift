import CloudMessages
package import Primitives
package import PrivacyContract

/// A header line.
package struct WireHeader: Sendable, Hashable {
    package var name: String
    package var value: String
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// An outbound message as an HTTP request; the server's base URL is the caller's.
package struct CloudHTTPRequest: Sendable, Equatable {
    package enum Body: Sendable, Equatable {
        case none
        case bytes([UInt8])
        /// Stream this file; `Content-Length` is its size.
        case artifact(name: String, sizeBytes: Int64)
    }

    package var method: String
    /// Absolute path, ready for the request line.
    package var path: String
    /// Without Host and Content-Length.
    package var headers: [WireHeader]
    package var body: Body

    package init(method: String, path: String, headers: [WireHeader] = [], body: Body = .none) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }
}

/// Turns outbound messages into requests and answers into replies (WIRE.md).
///
/// Only fields that are in the message can reach the request; who sends it is in the TLS certificate.
package enum HTTPMapping {
    private static let json = WireHeader("Content-Type", "application/json")
    private static let octets = WireHeader("Content-Type", "application/octet-stream")

    /// The request that carries `message`.
    ///
    /// - Parameters:
    ///   - time: time stamp of metrics.
    ///   - artifactSHA256: digest of the artifact, for a message that has one; the caller computes it from the file.
    package static func request(
        for message: OutboundMessage, at time: UnixTime, artifactSHA256: [UInt8]? = nil
    ) throws(CloudWireError) -> CloudHTTPRequest {
        switch message.flow {
        case .c3: return try pairing(message)
        case .c4:
            let tokenID = try identifier(.revocation, in: message)
            return CloudHTTPRequest(method: "DELETE", path: "/v1/pairings/\(tokenID)")
        case .c5:
            guard case .metrics(let points)? = message[.metrics] else { throw missing(.metrics, in: message) }
            let body = try OTLPMetrics.encode(points, at: time)
            return CloudHTTPRequest(method: "POST", path: "/v1/metrics", headers: [json], body: .bytes(body))
        case .c7: return CloudHTTPRequest(method: "GET", path: "/v1/service")
        case .c8: return try backup(message, sha256: artifactSHA256)
        case .s2: return try update(message)
        case .s10: return try crashReport(message)
        case .c1, .c2, .c6, .c9, .c10, .c11, .c12, .c13, .s1, .s3, .s4, .s5, .s6, .s7, .s8, .s9, .s11:
            throw .notAnHTTPFlow(message.flow.rawValue)
        }
    }

    private static func pairing(_ message: OutboundMessage) throws(CloudWireError) -> CloudHTTPRequest {
        guard case .text(let user)? = message[.userName] else { throw missing(.userName, in: message) }
        guard case .secret(let password)? = message[.password] else { throw missing(.password, in: message) }
        let tokenID = try identifier(.tokenID, in: message)
        let body = try PairingRegistration(tokenID: tokenID, user: user, password: password).encoded()
        return CloudHTTPRequest(method: "POST", path: "/v1/pairings", headers: [json], body: .bytes(body))
    }

    /// F-C8: a file is a backup, bytes are the encrypted identity that opens it, and no ciphertext asks for the list.
    private static func backup(
        _ message: OutboundMessage, sha256: [UInt8]?
    ) throws(CloudWireError) -> CloudHTTPRequest {
        switch message[.ciphertext] {
        case .artifact(let name, let sizeBytes)?:
            guard WireLimits().isIdentifier(name) else {
                throw .malformed(what: "backup id", reason: "'\(name)' is no identifier")
            }
            guard case .time(let createdAt)? = message[.time] else { throw missing(.time, in: message) }
            guard let sha256 else { throw .missingField(flow: message.flow.rawValue, field: "digest of the artifact") }
            let headers = [
                octets, WireHeader("If-None-Match", "*"),
                WireHeader("Repr-Digest", BackupHeaders.digest(sha256: sha256)),
                WireHeader(BackupHeaders.createdAt, createdAt.rfc3339),
                WireHeader(BackupHeaders.keyID, try identifier(.keyID, in: message)),
            ]
            return CloudHTTPRequest(
                method: "PUT", path: "/v1/backups/\(name)", headers: headers,
                body: .artifact(name: name, sizeBytes: sizeBytes))
        case .bytes(let encryptedIdentity)?:
            let keyID = try identifier(.keyID, in: message)
            return CloudHTTPRequest(
                method: "PUT", path: "/v1/backup-keys/\(keyID)", headers: [octets, WireHeader("If-None-Match", "*")],
                body: .bytes(encryptedIdentity))
        case nil: return CloudHTTPRequest(method: "GET", path: "/v1/backups")
        case .text, .integer, .time, .secret, .metrics, .callRecord, .bundle, .implied:
            throw .malformed(what: "message of F-C8", reason: "ciphertext is neither a file nor bytes")
        }
    }

    /// F-S2: the question, whose fields are the query's, or the bundle of a manifest, whose names are the path's.
    private static func update(_ message: OutboundMessage) throws(CloudWireError) -> CloudHTTPRequest {
        let system = try identifier(.operatingSystem, in: message)
        if case .bundle(let manifest)? = message[.version] {
            guard WireLimits().isIdentifier(manifest.version) else {
                throw .malformed(what: "version of F-S2", reason: "it is no identifier")
            }
            return CloudHTTPRequest(method: "GET", path: "/v1/bundles/\(system)/\(manifest.version)")
        }
        var query = ["\(FieldName.operatingSystem)=\(system)"]
        for name in [FieldName.version, .installationID, .activationStatus] {
            query.append("\(name)=\(try identifier(name, in: message))")
        }
        return CloudHTTPRequest(method: "GET", path: "/v1/updates?\(query.joined(separator: "&"))")
    }

    private static func crashReport(_ message: OutboundMessage) throws(CloudWireError) -> CloudHTTPRequest {
        var body: [String: String] = [:]
        for name in FieldName.crashReport {
            switch message[name] {
            case .text(let text)?: body[name.rawValue] = text
            case .time(let time)?: body[name.rawValue] = time.rfc3339
            default: throw missing(name, in: message)
            }
        }
        let bytes = try WireJSON.encode(body, what: "crash report")
        return CloudHTTPRequest(method: "POST", path: "/v1/crash-reports", headers: [json], body: .bytes(bytes))
    }

    /// A text field that becomes a path segment or a header value.
    private static func identifier(
        _ name: FieldName, in message: OutboundMessage
    ) throws(CloudWireError) -> String {
        guard case .text(let text)? = message[name] else { throw missing(name, in: message) }
        guard WireLimits().isIdentifier(text) else {
            throw .malformed(what: "field '\(name)' of \(message.flow.rawValue)", reason: "it is no identifier")
        }
        return text
    }

    private static func missing(_ name: FieldName, in message: OutboundMessage) -> CloudWireError {
        .missingField(flow: message.flow.rawValue, field: name.rawValue)
    }

    /// What an answer means to the core. A 2xx answer whose body cannot be read counts as no answer.
    package static func reply(
        status: Int, headers: [WireHeader], body: [UInt8], for flow: FlowID
    ) -> CloudReply {
        guard (200..<300).contains(status) else { return refusal(status: status, headers: headers, body: body) }
        do throws(CloudWireError) {
            switch flow {
            case .c7:
                let status = try WireJSON.decode(
                    BackupServiceBody.self, from: body, limit: WireLimits().jsonBytes, what: "backup service status")
                return .serviceStatus(status.status)
            case .c8 where status == 200 && !body.isEmpty: return .backups(try BackupListBody.decode(body))
            default: return .accepted
            }
        } catch {
            return .unreachable("the server's answer is not understood: \(error)")
        }
    }

    private static func refusal(status: Int, headers: [WireHeader], body: [UInt8]) -> CloudReply {
        let seconds = headers.first { $0.name.lowercased() == "retry-after" }.flatMap { Int64($0.value) }
        let problem = try? WireJSON.decode(
            ProblemDetails.self, from: body, limit: WireLimits().jsonBytes, what: "problem details")
        // The text is shown to an administrator: bounded, whatever the server says.
        let detail = String((problem?.detail ?? "status \(status) without an explanation").prefix(500))
        let retryAfter = seconds.map { Duration.seconds(min(max(0, $0), 86_400)) }
        return .refused(status: status, detail: detail, retryAfter: retryAfter)
    }
}
