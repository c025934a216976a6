import OpenSSLCrypto
import Primitives
import Testing

struct JWSTests {
    private let made: TestPKI
    private let chain: [Certificate]
    private let key: ECDSAKey
    private let payload = Array(#"{"tokenId":"t1"}"#.utf8)

    init() throws {
        made = try TestPKI.shared.get()
        (chain, key) = try made.pki.load(role: DevelopmentPKI.controlCenterClient)
    }

    private func verify(_ token: String, ou: String = "control-center", at time: UnixTime = testTime) throws -> [UInt8]
    {
        try JWS.verify(token, root: made.pki.root, requiredOU: ou, at: time)
    }

    @Test func `a signed payload comes back`() throws {
        let token = try JWS.sign(payload: payload, type: "offer+jwt", chain: chain, signer: key)
        #expect(token.split(separator: ".").count == 3)
        #expect(try verify(token) == payload)
    }

    @Test func `a device cannot sign in the Control Center's name`() throws {
        let token = try JWS.sign(payload: payload, chain: made.device, signer: made.deviceKey)
        #expect(throws: CryptoError.wrongRole(found: "", required: "control-center")) { try verify(token) }
        let offer = try JWS.sign(payload: payload, chain: chain, signer: key)
        #expect(throws: CryptoError.wrongRole(found: "control-center", required: "backup")) {
            try verify(offer, ou: "backup")
        }
        #expect(throws: CryptoError.self) { try JWS.sign(payload: payload, chain: chain, signer: made.deviceKey) }
    }

    @Test func `time, root and chain are checked`() throws {
        let token = try JWS.sign(payload: payload, chain: chain, signer: key)
        #expect(throws: CryptoError.self) { try verify(token, at: testTime + .seconds(366 * 86_400)) }
        let directory = TemporaryDirectory()
        let other = try DevelopmentPKI.create(directory: directory.file("pki"), at: testTime)
        #expect(throws: CryptoError.self) {
            try JWS.verify(token, root: other.root, requiredOU: "control-center", at: testTime)
        }
        let leafOnly = try JWS.sign(payload: payload, chain: [chain[0]], signer: key)
        #expect(throws: CryptoError.self) { try verify(leafOnly) }
    }

    /// A token with a header of our choice, honestly signed.
    private func token(header: String) throws -> String {
        let input =
            Base64.encode(Array(header.utf8), alphabet: .url, padding: false) + "."
            + Base64.encode(payload, alphabet: .url, padding: false)
        let signature = try key.sign(sha256Digest: HashAlgorithm.sha256.hash(Array(input.utf8)))
        return input + "." + Base64.encode(try ECDSASignature.raw(fromDER: signature), alphabet: .url, padding: false)
    }

    @Test func `only ES256 with a short chain and no critical extensions is taken`() throws {
        let entries = chain.map { "\"\(Base64.encode($0.der))\"" }
        let x5c = entries.joined(separator: ",")
        #expect(try verify(token(header: #"{"alg":"ES256","x5c":[\#(x5c)]}"#)) == payload)
        #expect(throws: CryptoError.unsupported("JWS algorithm 'none'")) {
            try verify(token(header: #"{"alg":"none","x5c":[\#(x5c)]}"#))
        }
        #expect(throws: CryptoError.unsupported("JWS algorithm 'HS256'")) {
            try verify(token(header: #"{"alg":"HS256","x5c":[\#(x5c)]}"#))
        }
        #expect(throws: CryptoError.unsupported("JWS with critical header parameters")) {
            try verify(token(header: #"{"alg":"ES256","crit":["b64"],"x5c":[\#(x5c)]}"#))
        }
        #expect(throws: CryptoError.malformed(what: "JWS header", reason: "'x5c' is missing")) {
            try verify(token(header: #"{"alg":"ES256"}"#))
        }
        #expect(throws: CryptoError.limitExceeded(what: "number of certificates in x5c", value: 5, limit: 4)) {
            try verify(token(header: #"{"alg":"ES256","x5c":[\#([x5c, x5c, entries[1]].joined(separator: ","))]}"#))
        }
    }

    @Test(arguments: ["", ".", "..", "a.b", "e30.e30.e30", "!.!.!", "e30=.e30.AA", "a.b.c.d"])
    func `what is no token is refused`(text: String) {
        #expect(throws: CryptoError.self) { try verify(text) }
    }

    @Test func `a token that is too long is refused unread`() throws {
        #expect(throws: CryptoError.limitExceeded(what: "JWS in bytes", value: 65_537, limit: 65_536)) {
            try verify(String(repeating: "a", count: 65_537))
        }
        #expect(throws: CryptoError.self) {
            try JWS.sign(payload: [UInt8](repeating: 0, count: 65_536), chain: chain, signer: key)
        }
    }

    @Test func `no altered token verifies`() throws {
        let token = Array(try JWS.sign(payload: payload, chain: chain, signer: key).utf8)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var altered = token
            let position = Int.random(in: 0..<token.count, using: &generator)
            altered[position] = UInt8.random(in: 33...126, using: &generator)
            if altered == token { continue }
            let text = String(decoding: altered, as: UTF8.self)
            #expect(throws: CryptoError.self, "position \(position)") { try verify(text) }
        }
    }
}
