import Media
import MediaNegotiation
import Primitives
import SDP
import Testing

@Suite struct AudioNegotiationTests {
    private func local(
        codecs: [AudioCodec] = [.opus, .pcmu, .pcma], telephoneEvent: Bool = true,
        direction: MediaDirection = .sendrecv,
        ptime: Duration = .milliseconds(20)
    ) -> LocalMedia {
        LocalMedia(
            address: .loopbackV4, port: 16_384, codecs: codecs, telephoneEvent: telephoneEvent, ptime: ptime,
            sessionID: 7,
            sessionVersion: 1, direction: direction)
    }

    private func description(_ lines: String) throws -> SessionDescription {
        try SessionDescription.parse(
            Array(("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" + lines).utf8))
    }

    private func lines(_ description: SessionDescription) -> [String] {
        String(decoding: description.serialised(), as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    @Test func `an offer names every codec and the events of both clocks`() {
        let expected = [
            "v=0", "o=- 7 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            "m=audio 16384 RTP/AVP 96 0 8 101 102", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 useinbandfec=1",
            "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
            "a=rtpmap:102 telephone-event/48000", "a=fmtp:102 0-15", "a=ptime:20", "a=sendrecv",
        ]
        #expect(lines(AudioNegotiation.offer(local())) == expected)
        let plain = AudioNegotiation.offer(local(codecs: [.pcma], telephoneEvent: false, direction: .sendonly))
        #expect(plain.media[0].formats == ["8"])
        #expect(plain.media[0].direction == .sendonly)
        #expect(AudioNegotiation.offer(local(codecs: [.pcma])).media[0].formats == ["8", "101"])
        #expect(AudioNegotiation.offer(local(codecs: [.opus])).media[0].formats == ["96", "101", "102"])
    }

    @Test func `no two formats get one payload type, and what finds none free is left out`() throws {
        func offer(following types: ClosedRange<Int>) throws -> [String] {
            let list = types.map(String.init).joined(separator: " ")
            let maps = types.map { "a=rtpmap:\($0) x-other-\($0)/8000\r\n" }.joined()
            let previous = try description("m=audio 4000 RTP/AVP \(list)\r\n\(maps)")
            return AudioNegotiation.offer(local(), following: previous).media[0].formats
        }
        #expect(try offer(following: 98...126) == ["96", "0", "8", "127", "97"])
        #expect(try offer(following: 97...126) == ["96", "0", "8", "127"])
        #expect(try offer(following: 96...127) == ["0", "8"])
    }

    @Test func `G722 is offered under its static type and the clock that is not its own`() throws {
        let offer = AudioNegotiation.offer(local(codecs: AudioCodec.preferred))
        #expect(offer.media[0].formats == ["96", "9", "8", "0", "101", "102"])
        #expect(lines(offer).contains("a=rtpmap:9 G722/8000"))
        // A telephone may leave out what the static table says.
        let (answer, stream) = try AudioNegotiation.answer(
            offer: try description(
                "m=audio 4000 RTP/AVP 9 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\n"),
            local: local(codecs: AudioCodec.preferred))
        #expect(answer.media[0].formats == ["9", "101"])
        #expect(stream.codec == .g722 && stream.payloadType == 9 && stream.ptime == .milliseconds(30))
        #expect(stream.telephoneEventPayloadType == 101 && stream.telephoneEventClockRate == 8_000)
        // By its rtpmap under a dynamic type as well.
        let renumbered = try AudioNegotiation.answer(
            offer: try description("m=audio 4000 RTP/AVP 112 0\r\na=rtpmap:112 g722/8000/1\r\n"),
            local: local(codecs: [.g722])
        ).stream
        #expect(renumbered.codec == .g722 && renumbered.payloadType == 112)
    }

    @Test func `an answer keeps the offerer's payload types and takes its first codec`() throws {
        let offer = try description(
            """
            m=audio 4000 RTP/AVP 18 111 0 97 98\r
            a=rtpmap:111 OPUS/48000/2\r
            a=rtpmap:97 telephone-event/8000\r
            a=rtpmap:98 telephone-event/48000\r
            a=ptime:40\r

            """)
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local(codecs: [.pcmu, .opus]))
        #expect(answer.media[0].formats == ["111", "98"])
        #expect(answer.media[0].audioFormats.map(\.clockRate) == [48_000, 48_000])
        #expect(answer.media[0].direction == .sendrecv)
        var expected = MediaStreamDescription(
            remote: Endpoint("192.0.2.1:4000"), codec: .opus, payloadType: 111, telephoneEventPayloadType: 98,
            ptime: .milliseconds(40))
        expected.opus = stream.opus
        #expect(stream == expected)
        let (ours, other) = try AudioNegotiation.answer(
            offer: offer, local: local(codecs: [.pcmu, .opus]), preference: .local)
        #expect(other.codec == .pcmu && other.payloadType == 0 && other.telephoneEventPayloadType == 97)
        #expect(ours.media[0].formats == ["0", "97"])
    }

    @Test(arguments: [
        ("96 101", 101, 8_000), ("96 101 102", 102, 48_000), ("96 102 101", 102, 48_000), ("0 101 102", 101, 8_000),
        ("0 102", 102, 48_000), ("96 103", nil, 48_000), ("0 103", nil, 8_000),
    ])
    func `events of the codec's clock are taken, else those of another that we know`(
        formats: String, payloadType: UInt8?, clockRate: Int
    ) throws {
        let offer = try description(
            """
            m=audio 4000 RTP/AVP \(formats)\r
            a=rtpmap:96 opus/48000/2\r
            a=rtpmap:101 telephone-event/8000\r
            a=rtpmap:102 telephone-event/48000\r
            a=rtpmap:103 telephone-event/44100\r

            """)
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local())
        let answered = answer.media[0].audioFormats.first { $0.isNamed("telephone-event") }
        #expect(answered?.payloadType == payloadType)
        #expect(stream.telephoneEventPayloadType == payloadType)
        #expect(stream.telephoneEventReceivePayloadType == payloadType)
        #expect(stream.telephoneEventClockRate == clockRate)
        if let answered { #expect(answered.clockRate == clockRate) }
    }

    @Test func `events that we do not want are not taken`() throws {
        let plain = try description("m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n")
        let (_, without) = try AudioNegotiation.answer(offer: plain, local: local(telephoneEvent: false))
        #expect(without.telephoneEventPayloadType == nil)
    }

    @Test func `other sections are turned down in their place`() throws {
        let offer = try description(
            """
            m=video 5000 RTP/AVP 31\r
            m=audio 0 RTP/AVP 0\r
            m=audio 4002 RTP/SAVP 0\r
            m=audio 4000 RTP/AVP 8\r
            a=rtcp:4101\r
            m=audio 4004 RTP/AVP 0\r

            """)
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local())
        #expect(answer.media.map(\.port) == [0, 0, 0, 16_384, 0])
        #expect(answer.media.map(\.kind) == ["video", "audio", "audio", "audio", "audio"])
        #expect(answer.media[2].proto == "RTP/SAVP" && answer.media[0].formats == ["31"])
        #expect(stream.codec == .pcma)
        #expect(stream.remoteRTCP == Endpoint("192.0.2.1:4101"))
    }

