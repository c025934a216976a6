import OpenSSLCrypto
import Primitives
import Testing

struct AgeTests {
    private func entropy(_ seed: UInt64 = 1) -> Entropy { Entropy(SeededGenerator(seed: seed)) }

    private func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    @Test func `identity and recipient have age's text forms`() throws {
        var entropy = entropy()
        let identity = try AgeIdentity.generate(using: &entropy)
        let secretText = identity.text().exposedText
        #expect(secretText.hasPrefix("AGE-SECRET-KEY-1") && secretText.utf8.count == 74)
        #expect(identity.recipient.description.hasPrefix("age1") && identity.recipient.description.utf8.count == 62)
        #expect(try AgeIdentity(text: identity.text()).recipient == identity.recipient)
        #expect(try AgeRecipient(identity.recipient.description) == identity.recipient)
        let file = Secret("# created: today\n# public key: x\n\(secretText)\n")
        #expect(try AgeIdentity(text: file).recipient == identity.recipient)
    }

    @Test func `a recipient with one wrong letter is refused`() throws {
        var entropy = entropy()
        let good = Array(try AgeIdentity.generate(using: &entropy).recipient.description)
        for position in 4..<good.count {
            var bad = good
            bad[position] = bad[position] == "q" ? "p" : "q"
            #expect(throws: CryptoError.self) { try AgeRecipient(String(bad)) }
        }
        for bad in [
            "", "age1", "AGE1" + String(good.dropFirst(4)), "1" + String(good), String(repeating: "q", count: 300),
        ] {
            #expect(throws: CryptoError.self) { try AgeRecipient(bad) }
        }
        #expect(throws: CryptoError.self) { try AgeIdentity(text: Secret(String(good))) }
    }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
    func `what goes in comes out, in whatever pieces`(count: Int) throws {
        var entropy = entropy(UInt64(count))
        let identity = try AgeIdentity.generate(using: &entropy)
        let other = try AgeIdentity.generate(using: &entropy)
        let plaintext = text(count)
        var encryptor = try AgeEncryptor(to: [other.recipient, identity.recipient], using: &entropy)
        var file: [UInt8] = []
        for start in stride(from: 0, to: count, by: 7_001) {
            file += try encryptor.update(Array(plaintext[start..<min(start + 7_001, count)]))
        }
        file += try encryptor.finish()
        #expect(try AgeFile.decrypt(file, identities: [identity]) == plaintext)
        var decryptor = AgeDecryptor(identities: [other])
        var opened: [UInt8] = []
        for start in stride(from: 0, to: file.count, by: 997) {
            opened += try decryptor.update(Array(file[start..<min(start + 997, file.count)]))
        }
        opened += try decryptor.finish()
        #expect(opened == plaintext)
        let stranger = try AgeIdentity.generate(using: &entropy)
        #expect(throws: CryptoError.noMatchingIdentity) { try AgeFile.decrypt(file, identities: [stranger]) }
        #expect(throws: CryptoError.noMatchingIdentity) { try AgeFile.decrypt(file, passphrase: Secret("x")) }
    }

    @Test func `the same entropy makes the same file, so that simulations repeat`() throws {
        func file() throws -> [UInt8] {
            var entropy = entropy(5)
            let identity = try AgeIdentity.generate(using: &entropy)
            return try AgeFile.encrypt(text(10), to: [identity.recipient], using: &entropy)
        }
        #expect(try file() == (try file()))
    }

