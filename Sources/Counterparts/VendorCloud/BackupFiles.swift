import CloudCore
import CloudMessages
import CloudWire
import NIOPosix
import OpenSSLCrypto
import Primitives

/// The backup server's disk: `DIR/index.json`, `DIR/<serial>/<id>.age`, `.part` while it arrives, `.key` for identities.
///
/// All ids have been checked to be plain identifiers before they get here.
struct BackupFiles: Sendable {
    let directory: String
    private let pool = NIOThreadPool.singleton

    private struct IndexFile: Codable {
        struct Backup: Codable {
            var serial: String
            var entry: BackupListBody.Item
            var storedAt: String
        }
        struct Key: Codable {
            var serial: String
            var keyId: String
        }
        var backups: [Backup]
        var keys: [Key]
    }

    init(directory: String) throws(ServerFiles.Failure) {
        self.directory = directory
        try ServerFiles.makeDirectory(directory)
    }

    /// What was there before; entries whose file is gone are left out.
    func loadIndex() throws(VendorCloudError) -> BackupServerCore.Index {
        let path = "\(directory)/index.json"
        guard ServerFiles.exists(path) else { return BackupServerCore.Index() }
        do {
            let bytes = try ServerFiles.read(path)
            let file = try WireJSON.decode(IndexFile.self, from: bytes, limit: .max, what: "backup index")
            var index = BackupServerCore.Index()
            index.backups = file.backups.compactMap { item in
                guard let entry = item.entry.entry, let storedAt = RFC3339.parse(item.storedAt),
                    ServerFiles.exists(backup(item.serial, entry.id))
                else { return nil }
                return BackupServerCore.StoredBackup(serial: item.serial, entry: entry, storedAt: storedAt)
            }
            index.keys = file.keys.filter { ServerFiles.exists(key($0.serial, $0.keyId)) }
                .map { BackupServerCore.StoredKey(serial: $0.serial, keyID: $0.keyId) }
            return index
        } catch {
            throw .file(path: path, reason: "\(error)")
        }
    }

    /// Blocks; run by `GroupCommit`.
    func save(_ index: BackupServerCore.Index) throws {
        let file = IndexFile(
            backups: index.backups.map {
                IndexFile.Backup(serial: $0.serial, entry: BackupListBody.Item($0.entry), storedAt: $0.storedAt.rfc3339)
            }, keys: index.keys.map { IndexFile.Key(serial: $0.serial, keyId: $0.keyID) })
        let bytes = try WireJSON.encode(file, what: "backup index")
        try ServerFiles.replace("\(directory)/index.json", with: bytes)
    }

    func append(_ bytes: [UInt8], serial: String, id: String, offset: Int64) async throws {
        try await pool.runIfActive {
            try ServerFiles.makeDirectory("\(directory)/\(serial)")
            try ServerFiles.write(part(serial, id), offset: offset, bytes: bytes)
        }
    }

    /// SHA-256 over what is really on the disk.
    func digestOfPart(serial: String, id: String, sizeBytes: Int64) async throws -> [UInt8] {
        try await pool.runIfActive {
            let hasher = SHA256Hasher()
            var offset: Int64 = 0
            while offset < sizeBytes {
                let chunk = try ServerFiles.readChunk(part(serial, id), offset: offset, count: 262_144)
                if chunk.isEmpty { break }
                hasher.update(chunk)
                offset += Int64(chunk.count)
            }
            return hasher.digest()
        }
    }

    /// The upload becomes the backup, durably.
    func publish(serial: String, id: String) async throws {
        try await pool.runIfActive { try ServerFiles.publish(part(serial, id), as: backup(serial, id)) }
    }

    func discardPart(serial: String, id: String) async throws {
        try await pool.runIfActive { try ServerFiles.remove(part(serial, id)) }
    }

    func remove(serial: String, id: String) async throws {
        try await pool.runIfActive { try ServerFiles.remove(backup(serial, id)) }
    }

    func chunk(serial: String, id: String, offset: Int64) async throws -> [UInt8] {
        try await pool.runIfActive { try ServerFiles.readChunk(backup(serial, id), offset: offset, count: 65_536) }
    }

    func writeKey(_ bytes: [UInt8], serial: String, keyID: String) async throws {
        try await pool.runIfActive {
            try ServerFiles.makeDirectory("\(directory)/\(serial)")
            try ServerFiles.replace(key(serial, keyID), with: bytes)
        }
    }

    func readKey(serial: String, keyID: String) async throws -> [UInt8] {
        try await pool.runIfActive { try ServerFiles.read(key(serial, keyID)) }
    }

    func removeKey(serial: String, keyID: String) async throws {
        try await pool.runIfActive { try ServerFiles.remove(key(serial, keyID)) }
    }

    private func backup(_ serial: String, _ id: String) -> String { "\(directory)/\(serial)/\(id).age" }
    private func part(_ serial: String, _ id: String) -> String { "\(directory)/\(serial)/\(id).part" }
    private func key(_ serial: String, _ keyID: String) -> String { "\(directory)/\(serial)/\(keyID).key" }
}
