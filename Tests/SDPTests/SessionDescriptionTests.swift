import Primitives
import SDP
import Testing

@Suite struct SessionDescriptionTests {
    static let text = """
        v=0
        o=alice 2890844526 2890844527 IN IP4 host.example
        s=Call
        i=ignored
        c=IN IP4 192.0.2.1
        b=AS:64
        t=3034423619 3042462419
        a=recvonly
        a=tool:x:y
        m=audio 49170/2 RTP/AVP 0 96 97 9 18 x
        c=IN IP6 2001:db8::1
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 useinbandfec=1; stereo=0
        a=rtpmap:97 telephone-event/8000
        a=ptime:30
        a=maxptime:60
        a=rtcp:53020 IN IP4 192.0.2.9
        a=rtcp-mux
        a=sendonly
        m=video 0 RTP/AVP 31

        """

    private func parse(_ text: String, limits: Limits = Limits()) throws -> SessionDescription {
        try SessionDescription.parse(Array(text.utf8), limits: limits)
    }

    @Test(arguments: ["\n", "\r\n"]) func `a description reads with either line end`(lineEnd: String) throws {
        let description = try parse(Self.text.split(separator: "\n").joined(separator: lineEnd))
        #expect(description.origin.username == "alice")
        #expect(description.origin.sessionID == 2_890_844_526)
        #expect(description.origin.sessionVersion == 2_890_844_527)
        #expect(description.origin.address == "host.example")
        #expect(description.name == "Call")
        #expect(description.timing == "3034423619 3042462419")
        #expect(description.connection == IPAddress("192.0.2.1"))
        #expect(description.attributes == [SDPAttribute("recvonly"), SDPAttribute("tool", "x:y")])
        try #require(description.media.count == 2)
        let audio = description.media[0]
        #expect(audio.kind == "audio" && audio.port == 49_170 && audio.proto == "RTP/AVP")
        #expect(audio.formats == ["0", "96", "97", "9", "18", "x"])
        #expect(audio.audioFormats.map(\.encodingName) == ["PCMU", "opus", "telephone-event", "G722", "G729"])
        #expect(
            audio.audioFormat("96")
                == AudioFormat(
                    payloadType: 96, encodingName: "opus", clockRate: 48_000, channels: 2,
                    fmtp: "useinbandfec=1; stereo=0"))
        #expect(audio.ptime == 30 && audio.maxptime == 60)
        #expect(audio.rtcpPort == 53_020 && audio.rtcpAddress == IPAddress("192.0.2.9") && audio.rtcpMux)
        #expect(description.connection(of: audio) == IPAddress("2001:db8::1"))
        #expect(description.direction(of: audio) == .sendonly)
        #expect(description.direction(of: description.media[1]) == .recvonly)
        #expect(description.connection(of: description.media[1]) == IPAddress("192.0.2.1"))
    }

    @Test func `what was read writes what reads the same`() throws {
        let description = try parse(Self.text)
        #expect(try SessionDescription.parse(description.serialised()) == description)
    }

    @Test func `a host name or multicast range in c= stops nothing`() throws {
        #expect(try parse("v=0\no=- 1 1 IN IP4 h\nc=IN IP4 pbx.example\n").connection == nil)
        #expect(try parse("v=0\no=- 1 1 IN IP4 h\nc=IN IP4 224.2.1.1/127/3\n").connection == IPAddress("224.2.1.1"))
    }

    @Test(arguments: [
        ("", SDPError.missingLine("v")), ("o=- 1 1 IN IP4 h\n", .missingLine("v")), ("v=1\n", .unsupportedVersion("1")),
        ("v=0\ns=-\n", .missingLine("o")), ("v=0\no=- 1 IN IP4 h\n", .malformedOrigin),
        ("v=0\no=- x 1 IN IP4 h\n", .malformedOrigin), ("v=0\ntesting=123\n", .malformedLine(number: 2)),
        ("v=0\no=- 1 1 IN IP4 h\nc=IN IP4\n", .malformedConnection(line: 3)),
        ("v=0\no=- 1 1 IN IP4 h\na=\u{0}\n", .malformedLine(number: 3)),
        ("v=0\no=- 1 1 IN IP4 h\na=x\ry\n", .malformedLine(number: 3)),
        ("v=0\no=- 1 1 IN IP4 h\nm=audio\n", .malformedMedia(line: 3)),
        ("v=0\no=- 1 1 IN IP4 h\nm=audio 65536 RTP/AVP 0\n", .malformedMedia(line: 3)),
        ("v=0\no=- 1 1 IN IP4 h\nm=audio -1 RTP/AVP 0\n", .malformedMedia(line: 3)),
        ("v=0\no=- 1 1 IN IP4 h\nm=audio / RTP/AVP 0\n", .malformedMedia(line: 3)),
        ("v=0\no=- 1 1 IN IP4 h\nm=audio 1 RTP/AVP\n", .malformedMedia(line: 3)),
    ])
    func `a malformed description is refused with its line`(text: String, error: SDPError) {
        #expect(throws: error) { try parse(text) }
        #expect(!error.description.isEmpty)
    }

    @Test func `each limit is reached and refused`() throws {
        let head = "v=0\no=- 1 1 IN IP4 h\n"
        var limits = Limits()
        limits.sdpLines = 3
        _ = try parse(head + "s=x\n", limits: limits)
        #expect(throws: SDPError.tooManyLines(count: 4, limit: 3)) { try parse(head + "s=x\nt=0 0\n", limits: limits) }
        limits = Limits()
        limits.sdpMediaDescriptions = 1
        let media = "m=audio 1 RTP/AVP 0\n"
        _ = try parse(head + media, limits: limits)
        #expect(throws: SDPError.tooManyMediaDescriptions(count: 2, limit: 1)) {
            try parse(head + media + media, limits: limits)
        }
        limits = Limits()
        limits.sdpFormats = 2
        _ = try parse(head + "m=audio 1 RTP/AVP 0 8\n", limits: limits)
        #expect(throws: SDPError.tooManyFormats(count: 3, limit: 2)) {
            try parse(head + "m=audio 1 RTP/AVP 0 8 9\n", limits: limits)
        }
    }

    @Test func `numbers of the origin saturate`() throws {
        let origin = try parse("v=0\no=- 99999999999999999999999 0 IN IP4 h\n").origin
        #expect(origin.sessionID == .max && origin.sessionVersion == 0)
    }

    @Test(arguments: ["opus", "opus/", "/8000", "opus/x", "opus/0", "opus/48000/0", "opus/48000/2/1"])
    func `a malformed rtpmap gives no format`(map: String) throws {
        let text = "v=0\no=- 1 1 IN IP4 h\nm=audio 1 RTP/AVP 96\na=rtpmap:96 \(map)\n"
        #expect(try parse(text).media[0].audioFormats.isEmpty)
    }

    @Test func `no value can add a line`() throws {
        let description = SessionDescription(
            origin: .init(username: "a\r\nm=x", sessionID: 1, sessionVersion: 1, address: "192.0.2.1"),
            name: "s\r\nc=y",
            media: [
                MediaDescription(
                    kind: "audio", port: 1, proto: "RTP/AVP", formats: ["0\r\na=evil"],
                    attributes: [SDPAttribute("x\ny", "z\r\nm=q")])
            ])
        let lines = description.serialised().split(separator: 0x0A)
        #expect(lines.count == 6)
    }

    @Test func `directions turn and meet`() {
        #expect(MediaDirection.sendonly.reversed == .recvonly)
        #expect(MediaDirection.sendrecv.reversed == .sendrecv)
        #expect(MediaDirection.sendonly.intersection(.recvonly) == .inactive)
        var media = MediaDescription(kind: "audio", port: 1, proto: "RTP/AVP", formats: ["0"])
        #expect(media.direction == nil)
        media.direction = .sendonly
        media.direction = .inactive
        #expect(media.attributes == [SDPAttribute("inactive")])
    }

    @Test(arguments: [1, 2] as [UInt64]) func `mutated descriptions never trap, and what parses survives the wire`(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let delimiters = Array("\r\n:=/ 09\u{0}".utf8)
        let original = Array(Self.text.utf8)
        for _ in 0..<1_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...5, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch generator.next() % 3 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: generator.next())
                case 1: bytes.remove(at: index)
                default: bytes.insert(delimiters[Int(generator.next() % UInt64(delimiters.count))], at: index)
                }
            }
            guard let description = try? SessionDescription.parse(bytes) else { continue }
            for media in description.media { _ = (media.audioFormats, media.rtcpPort, media.ptime, media.direction) }
            let once = try SessionDescription.parse(description.serialised())
            #expect(try SessionDescription.parse(once.serialised()) == once)
        }
    }
}
