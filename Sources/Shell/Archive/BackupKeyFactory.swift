package import OpenSSLCrypto
package import Persistence
package import Primitives

/// Makes the identity that backups are encrypted to (X6, X7, X8, Q10).
package enum BackupKeyFactory {
    /// WIRE.md, Backup: 2^15 for boards with 512 MiB; never more than 2^18.
    package static let defaultWorkFactorLog2 = 15
    package static let maximumWorkFactorLog2 = 18

    /// A new X25519 identity, encrypted under the password (age scrypt recipient). The identity itself is gone when this
    /// returns: the record holds the public recipient and the encrypted identity, and nobody can read a backup without
    /// the password. Blocks for one scrypt derivation.
    package static func make(
        password: Secret, workFactorLog2: Int = defaultWorkFactorLog2, entropy: inout Entropy
    ) throws(CryptoError) -> BackupKeyRecord {
        let identity = try AgeIdentity.generate(using: &entropy)
        let text = identity.text().withBytes { Array($0) } + [UInt8(ascii: "\n")]
        let encrypted = try AgeFile.encrypt(
            text, passphrase: password, workFactorLog2: min(workFactorLog2, maximumWorkFactorLog2), using: &entropy)
        let recipient = "\(identity.recipient)"
        let digest = OpenSSLHashes().sha256(Array(recipient.utf8))
        return BackupKeyRecord(
            keyID: "key-" + Hex.encode(digest.prefix(8)), recipient: recipient, encryptedIdentity: encrypted)
    }
}
