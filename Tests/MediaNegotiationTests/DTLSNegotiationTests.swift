import Media
import MediaNegotiation
import Primitives
import RTP
import SDP
import Testing

/// Keys by DTLS, named in session descriptions (RFC 5763, RFC 8122).
@Suite struct DTLSNegotiationTests {
    private static func fingerprint(_ fill: UInt8) -> CertificateFingerprint {
        CertificateFingerprint(.sha256, digest: [UInt8](repeating: fill, count: 32))!
    }
    private static let ours = fingerprint(1)
    private static let theirs = fingerprint(2)
    private static let association = "abc3de65cddef001be82"

    private func local(
        _ policy: SRTPPolicy, keying: [SRTPKeying] = [.dtls, .sdes], own: CertificateFingerprint? = ours
    ) -> LocalMedia {
        var entropy = Entropy(SeededGenerator(seed: 1))
        return LocalMedia(
            address: .loopbackV4, port: 16_384, codecs: [.pcmu], telephoneEvent: false, sessionID: 7, sessionVersion: 1,
            security: LegSecurity(
                policy, keying: keying, fingerprint: own, entropy: &entropy))
    }

    private func description(
        setup: String?, fingerprint: String = "fingerprint:\(theirs)", mux: Bool = true, more: [String] = [],
        proto: String = "UDP/TLS/RTP/SAVP", association: String? = association
    ) throws -> SessionDescription {
        let lines =
            [fingerprint] + (setup.map { ["setup:\($0)"] } ?? []) + (mux ? ["rtcp-mux"] : [])
            + (association.map { ["tls-id:\($0)"] } ?? []) + more
        let text =
            "v=0\no=- 1 1 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 \(proto) 0\n"
            + lines.map { "a=\($0)\n" }.joined()
        return try SessionDescription.parse(Array(text.utf8))
    }

    private static let crypto =
        "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:\(Base64.encode([UInt8](repeating: 3, count: 30)))"

