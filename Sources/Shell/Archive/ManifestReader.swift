import Backup
import FoundationEssentials
import Primitives

/// Reads `manifest.json`. Strict in types and ranges; unknown keys of a later firmware are left alone.
enum ManifestReader {
    private struct Body: Decodable {
        struct Part: Decodable {
            var name: String
            var sizeBytes: Int64
            var sha256: String
        }
        var format: Int
        var firmwareVersion: String
        var serial: String
        var createdMilliseconds: Int64
        var parts: [Part]
    }

    static func read(_ bytes: [UInt8]) throws(ArchiveError) -> BackupManifest {
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        } catch {
            throw .manifest("it is not the JSON it should be")
        }
        guard body.format == BackupManifest.currentFormat else { throw .contents(.format(body.format)) }
        guard body.parts.count <= TarArchive.maximumParts else { throw .manifest("too many parts") }
        var parts: [BackupManifest.Part] = []
        for part in body.parts {
            guard TarArchive.isSafe(part.name), !parts.contains(where: { $0.name == part.name }) else {
                throw .manifest("a part's name is not allowed or occurs twice")
            }
            guard part.sizeBytes >= 0, let digest = Hex.decode(part.sha256), digest.count == 32 else {
                throw .manifest("size or digest of '\(part.name)' is malformed")
            }
            parts.append(BackupManifest.Part(name: part.name, sizeBytes: part.sizeBytes, sha256: digest))
        }
        return BackupManifest(
            format: body.format, firmwareVersion: body.firmwareVersion, serial: body.serial,
            created: UnixTime(milliseconds: body.createdMilliseconds), parts: parts)
    }
}
