import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import Testing

private let start = UnixTime(seconds: 1_800_000_000)

/// A board's key and a certificate that stands for itself.
private struct Board {
    let key: ECDSAKey
    let certificate: Certificate

    init(_ serial: String, seed: UInt8 = 1) throws {
        key = try ECDSAKey(scalar: Secret([UInt8](repeating: seed, count: 32)))
        let template = CertificateTemplate(
            subject: SubjectFields(commonName: "PBX-\(serial)", serialNumber: serial), role: .authority(pathLength: 0),
            notBefore: start, notAfter: start + .seconds(86_400))
        certificate = try Certificate.selfSigned(template, key: key)
    }

    func sign(_ entry: LedgerEntry) throws -> LedgerCheckpoint {
        let text = LedgerCheckpoint.signedText(sequence: entry.sequence, time: entry.time, hash: entry.hash)
        return LedgerCheckpoint(
            sequence: entry.sequence, time: entry.time, hash: entry.hash,
            signature: try key.sign(sha256Digest: OpenSSLHashes().sha256(Array(text.utf8))),
            certificateChain: certificate.pem)
    }
}

private struct Check: LedgerSignatureCheck {
    func signer(chainPEM: String, at time: UnixTime, digest: [UInt8], signature: [UInt8]) -> String? {
        guard let certificate = try? Certificate(pem: chainPEM),
            certificate.publicKey?.isValid(signature: signature, sha256Digest: digest) == true
        else { return nil }
        return certificate.subjectSerialNumber
    }
}

private func entries(_ count: Int, result: String = "sent") -> [LedgerEntry] {
    var ledger = Ledger(after: nil, hashes: OpenSSLHashes())
    return (0..<count).map { number in
        ledger.entry(
            at: start + .seconds(Int64(number)), flow: .c5, recipient: .monitoring, fieldNames: [.metrics, .serial],
            bytes: 100, result: result)
    }
}

private func judge(
    _ entries: [LedgerEntry], _ checkpoints: [LedgerCheckpoint], serial: String? = "A"
) -> Result<LedgerVerdict, LedgerDamage> {
    do throws(LedgerDamage) {
        return .success(
            try Ledger.judge(entries, checkpoints, serial: serial, hashes: OpenSSLHashes(), signatures: Check()))
    } catch { return .failure(error) }
}

struct LedgerCheckpointTests {
    @Test func `a signed ledger says how far it is signed, by whom, and what it sums up to`() throws {
        let board = try Board("A")
        let ledger = entries(10)
        let verdict = try judge(ledger, [board.sign(ledger[3]), board.sign(ledger[7])]).get()
        #expect(verdict.entryCount == 10 && verdict.byteCount == 1_000)
        #expect(verdict.signedThrough == 8 && verdict.unsignedCount == 2)
        #expect(verdict.signers == ["A"] && verdict.head == ledger[9].hash)
    }

    @Test func `an empty ledger holds, and so does one without signatures`() throws {
        #expect(try judge([], []).get().head == Ledger.genesis)
        #expect(try judge(entries(3), []).get().unsignedCount == 3)
    }

    @Test func `a history made anew, with a chain that holds, does not fit the signature`() throws {
        let ledger = entries(10)
        let checkpoint = try Board("A").sign(ledger[7])
        let forged = entries(10, result: "denied")
        #expect(Ledger.verify(forged, hashes: OpenSSLHashes()) == nil)
        #expect(judge(forged, [checkpoint]) == .failure(.changed(sequence: 8)))
    }

    @Test func `entries that are cut off at the end are missed`() throws {
        let ledger = entries(10)
        let checkpoint = try Board("A").sign(ledger[7])
        #expect(judge(Array(ledger.prefix(7)), [checkpoint]) == .failure(.signedAndGone(sequence: 8)))
        #expect(judge([], [checkpoint]) == .failure(.signedAndGone(sequence: 8)))
    }

