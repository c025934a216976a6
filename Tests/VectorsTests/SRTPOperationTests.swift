import Primitives
import Testing
import Vectors

/// The published SRTP vectors through the operations: RFC 3711 appendix B.3, RFC 7714 sections 16 and 17, libsrtp2.
struct SRTPOperationTests {
    private let sha80: [String: JSONValue] = [
        "suite": .text("AES_CM_128_HMAC_SHA1_80"),
        "master": .text("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6"),
    ]
    private let gcm: [String: JSONValue] = [
        "suite": .text("AEAD_AES_128_GCM"), "session_key": .text("000102030405060708090a0b0c0d0e0f"),
        "session_salt": .text("517569642070726f2071756f"), "roc": .integer(0),
    ]
    private let plain =
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573"
    private let sealed =
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce"

    private func with(_ fields: [String: JSONValue], _ more: [String: JSONValue]) -> [String: JSONValue] {
        fields.merging(more) { _, new in new }
    }

    @Test func `srtp_kdf derives the keys of RFC 3711`() {
        let answer = ask("srtp_kdf", sha80)
        #expect(answer.isOK)
        #expect(answer["session_key"] == .text("c61e7a93744f39ee10734afe3ff7a087"))
        #expect(answer["session_salt"] == .text("30cbbc08863d8c85d49db34a9ae1"))
        #expect(answer["session_auth"] == .text("cebe321f6ff7716b6fd4ab49af256a156d38baa4"))
        #expect(answer["rtp"]?.object?["key"] == answer["session_key"])
        #expect(answer["rtcp"]?.object?["key"] != answer["session_key"])
    }

    @Test func `srtp_protect and srtp_unprotect agree with RFC 7714`() {
        #expect(ask("srtp_protect", with(gcm, ["packet": .text(plain)]))["packet"] == .text(sealed))
        #expect(ask("srtp_unprotect", with(gcm, ["packet": .text(sealed)]))["rtp"] == .text(plain))
        let altered = sealed.dropLast() + "f"
        #expect(ask("srtp_unprotect", with(gcm, ["packet": .text(String(altered))])).isRefused)
        #expect(ask("srtp_unprotect", with(gcm, ["packet": .text(sealed), "roc": .integer(1)])).isRefused)
        #expect(ask("srtp_unprotect", with(gcm, ["packet": .text("80")])).isRefused)
    }

    /// RFC 7714 sections 16.2 and 17.3, with 256 bits; RFC 6188's suites (AES_192_CM, AES_256_CM) are not offered by us.
    @Test func `keys of 256 bits agree with RFC 7714, and suites that we do not have are unsupported`() {
        let long: [String: JSONValue] = [
            "suite": .text("AEAD_AES_256_GCM"),
            "session_key": .text("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            "session_salt": .text("517569642070726f2071756f"),
        ]
        let packet =
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13"
        #expect(ask("srtp_protect", with(long, ["packet": .text(plain)]))["packet"] == .text(packet))
        #expect(ask("srtp_unprotect", with(long, ["packet": .text(packet)]))["rtp"] == .text(plain))
        let report =
            "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"
        #expect(
            ask("srtcp_unprotect", with(long, ["packet": .text(report)]))["rtcp"]
                == .text(
                    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
                ))
        for suite in ["AES_192_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"] {
            #expect(ask("srtp_kdf", with(sha80, ["suite": .text(suite)])).isUnsupported)
        }
    }

    /// RFC 8285 extensions stay in the clear and are authenticated: one byte, two bytes.
    @Test(arguments: ["bede000110ab0000", "100000020101ab0002000000"])
    func `header extensions stay readable and are protected from change`(form: String) throws {
        let dressed = "9040f17b8041f8d35501a0b2" + form + "0011223344"
        for keys in [sha80, gcm] {
            let sealed = try #require(ask("srtp_protect", with(keys, ["packet": .text(dressed)]))["packet"]?.text)
            #expect(sealed.hasPrefix("9040f17b8041f8d35501a0b2" + form))
            #expect(!sealed.contains("0011223344"))
            #expect(ask("srtp_unprotect", with(keys, ["packet": .text(sealed)]))["rtp"] == .text(dressed))
            let louder = sealed.replacing("ab", with: "ac", maxReplacements: 1)
            #expect(ask("srtp_unprotect", with(keys, ["packet": .text(louder)])).isRefused)
        }
    }

    @Test func `a master key does the same from both ends, at any rollover`() {
        for roc in [0, 1, 4_294_967_295] {
            let answer = ask("srtp_protect", with(sha80, ["packet": .text(plain), "roc": .integer(roc)]))
            let packet = answer["packet"] ?? .null
            #expect(
                ask("srtp_unprotect", with(sha80, ["packet": packet, "roc": .integer(roc)]))["rtp"] == .text(plain))
        }
    }

    @Test func `srtcp_unprotect agrees with RFC 7714`() {
        let packet =
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"
        let expected =
            "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
        #expect(ask("srtcp_unprotect", with(gcm, ["packet": .text(packet)]))["rtcp"] == .text(expected))
        #expect(ask("srtcp_unprotect", with(gcm, ["packet": .text(String(packet.dropLast()) + "5")])).isRefused)
    }

    @Test func `what cannot be carried out says why`() {
        #expect(ask("srtp_kdf", with(sha80, ["suite": .text("F8_128_HMAC_SHA1_80")])).isUnsupported)
        #expect(ask("srtp_kdf", with(sha80, ["master": .text("00")])).isMalformed)
        #expect(ask("srtp_protect", ["suite": .text("AEAD_AES_128_GCM"), "packet": .text(plain)]).isMalformed)
        #expect(ask("srtp_protect", with(gcm, ["packet": .text(plain), "roc": .integer(-1)])).isMalformed)
        #expect(ask("srtp_protect", with(gcm, ["packet": .text(plain), "session_salt": .text("00")])).isMalformed)
    }
}
