import FoundationEssentials
import Glibc
import OpenSSLCrypto
import Primitives
import Testing

/// A PKI in a directory of its own, with one device.
struct TestPKI: Sendable {
    /// Made once, for all who only read it; removed when the tests end.
    static let shared = Result {
        atexit { try? FileManager.default.removeItem(atPath: TestPKI.sharedDirectory.path) }
        return try TestPKI(in: sharedDirectory)
    }
    private static let sharedDirectory = TemporaryDirectory()

    let directory: TemporaryDirectory
    let pki: DevelopmentPKI
    let deviceKey: ECDSAKey
    let device: [Certificate]

    init(in directory: TemporaryDirectory) throws {
        self.directory = directory
        pki = try DevelopmentPKI.create(directory: directory.file("pki"), at: testTime, days: 365)
        deviceKey = try ECDSAKey.generate()
        device = try pki.issueDevice(
            serial: "ABC-123", model: "Next", publicKey: deviceKey.publicKey, dnsNames: ["sabc-123.pbx.relay.example"],
            at: testTime)
    }
}

struct CertificateTests {
    private let made: TestPKI
    private let directory = TemporaryDirectory()
    private var pki: DevelopmentPKI { made.pki }

    init() throws { made = try TestPKI.shared.get() }

    @Test func `a device certificate names the device`() throws {
        let leaf = made.device[0]
        #expect(leaf.commonName == "Next-ABC-123")
        #expect(leaf.subjectSerialNumber == "ABC-123")
        #expect(leaf.organizationalUnit == nil)
        #expect(leaf.dnsNames == ["sabc-123.pbx.relay.example", "localhost"])
        #expect(leaf.ipAddresses == [.loopbackV4, .v6(0, 1)])
        #expect(leaf.publicKey == made.deviceKey.publicKey)
        #expect(leaf.notBefore == testTime + .seconds(-86_400))
        #expect(leaf.notAfter == testTime + .seconds(365 * 86_400), "never longer than the issuing CA")
        #expect(leaf.fingerprint.count == 32)
        #expect(!leaf.isSelfIssued && pki.root.isSelfIssued)
        #expect(leaf.description.contains("Next-ABC-123"))
        #expect(try Certificate.chain(pem: made.device.map(\.pem).joined()) == made.device)
    }

    @Test(arguments: [Certificate.Purpose.client, .server, .any])
    func `a device chain leads to the root for every use`(purpose: Certificate.Purpose) throws {
        try Certificate.verifyChain(
            leaf: made.device[0], intermediates: [made.device[1]], root: pki.root, at: testTime, purpose: purpose)
    }

    @Test(arguments: DevelopmentPKI.serverRoles)
    func `a server certificate names its role and serves only`(role: String) throws {
        let (chain, key) = try pki.load(role: role)
        #expect(chain.count == 2 && chain[0].publicKey == key.publicKey)
        #expect(chain[0].commonName == role && chain[0].organizationalUnit == role)
        #expect(chain[0].dnsNames == ["localhost", "\(role).vendor.example"])
        try Certificate.verifyChain(
            leaf: chain[0], intermediates: [chain[1]], root: pki.root, at: testTime, purpose: .server)
        let error = CryptoError.thrown {
            try Certificate.verifyChain(
                leaf: chain[0], intermediates: [chain[1]], root: pki.root, at: testTime, purpose: .client)
        }
        #expect(error?.description.contains("it is not made for use as client") == true)
    }

    @Test func `the Control Center's client certificate has both uses`() throws {
        let (chain, _) = try pki.load(role: DevelopmentPKI.controlCenterClient)
        #expect(chain[0].organizationalUnit == "control-center")
        #expect(chain[0].allows(.client) && chain[0].allows(.server))
    }

