package import Primitives

/// The vendor's small PKI, for development and for the factory: root, issuing CA, the servers, and the devices.
///
/// A directory holds `root.pem`, `root.key`, `issuing.pem`, `issuing.key`, and for each server role `servers/<role>.pem`
/// (leaf, then issuing CA) and `servers/<role>.key`. Keys have mode 0600, directories 0700.
package struct DevelopmentPKI: Sendable {
    /// TLS servers of the vendor cloud: subject CN and OU are the role, extended key usage serverAuth.
    package static let serverRoles = [
        "relay", "control-center", "backup", "monitoring",
        "update",
        "crash",
        "remote-access",
    ]
    /// The Control Center as a client of the appliance, and the signer of its offers; CN and OU are `control-center`.
    package static let controlCenterClient = "control-center-client"
    /// Signs update manifests (F-S2); CN and OU are `update-signer`. No server needs its key.
    package static let updateSigner = "update-signer"
    /// Before `at`, so that a device whose clock is a little slow accepts a fresh certificate.
    package static let backdating = Duration.seconds(24 * 3600)

    package let directory: String
    package let root: Certificate
    package let issuing: Certificate
    let issuingKey: ECDSAKey

    /// Makes everything new. Throws `.alreadyExists` when the directory holds a PKI, unless `force`.
    ///
    /// Server certificates name `localhost`, `<role>.<domain>`, 127.0.0.1 and ::1.
    package static func create(
        directory: String, domain: String = "vendor.example", at time: UnixTime, days: Int = 3_650, force: Bool = false
    ) throws(CryptoError) -> DevelopmentPKI {
        guard (1...36_500).contains(days) else {
            throw .limitExceeded(what: "days of validity", value: days, limit: 36_500)
        }
        if !force, PrivateFile.exists("\(directory)/root.pem") || PrivateFile.exists("\(directory)/root.key") {
            throw .alreadyExists(path: "\(directory)/root.pem")
        }
        let validity = Validity(at: time, days: days)
        let rootKey = try ECDSAKey.generate()
        let root = try Certificate.selfSigned(
            validity.template("Development Root CA", .authority(pathLength: 1)), key: rootKey)
        let issuingKey = try ECDSAKey.generate()
        let issuing = try root.issue(
            validity.template("Development Issuing CA", .authority(pathLength: 0)), publicKey: issuingKey.publicKey,
            key: rootKey)
        let pki = DevelopmentPKI(directory: directory, root: root, issuing: issuing, issuingKey: issuingKey)
        do {
            try PrivateFile.makeDirectory(directory)
            try PrivateFile.makeDirectory("\(directory)/servers")
        } catch { throw .file(error) }
        try pki.save("root", chain: [root], key: rootKey)
        try pki.save("issuing", chain: [issuing], key: issuingKey)
        for role in serverRoles {
            try pki.saveRole(role, unit: role, role: .server, dnsNames: ["localhost", "\(role).\(domain)"], validity)
        }
        try pki.saveRole(
            controlCenterClient, unit: "control-center", role: .clientAndServer,
            dnsNames: ["localhost", "control-center.\(domain)"], validity)
        try pki.saveRole(updateSigner, unit: updateSigner, role: .clientAndServer, dnsNames: [], validity)
        return pki
    }

    /// Opens what `create` made, with its issuing key.
    package static func open(directory: String) throws(CryptoError) -> DevelopmentPKI {
        let root = try Certificate(pem: try text("\(directory)/root.pem"))
        let issuing = try Certificate(pem: try text("\(directory)/issuing.pem"))
        let key = try loadKey("\(directory)/issuing.key")
        guard issuing.publicKey == key.publicKey else {
            throw .malformed(what: "\(directory)/issuing.key", reason: "it does not belong to issuing.pem")
        }
        return DevelopmentPKI(directory: directory, root: root, issuing: issuing, issuingKey: key)
    }

    /// A device certificate (IEEE 802.1AR): leaf, then the issuing CA. Subject `CN=<model>-<serial>,
    /// serialNumber=<serial>`; names `dnsNames`, `localhost`, 127.0.0.1 and ::1; for use as client and as server.
    package func issueDevice(
        serial: String, model: String, publicKey: ECDSAPublicKey, dnsNames: [String], at time: UnixTime,
        days: Int = 7_300
    ) throws(CryptoError) -> [Certificate] {
        guard DeviceName.isValid(serial: serial) else { throw .invalidName(what: "serial number", value: serial) }
        guard DeviceName.isValid(model: model) else { throw .invalidName(what: "model", value: model) }
        var template = Validity(at: time, days: days).template("\(model)-\(serial)", .clientAndServer)
        template.subject.serialNumber = serial
        template.dnsNames = dnsNames + ["localhost"]
        template.addresses = [.loopbackV4, .v6(0, 1)]
        // A chain is valid no longer than its authority; saying so avoids surprises in the field.
        template.notBefore = max(template.notBefore, issuing.notBefore)
        template.notAfter = min(template.notAfter, issuing.notAfter)
        return [try issuing.issue(template, publicKey: publicKey, key: issuingKey), issuing]
    }

    /// Chain (leaf first) and key of a server role, of `controlCenterClient` or of `updateSigner`.
    package func load(role: String) throws(CryptoError) -> (chain: [Certificate], key: ECDSAKey) {
        guard Self.serverRoles.contains(role) || role == Self.controlCenterClient || role == Self.updateSigner else {
            throw .invalidName(what: "server role", value: role)
        }
        return (
            try Certificate.chain(pem: try Self.text("\(directory)/servers/\(role).pem")),
            try Self.loadKey("\(directory)/servers/\(role).key")
        )
    }

    private func saveRole(
        _ name: String, unit: String, role: CertificateTemplate.Role, dnsNames: [String], _ validity: Validity
    ) throws(CryptoError) {
        var template = validity.template(unit, role)
        template.subject.organizationalUnit = unit
        template.dnsNames = dnsNames
        template.addresses = [.loopbackV4, .v6(0, 1)]
        let key = try ECDSAKey.generate()
        let leaf = try issuing.issue(template, publicKey: key.publicKey, key: issuingKey)
        try save("servers/\(name)", chain: [leaf, issuing], key: key)
    }

    private func save(_ name: String, chain: [Certificate], key: ECDSAKey) throws(CryptoError) {
        var keyText = try key.pem().withBytes { Array($0) }
        defer { keyText.wipe() }
        do {
            try PrivateFile.replace("\(directory)/\(name).key", with: keyText, mode: 0o600)
            let chainText = chain.map(\.pem).joined()
            try PrivateFile.replace("\(directory)/\(name).pem", with: Array(chainText.utf8), mode: 0o644)
        } catch { throw .file(error) }
    }

    private static func text(_ path: String) throws(CryptoError) -> String {
        do { return String(decoding: try PrivateFile.read(path), as: UTF8.self) } catch { throw .file(error) }
    }

    private static func loadKey(_ path: String) throws(CryptoError) -> ECDSAKey {
        do { return try ECDSAKey(pem: Secret(try PrivateFile.read(path))) } catch let error as FileFailure {
            throw .file(error)
        } catch let error as CryptoError { throw error } catch { throw .malformed(what: path, reason: "\(error)") }
    }
}

/// From a day before `at` to so many days after it.
private struct Validity {
    var notBefore: UnixTime
    var notAfter: UnixTime

    init(at time: UnixTime, days: Int) {
        notBefore = time + (.zero - DevelopmentPKI.backdating)
        notAfter = time + .seconds(Int64(days) * 86_400)
    }

    func template(_ commonName: String, _ role: CertificateTemplate.Role) -> CertificateTemplate {
        CertificateTemplate(
            subject: SubjectFields(commonName: commonName), role: role, notBefore: notBefore, notAfter: notAfter)
    }
}
