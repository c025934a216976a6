import OpenSSLCrypto
import Primitives
import Testing

struct KeyTests {
    @Test func `a generated key survives PEM, and its signatures verify`() throws {
        let key = try ECDSAKey.generate()
        let pem = try key.pem()
        #expect(pem.exposedText.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        let again = try ECDSAKey(pem: pem)
        #expect(again.publicKey == key.publicKey)
        let digest = HashAlgorithm.sha256.hash([1, 2, 3])
        let signature = try again.sign(sha256Digest: digest)
        #expect(key.publicKey.isValid(signature: signature, sha256Digest: digest))
        #expect(!key.publicKey.isValid(signature: signature, sha256Digest: HashAlgorithm.sha256.hash([1, 2])))
        #expect(!(try ECDSAKey.generate()).publicKey.isValid(signature: signature, sha256Digest: digest))
        #expect(
            SignatureVerification.ecdsa(
                .sha256, publicKeyDER: key.publicKey.der, message: [1, 2, 3], signature: signature))
    }

    @Test func `a key is never printed`() throws {
        let key = try ECDSAKey.generate()
        #expect("\(key)" == "<secret>")
        #expect(String(reflecting: key).contains("PRIVATE") == false)
        var entropy = Entropy(SeededGenerator(seed: 1))
        let identity = try AgeIdentity.generate(using: &entropy)
        #expect("\(identity)" == "<secret>")
        #expect("\([identity])".contains("AGE-SECRET-KEY") == false)
    }

    @Test func `a key follows from its number as in RFC 6979 A_2_5`() throws {
        let number = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
        let key = try ECDSAKey(scalar: secret(number))
        let point =
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            + "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        #expect(Hex.encode(key.publicKey.der.suffix(64)) == point)
        let raw = hex(
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                + "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
        let der = try ECDSASignature.der(fromRaw: raw)
        #expect(key.publicKey.isValid(signature: der, sha256Digest: HashAlgorithm.sha256.hash(Array("sample".utf8))))
        #expect(try ECDSASignature.raw(fromDER: der) == raw)
    }

    @Test(arguments: [
        String(repeating: "00", count: 32), String(repeating: "ff", count: 32), "01",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ])
    func `a number that is no private key is refused`(number: String) {
        #expect(throws: CryptoError.self) { try ECDSAKey(scalar: secret(number)) }
    }

    @Test func `signing takes digests of 32 bytes only`() throws {
        let key = try ECDSAKey.generate()
        #expect(throws: CryptoError.invalidLength(what: "SHA-256 digest", bytes: 31, expected: "32")) {
            try key.sign(sha256Digest: [UInt8](repeating: 0, count: 31))
        }
        #expect(!key.publicKey.isValid(signature: [], sha256Digest: []))
    }

    @Test func `numbers with leading zeros keep 32 bytes`() throws {
        var raw = [UInt8](repeating: 0, count: 64)
        raw[31] = 1
        raw[63] = 0x80
        let der = try ECDSASignature.der(fromRaw: raw)
        #expect(der == hex("300702010102020080"))
        #expect(try ECDSASignature.raw(fromDER: der) == raw)
        #expect(throws: CryptoError.self) { try ECDSASignature.der(fromRaw: [1, 2]) }
        #expect(throws: CryptoError.self) { try ECDSASignature.raw(fromDER: der + [0]) }
        #expect(throws: CryptoError.self) { try ECDSASignature.raw(fromDER: []) }
    }

    @Test(.enabled(if: Tool.isInstalled("openssl"), "openssl is not installed"), arguments: ["P-384", "P-256"])
    func `keys made by the openssl tool are read, other curves are refused`(curve: String) throws {
        let directory = TemporaryDirectory()
        let path = directory.file("key.pem")
        #expect(try Tool.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", path]).status == 0)
        let pem = Secret(try PrivateFile.read(path))
        if curve == "P-256" {
            _ = try ECDSAKey(pem: pem)
        } else {
            #expect(throws: CryptoError.unsupported("a private key that is not ECDSA P-256")) { try ECDSAKey(pem: pem) }
        }
    }

    @Test func `a delegated signer's answer is checked against its public key`() throws {
        let key = try ECDSAKey.generate()
        let other = try ECDSAKey.generate()
        let digest = HashAlgorithm.sha256.hash([7])
        let honest = DelegatedSigner(publicKey: key.publicKey) { try key.sign(sha256Digest: $0) }
        #expect(key.publicKey.isValid(signature: try honest.sign(sha256Digest: digest), sha256Digest: digest))
        let wrong = DelegatedSigner(publicKey: key.publicKey) { try other.sign(sha256Digest: $0) }
        #expect(throws: CryptoError.self) { try wrong.sign(sha256Digest: digest) }
        let failing = DelegatedSigner(publicKey: key.publicKey) { _ in throw CryptoError.noMatchingIdentity }
        #expect(throws: CryptoError.signingFailed(CryptoError.noMatchingIdentity.description)) {
            try failing.sign(sha256Digest: digest)
        }
    }

    @Test(arguments: [
        "-----BEGIN CERTIFICATE-----\nAAAA\n", "-----BEGIN A-----\n-----BEGIN B-----\n",
        "-----BEGIN A-----\n!!\n-----END A-----\n",
        "-----BEGIN A-----\nAAAA\n-----END B-----\n", "-----END A-----\n",
    ])
    func `broken PEM is refused`(text: String) {
        #expect(throws: CryptoError.self) { try PEM.blocks(in: text) }
    }

    @Test func `PEM has limits of blocks and bytes`() throws {
        let block = "-----BEGIN A-----\nAAAA\n-----END A-----\n"
        #expect(try PEM.blocks(in: String(repeating: block, count: PEM.blockLimit)).count == PEM.blockLimit)
        #expect(throws: CryptoError.limitExceeded(what: "number of PEM blocks", value: 17, limit: 16)) {
            try PEM.blocks(in: String(repeating: block, count: PEM.blockLimit + 1))
        }
        #expect(throws: CryptoError.limitExceeded(what: "PEM text in bytes", value: 131_073, limit: 131_072)) {
            try PEM.blocks(in: String(repeating: "x", count: PEM.textLimitBytes + 1))
        }
    }

    @Test func `PEM keeps what it wraps, with text between`() throws {
        let blocks = [
            PEM.Block(label: "ONE", bytes: (0..<200).map { UInt8($0) }), PEM.Block(label: "TWO WORDS", bytes: []),
        ]
        let text = "subject: x\r\n" + blocks.map(PEM.encode).joined(separator: "# between\n")
        #expect(try PEM.blocks(in: text) == blocks)
        #expect(try PEM.blocks(in: "").isEmpty)
    }
}