    @Test(
        arguments: [
            ("actpass", DTLSRole.client, "active"), ("passive", .client, "active"), ("active", .server, "passive"),
            (nil, .server, "passive"),
        ] as [(String?, DTLSRole, String)])
    func `an answer takes the role that the offer leaves`(setup: String?, role: DTLSRole, answered: String) throws {
        for proto in ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"] {
            let (answer, stream) = try AudioNegotiation.answer(
                offer: description(setup: setup, proto: proto), local: local(.accepted))
            #expect(
                stream.keyAgreement
                    == KeyAgreementParameters(
                        role: role, peerFingerprints: [Self.theirs], peerAssociation: Self.association))
            #expect(stream.sendKey == nil && stream.receiveKey == nil && stream.isRTCPMultiplexed)
            let section = answer.media[0]
            #expect(section.proto == proto && section.rtcpMux)
            #expect(section.value(of: "setup") == answered && section.value(of: "fingerprint") == "\(Self.ours)")
            #expect(!section.has("tls-id") && !section.has("crypto"))
        }
    }

    @Test(arguments: [("active", DTLSRole.server), ("passive", .client), (nil, .client)] as [(String?, DTLSRole)])
    func `an answer to ours gives us the other role`(setup: String?, role: DTLSRole) throws {
        let own = local(.required)
        let offer = AudioNegotiation.offer(own)
        #expect(offer.media[0].proto == "UDP/TLS/RTP/SAVP" && offer.media[0].rtcpMux)
        #expect(offer.media[0].value(of: "setup") == "actpass")
        #expect(offer.media[0].value(of: "fingerprint") == "\(Self.ours)" && !offer.media[0].has("crypto"))
        let stream = try AudioNegotiation.accept(answer: description(setup: setup), local: own, offer: offer)
        #expect(
            stream.keyAgreement
                == KeyAgreementParameters(
                    role: role, peerFingerprints: [Self.theirs], peerAssociation: Self.association))
    }

    @Test func `offer and answer agree crosswise`() throws {
        let (alice, bob) = (local(.required), local(.accepted, own: Self.theirs))
        let offer = try SessionDescription.parse(AudioNegotiation.offer(alice).serialised())
        let (answer, bobs) = try AudioNegotiation.answer(offer: offer, local: bob)
        let alices = try AudioNegotiation.accept(
            answer: SessionDescription.parse(answer.serialised()), local: alice, offer: offer)
        #expect(alices.keyAgreement == KeyAgreementParameters(role: .server, peerFingerprints: [Self.theirs]))
        #expect(bobs.keyAgreement == KeyAgreementParameters(role: .client, peerFingerprints: [Self.ours]))
    }

    @Test func `what DTLS cannot do without is demanded of offers`() throws {
        let own = local(.required)
        let cases: [(SessionDescription, NegotiationError)] = [
            (try description(setup: "holdconn"), .noSetupRole), (try description(setup: "sideways"), .noSetupRole),
            (try description(setup: "actpass", mux: false), .rtcpNotMultiplexed),
            (try description(setup: "actpass", fingerprint: "fingerprint:sha-1 AA:BB"), .noUsableFingerprint),
            (try description(setup: "actpass", fingerprint: "x-none"), .noUsableFingerprint),
        ]
        for (offer, error) in cases {
            #expect(throws: error) { try AudioNegotiation.answer(offer: offer, local: own) }
        }
    }

    @Test func `and of answers, which may not fall back either`() throws {
        let own = local(.required)
        let offer = AudioNegotiation.offer(own)
        let cases: [(SessionDescription, NegotiationError)] = [
            (try description(setup: "actpass"), .noSetupRole), (try description(setup: "holdconn"), .noSetupRole),
            (try description(setup: "active", mux: false), .rtcpNotMultiplexed),
            (try description(setup: "active", fingerprint: "x-none"), .noUsableFingerprint),
            (
                try description(setup: "active", more: [Self.crypto], proto: "RTP/SAVP"),
                .answerDoesNotMatch(reason: .profile(offered: "UDP/TLS/RTP/SAVP", answered: "RTP/SAVP"))
            ),
            (
                try description(setup: "active", proto: "RTP/AVP"),
                .answerDoesNotMatch(reason: .profile(offered: "UDP/TLS/RTP/SAVP", answered: "RTP/AVP"))
            ),
        ]
        for (answer, error) in cases {
            #expect(throws: error) { try AudioNegotiation.accept(answer: answer, local: own, offer: offer) }
        }
    }

    @Test(arguments: [
        (SRTPPolicy.never, [SRTPKeying.dtls, .sdes], false, false), (.accepted, [.dtls, .sdes], true, true),
        (.required, [.dtls, .sdes], true, true), (.accepted, [.sdes], false, true), (.accepted, [.dtls], true, false),
        (.accepted, [], false, false),
    ])
    func `a leg takes what it may, whichever the peer offers`(
        policy: SRTPPolicy, keying: [SRTPKeying], dtls: Bool, sdes: Bool
    ) throws {
        let own = local(policy, keying: keying)
        let byDTLS = try? AudioNegotiation.answer(offer: description(setup: "actpass"), local: own)
        #expect((byDTLS?.stream.keyAgreement != nil) == dtls && (byDTLS != nil) == dtls)
        let offer = try description(setup: "actpass", fingerprint: Self.crypto, proto: "RTP/SAVP")
        let bySDES = try? AudioNegotiation.answer(offer: offer, local: own)
        #expect((bySDES?.stream.sendKey != nil) == sdes && (bySDES != nil) == sdes)
        #expect(bySDES?.stream.keyAgreement == nil)
        // Without a certificate there is no DTLS.
        let bare = local(policy, keying: keying, own: nil)
        #expect((try? AudioNegotiation.answer(offer: description(setup: "actpass"), local: bare)) == nil)
        #expect(!AudioNegotiation.offer(bare).media[0].isDTLSProfile)
    }

    @Test(arguments: [([SRTPKeying.dtls, .sdes], true), ([.sdes, .dtls], false), ([.dtls], true), ([.sdes], false)])
    func `of a section with both, the leg's first is taken`(keying: [SRTPKeying], isDTLS: Bool) throws {
        let offer = try description(setup: "actpass", more: [Self.crypto], proto: "RTP/SAVPF")
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local(.accepted, keying: keying))
        #expect((stream.keyAgreement != nil) == isDTLS && (stream.sendKey != nil) != isDTLS)
        #expect(answer.media[0].has("fingerprint") == isDTLS && answer.media[0].has("crypto") != isDTLS)
        #expect(answer.media[0].proto == "RTP/SAVPF")
    }

    @Test func `SDES takes over where a section's fingerprint is none of DTLS, and the other way round`() throws {
        // DTLS alone may stand in the clear.
        let clear = local(.accepted, keying: [.dtls])
        let offer = try description(setup: "actpass", more: [Self.crypto], proto: "RTP/SAVP")
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: clear)
        #expect(stream.keyAgreement != nil && !answer.media[0].has("crypto"))
        let plain = try description(setup: nil, fingerprint: "x-none", more: [Self.crypto], proto: "RTP/SAVP")
        #expect(throws: NegotiationError.noCommonCrypto) { try AudioNegotiation.answer(offer: plain, local: clear) }
        #expect(try AudioNegotiation.answer(offer: plain, local: local(.accepted)).stream.sendKey != nil)
    }

    @Test func `later descriptions keep the profile, and later answers the role`() throws {
        // We offered, so we are the server; when the peer offers both, that stays.
        var own = local(.required)
        let first = AudioNegotiation.offer(own)
        let stream = try AudioNegotiation.accept(answer: description(setup: "active"), local: own, offer: first)
        own.security.follow(stream)
        let again = try AudioNegotiation.answer(offer: description(setup: "actpass"), local: own)
        #expect(again.stream.keyAgreement == stream.keyAgreement)
        #expect(again.answer.media[0].value(of: "setup") == "passive")
        let next = AudioNegotiation.offer(own, following: again.answer).media[0]
        #expect(next.proto == "UDP/TLS/RTP/SAVP" && next.value(of: "setup") == "actpass" && !next.has("crypto"))
        own.security.follow(nil)
        #expect(
            try AudioNegotiation.answer(offer: description(setup: "actpass"), local: own).stream.keyAgreement?.role
                == .client)
    }

    @Test func `another name of the association asks for another one, none at all does not`() throws {
        func parameters(_ name: String?) throws -> KeyAgreementParameters {
            let offer = try description(setup: "actpass", association: name)
            return try #require(try AudioNegotiation.answer(offer: offer, local: local(.accepted)).stream.keyAgreement)
        }
        let first = try parameters(Self.association)
        #expect(first.peerAssociation == Self.association)
        #expect(try parameters(Self.association).continues(first))
        #expect(try !parameters("abc3de65cddef001be83").continues(first))
        #expect(try parameters(nil).continues(first))
        #expect(try !first.continues(parameters(nil)), "it begins one that has a name")
    }

    @Test func `a leg that only accepts stays with DTLS once it has it`() throws {
        let own = local(.accepted, keying: [.sdes, .dtls])
        #expect(AudioNegotiation.offer(own).media[0].proto == "RTP/AVP")
        for proto in ["UDP/TLS/RTP/SAVPF", "RTP/SAVP"] {
            let (answer, _) = try AudioNegotiation.answer(
                offer: description(setup: "actpass", proto: proto), local: own)
            let next = AudioNegotiation.offer(own, following: answer).media[0]
            #expect(next.proto == proto && next.has("fingerprint") && !next.has("crypto"))
            let stream = try AudioNegotiation.accept(
                answer: description(setup: "passive", proto: proto), local: own,
                offer: AudioNegotiation.offer(own, following: answer))
            #expect(stream.keyAgreement?.role == .client)
        }
    }

    @Test func `rules say what is taken by how the signalling travels`() {
        var entropy = Entropy(SeededGenerator(seed: 1))
        let usual = SRTPRules(fingerprint: Self.ours)
        #expect(usual.security(isSignallingSecure: true, entropy: &entropy).takesDTLS)
        #expect(!usual.security(isSignallingSecure: false, entropy: &entropy).takesDTLS)
        let open = SRTPRules(inClear: .accepted, keyingInClear: [.dtls], fingerprint: Self.ours)
        let clear = open.security(isSignallingSecure: false, entropy: &entropy)
        #expect(clear.takesDTLS && !clear.takesSDES && clear.keys.isEmpty)
        #expect(!SRTPRules().security(isSignallingSecure: true, entropy: &entropy).takesDTLS)
    }
}
