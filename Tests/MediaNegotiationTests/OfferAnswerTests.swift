import Media
import MediaNegotiation
import Primitives
import SDP
import Testing

/// What telephones put into descriptions beside one plain audio section, and what becomes of it (RFC 3264, RFC 6337).
@Suite struct OfferAnswerTests {
    private let local = LocalMedia(
        address: IPAddress("198.51.100.1")!, port: 16_384, codecs: [.opus, .pcmu, .pcma], sessionID: 7,
        sessionVersion: 1)

    private func description(_ lines: String, session: String = "c=IN IP4 192.0.2.1") throws -> SessionDescription {
        let text = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n\(session)\nt=0 0\n\(lines)\n"
        return try SessionDescription.parse(Array(text.utf8))
    }

    /// Offered sections; the ports of the answer; the payload type agreed on.
    @Test(arguments: [
        ("m=audio 4000 RTP/AVP 0\nm=video 4002 RTP/AVP 99\na=rtpmap:99 H264/90000", [16_384, 0], 0),
        ("m=video 4002 RTP/AVP 99\nm=audio 4000 RTP/AVP 8", [0, 16_384], 8),
        ("m=audio 4000 RTP/AVP 0\nm=image 4004 udptl t38", [16_384, 0], 0),
        ("m=application 4006 UDP/BFCP *\nm=audio 4000 RTP/AVP 0\nm=message 4008 TCP/MSRP *", [0, 16_384, 0], 0),
        ("m=audio 4000 RTP/AVP 18\nm=audio 4002 RTP/AVP 0", [0, 16_384], 0),
        ("m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 8", [16_384, 0], 0),
        ("m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 8", [0, 16_384], 8),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0\nm=audio 4002 RTP/AVPF 8", [0, 16_384], 8),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 224.2.1.1/127\nm=audio 4002 RTP/AVP 8", [0, 16_384], 8),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1\nm=audio 4002 RTP/AVP 8", [0, 16_384], 8),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 phone.example\nm=audio 4002 RTP/AVP 8", [0, 16_384], 8),
        ("m=AUDIO 4000/2 rtp/avp 0", [16_384], 0),
    ])
    func `the first audio that can be agreed on is taken, all else turned down in its place`(
        lines: String, ports: [Int], payloadType: Int
    ) throws {
        let offer = try description(lines)
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local)
        #expect(answer.media.map { Int($0.port) } == ports)
        #expect(
            answer.media.map(\.kind) == offer.media.map(\.kind) && answer.media.map(\.proto) == offer.media.map(\.proto)
        )
        #expect(stream.payloadType == UInt8(payloadType))
        for (section, offered) in zip(answer.media, offer.media) where section.port == 0 {
            #expect(section.formats == offered.formats && section.attributes.isEmpty)
        }
        #expect(AudioNegotiation.codecs(offeredIn: offer, local: local).first == stream.codec)
    }

    @Test(arguments: [
        ("m=audio 4000 RTP/AVP 18 9", NegotiationError.noCommonCodec(offered: ["G729", "G722"])),
        ("m=video 4000 RTP/AVP 31", .noAudio), ("m=audio 0 RTP/AVP 0", .noAudio),
        ("m=audio 4000 RTP/SAVP 0", .unsupportedProfile("RTP/SAVP")),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0", .unsupportedProfile("UDP/TLS/RTP/SAVPF")),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 239.1.1.1/64", .multicast),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP6 ff02::1", .multicast),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1", .otherAddressFamily),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 phone.example", .noAddress),
        ("m=audio 4000 RTP/AVP 18\nm=audio 4002 RTP/SAVP 0", .noCommonCodec(offered: ["G729"])),
    ])
    func `an offer without audio for us is refused, with the reason of the first`(
        lines: String, error: NegotiationError
    ) throws {
        // A host name in c= leaves the section without an address of its own; here the session has none either.
        let offer = try description(lines, session: error == .noAddress ? "i=x" : "c=IN IP4 192.0.2.1")
        #expect(throws: error) { try AudioNegotiation.answer(offer: offer, local: local) }
        #expect(AudioNegotiation.codecs(offeredIn: offer, local: local).isEmpty)
        #expect(error.description.contains(";") || error == .noAudio)
    }

    @Test func `groups and multiplexed RTCP are not answered, which declines them`() throws {
        let offer = try description(
            """
            a=group:BUNDLE 0 1
            m=audio 4000 RTP/AVP 0
            a=mid:0
            a=rtcp-mux
            a=rtcp:4001 IN IP4 192.0.2.7
            m=video 4000 RTP/AVP 31
            a=mid:1
            """)
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local)
        #expect(answer.attributes.isEmpty)
        #expect(!answer.media[0].has("mid") && !answer.media[0].rtcpMux)
        #expect(stream.remoteRTCP == Endpoint("192.0.2.7:4001"))
    }

    @Test(arguments: [
        ("a=rtcp:4101", "192.0.2.1:4101"), ("a=rtcp:53020 IN IP4 192.0.2.9", "192.0.2.9:53020"), ("a=rtcp:0", nil),
        ("a=rtcp:99999", nil), ("a=rtcp:4101 IN IP4 224.1.1.1", nil), ("a=rtcp:4101 IN IP4 0.0.0.0", nil),
        ("a=rtcp:4101 IN IP6 2001:db8::1", nil), ("a=x", nil),
    ])
    func `reports go where a=rtcp says, if one can send there`(line: String, expected: String?) throws {
        let offer = try description("m=audio 4000 RTP/AVP 0\n\(line)")
        let stream = try AudioNegotiation.answer(offer: offer, local: local).stream
        #expect(stream.remoteRTCP == expected.flatMap { Endpoint($0) })
    }

    @Test(arguments: ["127.0.0.1", "127.255.0.9", "255.255.255.255", "240.0.0.1", "0.0.0.9"])
    func `a place that cannot be the peer's is sent nothing, and the call goes on`(address: String) throws {
        let offer = try description("m=audio 5060 RTP/AVP 0\na=rtcp:22222\nc=IN IP4 \(address)")
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local)
        #expect(stream.remote == nil && stream.remoteRTCP == nil && stream.sends && stream.receives)
        #expect(answer.media[0].direction == .sendrecv)
        let elsewhere = try description("m=audio 4000 RTP/AVP 0\na=rtcp:22222 IN IP4 \(address)")
        #expect(try AudioNegotiation.answer(offer: elsewhere, local: local).stream.remoteRTCP == nil)
    }

    @Test func `on one machine everybody is at the loopback address`() throws {
        var beside = local
        beside.address = try #require(IPAddress("127.0.0.1"))
        let offer = try description("m=audio 4000 RTP/AVP 0\nc=IN IP4 127.0.0.9")
        #expect(try AudioNegotiation.answer(offer: offer, local: beside).stream.remote == Endpoint("127.0.0.9:4000"))
    }

    @Test(arguments: [
        ("c=IN IP4 0.0.0.0", "a=sendrecv"), ("c=IN IP4 192.0.2.1", "a=sendonly"), ("c=IN IP4 0.0.0.0", "a=sendonly"),
        ("c=IN IP4 0.0.0.0", "a=inactive"), ("c=IN IP4 192.0.2.1", "a=inactive"),
    ])
    func `hold in either style, at either level, and its end`(connection: String, direction: String) throws {
        for lines in [
            "m=audio 4000 RTP/AVP 0\n\(connection)\n\(direction)",
            "\(direction)\nm=audio 4000 RTP/AVP 0\n\(connection)",
        ] {
            let (answer, held) = try AudioNegotiation.answer(offer: description(lines), local: local)
            #expect(!held.sends)
            #expect(held.receives == (direction != "a=inactive"))
            #expect(answer.media[0].direction == (direction == "a=inactive" ? .inactive : .recvonly))
            #expect(answer.connection == local.address && answer.media[0].port == local.port)
        }
        let resumed = try AudioNegotiation.answer(offer: description("m=audio 4000 RTP/AVP 0"), local: local)
        #expect(resumed.stream.sends && resumed.stream.receives && resumed.answer.media[0].direction == .sendrecv)
    }

    @Test(arguments: [
        ("a=ptime:30", 30), ("a=ptime:20\na=maxptime:10", 10), ("a=maxptime:60", 20),
        ("a=maxptime:150\na=ptime:60", 60),
    ])
    func `each side's packet time is the other's wish`(lines: String, milliseconds: Int) throws {
        let (answer, stream) = try AudioNegotiation.answer(
            offer: description("m=audio 4000 RTP/AVP 0\n\(lines)"), local: local)
        #expect(stream.ptime == .milliseconds(milliseconds))
        #expect(answer.media[0].ptime == 20)
    }

    @Test func `a codec that is wished for is taken if it is offered, else the offerer's order holds`() throws {
        let offer = try description("m=audio 4000 RTP/AVP 8 0 97\na=rtpmap:97 opus/48000/2\nm=audio 4002 RTP/AVP 0")
        for (wish, expected) in [(AudioCodec.pcmu, AudioCodec.pcmu), (.opus, .opus), (.pcma, .pcma)] {
            #expect(
                try AudioNegotiation.answer(offer: offer, local: local, preference: .codec(wish)).stream.codec
                    == expected)
        }
        let narrow = try description("m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 0")
        let (answer, stream) = try AudioNegotiation.answer(offer: narrow, local: local, preference: .codec(.pcmu))
        #expect(stream.codec == .pcma && answer.media.map(\.port) == [16_384, 0])
    }

    @Test(arguments: [
        ("", NegotiationError.Mismatch.sections(offered: 2, answered: 0)),
        ("m=audio 4000 RTP/AVP 0", .sections(offered: 2, answered: 1)),
        ("m=video 0 RTP/AVP 31\nm=audio 4000 RTP/AVP 0\nm=audio 0 RTP/AVP 0", .sections(offered: 2, answered: 3)),
        ("m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 31", .kind(offered: "video", answered: "audio")),
        ("m=video 0 RTP/AVP 31\nm=audio 4000 RTP/SAVP 0", .profile(offered: "RTP/AVP", answered: "RTP/SAVP")),
    ])
    func `an answer has the sections of its offer`(lines: String, reason: NegotiationError.Mismatch) throws {
        let first = try description("m=video 5000 RTP/AVP 31\nm=audio 4000 RTP/AVP 0")
        let offer = AudioNegotiation.offer(
            local, following: try AudioNegotiation.answer(offer: first, local: local).answer)
        #expect(offer.media.map(\.port) == [0, 16_384])
        #expect(throws: NegotiationError.answerDoesNotMatch(reason: reason)) {
            try AudioNegotiation.accept(answer: description(lines), local: local, offer: offer)
        }
        let good = try description("m=video 0 RTP/AVP 31\nm=audio 4000 RTP/AVPF 0")
        #expect(try AudioNegotiation.accept(answer: good, local: local, offer: offer).codec == .pcmu)
    }

    @Test func `an audio section that was turned down is where audio is offered again`() throws {
        let end = try description("m=video 0 RTP/AVP 31\nm=audio 0 RTP/AVP 0")
        let answer = try #require(AudioNegotiation.answerWithoutMedia(offer: end, local: local))
        #expect(answer.media.map(\.port) == [0, 0] && answer.media.map(\.kind) == ["video", "audio"])
        let offer = AudioNegotiation.offer(local, following: answer)
        #expect(offer.media.map(\.port) == [0, 16_384])
        #expect(try AudioNegotiation.answerWithoutMedia(offer: description("m=audio 1 RTP/AVP 0"), local: local) == nil)
    }

    @Test(arguments: ["0 8 101", "8 101", "96 0 101", "8"])
    func `an answer to a delayed offer, in an ACK, is an answer like any other`(formats: String) throws {
        let offer = AudioNegotiation.offer(local)
        let stream = try AudioNegotiation.accept(
            answer: description("m=audio 4000 RTP/AVP \(formats)\na=sendonly"), local: local, offer: offer)
        #expect(stream.receives && !stream.sends)
        #expect(stream.payloadType == formats.split(separator: " ").first.flatMap { UInt8($0) })
        #expect((stream.telephoneEventPayloadType == 101) == formats.contains("101"))
    }
}
