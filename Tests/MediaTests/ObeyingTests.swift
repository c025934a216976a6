import Media
import Primitives
import RTP
import Testing

/// What the peer said of Opus reaches the encoder, and comfort noise a peer that has agreed to it.
@Suite struct ObeyingTests {
    /// Notes what is asked of it.
    private final class Notes: @unchecked Sendable {
        var decoderRates: [Int] = []
        var encoderRates: [Int] = []
        var receivers: [OpusParameters?] = []
    }
    private struct NotingCodecs: CodecFactory {
        let notes: Notes
        /// Bytes that each encoder makes.
        var size: Int?

        func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder {
            notes.decoderRates.append(rate)
            return G711Decoder(.mu)
        }

        func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder {
            try makeEncoder(codec, rate: rate, for: nil)
        }

        func makeEncoder(
            _ codec: AudioCodec, rate: Int, for receiver: OpusParameters?
        ) throws(MediaFailure) -> any AudioEncoder {
            notes.encoderRates.append(rate)
            notes.receivers.append(receiver)
            return SizedEncoder(rate: rate, size: size)
        }
    }
    private final class SizedEncoder: AudioEncoder {
        let rate: Int
        let size: Int?
        init(rate: Int, size: Int?) {
            self.rate = rate
            self.size = size
        }
        func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
            let count = size ?? 40
            for index in 0..<count { bytes[index] = 7 }
            return count
        }
        func expectLoss(percent: Int) {}
    }

    private func description(_ codec: AudioCodec, _ side: MediaSide, fmtp: String? = nil) -> MediaStreamDescription {
        var description = MediaStreamDescription(
            remote: SessionHarness.peer(side), codec: codec, payloadType: codec.staticPayloadType ?? 111)
        if codec == .opus { description.opus = OpusParameters(fmtp: fmtp) }
        return description
    }

    private func configure(
        _ harness: inout SessionHarness, _ a: MediaStreamDescription, _ b: MediaStreamDescription
    ) throws {
        try harness.session.configure(.a, a, entropy: &harness.entropy, at: harness.now)
        try harness.session.configure(.b, b, entropy: &harness.entropy, at: harness.now)
    }

    @Test(
        arguments: [
            (nil, 16_000, 16_000), ("maxplaybackrate=8000", 8_000, 16_000), ("maxplaybackrate=12000", 8_000, 16_000),
            ("maxplaybackrate=16000", 16_000, 16_000), ("maxplaybackrate=24000", 16_000, 16_000),
            ("sprop-maxcapturerate=8000", 16_000, 8_000),
        ] as [(String?, Int, Int)])
    func `what can be played, and what is sent, decide between which rates is coded`(
        fmtp: String?, towards: Int, from: Int
    ) throws {
        let notes = Notes()
        var harness = SessionHarness(codecs: NotingCodecs(notes: notes))
        try configure(&harness, description(.g722, .a), description(.opus, .b, fmtp: fmtp))
        // Two transcoders: of G.722 to Opus, and back.
        #expect(notes.encoderRates == [towards, from])
        #expect(notes.decoderRates == [towards, from])
        #expect(notes.receivers == [OpusParameters(fmtp: fmtp), nil])
    }

    @Test func `another wish of the peer makes another encoder`() throws {
        let notes = Notes()
        var harness = SessionHarness(codecs: NotingCodecs(notes: notes))
        try configure(&harness, description(.pcmu, .a), description(.opus, .b))
        #expect(notes.receivers.count == 2)
        try configure(&harness, description(.pcmu, .a), description(.opus, .b))
        #expect(notes.receivers.count == 2)
        try configure(&harness, description(.pcmu, .a), description(.opus, .b, fmtp: "maxaveragebitrate=16000"))
        #expect(notes.receivers.last??.maxAverageBitrate == 16_000)
    }

    @Test(arguments: [("usedtx=1", 1, 0), ("usedtx=1", 3, 5), (nil, 1, 5)] as [(String?, Int, Int)])
    func `pauses are left out for who wants that`(fmtp: String?, size: Int, sent: Int) throws {
        var harness = SessionHarness(codecs: NotingCodecs(notes: Notes(), size: size))
        try configure(&harness, description(.pcmu, .a), description(.opus, .b, fmtp: fmtp))
        var out: [SessionHarness.Packet] = []
        for index in 0..<5 {
            out += harness.receive([UInt8](repeating: 0xFF, count: 160), sequence: index, timestamp: index * 160)
        }
        #expect(out.count == sent)
    }

    @Test func `after a pause that was left out, a talk spurt begins at its place`() throws {
        let codecs = TwoSizes()
        var harness = SessionHarness(codecs: codecs)
        try configure(&harness, description(.pcmu, .a), description(.opus, .b, fmtp: "usedtx=1"))
        var out: [SessionHarness.Packet] = []
        for index in 0..<8 {
            codecs.encoder.size = (2..<6).contains(index) ? 1 : 20
            out += harness.receive([UInt8](repeating: 0xFF, count: 160), sequence: index, timestamp: index * 160)
        }
        #expect(out.map { ($0.header.timestamp &- out[0].header.timestamp) / 960 } == [0, 1, 6, 7])
        #expect(out.map { $0.header.sequence &- out[0].header.sequence } == [0, 1, 2, 3])
        #expect(out.map(\.header.marker) == [true, false, true, false])
    }
    private final class TwoSizes: CodecFactory, @unchecked Sendable {
        final class Encoder: AudioEncoder {
            let rate = 8_000
            var size = 20
            func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int? { size }
            func expectLoss(percent: Int) {}
        }
        let encoder = Encoder()
        func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder { G711Decoder(.mu) }
        func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder { encoder }
    }

    // MARK: Comfort noise

    private func noisy(_ codec: AudioCodec, _ side: MediaSide, agreed: Bool) -> MediaStreamDescription {
        var description = description(codec, side)
        description.comfortNoise = agreed
        return description
    }

    @Test(arguments: [
        (AudioCodec.pcmu, AudioCodec.pcmu, true, [60, 1, 2] as [UInt8]?), (.pcmu, .pcmu, false, nil),
        (.pcmu, .pcma, true, [60, 1, 2]), (.pcmu, .pcma, false, nil), (.g722, .pcma, true, [60]),
        (.pcmu, .opus, true, nil),
    ])
    func `noise is passed on to a peer that has agreed to it`(
        _ pair: (from: AudioCodec, to: AudioCodec, agreed: Bool, noise: [UInt8]?)
    ) throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try configure(&harness, noisy(pair.from, .a, agreed: true), noisy(pair.to, .b, agreed: pair.agreed))
        let type = pair.from.staticPayloadType ?? 0
        let voice = [UInt8](repeating: 0x55, count: 160)
        let before = harness.receive(voice, type: type, sequence: 1, timestamp: 160)
        let noise = harness.receive([60, 1, 2], type: 13, sequence: 2, timestamp: 320)
        let after = harness.receive(voice, type: type, sequence: 3, timestamp: 8_000)
        #expect(noise.map(\.payload) == (pair.noise.map { [$0] } ?? []))
        #expect(noise.allSatisfy { $0.header.payloadType == 13 && !$0.header.marker })
        let all = before + noise + after
        #expect(zip(all, all.dropFirst()).allSatisfy { $1.header.sequence == $0.header.sequence &+ 1 })
        let ticks = UInt32(pair.to.clockRate / 8_000)
        #expect(noise.allSatisfy { $0.header.timestamp == before[0].header.timestamp &+ 160 * ticks })
        #expect(after[0].header.timestamp == before[0].header.timestamp &+ (8_000 - 160) * ticks)
    }
}
