import HAL
import OpenSSLCrypto
import Primitives

/// The files that the factory writes once, and how they are checked at every start.
///
/// `device.txt` (`serial=…`, `model=…`), `device.key` (PKCS#8, mode 0600), `device.pem` (chain, leaf first),
/// `vendor-root.pem`; the directory has mode 0700. `label.txt` (mode 0600), the hash of the code on the type plate, is not
/// on every board.
enum FactoryPartition {
    static let settingsFile = "device.txt"
    static let keyFile = "device.key"
    static let chainFile = "device.pem"
    static let rootFile = "vendor-root.pem"
    static let labelFile = "label.txt"
    private static let fileLimitBytes = 64 * 1024

    /// Reads and checks everything: presence, permissions, syntax, and that serial number, key, certificate and root
    /// belong together. Validity in time is not checked: the clock may be wrong at start.
    static func load(_ directory: String) throws(HALError) -> FileIdentity {
        guard PrivateFile.exists(directory) else { throw .notProvisioned(path: directory, missing: "its directory") }
        try checkPermissions(directory, forbidden: 0o077, expected: "700")
        for name in [settingsFile, keyFile, chainFile, rootFile] where !PrivateFile.exists("\(directory)/\(name)") {
            throw .notProvisioned(path: directory, missing: name)
        }
        try checkPermissions("\(directory)/\(keyFile)", forbidden: 0o077, expected: "600")
        for name in [settingsFile, chainFile, rootFile] {
            try checkPermissions("\(directory)/\(name)", forbidden: 0o022, expected: "644")
        }
        let (serial, model) = try settings("\(directory)/\(settingsFile)")
        let key = try key("\(directory)/\(keyFile)")
        let chain = try certificates("\(directory)/\(chainFile)")
        let root = try certificates("\(directory)/\(rootFile)")
        try check(chain: chain, key: key, root: root[0], serial: serial, directory: directory)
        return FileIdentity(
            serial: serial, model: model, certificateChainPEM: chain.map(\.pem).joined(), vendorRootPEM: root[0].pem,
            key: key, labelCodeHash: try labelCodeHash(directory))
    }

    private static func labelCodeHash(_ directory: String) throws(HALError) -> String? {
        let path = "\(directory)/\(labelFile)"
        guard PrivateFile.exists(path) else { return nil }
        try checkPermissions(path, forbidden: 0o077, expected: "600")
        let text = String(decoding: try bytes(path), as: UTF8.self)
        guard PasswordVerifier(text: text) != nil else {
            throw .damaged(path: path, reason: "it is not one line scrypt:…")
        }
        return text
    }

    /// Writes what `labelCodeHash` reads.
    static func write(_ directory: String, labelCode: LabelCode) throws(HALError) {
        let hash: PasswordVerifier
        do { hash = try PasswordVerifier(of: labelCode.canonical) } catch { throw .signingFailed(error.description) }
        do { try PrivateFile.replace("\(directory)/\(labelFile)", with: Array("\(hash.text)\n".utf8)) } catch {
            throw HALError.writing(error)
        }
    }

    /// Writes the four files; the key last, so that a partition cut off half-way lacks it and is named as incomplete.
    static func write(
        _ directory: String, serial: String, model: String, key: Secret, chain: [Certificate], root: Certificate
    ) throws(HALError) {
        do {
            try PrivateFile.makeDirectory(directory)
            let settings = "serial=\(serial)\nmodel=\(model)\n"
            try PrivateFile.replace("\(directory)/\(settingsFile)", with: Array(settings.utf8), mode: 0o644)
            let chainText = chain.map(\.pem).joined()
            try PrivateFile.replace("\(directory)/\(chainFile)", with: Array(chainText.utf8), mode: 0o644)
            try PrivateFile.replace("\(directory)/\(rootFile)", with: Array(root.pem.utf8), mode: 0o644)
            let keyBytes = key.withBytes { Array($0) }
            try PrivateFile.replace("\(directory)/\(keyFile)", with: keyBytes, mode: 0o600)
        } catch { throw HALError.writing(error) }
    }

    private static func check(
        chain: [Certificate], key: ECDSAKey, root: Certificate, serial: String, directory: String
    ) throws(HALError) {
        let leaf = chain[0]
        let chainPath = "\(directory)/\(chainFile)"
        guard leaf.publicKey == key.publicKey else {
            throw .damaged(path: "\(directory)/\(keyFile)", reason: "the key does not belong to \(chainFile)")
        }
        guard leaf.subjectSerialNumber == serial else {
            let found = leaf.subjectSerialNumber ?? "none"
            throw .damaged(
                path: chainPath, reason: "its subject serialNumber is \(found), but \(settingsFile) says \(serial)")
        }
        do throws(CryptoError) {
            // At the certificate's own time: whether it has expired is for the peers to say.
            try Certificate.verifyChain(
                leaf: leaf, intermediates: Array(chain.dropFirst()), root: root, at: leaf.notBefore, purpose: .client)
        } catch {
            throw .damaged(path: chainPath, reason: "it does not lead to \(rootFile): \(error)")
        }
    }

    private static func checkPermissions(_ path: String, forbidden: UInt32, expected: String) throws(HALError) {
        let found: UInt32
        do { found = try PrivateFile.permissions(path) } catch { throw .readFailed(path: path, reason: error.reason) }
        guard found & forbidden == 0 else {
            throw .permissions(path: path, found: String(found, radix: 8), expected: expected)
        }
    }

    private static func settings(_ path: String) throws(HALError) -> (serial: String, model: String) {
        let lines = String(decoding: try bytes(path), as: UTF8.self).split(whereSeparator: \.isNewline)
        var values: [String: String] = [:]
        for (index, line) in lines.enumerated() where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, ["serial", "model"].contains(parts[0]), values[parts[0]] == nil else {
                throw .damaged(path: path, reason: "line \(index + 1) is not serial=… or model=…, or repeats one")
            }
            values[parts[0]] = parts[1]
        }
        guard let serial = values["serial"], DeviceName.isValid(serial: serial) else {
            throw .damaged(path: path, reason: "serial is missing, or not 1 to 32 of A-Z a-z 0-9 -")
        }
        guard let model = values["model"], DeviceName.isValid(model: model) else {
            throw .damaged(path: path, reason: "model is missing, or not 1 to 31 of A-Z a-z 0-9 - _ .")
        }
        return (serial, model)
    }

    private static func key(_ path: String) throws(HALError) -> ECDSAKey {
        let text = Secret(try bytes(path))
        do { return try ECDSAKey(pem: text) } catch { throw .damaged(path: path, reason: error.description) }
    }

    private static func certificates(_ path: String) throws(HALError) -> [Certificate] {
        let text = String(decoding: try bytes(path), as: UTF8.self)
        do { return try Certificate.chain(pem: text) } catch { throw .damaged(path: path, reason: error.description) }
    }

    private static func bytes(_ path: String) throws(HALError) -> [UInt8] {
        do { return try PrivateFile.read(path, limit: fileLimitBytes) } catch {
            throw .readFailed(path: path, reason: error.reason)
        }
    }
}
