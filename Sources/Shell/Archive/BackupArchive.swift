package import Backup
package import OpenSSLCrypto
package import Primitives

/// The container of a backup (WIRE.md, Backup): age( gzip( tar( manifest.json, parts ) ) ), so that stock tools open it:
/// `age -d -i key.txt BACKUP | tar tz`.
///
/// Works in memory, within `limit` bytes of unpacked content. Blocks: never on the control loop.
package struct BackupArchive: Sendable {
    private let hashes: any HashFunctions
    private let limit: Int

    /// A manifest is smaller than this.
    package static let manifestBytes = 64 * 1024

    package init(hashes: any HashFunctions = OpenSSLHashes(), limit: Int = Limits().backupBytes) {
        self.hashes = hashes
        self.limit = limit
    }

    /// Packs and encrypts. Only the holder of the identity behind `recipient` (`age1…`) can read the result.
    package func make(
        _ parts: [ArchivePart], recipient: String, firmwareVersion: String, serial: String, created: UnixTime,
        entropy: inout Entropy
    ) throws(ArchiveError) -> [UInt8] {
        let manifest = BackupManifest(
            describing: parts, firmwareVersion: firmwareVersion, serial: serial, created: created, hashes: hashes)
        let first = ArchivePart(name: BackupManifest.fileName, bytes: Array(manifest.json.utf8))
        let tar = try packing { () throws(ArchiveFormatError) in
            try TarArchive.write([first] + parts, modifiedAt: created.seconds, limit: limit)
        }
        let compressed = try Gzip.compress(tar)
        do throws(CryptoError) {
            return try AgeFile.encrypt(compressed, to: [AgeRecipient(recipient)], using: &entropy)
        } catch {
            throw .crypto(error)
        }
    }

    /// Opens a backup with the encrypted identity that lies beside it and the password of its day.
    package func open(
        _ file: [UInt8], encryptedIdentity: [UInt8], password: Secret
    ) throws(ArchiveError) -> (manifest: BackupManifest, parts: [ArchivePart]) {
        let identity: AgeIdentity
        do throws(CryptoError) {
            identity = try AgeIdentity(text: Secret(AgeFile.decrypt(encryptedIdentity, passphrase: password)))
        } catch {
            throw .crypto(error)
        }
        return try open(file, identity: identity)
    }

    /// Opens a backup and verifies everything before any part is handed out: the ciphertext's tags to its end, the
    /// compression's checksum, the archive's form, and names, sizes and SHA-256 against the manifest, none missing, none extra.
    package func open(
        _ file: [UInt8], identity: AgeIdentity
    ) throws(ArchiveError) -> (manifest: BackupManifest, parts: [ArchivePart]) {
        // Ciphertext is a little longer than what it holds; compressed content may be a little longer than plain.
        guard file.count <= limit + limit / 64 + 1_048_576 else { throw .tooLarge(limit: limit) }
        let compressed: [UInt8]
        do throws(CryptoError) {
            compressed = try AgeFile.decrypt(file, identities: [identity])
        } catch {
            throw .crypto(error)
        }
        let tar = try Gzip.decompress(compressed, limit: limit)
        let all = try packing { () throws(ArchiveFormatError) in try TarArchive.read(tar, limit: limit) }
        guard let first = all.first, first.name == BackupManifest.fileName else {
            throw .manifest("it is not the first file")
        }
        guard first.bytes.count <= Self.manifestBytes else { throw .manifest("more than \(Self.manifestBytes) bytes") }
        let manifest = try ManifestReader.read(first.bytes)
        let parts = Array(all.dropFirst())
        do throws(BackupManifestError) {
            try manifest.verify(parts, hashes: hashes)
        } catch {
            throw .contents(error)
        }
        return (manifest, parts)
    }

    private func packing<Value>(_ body: () throws(ArchiveFormatError) -> Value) throws(ArchiveError) -> Value {
        do throws(ArchiveFormatError) {
            return try body()
        } catch {
            throw .format(error)
        }
    }
}
