package import CloudMessages
package import Primitives

/// The backup server's rules and index (F-C7, F-C8, F-C9): whose backups there are, how an upload goes on, what is kept.
///
/// It holds no byte of a backup; the shell stores ciphertext under (serial, id) as the answers here tell it to. An
/// appliance is known by the serial in its certificate alone (X9). Deleting is final (Q10).
package struct BackupServerCore: Sendable {
    /// What an appliance announces with the bytes.
    package struct Announcement: Sendable, Hashable {
        package var id: String
        package var createdAt: UnixTime
        package var keyID: String
        /// SHA-256 of the whole ciphertext (Repr-Digest).
        package var sha256: [UInt8]
        package var sizeBytes: Int64
        /// Where this request's bytes begin (Content-Range); 0 for a whole upload.
        package var offset: Int64
        package init(id: String, createdAt: UnixTime, keyID: String, sha256: [UInt8], sizeBytes: Int64, offset: Int64) {
            self.id = id
            self.createdAt = createdAt
            self.keyID = keyID
            self.sha256 = sha256
            self.sizeBytes = sizeBytes
            self.offset = offset
        }
    }

    package enum Admission: Sendable, Hashable {
        /// Append the bytes at the announced offset.
        case receive
        /// The same backup is committed already: the answer to an earlier attempt was lost.
        case alreadyStored
    }

    /// Everything that outlives the process, for the shell to write and read back.
    package struct Index: Sendable, Equatable {
        package var backups: [StoredBackup] = []
        package var keys: [StoredKey] = []
        package init() {}
    }

    package struct StoredBackup: Sendable, Equatable {
        package var serial: String
        package var entry: BackupEntry
        package var storedAt: UnixTime
        package init(serial: String, entry: BackupEntry, storedAt: UnixTime) {
            self.serial = serial
            self.entry = entry
            self.storedAt = storedAt
        }
    }

    package struct StoredKey: Sendable, Equatable {
        package var serial: String
        package var keyID: String
        package init(serial: String, keyID: String) {
            self.serial = serial
            self.keyID = keyID
        }
    }

    private struct Partial {
        var serial: String
        var announcement: Announcement
        var receivedBytes: Int64
    }

    package private(set) var index: Index
    private var partials: [Partial] = []
    private let limits: CloudLimits

    package init(index: Index = Index(), limits: CloudLimits = CloudLimits()) {
        self.index = index
        self.limits = limits
    }

    /// F-C7: any appliance with a valid certificate may ask.
    package func serviceStatus(serial: String) -> BackupServiceStatus {
        BackupServiceStatus(
            available: usedBytes < limits.storageBytes, maximumBytes: limits.backupBytes,
            retainedCount: limits.backupsPerDevice)
    }

    private var usedBytes: Int64 {
        index.backups.reduce(0) { $0 + $1.entry.sizeBytes } + partials.reduce(0) { $0 + $1.receivedBytes }
    }

    /// Before the first byte of a request is taken.
    package mutating func begin(_ announcement: Announcement, serial: String) throws(CloudRefusal) -> Admission {
        guard CloudNames.isIdentifier(announcement.id), CloudNames.isIdentifier(announcement.keyID) else {
            throw .invalid(what: "backup", reason: "its id or key id is no identifier")
        }
        guard announcement.sha256.count == 32, announcement.sizeBytes > 0 else {
            throw .invalid(what: "backup", reason: "it announces no SHA-256 or no size")
        }
        guard announcement.sizeBytes <= limits.backupBytes else {
            throw .tooLarge(what: "the backup", bytes: announcement.sizeBytes, limit: limits.backupBytes)
        }
        if let stored = entry(serial: serial, id: announcement.id) {
            if stored.sha256 == announcement.sha256 { return .alreadyStored }
            throw .alreadyExists(what: "backup \(announcement.id)")
        }
        guard usedBytes + announcement.sizeBytes - announcement.offset <= limits.storageBytes else {
            throw .storageFull
        }
        try admit(announcement, serial: serial)
        return .receive
    }

    private mutating func admit(_ announcement: Announcement, serial: String) throws(CloudRefusal) {
        let position = partials.firstIndex { $0.serial == serial && $0.announcement.id == announcement.id }
        guard announcement.offset > 0 else {
            if let position { partials.remove(at: position) }
            guard partials.count(where: { $0.serial == serial }) < limits.partialUploadsPerDevice else {
                throw .tooMany(what: "unfinished uploads", limit: limits.partialUploadsPerDevice)
            }
            partials.append(Partial(serial: serial, announcement: announcement, receivedBytes: 0))
            return
        }
        let known = position.map { partials[$0] }
        guard let known, known.receivedBytes == announcement.offset, known.announcement.sha256 == announcement.sha256,
            known.announcement.sizeBytes == announcement.sizeBytes
        else { throw .wrongOffset(expected: known?.receivedBytes ?? 0) }
    }

    /// So many more bytes are on disk. Throws when a peer sends more than it announced.
    package mutating func received(_ count: Int64, serial: String, id: String) throws(CloudRefusal) {
        guard let position = partials.firstIndex(where: { $0.serial == serial && $0.announcement.id == id }) else {
            throw .notFound(what: "upload of \(id)")
        }
        partials[position].receivedBytes += count
        let size = partials[position].announcement.sizeBytes
        guard partials[position].receivedBytes <= size else {
            let bytes = partials[position].receivedBytes
            partials.remove(at: position)
            throw .tooLarge(what: "the upload", bytes: bytes, limit: size)
        }
    }

    /// Bytes on disk of an unfinished upload; 0 when there is none.
    package func receivedBytes(serial: String, id: String) -> Int64 {
        partials.first { $0.serial == serial && $0.announcement.id == id }?.receivedBytes ?? 0
    }

    /// All announced bytes are there.
    package func isComplete(serial: String, id: String) -> Bool {
        partials.contains {
            $0.serial == serial && $0.announcement.id == id && $0.receivedBytes == $0.announcement.sizeBytes
        }
    }

    /// The upload failed on our side (disk full, damaged file): its bytes are to be deleted.
    package mutating func abandon(serial: String, id: String) {
        partials.removeAll { $0.serial == serial && $0.announcement.id == id }
    }

    /// Judges a complete upload by the digest of what is on disk. The ids of `evicted` backups are to be deleted then.
    package mutating func commit(
        serial: String, id: String, sha256: [UInt8], at now: UnixTime
    ) throws(CloudRefusal) -> (entry: BackupEntry, evicted: [String]) {
        guard let position = partials.firstIndex(where: { $0.serial == serial && $0.announcement.id == id }) else {
            throw .notFound(what: "upload of \(id)")
        }
        let partial = partials[position]
        guard partial.receivedBytes == partial.announcement.sizeBytes else {
            throw .wrongOffset(expected: partial.receivedBytes)
        }
        partials.remove(at: position)
        guard sha256 == partial.announcement.sha256 else { throw .digestMismatch }
        let entry = BackupEntry(
            id: id, createdAt: partial.announcement.createdAt, sizeBytes: partial.announcement.sizeBytes,
            keyID: partial.announcement.keyID, sha256: sha256)
        index.backups.append(StoredBackup(serial: serial, entry: entry, storedAt: now))
        return (entry, evict(serial: serial, keeping: id, at: now))
    }

    /// Retention by count and by age; the backup that was just stored always stays.
    private mutating func evict(serial: String, keeping id: String, at now: UnixTime) -> [String] {
        let own = list(serial: serial)
        let overCount = own.filter { $0.id != id }.dropFirst(max(0, limits.backupsPerDevice - 1)).map(\.id)
        let tooOld = index.backups.filter {
            $0.serial == serial && $0.entry.id != id && now - $0.storedAt > limits.backupAge
        }.map(\.entry.id)
        let evicted = (overCount + tooOld.filter { !overCount.contains($0) }).sorted()
        index.backups.removeAll { $0.serial == serial && evicted.contains($0.entry.id) }
        return evicted
    }

    /// Newest first; equal times by id.
    package func list(serial: String) -> [BackupEntry] {
        index.backups.filter { $0.serial == serial }.map(\.entry).sorted {
            ($0.createdAt, $0.id) > ($1.createdAt, $1.id)
        }
    }

    package func entry(serial: String, id: String) -> BackupEntry? {
        index.backups.first { $0.serial == serial && $0.entry.id == id }?.entry
    }

    /// Final; the shell deletes the bytes.
    package mutating func delete(serial: String, id: String) throws(CloudRefusal) {
        guard entry(serial: serial, id: id) != nil else { throw .notFound(what: "backup \(id)") }
        index.backups.removeAll { $0.serial == serial && $0.entry.id == id }
    }

    /// Stores the name of an encrypted identity. One that is there already is not replaced: old backups need it.
    package mutating func putKey(serial: String, keyID: String, sizeBytes: Int) throws(CloudRefusal) -> Admission {
        guard CloudNames.isIdentifier(keyID) else { throw .invalid(what: "key id", reason: "no identifier") }
        guard sizeBytes > 0 else { throw .invalid(what: "key", reason: "it is empty") }
        guard sizeBytes <= limits.backupKeyBytes else {
            throw .tooLarge(what: "the key", bytes: Int64(sizeBytes), limit: Int64(limits.backupKeyBytes))
        }
        if hasKey(serial: serial, keyID: keyID) { return .alreadyStored }
        guard index.keys.count(where: { $0.serial == serial }) < limits.backupKeysPerDevice else {
            throw .tooMany(what: "backup keys", limit: limits.backupKeysPerDevice)
        }
        index.keys.append(StoredKey(serial: serial, keyID: keyID))
        return .receive
    }

    package func hasKey(serial: String, keyID: String) -> Bool {
        index.keys.contains { $0.serial == serial && $0.keyID == keyID }
    }

    package mutating func deleteKey(serial: String, keyID: String) throws(CloudRefusal) {
        guard hasKey(serial: serial, keyID: keyID) else { throw .notFound(what: "backup key \(keyID)") }
        index.keys.removeAll { $0.serial == serial && $0.keyID == keyID }
    }
}
