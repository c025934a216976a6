package import Primitives

/// `manifest.json`, the first file of a backup: exactly what the backup holds (Q11).
package struct BackupManifest: Sendable, Equatable {
    package struct Part: Sendable, Equatable {
        package var name: String
        package var sizeBytes: Int64
        /// 32 bytes.
        package var sha256: [UInt8]
        package init(name: String, sizeBytes: Int64, sha256: [UInt8]) {
            self.name = name
            self.sizeBytes = sizeBytes
            self.sha256 = sha256
        }
    }

    /// The version of the format that this firmware writes; it reads this one only.
    package static let currentFormat = 1
    package static let fileName = "manifest.json"

    package var format: Int
    package var firmwareVersion: String
    package var serial: String
    package var created: UnixTime
    package var parts: [Part]

    package init(
        format: Int = currentFormat, firmwareVersion: String, serial: String, created: UnixTime, parts: [Part]
    ) {
        self.format = format
        self.firmwareVersion = firmwareVersion
        self.serial = serial
        self.created = created
        self.parts = parts
    }

    /// Describes `parts` in their order.
    package init(
        describing parts: [ArchivePart], firmwareVersion: String, serial: String, created: UnixTime,
        hashes: any HashFunctions
    ) {
        self.init(
            firmwareVersion: firmwareVersion, serial: serial, created: created,
            parts: parts.map {
                Part(name: $0.name, sizeBytes: Int64($0.bytes.count), sha256: hashes.sha256($0.bytes))
            })
    }

    /// The manifest as JSON (RFC 8259); `created` also in milliseconds, which is what is read back.
    package var json: String {
        let list = parts.map {
            "    {\"name\": \(JSONText.quoted($0.name)), \"sizeBytes\": \($0.sizeBytes), "
                + "\"sha256\": \"\(Hex.encode($0.sha256))\"}"
        }
        return """
            {
              "format": \(format),
              "firmwareVersion": \(JSONText.quoted(firmwareVersion)),
              "serial": \(JSONText.quoted(serial)),
              "created": "\(created.rfc3339)",
              "createdMilliseconds": \(created.milliseconds),
              "parts": [
            \(list.joined(separator: ",\n"))
              ]
            }

            """
    }

    /// Whether `found` is exactly what the manifest promises: the same names in the same order, sizes and digests.
    package func verify(_ found: [ArchivePart], hashes: any HashFunctions) throws(BackupManifestError) {
        guard format == Self.currentFormat else { throw .format(format) }
        for part in found where !parts.contains(where: { $0.name == part.name }) { throw .extraPart(part.name) }
        for promised in parts {
            guard let part = found.first(where: { $0.name == promised.name }) else { throw .missingPart(promised.name) }
            guard Int64(part.bytes.count) == promised.sizeBytes else { throw .size(promised.name) }
            guard constantTimeEquals(hashes.sha256(part.bytes), promised.sha256) else { throw .digest(promised.name) }
        }
        guard found.count == parts.count else { throw .extraPart(Self.fileName) }
    }
}

/// How a backup differs from its manifest.
package enum BackupManifestError: Error, Sendable, Hashable {
    case format(Int)
    case extraPart(String)
    case missingPart(String)
    case size(String)
    case digest(String)
}

extension BackupManifestError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .format(let format):
            "the backup has format \(format), this firmware reads \(BackupManifest.currentFormat); use the firmware that made it"
        case .extraPart(let name): "the backup holds '\(name)', which its manifest does not name; do not trust it"
        case .missingPart(let name): "the backup lacks '\(name)', which its manifest names; take another backup"
        case .size(let name): "'\(name)' has not the size that the manifest names; take another backup"
        case .digest(let name): "'\(name)' is not what the manifest describes; take another backup"
        }
    }
}
