import Foundation
import OpenSSLCrypto
import Primitives
import Testing

/// The public vectors of Wycheproof; see Vectors/wycheproof/README.md for origin and form.
struct WycheproofTests {
    struct Line {
        var number: String
        var result: String
        var fields: [String]

        func bytes(_ index: Int) throws -> [UInt8] {
            try #require(fields[index] == "-" ? [] : Hex.decode(fields[index]))
        }
    }

    private func lines(_ name: String) throws -> [Line] {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Vectors/wycheproof/\(name).txt")
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { line in
            let parts = line.split(separator: " ").map(String.init)
            return Line(number: parts[0], result: parts[1], fields: Array(parts[2...]))
        }
    }

    @Test func `X25519 agrees, and refuses nothing but the all-zero result`() throws {
        for line in try lines("x25519") {
            let wanted = try line.bytes(2)
            let shared = try? X25519.sharedSecret(privateKey: Secret(try line.bytes(0)), publicKey: try line.bytes(1))
            if wanted.allSatisfy({ $0 == 0 }) {
                #expect(shared == nil, "test \(line.number)")
            } else {
                #expect(shared == Secret(wanted), "test \(line.number)")
            }
        }
    }

    @Test(arguments: ["aes_gcm", "chacha20_poly1305"])
    func `authenticated encryption opens what is valid and nothing else`(name: String) throws {
        for line in try lines(name) {
            let (key, nonce, data) = (try line.bytes(0), try line.bytes(1), try line.bytes(2))
            let algorithm = name == "aes_gcm" ? AEAD.aesGCM(keyBytes: key.count) : .chaCha20Poly1305
            let sealed = try line.bytes(4) + line.bytes(5)
            let aead = try #require(algorithm)
            do {
                let opened = try aead.open(sealed, key: Secret(key), nonce: nonce, associatedData: data)
                let wanted = try line.bytes(3)
                #expect(line.result != "invalid" && opened == wanted, "test \(line.number)")
                let again = try aead.seal(opened, key: Secret(key), nonce: nonce, associatedData: data)
                #expect(again == sealed, "test \(line.number)")
            } catch CryptoError.unsupported {
                #expect(nonce.count > 128 || nonce.count != 12, "test \(line.number)")
            } catch {
                #expect(line.result == "invalid", "test \(line.number): \(error)")
            }
        }
    }

    @Test func `HKDF derives, and refuses too long outputs`() throws {
        for line in try lines("hkdf_sha256") {
            let size = try #require(Int(line.fields[3]))
            let key = try? HKDF.derive(
                inputKey: try line.bytes(0), salt: try line.bytes(1), info: try line.bytes(2), byteCount: size)
            let wanted = try line.bytes(4)
            #expect(key == (line.result == "invalid" ? nil : wanted), "test \(line.number)")
        }
    }

    @Test(arguments: [("hmac_sha1", HashAlgorithm.sha1), ("hmac_sha256", .sha256)])
    func `HMAC tags are right and altered ones are not`(name: String, algorithm: HashAlgorithm) throws {
        for line in try lines(name) {
            let wanted = try line.bytes(2)
            let tag = algorithm.hmac(key: try line.bytes(0), message: try line.bytes(1)).prefix(wanted.count)
            #expect(constantTimeEquals(tag, wanted) == (line.result == "valid"), "test \(line.number)")
        }
    }

    @Test func `ECDSA and EdDSA accept the valid signatures alone`() throws {
        for line in try lines("ecdsa_secp256r1_sha256") where line.result != "acceptable" {
            let isValid = SignatureVerification.ecdsa(
                .sha256, publicKeyDER: try line.bytes(0), message: try line.bytes(1), signature: try line.bytes(2))
            #expect(isValid == (line.result == "valid"), "ecdsa test \(line.number)")
        }
        for line in try lines("eddsa") {
            let isValid = SignatureVerification.eddsa(
                publicKey: try line.bytes(0), message: try line.bytes(1), signature: try line.bytes(2))
            #expect(isValid == (line.result == "valid"), "eddsa test \(line.number)")
        }
    }
}
