import CallControl
import Media
import MediaNegotiation
import Primitives
import RTP
import SDP
import SIPTransaction
import Testing

/// The descriptions of one leg, one after the other.
@Suite struct LegMediaTests {
    private var entropy = Entropy(SeededGenerator(seed: 11))

    private func leg(rules: SRTPRules = SRTPRules(), over transport: SIPFlow.Transport = .udp) -> LegMedia {
        var entropy = entropy
        var media = LegMedia(
            local: LegMedia.local(address: IPAddress("198.51.100.1")!, session: entropy.next()),
            rules: MediaRules(srtp: rules))
        media.bind(port: 16_000)
        media.reach(over: flow(transport), entropy: &entropy)
        return media
    }

    private func flow(_ transport: SIPFlow.Transport, from: String = "203.0.113.5:5060") -> SIPFlow {
        SIPFlow(transport: transport, local: Endpoint("198.51.100.1:5060")!, remote: Endpoint(from)!)
    }

    private func bytes(_ lines: String, version: Int = 1, address: String = "192.0.2.1") -> [UInt8] {
        Array("v=0\no=- 5 \(version) IN IP4 \(address)\ns=-\nc=IN IP4 \(address)\nt=0 0\n\(lines)\n".utf8)
    }

    private let voice = "m=audio 4000 RTP/AVP 8 0 101\na=rtpmap:101 telephone-event/8000"

    private func parsed(_ bytes: [UInt8]) throws -> SessionDescription { try SessionDescription.parse(bytes) }

    @Test func `the same offer again gets the same answer, also when the other leg has changed its codec`() throws {
        var media = leg()
        let first = try media.answer(bytes(voice))
        media.prefer([.pcmu])
        #expect(try media.answer(bytes(voice)) == first)
        #expect(media.stream?.codec == .pcma)
        // A new version, or new words under the old version, are a new offer.
        #expect(try media.answer(bytes(voice, version: 2)) != first)
        #expect(media.stream?.codec == .pcmu)
        let held = try parsed(media.answer(bytes(voice + "\na=sendonly", version: 2)))
        #expect(held.media[0].direction == .recvonly && media.isHeldByPeer)
    }

    @Test func `the version grows with each change, and only then`() throws {
        var media = leg()
        var versions: [UInt64] = []
        for lines in [voice, voice, voice + "\na=sendonly", voice + "\na=sendonly", voice] {
            versions.append(try parsed(media.answer(bytes(lines))).origin.sessionVersion)
        }
        versions.append(try parsed(media.makeOffer()).origin.sessionVersion)
        try media.accept(bytes(voice))
        versions.append(try parsed(media.repeatOffer()).origin.sessionVersion)
        media.prefer([.g722])
        let changed = try parsed(media.makeOffer())
        #expect(versions + [changed.origin.sessionVersion] == [1, 1, 2, 2, 3, 4, 4, 5])
        try media.accept(bytes(voice))
        #expect(try parsed(media.repeatOffer()).media == changed.media)
    }

    @Test func `what is repeated after a refused offer is what was agreed before it, under a new version`() throws {
        var media = leg()
        let agreed = try parsed(media.answer(bytes(voice)))
        media.prefer([.g722])
        let refused = try parsed(media.makeOffer())
        let repeated = try parsed(media.repeatOffer())
        #expect(refused.media != agreed.media)
        #expect(repeated.media == agreed.media)
        #expect(repeated.origin.sessionVersion == refused.origin.sessionVersion + 1)
        #expect(try parsed(media.repeatOffer()) == repeated)
    }

    @Test func `an address that moves in mid-call is followed, a refused offer changes nothing`() throws {
        var media = leg()
        _ = try media.answer(bytes(voice))
        #expect(media.stream?.remote == Endpoint("192.0.2.1:4000"))
        #expect(media.stream?.signallingAddress == IPAddress("203.0.113.5"))
        let before = media.stream
        #expect(throws: NegotiationError.self) { try media.answer(bytes("m=audio 4000 RTP/AVP 18")) }
        #expect(throws: SDPError.self) { try media.answer([1, 2, 3]) }
        #expect(media.stream == before)
        media.follow(flow(.udp, from: "203.0.113.99:5060"))
        _ = try media.answer(bytes("m=audio 5000 RTP/AVP 8", address: "192.0.2.77"))
        #expect(media.stream?.remote == Endpoint("192.0.2.77:5000"))
        #expect(media.stream?.signallingAddress == IPAddress("203.0.113.99"))
    }

