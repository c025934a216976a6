package import Primitives

/// Whole age files in memory, for what is small: an encrypted identity beside the backups.
package enum AgeFile {
    package static func encrypt(
        _ plaintext: [UInt8], to recipients: [AgeRecipient], using entropy: inout Entropy
    ) throws(CryptoError) -> [UInt8] {
        var encryptor = try AgeEncryptor(to: recipients, using: &entropy)
        return try encryptor.update(plaintext) + encryptor.finish()
    }

    package static func encrypt(
        _ plaintext: [UInt8], passphrase: Secret, workFactorLog2: Int, using entropy: inout Entropy
    ) throws(CryptoError) -> [UInt8] {
        var encryptor = try AgeEncryptor(passphrase: passphrase, workFactorLog2: workFactorLog2, using: &entropy)
        return try encryptor.update(plaintext) + encryptor.finish()
    }

    package static func decrypt(_ file: [UInt8], identities: [AgeIdentity]) throws(CryptoError) -> [UInt8] {
        var decryptor = AgeDecryptor(identities: identities)
        return try decryptor.update(file) + decryptor.finish()
    }

    package static func decrypt(_ file: [UInt8], passphrase: Secret) throws(CryptoError) -> [UInt8] {
        var decryptor = AgeDecryptor(passphrase: passphrase)
        return try decryptor.update(file) + decryptor.finish()
    }
}
