package import HAL
package import OpenSSLCrypto
package import Primitives

/// What the factory does to a board once: gives it a key, a certificate and the vendor root.
package enum FactoryProvisioning {
    /// Writes `halDirectory/factory` with a new key and a certificate from the issuing CA in `pkiDirectory`
    /// (`DevelopmentPKI`), valid from `time`.
    ///
    /// `dnsNames` go into the certificate; the relay's name for the board belongs there. Throws `.writeFailed` when the
    /// partition exists already, unless `force`; with `force` the old key is lost for good. `labelCode` is what the type
    /// plate will say; its hash is written. `tpmKey` is a key that the board's TPM has made, as PEM, with its public half: it
    /// is written as it is, and no key is made.
    package static func initialise(
        halDirectory: String, pkiDirectory: String, serial: String, model: String, dnsNames: [String],
        at time: UnixTime, labelCode: LabelCode? = nil,
        tpmKey: (pem: Secret, publicKey: ECDSAPublicKey)? = nil, force: Bool = false
    ) throws(HALError) {
        guard DeviceName.isValid(serial: serial) else {
            throw .damaged(path: "--serial '\(serial)'", reason: "a serial number is 1 to 32 of A-Z a-z 0-9 -")
        }
        guard DeviceName.isValid(model: model) else {
            throw .damaged(path: "--model '\(model)'", reason: "a model is 1 to 31 of A-Z a-z 0-9 - _ .")
        }
        let factory = "\(halDirectory)/\(ProcessHAL.factoryDirectory)"
        guard force || !PrivateFile.exists(factory) else {
            throw .writeFailed(
                path: factory, reason: "the board is provisioned already; use --force to replace its key")
        }
        let key: Secret
        let chain: [Certificate]
        let root: Certificate
        do throws(CryptoError) {
            let pki = try DevelopmentPKI.open(directory: pkiDirectory)
            let publicKey: ECDSAPublicKey
            if let tpmKey {
                (key, publicKey) = tpmKey
            } else {
                let made = try ECDSAKey.generate()
                (key, publicKey) = (try made.pem(), made.publicKey)
            }
            chain = try pki.issueDevice(
                serial: serial, model: model, publicKey: publicKey, dnsNames: dnsNames, at: time)
            root = pki.root
        } catch {
            throw .readFailed(path: pkiDirectory, reason: "\(error); make a PKI first")
        }
        do { try PrivateFile.makeDirectory(halDirectory) } catch { throw HALError.writing(error) }
        if let labelCode {
            do { try PrivateFile.makeDirectory(factory) } catch { throw HALError.writing(error) }
            try FactoryPartition.write(factory, labelCode: labelCode)
        }
        try FactoryPartition.write(factory, serial: serial, model: model, key: key, chain: chain, root: root)
    }
}
