package import CloudMessages
import Primitives

/// Answer of `GET /v1/service` at the backup server (F-C7).
package struct BackupServiceBody: Codable, Sendable, Hashable {
    package var available: Bool
    package var maximumBytes: Int64
    package var retainedCount: Int

    package init(_ status: BackupServiceStatus) {
        available = status.available
        maximumBytes = status.maximumBytes
        retainedCount = status.retainedCount
    }

    package var status: BackupServiceStatus {
        BackupServiceStatus(available: available, maximumBytes: maximumBytes, retainedCount: retainedCount)
    }
}

/// Answer of `GET /v1/backups` (F-C8, F-C9), newest first.
package struct BackupListBody: Codable, Sendable, Hashable {
    package struct Item: Codable, Sendable, Hashable {
        package var id: String
        /// RFC 3339.
        package var createdAt: String
        package var sizeBytes: Int64
        package var keyId: String
        /// SHA-256 of the ciphertext, lower-case hexadecimal.
        package var sha256: String

        package init(_ entry: BackupEntry) {
            id = entry.id
            createdAt = entry.createdAt.rfc3339
            sizeBytes = entry.sizeBytes
            keyId = entry.keyID
            sha256 = Hex.encode(entry.sha256)
        }

        package var entry: BackupEntry? {
            guard let createdAt = RFC3339.parse(createdAt), let sha256 = Hex.decode(sha256), sha256.count == 32,
                sizeBytes >= 0, WireLimits().isIdentifier(id), WireLimits().isIdentifier(keyId)
            else { return nil }
            return BackupEntry(id: id, createdAt: createdAt, sizeBytes: sizeBytes, keyID: keyId, sha256: sha256)
        }
    }

    package var backups: [Item]

    package init(_ entries: [BackupEntry]) { backups = entries.map(Item.init) }

    package static func decode(_ bytes: [UInt8], limits: WireLimits = WireLimits()) throws(CloudWireError)
        -> [BackupEntry]
    {
        let what = "backup list"
        let body = try WireJSON.decode(Self.self, from: bytes, limit: limits.metricsBytes, what: what)
        guard body.backups.count <= limits.listedBackups else {
            throw .malformed(what: what, reason: "more than \(limits.listedBackups) entries")
        }
        let entries = body.backups.compactMap(\.entry)
        guard entries.count == body.backups.count else { throw .malformed(what: what, reason: "an entry is not valid") }
        return entries
    }
}

/// Names of the headers that describe a backup's bytes, and their forms.
package enum BackupHeaders {
    /// RFC 3339; when the backup was made.
    package static let createdAt = "Backup-Created-At"
    /// Which password generation opens it.
    package static let keyID = "Backup-Key-Id"

    /// `sha-256=:<base64>:` (RFC 9530 section 3, Repr-Digest).
    package static func digest(sha256: [UInt8]) -> String { "sha-256=:\(Base64.encode(sha256)):" }

    /// The SHA-256 in a Repr-Digest field value, among other algorithms; nil when there is none.
    package static func sha256(digestField value: String) -> [UInt8]? {
        for member in value.split(separator: ",") {
            let text = member.drop { $0 == " " || $0 == "\t" }
            guard text.hasPrefix("sha-256=:"), let end = text.dropFirst(9).firstIndex(of: ":") else { continue }
            if let bytes = Base64.decode(text.dropFirst(9)[..<end]), bytes.count == 32 { return bytes }
        }
        return nil
    }

    /// `bytes 0-99/200` (RFC 9110 section 14.4): the range that a body holds, and the whole; nil when malformed.
    package static func contentRange(_ value: String) -> (range: ClosedRange<Int64>, total: Int64)? {
        guard value.hasPrefix("bytes ") else { return nil }
        let parts = value.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let total = Int64(parts[1]) else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int64(ends[0]), let last = Int64(ends[1]), first >= 0, first <= last,
            last < total
        else { return nil }
        return (first...last, total)
    }
}
