package import CloudMessages
import Primitives

/// The payload of the signed manifest (F-S2).
package struct UpdateManifestBody: Codable, Sendable, Hashable {
    package var version: String
    package var board: String
    package var notes: String
    package var sizeBytes: Int64
    /// Lower-case hexadecimal.
    package var sha256: String
    package var rolloutPercent: Int
    /// RFC 3339.
    package var issuedAt: String
    package var expiresAt: String

    /// What `GET /v1/updates` answers with: a compact JWS whose payload this is.
    package static let contentType = "application/jose"
    /// The organizational unit of who may sign manifests.
    package static let signerUnit = "update-signer"
    package static let notesBytes = 2_000

    package init(_ manifest: UpdateManifest) {
        version = manifest.version
        board = manifest.board
        notes = manifest.notes
        sizeBytes = manifest.sizeBytes
        sha256 = Hex.encode(manifest.sha256)
        rolloutPercent = manifest.rolloutPercent
        issuedAt = manifest.issuedAt.rfc3339
        expiresAt = manifest.expiresAt.rfc3339
    }

    package func encoded() throws(CloudWireError) -> [UInt8] { try WireJSON.encode(self, what: "update manifest") }

    package static func decode(
        _ bytes: [UInt8], limits: WireLimits = WireLimits()
    ) throws(CloudWireError) -> UpdateManifest {
        let what = "update manifest"
        let body = try WireJSON.decode(Self.self, from: bytes, limit: limits.jsonBytes, what: what)
        guard limits.isIdentifier(body.version), limits.isIdentifier(body.board) else {
            throw .malformed(what: what, reason: "version or board is no identifier")
        }
        guard let digest = Hex.decode(body.sha256), let issued = RFC3339.parse(body.issuedAt),
            let expires = RFC3339.parse(body.expiresAt)
        else { throw .malformed(what: what, reason: "digest or times are not valid") }
        return UpdateManifest(
            version: body.version, board: body.board, notes: String(body.notes.prefix(notesBytes)),
            sizeBytes: body.sizeBytes, sha256: digest, rolloutPercent: body.rolloutPercent, issuedAt: issued,
            expiresAt: expires)
    }
}

/// The body of `POST /v1/crash-reports` (F-S10): an object of nine texts, with no other member.
package enum CrashReportBody {
    /// The server's view: exactly the declared members, in their order.
    package static func decode(
        _ bytes: [UInt8], limits: WireLimits = WireLimits()
    ) throws(CloudWireError) -> [(name: String, value: String)] {
        let what = "crash report"
        let body = try WireJSON.decode([String: String].self, from: bytes, limit: limits.jsonBytes, what: what)
        if let stranger = body.keys.sorted().first(where: { !CrashReport.wireNames.contains($0) }) {
            throw .malformed(what: what, reason: "it has the undeclared member '\(stranger.prefix(40))'")
        }
        var values: [(name: String, value: String)] = []
        for name in CrashReport.wireNames {
            guard let value = body[name], value.utf8.count <= CrashReport.fieldBytes else {
                throw .malformed(what: what, reason: "'\(name)' is missing or too long")
            }
            values.append((name, value))
        }
        return values
    }
}
