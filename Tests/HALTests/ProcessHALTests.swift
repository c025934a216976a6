import Glibc
import HAL
import HALLinux
import OpenSSLCrypto
import Primitives
import Testing

struct ProcessHALTests {
    private let directory = TemporaryDirectory()
    private var factory: String { "\(directory.board)/factory" }

    private func open() throws -> ProcessHAL { try ProcessHAL.open(directory: directory.board) }

    private func openError() -> HALError? { HALError.thrown { _ = try open() } }

    @Test func `a provisioned board opens, and its directories are private`() throws {
        try directory.provision()
        let board = try open()
        #expect(board.isProvisioned)
        #expect(try Certificate(pem: board.identity.certificateChainPEM).dnsNames.first == "ssn-0001.pbx.relay.example")
        for name in ["factory", "configuration", "data"] {
            #expect(try PrivateFile.permissions("\(directory.board)/\(name)") == 0o700)
        }
        #expect(try PrivateFile.permissions("\(factory)/device.key") == 0o600)
        #expect(board.partition(.data).directory == "\(directory.board)/data")
        try board.partition(.data).replace("a", with: [1])
        #expect(try PrivateFile.permissions("\(directory.board)/data/a") == 0o600)
        #expect(try open().partition(.data).read("a") == [1])
    }

    @Test func `a board that was never provisioned says how to do it`() {
        let error = openError()
        #expect(error == .notProvisioned(path: factory, missing: "its directory"))
        #expect(error?.description.contains("pbxctl factory init --hal") == true)
    }

    @Test(arguments: ["device.txt", "device.key", "device.pem", "vendor-root.pem"])
    func `a missing file is named, with the mend`(name: String) throws {
        try directory.provision()
        try PrivateFile.remove("\(factory)/\(name)")
        let error = openError()
        #expect(error == .notProvisioned(path: factory, missing: name))
        #expect(error?.description.contains("'pbxctl factory init") == true)
    }

    @Test(
        arguments: [
            ("factory", 0o755, "700"), ("factory", 0o710, "700"), ("factory/device.key", 0o640, "600"),
            ("factory/device.key", 0o604, "600"), ("factory/device.txt", 0o666, "644"),
            ("factory/device.pem", 0o664, "644"),
            ("factory/vendor-root.pem", 0o646, "644"),
        ] as [(String, UInt32, String)])
    func `too wide permissions are named, with the command that mends them`(
        name: String, mode: UInt32, expected: String
    ) throws {
        try directory.provision()
        let path = "\(directory.board)/\(name)"
        chmod(path, mode)
        let error = openError()
        #expect(error == .permissions(path: path, found: String(mode, radix: 8), expected: expected))
        #expect(error?.description.contains("run 'chmod \(expected) \(path)'") == true)
    }

    @Test(arguments: [
        ("device.txt", "", "serial is missing"), ("device.txt", "serial=SN-0001\n", "model is missing"),
        ("device.txt", "serial=SN-0001\nmodel=Next\nserial=X\n", "line 3"), ("device.txt", "colour=red\n", "line 1"),
        ("device.txt", "serial=a b\nmodel=Next\n", "not 1 to 32"), ("device.key", "nonsense", "no PRIVATE KEY block"),
        ("device.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "neither PKCS#8 nor SEC 1"),
        ("device.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not X.509"),
        ("device.pem", "", "no CERTIFICATE block"), ("vendor-root.pem", "x", "no CERTIFICATE block"),
    ])
    func `a damaged file is named, with reason and mend`(name: String, content: String, reason: String) throws {
        try directory.provision()
        let mode: UInt32 = name == "device.key" ? 0o600 : 0o644
        try PrivateFile.replace("\(factory)/\(name)", with: Array(content.utf8), mode: mode)
        let text = openError()?.description ?? ""
        #expect(text.contains("\(factory)/\(name) is damaged"), "\(text)")
        #expect(text.contains(reason) && text.contains("factory init --force"), "\(text)")
    }

    @Test func `a key that is not the certificate's is found`() throws {
        try directory.provision()
        let other = try ECDSAKey.generate().pem().withBytes { Array($0) }
        try PrivateFile.replace("\(factory)/device.key", with: other)
        #expect(
            openError() == .damaged(path: "\(factory)/device.key", reason: "the key does not belong to device.pem"))
    }

    @Test func `a serial number that is not the certificate's is found`() throws {
        try directory.provision()
        try PrivateFile.replace("\(factory)/device.txt", with: Array("serial=SN-2\nmodel=Next\n".utf8), mode: 0o644)
        let reason = "its subject serialNumber is SN-0001, but device.txt says SN-2"
        #expect(openError() == .damaged(path: "\(factory)/device.pem", reason: reason))
    }

