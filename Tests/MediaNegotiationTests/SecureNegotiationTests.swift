import Media
import MediaNegotiation
import Primitives
import RTP
import SDP
import Testing

/// SRTP keys in session descriptions (RFC 4568).
@Suite struct SecureNegotiationTests {
    private func local(
        _ policy: SRTPPolicy, carriesKeys: Bool = true, suites: [SRTPSuite] = SRTPSuite.allCases, seed: UInt64 = 1
    ) -> LocalMedia {
        var entropy = Entropy(SeededGenerator(seed: seed))
        return LocalMedia(
            address: .loopbackV4, port: 16_384, codecs: [.pcmu], telephoneEvent: false, sessionID: 7, sessionVersion: 1,
            security: LegSecurity(
                policy, keying: carriesKeys ? [.sdes] : [], suites: suites, entropy: &entropy))
    }

    private func description(_ lines: [String], proto: String = "RTP/SAVP") throws -> SessionDescription {
        let text =
            "v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 \(proto) 0\n"
            + lines.map { "a=\($0)\n" }.joined()
        return try SessionDescription.parse(Array(text.utf8))
    }

    private static func key(_ bytes: Int, _ fill: UInt8 = 3) -> String {
        Base64.encode([UInt8](repeating: fill, count: bytes))
    }

    private static let sha80 = "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))"
    private static let sha32 = "crypto:2 AES_CM_128_HMAC_SHA1_32 inline:\(key(30))"
    private static let gcm128 = "crypto:3 AEAD_AES_128_GCM inline:\(key(28))"
    private static let gcm256 = "crypto:4 AEAD_AES_256_GCM inline:\(key(44))"

    @Test(arguments: ["RTP/SAVP", "RTP/SAVPF", "rtp/savp"])
    func `a protected offer is answered with its tag and our key`(proto: String) throws {
        let (answer, stream) = try AudioNegotiation.answer(
            offer: description([Self.sha80], proto: proto), local: local(.accepted))
        #expect(answer.media[0].proto == proto)
        let lines = answer.media[0].cryptoAttributes
        #expect(lines.map(\.tag) == [1] && lines.map(\.suite) == ["AES_CM_128_HMAC_SHA1_80"])
        let sendKey = try #require(stream.sendKey)
        #expect(sendKey.suite == .aesCM128HMACSHA1Tag80 && lines[0].keys[0].keyAndSalt == sendKey.keyAndSalt)
        #expect(stream.receiveKey?.keyAndSalt == Secret([UInt8](repeating: 3, count: 30)))
        #expect(sendKey != stream.receiveKey)
    }

