import Backup
import CloudMessages
import OpenSSLCrypto
import Persistence
import Primitives
import Testing

struct QRMatrixTests {
    /// SHA-256 of the rows of all eight masks as an independent encoder (qrcode 8.2 for Python, level M) makes them: whichever mask has
    /// the lowest penalty, the code has to be one of these.
    @Test(arguments: [
        (
            "A", 1,
            [
                "2bae48594b732587", "43f688a881761c91", "1df28de52a4a3bd0", "bc9009ae87ca68f1", "177b3a1897a152ae",
                "a6fca46e028f9962", "90e985ca4eb58895", "23eee31305a65603",
            ]
        ),
        (
            String(repeating: "x", count: 100), 6,
            [
                "898a791db8daf879", "45f6a159a1a0bf70", "c4e995e60adf6c35", "57004a2bb3595724", "25d8278acc6d7c10",
                "103b849692b0e6f9", "554ac7affd33a2da", "ec034b65c16c3b6c",
            ]
        ),
        (
            String(decoding: (0..<430).map { UInt8(33 + $0 % 90) }, as: UTF8.self), 16,
            [
                "0d12c249ae0d0f7a", "f8b519de92973f46", "64911cb8550206ab", "5443b4bbcc3dbe58", "9513633fbe459331",
                "290cd11d0a9da80b", "49f6999715f51070", "fade0922f6342517",
            ]
        ),
    ])
    func `a code is what another encoder makes of the same bytes`(text: String, version: Int, masks: [String]) throws {
        let matrix = try #require(QRMatrix(Array(text.utf8)))
        #expect(matrix.version == version && matrix.size == 4 * version + 17)
        let rows = (0..<matrix.size).map { y in
            String(decoding: (0..<matrix.size).map { matrix.isDark(x: $0, y: y) ? 0x31 : 0x30 as UInt8 }, as: UTF8.self)
        }
        let digest = Hex.encode(OpenSSLHashes().sha256(Array(rows.joined(separator: "\n").utf8))).prefix(16)
        #expect(masks.contains(String(digest)))
    }

    @Test func `2331 bytes fit, one more does not`() throws {
        #expect(try #require(QRMatrix([UInt8](repeating: 0x61, count: 2_331))).version == 40)
        #expect(QRMatrix([UInt8](repeating: 0x61, count: 2_332)) == nil)
        #expect(try #require(QRMatrix([])).version == 1)
    }
}

struct RecoverySheetTests {
    private let identity: [UInt8] = (0..<253).map { UInt8(truncatingIfNeeded: $0 * 31 + 7) }

    @Test func `the lines give the bytes back, however they are typed`() throws {
        let lines = RecoverySheet.lines(identity)
        #expect(try RecoverySheet.bytes(of: lines) == identity)
        let typed = lines.map { $0.lowercased().replacing("0", with: "o").replacing("1", with: "l") }
        // The line's own number stays a number.
        let numbered = zip(1..., typed).map { "\($0) \($1.split(separator: " ").dropFirst().joined(separator: " "))" }
        #expect(try RecoverySheet.bytes(of: numbered) == identity)
    }

    @Test func `a mistyped character, a swap and a line in another's place are named`() throws {
        let lines = RecoverySheet.lines(identity)
        var wrong = lines
        wrong[2] = lines[2].replacing(
            lines[2].suffix(8).prefix(1), with: lines[2].suffix(8).prefix(1) == "Z" ? "Y" : "Z")
        #expect(throws: RecoverySheetError.line(3)) { try RecoverySheet.bytes(of: wrong) }
        var exchanged = lines
        exchanged.swapAt(1, 3)
        #expect(throws: RecoverySheetError.line(2)) { try RecoverySheet.bytes(of: exchanged) }
        #expect(throws: RecoverySheetError.line(1)) { try RecoverySheet.bytes(of: ["1  ÄÖÜ"]) }
        #expect(throws: RecoverySheetError.line(1)) { try RecoverySheet.bytes(of: [""]) }
    }