    @Test func `a root that did not issue the certificate is found`() throws {
        try directory.provision()
        let other = try DevelopmentPKI.create(directory: "\(directory.path)/other", at: testTime)
        try PrivateFile.replace("\(factory)/vendor-root.pem", with: Array(other.root.pem.utf8), mode: 0o644)
        let text = openError()?.description ?? ""
        #expect(text.contains("\(factory)/device.pem is damaged (it does not lead to vendor-root.pem"), "\(text)")
    }

    @Test func `provisioning does not replace a key by accident`() throws {
        try directory.provision()
        let before = try open().identity.certificateChainPEM
        let error = HALError.thrown { try directory.provision() }
        #expect(error?.description.contains("provisioned already; use --force") == true)
        #expect(try open().identity.certificateChainPEM == before)
        try FactoryProvisioning.initialise(
            halDirectory: directory.board, pkiDirectory: try SharedPKI.directory.get(), serial: "SN-0002",
            model: "Next", dnsNames: [],
            at: testTime, force: true)
        #expect(try open().identity.serial == "SN-0002")
    }

    @Test(arguments: [
        ("", "Next"), ("a b", "Next"), ("ok", ""), ("ok", "a/b"), (String(repeating: "x", count: 33), "Next"),
    ])
    func `provisioning refuses names that no type plate carries, and writes nothing`(serial: String, model: String) {
        #expect(throws: HALError.self) { try directory.provision(serial: serial, model: model) }
        #expect(!PrivateFile.exists(factory))
    }

    @Test func `provisioning without a PKI names the directory`() {
        let error = HALError.thrown {
            try FactoryProvisioning.initialise(
                halDirectory: directory.board, pkiDirectory: "\(directory.path)/none", serial: "A", model: "B",
                dnsNames: [],
                at: testTime)
        }
        #expect(error?.description.contains("\(directory.path)/none") == true)
        #expect(error?.description.contains("make a PKI first") == true)
    }

    @Test func `a development board keeps its identity, and is not provisioned`() throws {
        let board = try ProcessHAL.developmentIdentity(directory: directory.board)
        #expect(!board.isProvisioned)
        #expect(board.identity.serial.hasPrefix("DEV") && board.identity.serial.utf8.count == 13)
        #expect(board.identity.serial == board.identity.serial.uppercased())
        #expect(try ProcessHAL.developmentIdentity(directory: directory.board).identity.serial == board.identity.serial)
        #expect(openError() == .notProvisioned(path: factory, missing: "its directory"))
        let other = TemporaryDirectory()
        #expect(try ProcessHAL.developmentIdentity(directory: other.board).identity.serial != board.identity.serial)
    }

    @Test func `a factory partition is used, and a broken one never covered up, by a development identity`() throws {
        try directory.provision()
        #expect(try ProcessHAL.developmentIdentity(directory: directory.board).isProvisioned)
        try PrivateFile.remove("\(factory)/device.key")
        #expect(throws: HALError.notProvisioned(path: factory, missing: "device.key")) {
            try ProcessHAL.developmentIdentity(directory: directory.board)
        }
    }

    @Test func `opening sweeps away what a power cut left of unfinished writes`() throws {
        try directory.provision()
        try open().partition(.data).replace("a", with: [1])
        let leftover = "\(directory.board)/data/a\(PrivateFile.temporarySuffix)"
        try PrivateFile.replace(leftover, with: [9])
        try PrivateFile.makeDirectory("\(directory.board)/data/sub")
        let board = try open()
        #expect(!PrivateFile.exists(leftover))
        #expect(try board.partition(.data).list() == ["a"])
    }

    @Test func `a partition whose directory is gone says so`() throws {
        try directory.provision()
        let partition = try open().partition(.data)
        rmdir("\(directory.board)/data")
        let error = HALError.thrown { try partition.replace("a", with: [1]) }
        let text = error?.description ?? ""
        #expect(
            text.contains("\(directory.board)/data/a") && text.contains("check that its directory exists"), "\(text)")
        #expect(throws: HALError.self) { try partition.list() }
        #expect(throws: HALError.self) { try partition.freeBytes() }
    }

    @Test func `the indicator's state can be read from its file`() throws {
        try directory.provision()
        try open().indicator.show(.attention)
        #expect(try PrivateFile.read("\(directory.board)/indicator") == Array("attention\n".utf8))
    }
}
