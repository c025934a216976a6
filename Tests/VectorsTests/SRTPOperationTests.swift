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
