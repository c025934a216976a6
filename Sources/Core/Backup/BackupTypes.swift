package import CloudMessages
package import Persistence
package import Primitives
package import PrivacyContract

/// Names one step that somebody else carries out, so that a late result is known as late.
package struct BackupOperation: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}

/// Who waits for the outcome: the number of an administration request.
package struct BackupRequester: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}

/// What a backup needs to begin.
package struct BackupOrder: Sendable, Equatable {
    package var isOptionOn: Bool
    package var hasServer: Bool
    package var key: BackupKeyRecord?
    /// `.administrator` or `.schedule`.
    package var trigger: Trigger
    /// Nil for a scheduled backup.
    package var requester: BackupRequester?
    /// What the owner wants in it.
    package var parts: [BackupPart]
    package init(
        isOptionOn: Bool, hasServer: Bool, key: BackupKeyRecord?, trigger: Trigger, requester: BackupRequester?,
        parts: [BackupPart] = [.configuration]
    ) {
        self.parts = parts
        self.isOptionOn = isOptionOn
        self.hasServer = hasServer
        self.key = key
        self.trigger = trigger
        self.requester = requester
    }
}

package enum BackupInput: Sendable, Equatable {
    case begin(BackupOrder)
    /// The option was switched off, or the key deleted.
    case cancel
    case answered(BackupOperation, CloudReply)
    case made(BackupOperation, sizeBytes: Int64, sha256: [UInt8])
    case makingFailed(BackupOperation, String)
    case stored(BackupOperation)
    case storingFailed(BackupOperation, StoreFailure)
    case timePassed
}

package enum BackupEffect: Sendable, Equatable {
    /// F-C7.
    case query(BackupOperation)
    case make(BackupOperation, id: String, recipient: String, createdAt: UnixTime, parts: [BackupPart])
    /// F-C8, the encrypted identity beside the backups.
    case sendKey(BackupOperation, BackupKeyRecord, createdAt: UnixTime, Trigger)
    /// F-C8; the artifact is named after the id.
    case sendBackup(BackupOperation, BackupEntry, Trigger)
    /// The server keeps so many backups (0: it does not say); older ones are gone from its list, too.
    case persist(BackupOperation, [StoreCommand], retainedCount: Int)
    case discardArtifact(name: String)
    case answer(BackupRequester, Result<BackupEntry, BackupRefusal>)
    /// The backup is made, but not at the server yet.
    case answerPending(BackupRequester, String)
    case log(String)
}

/// Why there is no backup. `status` follows HTTP.
package enum BackupRefusal: Error, Sendable, Hashable {
    case busy
    case noKey
    case optionOff
    case noServer
    case unavailable(String)
    case tooLarge(bytes: Int64, limit: Int64)
    case makingFailed(String)
    case refused(String)
    case cancelled
    case passwordTooShort(bytes: Int, minimum: Int)
    case passwordTooLong(limit: Int)
    case passwordHoldsSerial

    package var status: Int {
        switch self {
        case .busy, .unavailable, .makingFailed: 503
        case .noKey, .optionOff, .noServer, .cancelled: 409
        case .tooLarge: 413
        case .refused: 502
        case .passwordTooShort, .passwordTooLong, .passwordHoldsSerial: 400
        }
    }
}

extension BackupRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .busy: "another backup is being made; wait for its end"
        case .noKey: "no backup password is set; run 'pbxctl backup password' first"
        case .optionOff: "the backup option is off; run 'pbxctl switch backup on' first"
        case .noServer: "no backup server is configured; set cloud.backup"
        case .unavailable(let reason): "the backup service is not available (\(reason)); try again later"
        case .tooLarge(let bytes, let limit): "the backup has \(bytes) bytes, limit \(limit); free space at the server"
        case .makingFailed(let reason): "the backup could not be made (\(reason)); look at the free storage space"
        case .refused(let reason): "the backup server did not take the backup (\(reason)); look at its limits"
        case .cancelled: "the backup was cancelled, because the option was switched off or its key deleted"
        case .passwordTooShort(let bytes, let minimum):
            "the backup password has \(bytes) bytes, at least \(minimum) are needed; choose a longer one"
        case .passwordTooLong(let limit): "the backup password exceeds \(limit) bytes; choose a shorter one"
        case .passwordHoldsSerial: "the backup password holds the public serial number; choose another one"
        }
    }
}

/// The rules for the customer's backup password (X6, X7).
package enum BackupPassword {
    package static let minimumBytes = 10
    package static let maximumBytes = 1_024

    /// Long enough, and without the serial number, which is public.
    package static func check(_ password: Secret, serial: String) throws(BackupRefusal) {
        guard password.count >= minimumBytes else {
            throw .passwordTooShort(bytes: password.count, minimum: minimumBytes)
        }
        guard password.count <= maximumBytes else { throw .passwordTooLong(limit: maximumBytes) }
        let serialBytes = Array(serial.lowercased().utf8)
        let holdsSerial = password.withBytes { bytes in
            guard !serialBytes.isEmpty, bytes.count >= serialBytes.count else { return false }
            return (0...bytes.count - serialBytes.count).contains { start in
                serialBytes.indices.allSatisfy { index in
                    let byte = bytes[start + index]
                    return ((0x41...0x5A).contains(byte) ? byte + 0x20 : byte) == serialBytes[index]
                }
            }
        }
        guard !holdsSerial else { throw .passwordHoldsSerial }
    }
}