    @Test(arguments: [
        ("a=sendrecv", MediaDirection.sendrecv, MediaDirection.sendrecv, true, true),
        ("a=sendonly", .sendrecv, .recvonly, false, true), ("a=recvonly", .sendrecv, .sendonly, true, false),
        ("a=inactive", .sendrecv, .inactive, false, false), ("a=sendonly", .sendonly, .inactive, false, false),
        ("a=sendrecv", .sendonly, .sendonly, true, false), ("a=sendrecv", .inactive, .inactive, false, false),
        ("c=IN IP4 0.0.0.0", .sendrecv, .recvonly, false, true),
        ("c=IN IP4 0.0.0.0\r\na=inactive", .sendrecv, .inactive, false, false),
    ])
    func `hold is answered as the RFC says`(
        attribute: String, ours: MediaDirection, answered: MediaDirection, sends: Bool, receives: Bool
    ) throws {
        let offer = try description("m=audio 4000 RTP/AVP 0\r\n\(attribute)\r\n")
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local(direction: ours))
        #expect(answer.media[0].direction == answered)
        #expect(stream.sends == sends && stream.receives == receives)
        #expect((stream.remote == nil) == attribute.hasPrefix("c="))
    }

    @Test func `a session-level direction counts`() throws {
        let offer = try description("a=sendonly\r\nm=audio 4000 RTP/AVP 0\r\n")
        #expect(try AudioNegotiation.answer(offer: offer, local: local()).stream.sends == false)
    }

    @Test(arguments: [
        ("0", "a=ptime:10", 10), ("0", "a=ptime:5", 10), ("0", "a=ptime:30", 30), ("0", "a=ptime:25", 20),
        ("0", "a=ptime:200", 60), ("0", "a=maxptime:10", 10), ("0", "a=ptime:x", 20), ("0", "a=x", 20),
        ("96", "a=ptime:30", 20), ("96", "a=ptime:50", 40), ("96", "a=ptime:60", 60),
        ("0", "a=ptime:40\r\na=maxptime:30", 30),
    ])
    func `the packet time is the longest the codec has within the wish`(
        format: String, attribute: String, milliseconds: Int
    ) throws {
        let offer = try description("m=audio 4000 RTP/AVP \(format)\r\na=rtpmap:96 opus/48000/2\r\n\(attribute)\r\n")
        #expect(try AudioNegotiation.answer(offer: offer, local: local()).stream.ptime == .milliseconds(milliseconds))
    }

    @Test func `what cannot be agreed on says why`() throws {
        let strange = try description("m=audio 4000 RTP/AVP 18 9 101\r\na=rtpmap:101 telephone-event/8000\r\n")
        #expect(throws: NegotiationError.noCommonCodec(offered: ["G729", "G722"])) {
            try AudioNegotiation.answer(offer: strange, local: local())
        }
        #expect(throws: NegotiationError.noCommonCodec(offered: ["G729", "G722"])) {
            try AudioNegotiation.accept(answer: strange, local: local())
        }
        let silent = try description("m=video 4000 RTP/AVP 31\r\nm=audio 0 RTP/AVP 0\r\n")
        #expect(throws: NegotiationError.noAudio) { try AudioNegotiation.answer(offer: silent, local: local()) }
        let down = try description("m=audio 0 RTP/AVP 0\r\n")
        #expect(throws: NegotiationError.noAudio) { try AudioNegotiation.accept(answer: down, local: local()) }
        let named = try SessionDescription.parse(
            Array("v=0\r\no=- 1 1 IN IP4 h\r\nc=IN IP4 pbx.example\r\nm=audio 4000 RTP/AVP 0\r\n".utf8))
        #expect(throws: NegotiationError.noAddress) { try AudioNegotiation.answer(offer: named, local: local()) }
        // G.711 at another rate or Opus with one channel are other formats.
        let odd = try description("m=audio 4000 RTP/AVP 97 98\r\na=rtpmap:97 PCMU/16000\r\na=rtpmap:98 opus/48000\r\n")
        #expect(throws: NegotiationError.self) { try AudioNegotiation.answer(offer: odd, local: local()) }
    }

    @Test func `our offer and a peer's answer agree on both ends`() throws {
        for codecs in [[AudioCodec.opus], [.pcmu], [.pcma, .opus], [.opus, .pcma]] {
            let alice = local()
            var bob = local(codecs: codecs)
            bob.port = 20_000
            let offer = try SessionDescription.parse(AudioNegotiation.offer(alice).serialised())
            let (answer, bobs) = try AudioNegotiation.answer(offer: offer, local: bob)
            let alices = try AudioNegotiation.accept(
                answer: SessionDescription.parse(answer.serialised()), local: alice)
            #expect(alices.codec == bobs.codec)
            #expect(alices.payloadType == bobs.payloadType)
            #expect(alices.telephoneEventPayloadType == bobs.telephoneEventPayloadType)
            #expect(alices.telephoneEventPayloadType != nil)
            #expect(alices.remote == Endpoint("127.0.0.1:20000") && bobs.remote == Endpoint("127.0.0.1:16384"))
        }
    }

    @Test func `an answer without rtpmap is read by our offer`() throws {
        let stream = try AudioNegotiation.accept(
            answer: description("m=audio 4000 RTP/AVP 96 102\r\na=sendonly\r\n"), local: local())
        #expect(stream.codec == .opus && stream.telephoneEventPayloadType == 102)
        #expect(!stream.sends && stream.receives)
    }

    @Test func `an answer that renumbers is followed`() throws {
        let stream = try AudioNegotiation.accept(
            answer: description("m=audio 4000 RTP/AVP 120\r\na=rtpmap:120 opus/48000/2\r\n"), local: local())
        #expect(stream.payloadType == 120)
        #expect(stream.receivePayloadType == 96)
        #expect(stream.telephoneEventReceivePayloadType == nil)
    }

    @Test func `renumbered events are sent as the answer says and received as we offered`() throws {
        let answer = try description(
            """
            m=audio 4000 RTP/AVP 97 98\r
            a=rtpmap:97 opus/48000/2\r
            a=rtpmap:98 telephone-event/8000\r

            """)
        var expected = MediaStreamDescription(
            remote: Endpoint("192.0.2.1:4000"), codec: .opus, payloadType: 97, receivePayloadType: 96,
            telephoneEventPayloadType: 98, telephoneEventReceivePayloadType: 101, telephoneEventClockRate: 8_000)
        expected.opus = OpusParameters()
        #expect(try AudioNegotiation.accept(answer: answer, local: local()) == expected)
        // A static type needs no rtpmap in the offer, and PCMU under a dynamic number is still PCMU.
        let dynamic = try description("m=audio 4000 RTP/AVP 99\r\na=rtpmap:99 PCMU/8000\r\n")
        let stream = try AudioNegotiation.accept(answer: dynamic, local: local())
        #expect(stream.payloadType == 99 && stream.receivePayloadType == 0)
    }

    @Test func `numbers that an earlier offer took from the peer are those to receive`() throws {
        let first = try description(
            "m=audio 4000 RTP/AVP 107 0 100\r\na=rtpmap:107 opus/48000/2\r\na=rtpmap:100 telephone-event/48000\r\n")
        let (answered, _) = try AudioNegotiation.answer(offer: first, local: local())
        let offer = AudioNegotiation.offer(local(), following: answered)
        let answer = try description("m=audio 4000 RTP/AVP 108\r\na=rtpmap:108 opus/48000/2\r\n")
        let stream = try AudioNegotiation.accept(answer: answer, local: local(), offer: offer)
        #expect(stream.payloadType == 108 && stream.receivePayloadType == 107)
    }

    @Test func `a later offer keeps sections and payload types`() throws {
        let first = try description(
            "m=video 5000 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 101 0\r\na=rtpmap:101 opus/48000/2\r\n")
        let (answer, _) = try AudioNegotiation.answer(offer: first, local: local())
        var held = local(direction: .sendonly)
        held.sessionVersion = 2
        let offer = AudioNegotiation.offer(held, following: answer)
        #expect(offer.origin.sessionVersion == 2)
        #expect(offer.media.map(\.port) == [0, 16_384])
        #expect(offer.media[1].formats == ["101", "0", "8", "102", "103"])
        #expect(offer.media[1].audioFormat("101")?.encodingName == "opus")
        #expect(offer.media[1].direction == .sendonly)
        let again = AudioNegotiation.offer(local(), following: AudioNegotiation.offer(local()))
        #expect(again == AudioNegotiation.offer(local()))
    }
}