    @Test func `a passphrase opens what it sealed, and no other does`() throws {
        var entropy = entropy()
        let file = try AgeFile.encrypt(
            text(100), passphrase: Secret("correct horse"), workFactorLog2: 10, using: &entropy)
        #expect(String(decoding: file.prefix(64), as: UTF8.self).contains("\n-> scrypt "))
        #expect(try AgeFile.decrypt(file, passphrase: Secret("correct horse")) == text(100))
        #expect(throws: CryptoError.wrongPassphrase) { try AgeFile.decrypt(file, passphrase: Secret("wrong")) }
        var cautious = AgeDecryptor(passphrase: Secret("correct horse"), workFactorLimitLog2: 9)
        #expect(throws: CryptoError.limitExceeded(what: "age work factor (log2)", value: 10, limit: 9)) {
            try cautious.update(file)
        }
    }

    private func scryptHeader(_ workFactor: String, stanzas: Int = 1) -> [UInt8] {
        let stanza =
            "-> scrypt \(String(repeating: "A", count: 22)) \(workFactor)\n\(String(repeating: "A", count: 43))\n"
        let mac = "--- \(String(repeating: "A", count: 43))\n"
        return Array(("age-encryption.org/v1\n" + String(repeating: stanza, count: stanzas) + mac).utf8)
    }

    @Test(arguments: ["21", "62", "99999999999999999999", "0", "-1", "010", "x", "+5"])
    func `a work factor above the limit or out of form costs nothing`(workFactor: String) {
        var decryptor = AgeDecryptor(passphrase: Secret("p"))
        #expect(throws: CryptoError.self) { try decryptor.update(scryptHeader(workFactor)) }
    }

    @Test func `a scrypt recipient stands alone`() {
        var decryptor = AgeDecryptor(passphrase: Secret("p"))
        #expect(
            throws: CryptoError.malformed(what: "age header", reason: "a scrypt recipient stands beside others")
        ) { try decryptor.update(scryptHeader("4", stanzas: 2)) }
    }

    @Test func `a file cut off anywhere, or lengthened, is refused`() throws {
        var entropy = entropy()
        let identity = try AgeIdentity.generate(using: &entropy)
        let file = try AgeFile.encrypt(text(140_000), to: [identity.recipient], using: &entropy)
        let header = file.count - 140_000 - 3 * 16 - 16
        let ends = [0, 1, header - 1, header, header + 16, header + 16 + 65_552, header + 16 + 131_104, file.count - 1]
        for end in ends {
            #expect(throws: CryptoError.self, "cut at \(end)") {
                try AgeFile.decrypt(Array(file[..<end]), identities: [identity])
            }
        }
        #expect(throws: CryptoError.self) { try AgeFile.decrypt(file + [0], identities: [identity]) }
        let first = header + 16
        let swapped =
            file[..<first] + file[(first + 65_552)..<(first + 131_104)] + file[first..<(first + 65_552)]
            + file[(first + 131_104)...]
        #expect(throws: CryptoError.self) { try AgeFile.decrypt(Array(swapped), identities: [identity]) }
    }

    @Test func `no altered file opens, and none traps`() throws {
        var entropy = entropy()
        let identity = try AgeIdentity.generate(using: &entropy)
        let file = try AgeFile.encrypt(text(300), to: [identity.recipient], using: &entropy)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var altered = file
            let position = Int.random(in: 0..<file.count, using: &generator)
            altered[position] ^= UInt8.random(in: 1...255, using: &generator)
            #expect(throws: CryptoError.self, "position \(position)") {
                try AgeFile.decrypt(altered, identities: [identity])
            }
        }
    }

    @Test func `the header's limits hold`() throws {
        let stanza = AgeStanza(arguments: ["x"], body: [])
        let mac = [UInt8](repeating: 0, count: 32)
        let most = AgeHeader(stanzas: Array(repeating: stanza, count: AgeHeader.stanzaLimit), mac: mac)
        #expect(try AgeHeader.parse(most.encoded)?.header == most)
        let tooMany = AgeHeader(stanzas: Array(repeating: stanza, count: AgeHeader.stanzaLimit + 1), mac: mac)
        #expect(throws: CryptoError.limitExceeded(what: "number of age recipients", value: 21, limit: 20)) {
            try AgeHeader.parse(tooMany.encoded)
        }
        let long = Array("age-encryption.org/v1\n-> ".utf8) + [UInt8](repeating: 0x61, count: AgeHeader.limitBytes)
        #expect(throws: CryptoError.limitExceeded(what: "age header in bytes", value: 65_561, limit: 65_536)) {
            try AgeHeader.parse(long)
        }
        var entropy = entropy()
        let recipient = try AgeIdentity.generate(using: &entropy).recipient
        #expect(throws: CryptoError.self) { try AgeEncryptor(to: [], using: &entropy) }
        #expect(throws: CryptoError.self) {
            try AgeEncryptor(to: Array(repeating: recipient, count: 21), using: &entropy)
        }
    }

    @Test(arguments: [0, 1, 47, 48, 49, 95, 96, 97])
    func `a stanza's body of any length keeps its form`(count: Int) throws {
        let header = AgeHeader(
            stanzas: [AgeStanza(arguments: ["grease", "a", "b"], body: text(count))],
            mac: [UInt8](repeating: 7, count: 32))
        let encoded = header.encoded
        let parsed = try #require(try AgeHeader.parse(encoded + [1, 2, 3]))
        #expect(parsed.header == header && parsed.length == encoded.count)
        for end in 0..<encoded.count { #expect(try AgeHeader.parse(Array(encoded[..<end])) == nil) }
    }

    @Test(arguments: [
        "age-encryption.org/v2\n", "age-encryption.org/v1\nx\n", "age-encryption.org/v1\n-> \n",
        "age-encryption.org/v1\n->  a\n\n",
        "age-encryption.org/v1\n--- \(String(repeating: "A", count: 43))\n",
        "age-encryption.org/v1\n-> a\nAA==\n--- \(String(repeating: "A", count: 43))\n",
        "age-encryption.org/v1\n-> a\n\(String(repeating: "A", count: 65))\n", "age-encryption.org/v1\n-> a\r\n\r\n",
        "age-encryption.org/v1\n-> a\n\n--- AAAA\n", "\u{7F}ELF",
    ])
    func `what is no header is refused`(text: String) {
        #expect(throws: CryptoError.self) { try AgeHeader.parse(Array(text.utf8)) }
    }

    // MARK: Debian's age

    private static let hasAge = Tool.isInstalled("age") && Tool.isInstalled("age-keygen")

    @Test(.enabled(if: hasAge, "age is not installed"), arguments: [0, 11, 65_536, 150_000])
    func `the age tool opens our files`(count: Int) throws {
        let directory = TemporaryDirectory()
        var entropy = Entropy.system
        let identity = try AgeIdentity.generate(using: &entropy)
        let keyPath = try directory.write("key.txt", identity.text().exposed + [0x0A])
        let file = try AgeFile.encrypt(text(count), to: [identity.recipient], using: &entropy)
        let path = try directory.write("file.age", file)
        let run = try Tool.run(["age", "-d", "-i", keyPath, "-o", directory.file("plain"), path])
        #expect(run.status == 0, "\(run.output)")
        // age writes no output file for an empty plaintext read from a file.
        if count > 0 { #expect(try PrivateFile.read(directory.file("plain")) == text(count)) }
        #expect(try Tool.run(["age-keygen", "-y", keyPath]).output == "\(identity.recipient)\n")
    }

    @Test(.enabled(if: hasAge, "age is not installed"), arguments: [0, 11, 65_536, 150_000])
    func `we open the files of the age tool`(count: Int) throws {
        let directory = TemporaryDirectory()
        let keyPath = directory.file("key.txt")
        #expect(try Tool.run(["age-keygen", "-o", keyPath]).status == 0)
        let identity = try AgeIdentity(text: Secret(try PrivateFile.read(keyPath)))
        let plainPath = try directory.write("plain", text(count))
        let run = try Tool.run(["age", "-r", "\(identity.recipient)", "-o", directory.file("file.age"), plainPath])
        #expect(run.status == 0, "\(run.output)")
        let file = try PrivateFile.read(directory.file("file.age"))
        #expect(try AgeFile.decrypt(file, identities: [identity]) == text(count))
    }
}
