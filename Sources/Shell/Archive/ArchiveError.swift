package import Backup
package import OpenSSLCrypto

/// Why a backup cannot be made or opened. A lower module's error is kept; no content, no secret.
package enum ArchiveError: Error, Sendable, Hashable {
    case crypto(CryptoError)
    case format(ArchiveFormatError)
    case contents(BackupManifestError)
    case manifest(String)
    case compression(String)
    case tooLarge(limit: Int)
}

extension ArchiveError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .crypto(.wrongPassphrase):
            "the password does not open this backup; an old backup needs the password of its day"
        case .crypto(let error): "the backup cannot be opened or closed: \(error)"
        case .format(let error): "\(error)"
        case .contents(let error): "\(error)"
        case .manifest(let reason): "the backup's manifest cannot be read (\(reason)); it was not made by this product"
        case .compression(let reason): "the backup's compressed data cannot be used: \(reason); fetch it again"
        case .tooLarge(let limit):
            "the backup exceeds \(limit) bytes when unpacked; raise the backup limit if it is yours"
        }
    }
}
