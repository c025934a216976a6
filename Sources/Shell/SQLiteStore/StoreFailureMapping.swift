import GRDB
import Persistence

/// Sorts any error of SQLite, GRDB or the file system into the four kinds that the core knows.
///
/// Only SQLite's message is kept, never the statement's arguments: they may be secrets.
func storeFailure(from error: any Error) -> StoreFailure {
    if let failure = error as? StoreFailure { return failure }
    if let failure = error as? DurableFile.Failure {
        switch failure.code {
        case 28: return .diskFull  // ENOSPC
        case 30, 13, 1: return .readOnly  // EROFS, EACCES, EPERM
        default: return .input(failure.reason)
        }
    }
    guard let failure = error as? DatabaseError else { return .input("\(type(of: error))") }
    let message = failure.message ?? "no message"
    switch failure.resultCode {
    case .SQLITE_FULL: return .diskFull
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH: return .readOnly
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .damaged(message)
    // The shared memory file of the journal found no room (SQLITE_IOERR_SHMSIZE).
    case .SQLITE_IOERR where failure.extendedResultCode == .SQLITE_IOERR_SHMSIZE: return .diskFull
    default: return .input("SQLite \(failure.extendedResultCode.rawValue): \(message)")
    }
}
