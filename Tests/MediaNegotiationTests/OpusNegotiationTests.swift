import Media
import MediaNegotiation
import Primitives
import SDP
import Testing

/// Opus parameters (RFC 7587) and comfort noise (RFC 3389) in offers and answers.
@Suite struct OpusNegotiationTests {
    private func local(_ codecs: [AudioCodec] = AudioCodec.preferred, comfortNoise: Bool = false) -> LocalMedia {
        var local = LocalMedia(address: .loopbackV4, port: 16_384, codecs: codecs, sessionID: 1, sessionVersion: 1)
        local.comfortNoise = comfortNoise
        return local
    }

    private func offer(_ section: String) throws -> SessionDescription {
        let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\(section)\r\n"
        return try SessionDescription.parse(Array(text.utf8))
    }

    private func opus(_ fmtp: String?, _ more: String = "") throws -> SessionDescription {
        let parameters = fmtp.map { "\r\na=fmtp:107 \($0)" } ?? ""
        return try offer("m=audio 4000 RTP/AVP 107 0\r\na=rtpmap:107 opus/48000/2\(parameters)\(more)")
    }

    @Test func `what the peer says about Opus is what its stream is made by`() throws {
        let peer = try opus("maxplaybackrate=16000;maxaveragebitrate=20000;useinbandfec=1;usedtx=1;cbr=1")
        let stream = try AudioNegotiation.answer(offer: peer, local: local()).stream
        #expect(stream.opus?.maxPlaybackRate == 16_000 && stream.opus?.maxAverageBitrate == 20_000)
        #expect(stream.opus?.usesInBandFEC == true && stream.opus?.usesDTX == true)
        #expect(stream.opus?.isConstantBitrate == true)
        #expect(try AudioNegotiation.answer(offer: opus(nil), local: local()).stream.opus == OpusParameters())
        #expect(
            try AudioNegotiation.answer(offer: opus("maxplaybackrate=;x"), local: local()).stream.opus
                == OpusParameters())
        #expect(try AudioNegotiation.answer(offer: peer, local: local([.pcmu])).stream.opus == nil)
        let accepted = try AudioNegotiation.accept(
            answer: offer("m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxplaybackrate=8000"),
            local: local())
        #expect(accepted.opus?.maxPlaybackRate == 8_000)
    }

    @Test func `we say what we are told to say of Opus`() throws {
        var local = local()
        local.opus.maxPlaybackRate = 16_000
        let ours = AudioNegotiation.offer(local)
        #expect(ours.media[0].audioFormats.first { $0.isNamed("opus") }?.fmtp == "useinbandfec=1;maxplaybackrate=16000")
        let answer = try AudioNegotiation.answer(offer: opus(nil), local: local).answer
        #expect(answer.media[0].audioFormat("107")?.fmtp == "useinbandfec=1;maxplaybackrate=16000")
        local.opus = OpusParameters()
        #expect(
            AudioNegotiation.offer(local).media[0].attributes.contains {
                $0.name == "fmtp" && $0.value?.hasPrefix("96") == true
            } == false)
    }

    @Test func `what an offer says of Opus can be asked for beforehand`() throws {
        #expect(AudioNegotiation.opus(offeredIn: try opus("usedtx=1"), local: local())?.usesDTX == true)
        #expect(AudioNegotiation.opus(offeredIn: try offer("m=audio 4000 RTP/AVP 0"), local: local()) == nil)
        #expect(AudioNegotiation.opus(offeredIn: try offer("m=video 4000 RTP/AVP 96"), local: local()) == nil)
    }

    @Test(
        arguments: [
            ("a=ptime:10", nil, 10), ("a=ptime:10", "minptime=20", 20), ("a=ptime:20", "minptime=25", 40),
            ("a=ptime:20", "minptime=120", 60), ("a=ptime:20\r\na=maxptime:20", "minptime=40", 20),
            ("a=ptime:120", nil, 60), ("a=ptime:60", nil, 60), ("a=ptime:30", "minptime=10", 20),
            ("a=maxptime:120", nil, 20),
        ] as [(String, String?, Int)])
    func `packets of Opus have a length that the peer wants and the codec has`(
        lines: String, fmtp: String?, milliseconds: Int
    ) throws {
        let stream = try AudioNegotiation.answer(offer: opus(fmtp, "\r\n" + lines), local: local()).stream
        #expect(stream.ptime == .milliseconds(milliseconds))
    }

    // MARK: Comfort noise

    @Test func `comfort noise is offered beside codecs of its clock when we want it`() {
        #expect(AudioNegotiation.offer(local(comfortNoise: true)).media[0].formats.contains("13"))
        #expect(!AudioNegotiation.offer(local()).media[0].formats.contains("13"))
        #expect(!AudioNegotiation.offer(local([.opus], comfortNoise: true)).media[0].formats.contains("13"))
    }

    @Test(arguments: [
        ("0 13", AudioCodec.preferred, true, true), ("9 13", AudioCodec.preferred, true, true),
        ("0 13", AudioCodec.preferred, false, false), ("0", AudioCodec.preferred, true, false),
        ("107 13", AudioCodec.preferred, true, false),
    ])
    func `comfort noise is agreed on when both want it, and the codec has its clock`(
        _ formats: String, _ codecs: [AudioCodec], _ wanted: Bool, _ agreed: Bool
    ) throws {
        let section = "m=audio 4000 RTP/AVP \(formats)\r\na=rtpmap:107 opus/48000/2"
        let (answer, stream) = try AudioNegotiation.answer(
            offer: offer(section), local: local(codecs, comfortNoise: wanted))
        #expect(stream.comfortNoise == agreed)
        #expect(answer.media[0].formats.contains("13") == agreed)
        let accepted = try? AudioNegotiation.accept(
            answer: offer(section.replacing("107", with: "96")), local: local(codecs, comfortNoise: wanted))
        #expect(accepted?.comfortNoise == agreed)
    }

    @Test func `comfort noise of another clock or type is not ours`() throws {
        let section = "m=audio 4000 RTP/AVP 0 98 13\r\na=rtpmap:98 CN/16000\r\na=rtpmap:13 CN/16000"
        #expect(
            try !AudioNegotiation.answer(offer: offer(section), local: local(comfortNoise: true)).stream.comfortNoise)
    }
}
