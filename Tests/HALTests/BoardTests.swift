import Glibc
import HAL
import HALLinux
import OpenSSLCrypto
import Primitives
import Testing

struct BoardTests {
    private let directory = TemporaryDirectory()

    private func file(_ name: String, _ text: String = "") throws -> String {
        let path = "\(directory.path)/\(name)"
        try PrivateFile.replace(path, with: Array(text.utf8))
        return path
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try PrivateFile.read(path), as: UTF8.self)
    }

    @Test func `a description names what the board has and leaves out what it has not`() throws {
        let board = try BoardDescription(
            text: """
                # made by the image build
                name=qemu-virt
                watchdog=/dev/watchdog
                watchdog_seconds=30
                led=
                version=1.2.3
                update=/hal/data/update
                something=later
                """)
        #expect(board.name == "qemu-virt" && board.watchdogPath == "/dev/watchdog" && board.watchdogSeconds == 30)
        #expect(board.ledPath == nil && board.firmwareVersion == "1.2.3")
        #expect(board.updateDirectory == "/hal/data/update")
    }

    @Test(arguments: ["", "led=x", "name=", "name=b\nwatchdog_seconds=1", "name=b\nwatchdog_seconds=x", "name=b\nwhat"])
    func `a description that makes no sense is refused`(text: String) throws {
        #expect(throws: HALError.self) { try BoardDescription(text: text) }
    }

    @Test func `an absent description is named`() throws {
        let error = HALError.thrown { _ = try BoardDescription.load("\(directory.path)/none") }
        #expect(error == .notFound(name: "\(directory.path)/none"))
    }

    @Test func `the watchdog is written to when it is opened and at each kick`() throws {
        let path = try file("watchdog")
        let watchdog = try HardwareWatchdog(path: path, seconds: 20)
        #expect(watchdog.period == .seconds(20))
        watchdog.kick()
        #expect(try text(path) == "kk" && watchdog.refusedCount == 0)
        #expect(throws: HALError.self) { try HardwareWatchdog(path: "\(directory.path)/none", seconds: 20) }
    }

    @Test(arguments: [
        (IndicatorState.starting, "timer", "500"), (.failed, "timer", "100"), (.attention, "heartbeat", ""),
        (.ready, "none", ""), (.active, "none", ""),
    ])
    func `the light shows each state`(state: IndicatorState, trigger: String, delay: String) throws {
        for name in ["trigger", "brightness", "delay_on", "delay_off"] { _ = try file(name) }
        LEDIndicator(directory: directory.path).show(state)
        #expect(try text("\(directory.path)/trigger") == trigger)
        #expect(try text("\(directory.path)/delay_on") == delay && text("\(directory.path)/delay_off") == delay)
        #expect(try text("\(directory.path)/brightness") == (trigger == "none" ? "1" : ""))
        LEDIndicator(directory: "\(directory.path)/none").show(state)
    }

    @Test func `a board opens with the devices of its description`() throws {
        try directory.provision()
        var board = BoardDescription(name: "test")
        board.watchdogPath = try file("watchdog")
        let hardware = try ProcessHAL.open(directory: directory.board, board: board)
        #expect(hardware.watchdog.period == .seconds(30) && hardware.isProvisioned)
        #expect(hardware.identity.labelCodeHash == nil)
    }

    @Test func `the label's code is known by its hash alone`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        let code = LabelCode(from: &entropy)
        try FactoryProvisioning.initialise(
            halDirectory: directory.board, pkiDirectory: try SharedPKI.directory.get(), serial: "SN-0001",
            model: "Next",
            dnsNames: [], at: testTime, labelCode: code)
        let hash = try #require(try ProcessHAL.open(directory: directory.board).identity.labelCodeHash)
        let verifier = try #require(PasswordVerifier(text: hash))
        #expect(try verifier.matches(code.canonical))
        #expect(try !verifier.matches(Secret("000000000000")))
        #expect(!hash.contains(code.formatted.prefix(4)))
        let path = "\(directory.board)/factory/label.txt"
        try PrivateFile.replace(path, with: Array("nonsense\n".utf8))
        #expect(throws: HALError.self) { try ProcessHAL.open(directory: directory.board) }
        try PrivateFile.replace(path, with: Array(hash.utf8), mode: 0o644)
        #expect(throws: HALError.self) { try ProcessHAL.open(directory: directory.board) }
    }

    @Test func `a label's code is read as people type it`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        let code = LabelCode(from: &entropy)
        #expect(code.formatted.utf8.count == 14)
        #expect(LabelCode(parsing: code.formatted) == code)
        #expect(LabelCode(parsing: " \(code.formatted.lowercased()) ") == code)
        #expect(LabelCode(parsing: "OIL0-0000-0000") == LabelCode(parsing: "0110 0000 0000"))
        #expect(LabelCode(parsing: "0000-0000-000") == nil && LabelCode(parsing: "UUUU-0000-0000") == nil)
        #expect(LabelCode(parsing: String(repeating: "-", count: 65)) == nil)
        #expect(LabelCode(from: &entropy) != code)
    }

    @Test(arguments: ["", "scrypt:1:00:00", "scrypt:16384:00112233445566778899aabbccddeeff:00", "bcrypt:2:a:b"])
    func `a hash that is none is no verifier`(text: String) {
        #expect(PasswordVerifier(text: text) == nil)
    }
}