    @Test func `another key's signature, another device's, and a broken one are refused`() throws {
        let ledger = entries(4)
        let own = try Board("A")
        var broken = try own.sign(ledger[3])
        broken.signature[broken.signature.count - 1] ^= 1
        var foreignKey = try Board("A", seed: 2).sign(ledger[3])
        foreignKey.certificateChain = own.certificate.pem
        var later = try own.sign(ledger[3])
        later.time = later.time + .seconds(1)
        for checkpoint in [broken, foreignKey, later, try Board("B").sign(ledger[3])] {
            #expect(judge(ledger, [checkpoint]) == .failure(.notSigned(sequence: 4)))
        }
        // Without a serial to expect, one device may have signed, but not two.
        let mixed = [try own.sign(ledger[1]), try Board("B").sign(ledger[3])]
        #expect(judge(ledger, mixed, serial: nil) == .failure(.notSigned(sequence: 4)))
        #expect(try judge(ledger, [mixed[1]], serial: nil).get().signers == ["B"])
    }

    @Test(arguments: [0, UInt64.max])
    func `a signature over an entry that cannot be is refused`(sequence: UInt64) throws {
        let ledger = entries(2)
        var checkpoint = try Board("A").sign(ledger[1])
        checkpoint.sequence = sequence
        #expect(judge(ledger, [checkpoint]) == .failure(.signedAndGone(sequence: sequence)))
    }
}

struct LedgerAnswerTests {
    private func answer(_ entries: [LedgerEntry], _ language: Language) throws -> String {
        let verdict = try judge(entries, []).get()
        return LedgerAnswer(entries: entries, verdict: verdict, serial: "A", language: language).text(at: start)
    }

    private var story: [LedgerEntry] {
        var ledger = Ledger(after: nil, hashes: OpenSSLHashes())
        return [
            ledger.entry(
                at: start, flow: .c3, recipient: .controlCenter, fieldNames: [.userName, .password, .tokenID],
                bytes: 320, result: "sent"),
            ledger.entry(
                at: start + .seconds(5), flow: .c5, recipient: .monitoring, fieldNames: [.metrics, .serial], bytes: 0,
                result: "denied switched-off"),
            ledger.entry(
                at: start + .seconds(9), flow: .c5, recipient: .monitoring, fieldNames: [.metrics, .serial], bytes: 900,
                result: "sent"),
        ]
    }

    @Test func `in English it says what, to whom, where that is, why, for how long and how to stop it`() throws {
        let text = try answer(story, .english)
        for part in [
            "What has left the appliance A", "3 entries, 1220 bytes", "monitoring server (Germany)",
            "Passed on:  Control Center (Germany)", "load, memory and counters of the appliance, serial number",
            "1 entry, 900 bytes", "1 more were held back", "CC, Use of the Monitoring, paragraph 1, sentence 1",
            "kept for display only (R11)", "Off switch: control-center, monitoring", "Allowed, and never used",
            "F-C8  encrypted backup", "The hash chain holds", "No entry is signed yet",
        ] { #expect(text.contains(part), "'\(part)' is missing") }
    }

    @Test func `in German it says the same`() throws {
        let text = try answer(story, .german)
        for part in [
            "Was die Anlage A verlassen hat", "3 Einträge, 1220 Bytes", "Monitoring-Server (Deutschland)",
            "Auslastung, Speicher und Zähler der Anlage, Seriennummer", "1 weitere wurden zurückgehalten",
            "nur für die Anzeige vorgehalten (R11)", "CC, Verwendung des Monitoring, Absatz 1, Satz 1",
            "Erlaubt, und nie benutzt", "F-C8  verschlüsseltes Backup",
            "Die Hash-Kette ist unversehrt",
        ] { #expect(text.contains(part), "'\(part)' is missing") }
    }

    @Test func `every field of every flow that is sent has words for people, in both languages`() {
        for flow in Contract.flows where flow.direction == .sent && flow.isImplemented && flow.id != .s6 {
            for field in flow.fields {
                for language in Language.allCases {
                    let label = field.label(in: language, of: flow.id)
                    #expect(
                        label != field.rawValue || ["size", "time", "model", "edition"].contains(label)
                            || ["length", "cost", "direction"].contains(label), "\(field)")
                }
            }
        }
    }

    @Test(arguments: Language.allCases)
    func `of nothing it says that it is nothing`(language: Language) throws {
        let text = try answer([], language)
        #expect(text.contains(language == .german ? "Nichts hat sie verlassen." : "Nothing has left it."))
    }

    @Test func `every flow and every party has a name in both languages`() {
        for language in Language.allCases {
            let titles = FlowID.allCases.map { $0.title(in: language) }
            #expect(Set(titles).count == titles.count && !titles.contains { $0.hasPrefix("F-") })
            let names = Party.allCases.map { $0.name(in: language) }
            #expect(Set(names).count == names.count)
        }
    }
}