    @Test func `an early answer counts until another one comes`() throws {
        var media = leg()
        _ = media.makeOffer()
        try media.accept(bytes("m=audio 4000 RTP/AVP 0"))
        #expect(media.stream?.codec == .pcmu)
        try media.accept(bytes("m=audio 4000 RTP/AVP 0"))
        #expect(media.stream?.remote == Endpoint("192.0.2.1:4000"))
        try media.accept(bytes("m=audio 6000 RTP/AVP 8", version: 2))
        #expect(media.stream?.codec == .pcma && media.stream?.remote == Endpoint("192.0.2.1:6000"))
        let before = media.stream
        #expect(throws: NegotiationError.self) { try media.accept(bytes("m=audio 1 RTP/AVP 0\nm=audio 1 RTP/AVP 0")) }
        #expect(throws: SDPError.self) { try media.accept([]) }
        #expect(media.stream == before)
    }

    @Test func `a stream that is turned off leaves the session, and comes back in its place`() throws {
        var media = leg()
        #expect(throws: NegotiationError.noAudio) { try media.answer(bytes("m=audio 0 RTP/AVP 8")) }
        _ = try media.answer(bytes(voice))
        let off = try parsed(media.answer(bytes("m=audio 0 RTP/AVP 8", version: 2)))
        #expect(off.media.map(\.port) == [0] && off.origin.sessionVersion == 2)
        #expect(media.stream?.sends == false && media.stream?.receives == false)
        let on = try parsed(media.answer(bytes(voice, version: 3)))
        #expect(on.media.map(\.port) == [16_000] && media.stream?.sends == true)
        // A change to fax is refused: the call stays what it is.
        #expect(throws: NegotiationError.noAudio) {
            try media.answer(bytes("m=audio 0 RTP/AVP 8\nm=image 4002 udptl t38", version: 4))
        }
    }

    private let secure =
        "m=audio 4000 RTP/SAVP 8\na=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:"
        + Base64.encode([UInt8](repeating: 2, count: 30))

    @Test func `keys are taken over TLS, and refused where they could be read`() throws {
        var media = leg(over: .tls)
        let answer = try parsed(media.answer(bytes(secure)))
        #expect(answer.media[0].cryptoAttributes.map(\.tag) == [5])
        #expect(media.stream?.receiveKey != nil && media.stream?.sendKey != nil)
        let sendKey = media.stream?.sendKey
        _ = try media.answer(bytes(secure + "\na=sendonly", version: 2))
        #expect(media.stream?.sendKey == sendKey, "hold is no reason for a new key")
        #expect(try parsed(media.makeOffer()).media[0].proto == "RTP/SAVP")
        for transport in [SIPFlow.Transport.udp, .tcp] {
            var clear = leg(over: transport)
            #expect(throws: NegotiationError.unsupportedProfile("RTP/SAVP")) { try clear.answer(bytes(secure)) }
        }
        var told = leg(rules: SRTPRules(inClear: .accepted))
        _ = try told.answer(bytes(secure))
        #expect(told.stream?.receiveKey != nil)
    }

    @Test func `a new key of the peer's in mid-call is taken over`() throws {
        var media = leg(over: .tls)
        _ = try media.answer(bytes(secure))
        let first = media.stream
        let renewed = secure.replacing("AgIC", with: "AwMD")
        _ = try media.answer(bytes(renewed, version: 2))
        #expect(media.stream?.receiveKey != first?.receiveKey && media.stream?.sendKey == first?.sendKey)
    }

    @Test func `legs have keys of their own, and required protection is offered`() throws {
        var entropy = Entropy(SeededGenerator(seed: 3))
        let rules = SRTPRules(overTLS: .required)
        let local = LegMedia.local(
            address: IPAddress("198.51.100.1")!, session: 8, over: flow(.tls), rules: MediaRules(srtp: rules),
            entropy: &entropy)
        #expect(LegMedia.codecs(offeredIn: bytes(secure), local: local) == [.pcma])
        #expect(LegMedia.codecs(offeredIn: bytes(voice), local: local) == [])
        var keys: [Secret] = []
        for _ in 0..<2 {
            var media = LegMedia(local: local, rules: MediaRules(srtp: rules))
            media.reach(over: flow(.tls), entropy: &entropy)
            let offer = try parsed(media.makeOffer())
            #expect(offer.media[0].proto == "RTP/SAVP")
            keys += offer.media[0].cryptoAttributes.map(\.keys[0].keyAndSalt)
        }
        #expect(keys.count == 8)
        for index in keys.indices { #expect(!keys[..<index].contains(keys[index])) }
    }

    @Test(arguments: [(false, "RTP/SAVP", "RTP/AVP"), (true, "RTP/AVP", "RTP/SAVP")])
    func `the other offer after a refused one is its next version`(isPlain: Bool, one: String, other: String) throws {
        var media = leg(rules: SRTPRules(overTLS: .preferred), over: .tls)
        let first = try parsed(media.makeFirstOffer(isPlain: isPlain))
        let made = media.makeSecondOffer()
        let (kind, body) = try #require(made)
        let second = try parsed(body)
        #expect(kind == (isPlain ? .protected : .plain))
        #expect(first.media[0].proto == one && second.media[0].proto == other)
        #expect(second.origin.sessionID == first.origin.sessionID)
        #expect(second.origin.sessionVersion == first.origin.sessionVersion + 1)
        let another = media.makeSecondOffer()
        #expect(another == nil)
    }

    @Test(arguments: [SRTPPolicy.never, .accepted, .required])
    func `where there is no choice, none is made of what is known`(policy: SRTPPolicy) throws {
        for isPlain in [false, true] {
            var media = leg(rules: SRTPRules(overTLS: policy), over: .tls)
            let offer = try parsed(media.makeFirstOffer(isPlain: isPlain))
            #expect(offer.media[0].proto == (policy == .required ? "RTP/SAVP" : "RTP/AVP"))
            let another = media.makeSecondOffer()
            #expect(another == nil)
        }
    }

    @Test func `an association by DTLS keeps its roles, whoever offers next`() throws {
        let fingerprint = try #require(CertificateFingerprint(.sha256, digest: [UInt8](repeating: 1, count: 32)))
        let rules = SRTPRules(inClear: .required, keyingInClear: [.dtls], fingerprint: fingerprint)
        func theirs(_ setup: String) -> String {
            "m=audio 4000 UDP/TLS/RTP/SAVP 0\na=fingerprint:\(fingerprint)\na=setup:\(setup)\na=rtcp-mux"
        }
        var caller = leg(rules: rules)
        let offer = try parsed(caller.makeOffer())
        #expect(offer.media[0].proto == "UDP/TLS/RTP/SAVP" && offer.media[0].cryptoAttributes.isEmpty)
        try caller.accept(bytes(theirs("active")))
        #expect(caller.stream?.keyAgreement?.role == .server)
        let answer = try parsed(caller.answer(bytes(theirs("actpass"), version: 2)))
        #expect(answer.media[0].value(of: "setup") == "passive" && caller.stream?.keyAgreement?.role == .server)
        var callee = leg(rules: rules)
        let first = try callee.answer(bytes(theirs("actpass")))
        #expect(try parsed(first).media[0].value(of: "setup") == "active")
        #expect(try callee.answer(bytes(theirs("actpass"))) == first)
        #expect(try parsed(callee.makeOffer()).media[0].value(of: "setup") == "actpass")
        #expect(throws: NegotiationError.unsupportedProfile("RTP/AVP")) { try callee.answer(bytes(voice)) }
    }
}
