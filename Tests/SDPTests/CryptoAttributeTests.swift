import Primitives
import SDP
import Testing

/// `a=crypto` lines (RFC 4568).
@Suite struct CryptoAttributeTests {
    private static let key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

    /// From RFC 4568 section 9.2 and from telephones.
    @Test(
        arguments: [
            (
                "1 AES_CM_128_HMAC_SHA1_80 inline:\(key)|2^20|1:4 FEC_ORDER=FEC_SRTP", 1, 1_048_576, true,
                ["FEC_ORDER=FEC_SRTP"]
            ),
            ("2 F8_128_HMAC_SHA1_80 inline:\(key)|2^20 KDR=0 WSH=128", 2, 1_048_576, false, ["KDR=0", "WSH=128"]),
            ("999999999 AES_CM_128_HMAC_SHA1_32 inline:\(key)", 999_999_999, nil, false, []),
            ("1 AES_CM_128_HMAC_SHA1_32 inline:\(key)|1:1", 1, nil, true, []),
            ("1 AES_CM_128_HMAC_SHA1_32 INLINE:\(key)|4000000", 1, 4_000_000, false, []),
        ] as [(String, Int, UInt64?, Bool, [String])])
    func `a line is read`(value: String, tag: Int, lifetime: UInt64?, hasIdentifier: Bool, parameters: [String]) throws
    {
        let line = try #require(CryptoAttribute(value))
        #expect(line.tag == tag && line.sessionParameters == parameters && line.keys.count == 1)
        #expect(line.keys[0].lifetime == lifetime && line.keys[0].hasIdentifier == hasIdentifier)
        #expect(line.keys[0].keyAndSalt.count == 30)
    }

    @Test func `several keys are told apart`() throws {
        let line = try #require(
            CryptoAttribute("1 AES_CM_128_HMAC_SHA1_80 inline:\(Self.key)|2^20|1:4;inline:\(Self.key)|2^20|2:4"))
        #expect(line.keys.count == 2 && line.keys.allSatisfy(\.hasIdentifier))
    }

    @Test(arguments: [
        "", "1", "1 SUITE", "0 SUITE inline:AAAA", "1234567890 SUITE inline:AAAA", "x SUITE inline:AAAA",
        "1 SUITE prompt:AAAA", "1 SUITE inline:", "1 SUITE inline:!!!!", "1 SUITE inline:AAAA|0",
        "1 SUITE inline:AAAA|2^99",
        "1 SUITE inline:AAAA|x", "1 SUITE inline:AAAA|1:0", "1 SUITE inline:AAAA|1:129", "1 SUITE inline:AAAA|1:4|2^20",
        "1 SUITE inline:AAAA|2^20|1:4|1:4", "1 SUITE inline:AAAA;", "1 SUITE inline:AAAA|2^20|2^20",
        "-1 SUITE inline:AAAA",
    ])
    func `a malformed line is none`(value: String) {
        #expect(CryptoAttribute(value) == nil)
    }

    @Test func `a line is written as it is read`() throws {
        for text in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:\(Self.key)", "7 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAA|1000 KDR=0",
        ] {
            let line = try #require(CryptoAttribute(text))
            #expect(line.attribute == SDPAttribute("crypto", text))
            #expect(!"\(line)".contains("AAAA") && !"\(line)".contains(Self.key))
        }
    }

    @Test func `a log gets no keys`() {
        let text = "a=crypto:1 X inline:\(Self.key)|2^20|1:4;INLINE:\(Self.key) KDR=0\r\na=sendrecv\r\nINLINE"
        let redacted = String(decoding: SessionDescription.redacted(Array(text.utf8)), as: UTF8.self)
        #expect(redacted == "a=crypto:1 X inline:<secret>|2^20|1:4;inline:<secret> KDR=0\r\na=sendrecv\r\nINLINE")
    }

    @Test func `the lines of a section are those that can be read`() throws {
        let description = try SessionDescription.parse(
            Array(
                """
                v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\na=crypto:9 S inline:AAAA\r
                m=audio 4000 RTP/savp 0\r\na=crypto:1 S inline:AAAA\r\na=crypto\r\na=crypto:x\r\na=crypto:2 T inline:AAAA\r
                m=audio 4000 RTP/AVPF 0\r

                """.utf8))
        #expect(description.media[0].cryptoAttributes.map(\.tag) == [1, 2])
        #expect(description.media[0].isSecureProfile && !description.media[0].isPlainProfile)
        #expect(description.media[1].isPlainProfile)
    }
}