    @Test(arguments: [(-86_401, "not yet valid"), (365 * 86_400 + 1, "expired")])
    func `a chain is good between its two times only`(seconds: Int64, reason: String) {
        let error = CryptoError.thrown {
            try Certificate.verifyChain(
                leaf: made.device[0], intermediates: [made.device[1]], root: pki.root,
                at: testTime + .seconds(seconds), purpose: .client)
        }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func `another root, or a missing link, is refused`() throws {
        let stranger = try DevelopmentPKI.create(directory: directory.file("pki"), at: testTime)
        #expect(throws: CryptoError.self) {
            try Certificate.verifyChain(
                leaf: made.device[0], intermediates: [made.device[1]], root: stranger.root, at: testTime,
                purpose: .client)
        }
        #expect(throws: CryptoError.self) {
            try Certificate.verifyChain(
                leaf: made.device[0], intermediates: [], root: pki.root, at: testTime, purpose: .client)
        }
        #expect(throws: CryptoError.limitExceeded(what: "number of certificates in a chain", value: 8, limit: 8)) {
            try Certificate.verifyChain(
                leaf: made.device[0], intermediates: [Certificate](repeating: made.device[1], count: 8), root: pki.root,
                at: testTime, purpose: .client)
        }
    }

    @Test func `an authority is not a device, and a device is not an authority`() throws {
        #expect(!pki.issuing.allows(.any))
        let key = try ECDSAKey.generate()
        let template = CertificateTemplate(
            subject: SubjectFields(commonName: "forged", serialNumber: "1"), role: .client, notBefore: testTime,
            notAfter: testTime + .seconds(86_400))
        let forged = try made.device[0].issue(template, publicKey: key.publicKey, key: made.deviceKey)
        #expect(throws: CryptoError.self) {
            try Certificate.verifyChain(
                leaf: forged, intermediates: made.device, root: pki.root, at: testTime, purpose: .client)
        }
        #expect(throws: CryptoError.self) {
            try pki.issuing.issue(template, publicKey: key.publicKey, key: key)
        }
    }

    @Test(arguments: ["", "a b", "a/b", String(repeating: "A", count: 33), "ä"])
    func `serial numbers that no type plate carries are refused`(serial: String) {
        #expect(throws: CryptoError.invalidName(what: "serial number", value: serial)) {
            try pki.issueDevice(
                serial: serial, model: "M", publicKey: made.deviceKey.publicKey, dnsNames: [], at: testTime)
        }
    }

    @Test func `the longest serial number and model fit into the subject`() throws {
        let chain = try pki.issueDevice(
            serial: String(repeating: "S", count: 32), model: String(repeating: "M", count: 31),
            publicKey: made.deviceKey.publicKey, dnsNames: [], at: testTime)
        #expect(chain[0].commonName?.utf8.count == 64)
        #expect(throws: CryptoError.self) {
            try pki.issueDevice(
                serial: "S", model: String(repeating: "M", count: 32), publicKey: made.deviceKey.publicKey,
                dnsNames: [],
                at: testTime)
        }
    }

    @Test(arguments: ["a,DNS:evil.example", "a b", "", "x\n", String(repeating: "a", count: 254)])
    func `a name cannot smuggle others into the certificate`(name: String) {
        #expect(throws: CryptoError.invalidName(what: "DNS name", value: name)) {
            try pki.issueDevice(
                serial: "S", model: "M", publicKey: made.deviceKey.publicKey, dnsNames: [name], at: testTime)
        }
    }

    @Test func `files have tight permissions and are not overwritten by accident`() throws {
        let pki = try TestPKI(in: directory).pki
        #expect(try PrivateFile.permissions(pki.directory) == 0o700)
        #expect(try PrivateFile.permissions("\(pki.directory)/servers") == 0o700)
        let keys =
            ["root", "issuing", "servers/control-center-client"] + DevelopmentPKI.serverRoles.map { "servers/\($0)" }
        for key in keys { #expect(try PrivateFile.permissions("\(pki.directory)/\(key).key") == 0o600) }
        #expect(throws: CryptoError.alreadyExists(path: "\(pki.directory)/root.pem")) {
            try DevelopmentPKI.create(directory: pki.directory, at: testTime)
        }
        let again = try DevelopmentPKI.create(directory: pki.directory, at: testTime, force: true)
        #expect(again.root != pki.root)
        #expect(try DevelopmentPKI.open(directory: pki.directory).root == again.root)
    }

    @Test func `an issuing key of another authority is found at opening`() throws {
        let pki = try TestPKI(in: directory).pki
        let key = try ECDSAKey.generate()
        try PrivateFile.replace("\(pki.directory)/issuing.key", with: key.pem().exposed)
        let error = CryptoError.thrown { _ = try DevelopmentPKI.open(directory: pki.directory) }
        #expect(error?.description.contains("issuing.key") == true)
        #expect(throws: CryptoError.self) { try DevelopmentPKI.open(directory: "/nonexistent") }
    }

    @Test(.enabled(if: Tool.isInstalled("openssl"), "openssl is not installed"))
    func `the openssl tool verifies the chain and shows the subject`() throws {
        let path = try made.directory.write("device.pem", Array(made.device[0].pem.utf8))
        let verified = try Tool.run([
            "openssl", "verify", "-x509_strict", "-attime", "\(testTime.seconds)", "-purpose", "sslclient", "-CAfile",
            "\(pki.directory)/root.pem", "-untrusted", "\(pki.directory)/issuing.pem", path,
        ])
        #expect(verified.status == 0, "\(verified.output)")
        let shown = try Tool.run(["openssl", "x509", "-in", path, "-noout", "-subject", "-ext", "subjectAltName"])
        #expect(shown.output.contains("serialNumber = ABC-123"), "\(shown.output)")
        #expect(shown.output.contains("DNS:sabc-123.pbx.relay.example, DNS:localhost, IP Address:127.0.0.1"))
        let server = try Tool.run([
            "openssl", "verify", "-x509_strict", "-attime", "\(testTime.seconds)", "-purpose", "sslserver",
            "-verify_hostname", "backup.vendor.example", "-CAfile", "\(pki.directory)/root.pem", "-untrusted",
            "\(pki.directory)/issuing.pem", "\(pki.directory)/servers/backup.pem",
        ])
        #expect(server.status == 0, "\(server.output)")
    }

    @Test(.enabled(if: Tool.isInstalled("openssl"), "openssl is not installed"))
    func `a subject with two serial numbers has none`() throws {
        let (key, path) = (directory.file("two.key"), directory.file("two.pem"))
        let run = try Tool.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
            "-out", path, "-subj", "/serialNumber=ABC-123/serialNumber=XYZ/CN=two",
        ])
        #expect(run.status == 0, "\(run.output)")
        let certificate = try Certificate(pem: String(decoding: try PrivateFile.read(path), as: UTF8.self))
        #expect(certificate.subjectSerialNumber == nil && certificate.commonName == "two")
    }

    @Test func `altered certificates never trap, and never verify`() throws {
        let der = made.device[0].der
        var generator = SeededGenerator(seed: 42)
        for _ in 0..<400 {
            var altered = der
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                altered[Int.random(in: 0..<der.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            if altered == der { continue }
            guard let certificate = try? Certificate(der: altered) else { continue }
            #expect(throws: CryptoError.self) {
                try Certificate.verifyChain(
                    leaf: certificate, intermediates: [made.device[1]], root: pki.root, at: testTime, purpose: .client)
            }
        }
        #expect(throws: CryptoError.self) { try Certificate(der: der + [0]) }
        #expect(throws: CryptoError.self) { try Certificate(der: [UInt8](repeating: 0x30, count: 16 * 1024 + 1)) }
        #expect(throws: CryptoError.self) { try Certificate.chain(pem: "") }
        let nine = String(repeating: made.device[0].pem, count: 9)
        #expect(throws: CryptoError.limitExceeded(what: "number of certificates in a chain", value: 9, limit: 8)) {
            try Certificate.chain(pem: nine)
        }
    }

    @Test func `a device asks for its certificate without giving its key away`() throws {
        let key = try ECDSAKey.generate()
        let signer = DelegatedSigner(publicKey: key.publicKey) { try key.sign(sha256Digest: $0) }
        let request = try CertificateRequest.make(
            subject: SubjectFields(commonName: "Next-9", serialNumber: "9"), signer: signer)
        let received = try CertificateRequest(der: request.der)
        #expect(received.subject.serialNumber == "9" && received.publicKey == key.publicKey)
        var altered = request.der
        altered[altered.count - 1] ^= 1
        #expect(throws: CryptoError.self) { try CertificateRequest(der: altered) }
        if Tool.isInstalled("openssl") {
            let path = try made.directory.write("request.der", request.der)
            let shown = try Tool.run(["openssl", "req", "-inform", "DER", "-in", path, "-verify", "-noout", "-subject"])
            #expect(shown.status == 0 && shown.output.contains("Next-9"), "\(shown.output)")
        }
    }
}
