import Media
import Primitives
import RTP
import SoftphoneCore
import Testing

/// Two endpoints talk to each other while what was negotiated changes under them.
@Suite struct AudioEndpointTests {
    /// Opus by name, mu-law by bytes: what counts is what happens around the codec.
    private struct PretendedOpus: CodecFactory {
        func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder {
            try BuiltInCodecs().makeDecoder(codec == .opus ? .pcmu : codec, rate: rate)
        }

        func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder {
            try BuiltInCodecs().makeEncoder(codec == .opus ? .pcmu : codec, rate: rate)
        }
    }

    private struct Talk {
        var entropy = Entropy(SeededGenerator(seed: 6))
        var alice: AudioEndpoint
        var bob: AudioEndpoint
        var now = Instant.origin

        init(_ stream: MediaStreamDescription, codecs: any CodecFactory = PretendedOpus()) throws {
            alice = try AudioEndpoint(
                stream, codecs: codecs, toneHertz: 500, entropy: &entropy, at: now)
            bob = try AudioEndpoint(stream, codecs: codecs, toneHertz: 900, entropy: &entropy, at: now)
        }

        mutating func redirect(_ stream: MediaStreamDescription) throws {
            try alice.redirect(stream, entropy: &entropy, at: now)
            try bob.redirect(stream, entropy: &entropy, at: now)
        }

        /// What alice heard in the last second, and the packets that were sent to her.
        mutating func run(seconds: Int = 2) throws -> (hertz: Double?, packets: [RTPHeader]) {
            var detector = ToneDetector()
            var headers: [RTPHeader] = []
            let end = now + .seconds(seconds)
            while now < end {
                if let packet = bob.tick(at: now).packet {
                    headers.append(try packet.withUnsafeBytes { try RTPHeader(parsing: $0) })
                    alice.receiveRTP(packet, at: now)
                }
                let (packet, played) = alice.tick(at: now)
                if let packet { bob.receiveRTP(packet, at: now) }
                if end - now <= .seconds(1) { detector.process(played) }
                now = now + alice.ptime
            }
            return (detector.tone?.frequency, headers)
        }
    }

    private func stream(
        _ codec: AudioCodec, type: UInt8? = nil, ptime: Int = 20, events: UInt8 = 101
    ) -> MediaStreamDescription {
        MediaStreamDescription(
            remote: Endpoint("192.0.2.1:4000"), codec: codec, payloadType: type ?? codec.staticPayloadType ?? 96,
            telephoneEventPayloadType: events, ptime: .milliseconds(ptime))
    }

    @Test(arguments: [(AudioCodec.opus, 20), (.pcma, 20), (.pcmu, 40), (.pcma, 10)])
    func `sound goes on after a change of codec or packet time in mid-call`(codec: AudioCodec, ptime: Int) throws {
        var talk = try Talk(stream(.pcmu))
        let before = try talk.run()
        #expect(abs(try #require(before.hertz) - 900) < 10)
        try talk.redirect(stream(codec, ptime: ptime))
        #expect(talk.alice.ptime == .milliseconds(ptime))
        let after = try talk.run()
        #expect(abs(try #require(after.hertz) - 900) < 10)
        #expect(after.packets.count == 2_000 / ptime)
        let (last, first) = (try #require(before.packets.last), try #require(after.packets.first))
        #expect(first.payloadType == codec.staticPayloadType ?? 96 && first.marker)
        // Another clock is another source; the same one goes on without a gap.
        #expect((first.ssrc == last.ssrc) == (codec != .opus))
        if codec != .opus { #expect(first.sequence == last.sequence &+ 1) }
        #expect(talk.alice.report.packetsLost == 0)
    }

    @Test func `keys are sent under the payload type that is in force`() throws {
        var talk = try Talk(stream(.pcmu))
        _ = try talk.run(seconds: 1)
        try talk.redirect(stream(.opus, type: 111, events: 97))
        let isQueued = talk.bob.press(5)
        #expect(isQueued)
        let packets = try talk.run(seconds: 1).packets
        #expect(packets.contains { $0.payloadType == 97 } && !packets.contains { $0.payloadType == 101 })
        #expect(talk.alice.report.keys == [5])
    }

    @Test func `hold stops the stream, and what follows continues it`() throws {
        var talk = try Talk(stream(.pcmu))
        let before = try talk.run(seconds: 1).packets
        var held = stream(.pcmu)
        held.sends = false
        try talk.redirect(held)
        #expect(try talk.run(seconds: 1).packets.isEmpty)
        try talk.redirect(stream(.pcmu))
        let after = try talk.run(seconds: 1).packets
        #expect(after.first?.ssrc == before.last?.ssrc)
        #expect(after.first?.sequence == before.last.map { $0.sequence &+ 1 })
    }

    @Test func `a codec that is not there changes nothing`() throws {
        var talk = try Talk(stream(.pcmu), codecs: BuiltInCodecs())
        #expect(throws: MediaFailure.codecUnavailable(.opus)) { try talk.redirect(stream(.opus)) }
        #expect(try talk.run(seconds: 1).packets.first?.payloadType == 0)
    }
}