    @Test func `armour comes off again, and other bytes are left alone`() {
        #expect(RecoverySheet.unarmoured(Array(RecoverySheet.armour(identity).utf8)) == identity)
        #expect(RecoverySheet.unarmoured(identity) == identity)
        let broken = "-----BEGIN AGE ENCRYPTED FILE-----\n****\n-----END AGE ENCRYPTED FILE-----\n"
        #expect(RecoverySheet.unarmoured(Array(broken.utf8)) == Array(broken.utf8))
    }

    @Test(arguments: ["de", "en"])
    func `the sheet says what to do and holds code and lines, and no password`(language: String) {
        let key = BackupKeyRecord(keyID: "key-1", recipient: "age1x", encryptedIdentity: identity)
        let sheet = RecoverySheet.text(key: key, serial: "SN1", at: UnixTime(seconds: 0), language: language)
        for part in ["SN1", "key-1", "age -d", "█"] + RecoverySheet.lines(identity) { #expect(sheet.contains(part)) }
        #expect(sheet.contains("WIEDERHERSTELLUNGSBLATT") == (language == "de"))
    }
}

struct BackupPlanTests {
    private let start = UnixTime(seconds: 1_767_225_600)
    private let day = Duration.seconds(86_400)

    private var plan: BackupPlan {
        var plan = BackupPlan()
        plan.interval = day
        plan.phase = start
        return plan
    }

    @Test func `intervals are counted from the switch-on`() {
        var plan = plan
        #expect(plan.dueSlot(at: start) == nil && plan.next(after: start) == start + day)
        #expect(plan.dueSlot(at: start + day + .milliseconds(-1)) == nil)
        #expect(plan.dueSlot(at: start + day) == 1)
        plan.lastSlot = 1
        #expect(plan.dueSlot(at: start + day * 2 + .milliseconds(-1)) == nil)
        #expect(plan.next(after: start + day) == start + day * 2)
        // Several that were slept through are one.
        #expect(plan.dueSlot(at: start + day * 9) == 9)
    }

    @Test func `without a schedule, or before its beginning, nothing is owed`() {
        var plan = plan
        #expect(plan.dueSlot(at: start + .milliseconds(-1)) == nil)
        plan.interval = nil
        #expect(plan.dueSlot(at: start + day * 9) == nil && plan.next(after: start) == nil)
    }

    @Test func `the password is asked for again, and a worthless backup is named`() {
        var plan = plan
        let key = BackupKeyRecord(keyID: "key-1", recipient: "age1x", encryptedIdentity: [1])
        func text(_ key: BackupKeyRecord?, _ newest: BackupRecord? = nil, isOn: Bool = true, after: Duration) -> String?
        {
            BackupReminder.text(plan: plan, isOptionOn: isOn, key: key, newest: newest, at: start + after)
        }
        #expect(text(nil, isOn: false, after: day) == nil)
        #expect(text(nil, after: day)?.contains("no password is set") == true)
        #expect(text(key, after: day)?.contains("nobody has shown") == true)
        plan.passwordSeenAt = start
        #expect(text(key, after: day * 89) == nil)
        #expect(text(key, after: day * 90)?.contains("last typed on 2026-01-01") == true)
        plan.reminderInterval = nil
        #expect(text(key, after: day * 900) == nil)
        var newest = BackupRecord(
            entry: .init(id: "b1", createdAt: start, sizeBytes: 1, keyID: "key-1", sha256: []), uploaded: true)
        newest.proof = BackupProof(at: start, failure: "torn")
        #expect(newest.state == .failed && text(key, newest, after: day)?.contains("torn") == true)
    }

    @Test func `a backup is green after a drill only`() {
        var record = BackupRecord(
            entry: .init(id: "b1", createdAt: start, sizeBytes: 1, keyID: "k", sha256: []), uploaded: false)
        #expect(record.state == .made)
        record.uploaded = true
        #expect(record.state == .uploaded)
        record.proof = BackupProof(at: start, failure: nil)
        #expect(record.state == .proved)
    }
}
