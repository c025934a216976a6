package import Persistence

/// Why the database could not be opened, copied or replaced; a transaction's failure is a `StoreFailure`.
package enum SQLiteStoreError: Error, Sendable, Hashable {
    /// The database file or its directory cannot be made or opened.
    case cannotOpen(path: String, reason: String)
    /// A newer firmware wrote this database.
    case newerSchema(path: String, found: Int, supported: Int)
    /// The bytes offered for a restore are not a configuration that we can use; nothing was changed.
    case backupRefused(reason: String)
    case failed(StoreFailure)
}

extension SQLiteStoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "cannot open the database \(path): \(reason); check the directory's owner, permissions and free space"
        case .newerSchema(let path, let found, let supported):
            "\(path) has schema version \(found), this firmware knows up to \(supported); install newer firmware"
        case .backupRefused(let reason):
            "the backup's configuration is not usable: \(reason); the running configuration is unchanged"
        case .failed(let failure): failure.summary
        }
    }
}