    @Test(arguments: [
        ([sha80, sha32], 1, "AES_CM_128_HMAC_SHA1_80"), ([sha32], 2, "AES_CM_128_HMAC_SHA1_32"),
        ([sha32, sha80, gcm128], 3, "AEAD_AES_128_GCM"), ([sha80, gcm128, gcm256, sha32], 4, "AEAD_AES_256_GCM"),
    ])
    func `the strongest suite in common is taken`(lines: [String], tag: Int, suite: String) throws {
        let (answer, stream) = try AudioNegotiation.answer(offer: description(lines), local: local(.accepted))
        #expect(answer.media[0].cryptoAttributes.map(\.tag) == [tag])
        #expect(stream.sendKey?.suite.rawValue == suite && stream.receiveKey?.suite.rawValue == suite)
        let weak = local(.accepted, suites: [.aesCM128HMACSHA1Tag32])
        if lines.contains(Self.sha32) {
            #expect(
                try AudioNegotiation.answer(offer: description(lines), local: weak).stream.sendKey?.suite
                    == .aesCM128HMACSHA1Tag32)
        }
    }

    @Test(arguments: [
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))|2^20|1:4",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))|1:1",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30)) UNENCRYPTED_SRTP",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30)) UNAUTHENTICATED_SRTP",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30)) UNENCRYPTED_SRTCP",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30)) KDR=24",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30)) NEW=1",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30)) FEC_ORDER=FEC_SRTP",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(16))", "crypto:1 AEAD_AES_128_GCM inline:\(key(30))",
        "crypto:1 F8_128_HMAC_SHA1_80 inline:\(key(30))",
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30));inline:\(key(30))",
        "x-crypto:1", "crypto:nonsense",
    ])
    func `a line that cannot be kept is passed over`(line: String) throws {
        #expect(throws: NegotiationError.noCommonCrypto) {
            try AudioNegotiation.answer(offer: description([line]), local: local(.accepted))
        }
        let stream = try AudioNegotiation.answer(offer: description([line, Self.sha32]), local: local(.accepted)).stream
        #expect(stream.receiveKey?.suite == .aesCM128HMACSHA1Tag32)
    }

    @Test(arguments: ["|2^20", "|100", " KDR=0", " WSH=64", " -NEW=1", "|2^48 KDR=0 WSH=128"])
    func `what changes nothing for us is no obstacle`(suffix: String) throws {
        let offer = try description(["crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(Self.key(30))\(suffix)"])
        #expect(try AudioNegotiation.answer(offer: offer, local: local(.required)).stream.receiveKey != nil)
    }

    @Test(arguments: [
        (SRTPPolicy.never, true, true, false), (.never, false, true, false), (.accepted, true, true, true),
        (.accepted, false, true, false), (.required, true, false, true), (.required, false, false, false),
    ])
    func `the policy says what is taken`(policy: SRTPPolicy, carriesKeys: Bool, plain: Bool, protected: Bool) throws {
        let own = local(policy, carriesKeys: carriesKeys)
        let plainOffer = try description([Self.sha80], proto: "RTP/AVP")
        let answer = try? AudioNegotiation.answer(offer: plainOffer, local: own)
        #expect((answer != nil) == plain)
        #expect(answer?.stream.sendKey == nil && answer?.answer.media[0].cryptoAttributes.isEmpty != false)
        #expect(((try? AudioNegotiation.answer(offer: description([Self.sha80]), local: own)) != nil) == protected)
        let offer = AudioNegotiation.offer(own)
        #expect(offer.media[0].proto == (policy == .required ? "RTP/SAVP" : "RTP/AVP"))
        // Whatever the policy: no keys where they could be read.
        #expect(offer.media[0].cryptoAttributes.count == (policy == .required && carriesKeys ? 4 : 0))
    }

    @Test func `two sections, protected and plain, are an offer of either`() throws {
        let text = """
            v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVP 0\na=\(Self.sha80)
            m=audio 4000 RTP/AVP 0\n
            """
        let offer = try SessionDescription.parse(Array(text.utf8))
        for (policy, ports) in [(SRTPPolicy.never, [0, 16_384]), (.accepted, [16_384, 0]), (.required, [16_384, 0])] {
            #expect(
                try AudioNegotiation.answer(offer: offer, local: local(policy)).answer.media.map { Int($0.port) }
                    == ports)
        }
    }

    @Test func `offer and answer agree crosswise`() throws {
        let (alice, bob) = (local(.required, seed: 1), local(.accepted, seed: 2))
        let offer = try SessionDescription.parse(AudioNegotiation.offer(alice).serialised())
        #expect(offer.media[0].cryptoAttributes.map(\.suite) == SRTPSuite.allCases.reversed().map(\.rawValue))
        #expect(offer.media[0].cryptoAttributes.map(\.tag) == [1, 2, 3, 4])
        let (answer, bobs) = try AudioNegotiation.answer(offer: offer, local: bob)
        let alices = try AudioNegotiation.accept(
            answer: SessionDescription.parse(answer.serialised()), local: alice, offer: offer)
        #expect(alices.sendKey?.suite == .aeadAES256GCM)
        #expect(alices.sendKey == bobs.receiveKey && alices.receiveKey == bobs.sendKey)
    }

    @Test(arguments: [
        [], ["crypto:9 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))"],
        ["crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))"],
        ["crypto:3 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))", "crypto:4 AES_CM_128_HMAC_SHA1_32 inline:\(key(30))"],
        ["crypto:3 AES_CM_128_HMAC_SHA1_80 inline:\(key(30))|1:4"],
    ])
    func `an answer takes one line of the offer, with its tag and suite`(lines: [String]) throws {
        let own = local(.required)
        #expect(throws: NegotiationError.noCommonCrypto) {
            try AudioNegotiation.accept(answer: description(lines), local: own)
        }
        let good = try description(["crypto:3 AES_CM_128_HMAC_SHA1_80 inline:\(Self.key(30))"])
        #expect(try AudioNegotiation.accept(answer: good, local: own).sendKey == own.security.keys[2])
        // A plain answer to a protected offer would be a downgrade.
        #expect(throws: NegotiationError.self) {
            try AudioNegotiation.accept(answer: description([], proto: "RTP/AVP"), local: own)
        }
    }

    @Test func `a later offer of ours keeps profile, tag and key, or brings a new key`() throws {
        var own = local(.accepted)
        let (answer, stream) = try AudioNegotiation.answer(
            offer: description([Self.sha80, Self.gcm128], proto: "RTP/SAVPF"), local: own)
        let again = AudioNegotiation.offer(own, following: answer)
        #expect(again.media[0].proto == "RTP/SAVPF")
        #expect(again.media[0].cryptoAttributes == answer.media[0].cryptoAttributes)
        own.security = local(.accepted, seed: 9).security
        let renewed = AudioNegotiation.offer(own, following: answer).media[0].cryptoAttributes
        #expect(renewed.map(\.tag) == [3] && renewed[0].keys != answer.media[0].cryptoAttributes[0].keys)
        let agreed = try AudioNegotiation.accept(
            answer: description(["crypto:3 AEAD_AES_128_GCM inline:\(Self.key(28, 8))"], proto: "RTP/SAVPF"),
            local: own,
            offer: AudioNegotiation.offer(own, following: answer))
        #expect(agreed.sendKey != stream.sendKey && agreed.receiveKey != stream.receiveKey)
    }

    @Test func `nothing that describes a stream shows its keys`() throws {
        let own = local(.required)
        let stream = try AudioNegotiation.answer(offer: description([Self.sha80]), local: own).stream
        let shown = "\(stream) \(own)"
        #expect(!shown.contains(Self.key(30)) && shown.contains("<secret>"))
        #expect(own.security.keys.allSatisfy { key in !shown.contains(key.keyAndSalt.withBytes { Base64.encode($0) }) })
    }

    @Test func `rules give keys to TLS alone unless they say otherwise`() {
        var entropy = Entropy(SeededGenerator(seed: 1))
        let usual = SRTPRules()
        #expect(usual.security(isSignallingSecure: true, entropy: &entropy).policy == .accepted)
        #expect(usual.security(isSignallingSecure: false, entropy: &entropy).takesProtected == false)
        let open = SRTPRules(overTLS: .required, inClear: .accepted)
        #expect(open.security(isSignallingSecure: false, entropy: &entropy).takesProtected)
        #expect(open.security(isSignallingSecure: true, entropy: &entropy).takesPlain == false)
    }
}
