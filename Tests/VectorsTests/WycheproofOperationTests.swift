import Primitives
import Testing
import Vectors

/// The public vectors of Wycheproof through the operations; origin and form stand in
/// OpenSSLCryptoTests/Vectors/wycheproof/README.md.
struct WycheproofOperationTests {
    struct Line {
        var number: Substring
        var result: Substring
        var fields: [String]
    }

    private func lines(_ name: String) throws -> [Line] {
        let text = String(decoding: try vectorFile("OpenSSLCryptoTests/Vectors/wycheproof/\(name).txt"), as: UTF8.self)
        return text.split(separator: "\n").map { line in
            let parts = line.split(separator: " ")
            return Line(
                number: parts[0], result: parts[1], fields: parts[2...].map { $0 == "-" ? "" : String($0) })
        }
    }

    @Test(arguments: [("aes_gcm", "AES-GCM"), ("chacha20_poly1305", "CHACHA20-POLY1305")])
    func `aead_open opens what is valid and refuses what is not`(file: String, name: String) throws {
        for line in try lines(file) {
            let field = line.fields
            let answer = ask(
                "aead_open",
                [
                    "alg": .text(name), "key": .text(field[0]), "iv": .text(field[1]), "aad": .text(field[2]),
                    "ct": .text(field[4]), "tag": .text(field[5]),
                ])
            if answer.isUnsupported {
                #expect(field[1].utf8.count > 256, "test \(line.number)")
            } else {
                #expect(answer.isOK == (line.result != "invalid"), "test \(line.number): \(answer.line)")
                #expect(answer.isRefused || answer["msg"] == .text(field[3]), "test \(line.number)")
            }
        }
    }

    @Test func `x25519 agrees, and refuses the all-zero result`() throws {
        for line in try lines("x25519") {
            let answer = ask("x25519", ["private": .text(line.fields[0]), "public": .text(line.fields[1])])
            let isZero = line.fields[2].utf8.allSatisfy { $0 == UInt8(ascii: "0") }
            #expect(isZero ? answer.isRefused : answer["shared"] == .text(line.fields[2]), "test \(line.number)")
        }
    }

    @Test func `hkdf derives, and refuses too long outputs`() throws {
        for line in try lines("hkdf_sha256") {
            let field = line.fields
            let answer = ask(
                "hkdf",
                [
                    "hash": .text("SHA-256"), "ikm": .text(field[0]), "salt": .text(field[1]), "info": .text(field[2]),
                    "size": .integer(try #require(Int(field[3]))),
                ])
            #expect(
                line.result == "invalid" ? answer.isRefused : answer["okm"] == .text(field[4]), "test \(line.number)")
        }
    }

    @Test(arguments: [("hmac_sha1", "SHA-1"), ("hmac_sha256", "sha256")])
    func `hmac makes the whole tag`(file: String, name: String) throws {
        for line in try lines(file) {
            let answer = ask(
                "hmac", ["hash": .text(name), "key": .text(line.fields[0]), "msg": .text(line.fields[1])])
            let isRight = answer["tag"]?.text?.hasPrefix(line.fields[2]) == true
            #expect(isRight == (line.result == "valid"), "test \(line.number)")
        }
    }

    @Test func `ecdsa_verify and eddsa_verify accept valid signatures alone`() throws {
        for line in try lines("ecdsa_secp256r1_sha256") where line.result != "acceptable" {
            let answer = ask(
                "ecdsa_verify",
                [
                    "hash": .text("SHA-256"), "public_der": .text(line.fields[0]), "msg": .text(line.fields[1]),
                    "sig": .text(line.fields[2]),
                ])
            #expect(line.result == "valid" ? answer.isOK : answer.isRefused, "ecdsa test \(line.number)")
        }
        for line in try lines("eddsa") {
            let answer = ask(
                "eddsa_verify",
                ["pk": .text(line.fields[0]), "msg": .text(line.fields[1]), "sig": .text(line.fields[2])])
            #expect(line.result == "valid" ? answer.isOK : answer.isRefused, "eddsa test \(line.number)")
        }
    }
}
