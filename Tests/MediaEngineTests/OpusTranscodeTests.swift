import Media
import OpusCodec
import Primitives
import RTP
import Testing

@Suite struct OpusCodecTests {
    @Test(arguments: [8_000, 16_000, 48_000], [10, 20, 40, 60])
    func `a tone survives the codec at each rate and frame length`(rate: Int, milliseconds: Int) throws {
        let factory = LibraryCodecs()
        let encoder = try factory.makeEncoder(.opus, rate: rate)
        let decoder = try factory.makeDecoder(.opus, rate: 8_000)
        var generator = ToneGenerator(frequency: 1_000, rate: rate)
        var detector = ToneDetector()
        var payload = [UInt8](repeating: 0, count: 1_500)
        var pcm = [Int16](repeating: 0, count: 960)
        for _ in 0..<(1_000 / milliseconds) {
            let frame = generator.samples(rate * milliseconds / 1_000)
            let size = try #require(
                frame.withUnsafeBufferPointer { frame in
                    payload.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
                })
            let count = payload[..<size].withUnsafeBytes { bytes in
                pcm.withUnsafeMutableBufferPointer { decoder.decode(bytes, into: $0) }
            }
            #expect(count == 8 * milliseconds)
            detector.process(Array(pcm[..<(count ?? 0)]))
        }
        let tone = try #require(detector.tone)
        #expect(abs(tone.frequency - 1_000) <= 10)
        #expect(tone.share > 0.8)
    }

    @Test func `a rate or frame that Opus does not have is refused`() throws {
        #expect(throws: MediaFailure.codecUnavailable(.opus)) { try LibraryCodecs().makeDecoder(.opus, rate: 44_100) }
        #expect(throws: MediaFailure.codecUnavailable(.opus)) { try LibraryCodecs().makeEncoder(.opus, rate: 11_025) }
        let encoder = try OpusEncoder(rate: 8_000)
        var bytes = [UInt8](repeating: 0, count: 100)
        let size = [Int16](repeating: 0, count: 77).withUnsafeBufferPointer { frame in
            bytes.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
        }
        #expect(size == nil)
    }

    @Test func `no payload traps the decoder`() throws {
        let decoder = try OpusDecoder(rate: 8_000)
        var random = SeededGenerator(seed: 2)
        var pcm = [Int16](repeating: 0, count: 1_000)
        for _ in 0..<2_000 {
            let payload = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let gap = Int.random(in: 0...1_000, using: &random)
            payload.withUnsafeBytes { bytes in
                pcm.withUnsafeMutableBufferPointer { pcm in
                    if let count = decoder.decode(bytes, into: pcm) { #expect(count > 0 && count <= pcm.count) }
                    decoder.conceal(into: UnsafeMutableBufferPointer(rebasing: pcm[..<gap]), next: bytes)
                }
            }
        }
    }

    @Test func `a stereo stream is delivered as mono`() throws {
        let decoder = try OpusDecoder(rate: 8_000)
        // CELT, 20 ms, stereo: a frame of its own making is enough to see the sample count.
        let payload: [UInt8] = [0xFC] + (0..<60).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        var pcm = [Int16](repeating: 0, count: 960)
        let count = payload.withUnsafeBytes { bytes in
            pcm.withUnsafeMutableBufferPointer { decoder.decode(bytes, into: $0) }
        }
        #expect(count == 160)
    }
}

/// A tone from one peer through a session to the other, over a network that loses packets.
@Suite struct OpusTranscodeTests {
    private static let a = Endpoint(address: .loopbackV4, port: 4_000)
    private static let b = Endpoint(address: .loopbackV4, port: 5_000)
    private let codecs = LibraryCodecs()

    private func description(_ codec: AudioCodec, at remote: Endpoint, ptime: Int) -> MediaStreamDescription {
        MediaStreamDescription(
            remote: remote, codec: codec, payloadType: codec.staticPayloadType ?? 111, telephoneEventPayloadType: 101,
            ptime: .milliseconds(ptime))
    }

    /// Two seconds of 1 kHz; what the far end hears in the last 200 ms, and the session's statistics.
    private func run(
        _ from: AudioCodec, _ to: AudioCodec, fromPtime: Int = 20, toPtime: Int = 20, losing: (Int) -> Bool
    ) throws -> (tone: ToneDetector.Tone?, packets: Int, concealed: UInt64, statistics: StreamStatistics) {
        var entropy = Entropy(SeededGenerator(seed: 8))
        var session = MediaSession(id: MediaSessionID(1), codecs: codecs, entropy: &entropy, at: .origin)
        try session.configure(.a, description(from, at: Self.a, ptime: fromPtime), entropy: &entropy, at: .origin)
        try session.configure(.b, description(to, at: Self.b, ptime: toPtime), entropy: &entropy, at: .origin)
        var sender = RTPSender(
            codec: from, payloadType: from.staticPayloadType ?? 111, ptime: .milliseconds(fromPtime),
            encoder: try codecs.makeEncoder(from, rate: 8_000), entropy: &entropy)
        var receiver = RTPReceiver(
            codec: to, payloadType: to.staticPayloadType ?? 111, decoder: try codecs.makeDecoder(to, rate: 8_000),
            delay: .milliseconds(60))
        var generator = ToneGenerator(frequency: 1_000)
        var detector = ToneDetector()
        var batch = PacketBatch()
        var packets = 0
        for index in 0..<2_000 / fromPtime {
            let now = Instant.origin + .milliseconds(index * fromPtime)
            let packet = sender.packet(generator.samples(fromPtime * 8), at: now) ?? []
            if !losing(index) {
                packet.withUnsafeBytes { session.receiveRTP($0, from: Self.a, on: .a, at: now, output: &batch) }
            }
            for (_, bytes) in batch.datagrams() {
                packets += 1
                #expect(receiver.receive(bytes, at: now) == .audio)
            }
            batch.removeAll()
            detector.process(receiver.read(fromPtime * 8, at: now).pcm)
        }
        return (detector.tone, packets, receiver.concealedFrames, session.statistics(of: .a))
    }

    @Test(arguments: [
        (AudioCodec.opus, AudioCodec.pcmu), (.pcmu, .opus), (.opus, .pcma), (.pcma, .opus), (.opus, .opus),
    ])
    func `one kilohertz in, one kilohertz out`(from: AudioCodec, to: AudioCodec) throws {
        let (tone, packets, concealed, _) = try run(from, to) { _ in false }
        #expect(packets == 100)
        #expect(concealed == 0)
        #expect(abs(try #require(tone).frequency - 1_000) <= 10)
        #expect(try #require(tone).share > 0.9)
    }

    @Test(arguments: [(AudioCodec.opus, AudioCodec.pcmu), (.pcmu, .opus)])
    func `with five percent lost the tone is still there, and no packet missing`(from: AudioCodec, to: AudioCodec)
        throws
    {
        let (tone, packets, concealed, statistics) = try run(from, to) { $0 % 20 == 13 }
        #expect(packets == 100)
        #expect(concealed == 0)
        #expect(statistics.packetsLost == 5)
        #expect(abs(try #require(tone).frequency - 1_000) <= 10)
        #expect(try #require(tone).share > 0.7)
    }

    @Test(arguments: [(20, 40), (40, 20), (60, 20), (20, 60), (20, 30)])
    func `packet times differ between Opus and G 711`(fromPtime: Int, toPtime: Int) throws {
        for (from, to) in [(AudioCodec.opus, AudioCodec.pcmu), (.pcmu, .opus)] {
            let (tone, packets, _, _) = try run(from, to, fromPtime: fromPtime, toPtime: toPtime) { _ in false }
            // Opus has no 30 ms frame: 20 ms are sent.
            let expected = to == .opus && toPtime == 30 ? 20 : toPtime
            #expect(abs(packets - 2_000 / expected) <= 1)
            #expect(abs(try #require(tone).frequency - 1_000) <= 10)
            #expect(try #require(tone).share > 0.9)
        }
    }

    @Test func `keys pass from Opus to G 711 with their clock mapped`() throws {
        var entropy = Entropy(SeededGenerator(seed: 8))
        var session = MediaSession(id: MediaSessionID(1), codecs: codecs, entropy: &entropy, at: .origin)
        try session.configure(.a, description(.opus, at: Self.a, ptime: 20), entropy: &entropy, at: .origin)
        try session.configure(.b, description(.pcmu, at: Self.b, ptime: 20), entropy: &entropy, at: .origin)
        var sender = RTPSender(
            codec: .opus, payloadType: 111, telephoneEventPayloadType: 101,
            encoder: try codecs.makeEncoder(.opus, rate: 8_000), entropy: &entropy)
        var batch = PacketBatch()
        var durations: [UInt16] = []
        for index in 0..<20 {
            if index == 5 { _ = sender.press(9) }
            let now = Instant.origin + .milliseconds(index * 20)
            let packet = sender.packet([Int16](repeating: 0, count: 160), at: now) ?? []
            packet.withUnsafeBytes { session.receiveRTP($0, from: Self.a, on: .a, at: now, output: &batch) }
        }
        var timestamps: [UInt32] = []
        for (_, bytes) in batch.datagrams() {
            try bytes.withUnsafeBytes { datagram in
                let header = try RTPHeader(parsing: datagram)
                guard header.payloadType == 101 else {
                    timestamps.append(header.timestamp)
                    return
                }
                let event = try TelephoneEvent(parsing: header.payload(of: datagram))
                #expect(event.event == 9)
                durations.append(event.duration)
            }
        }
        #expect(durations == [160, 320, 480, 640, 800, 800, 800])
        #expect(timestamps.map { $0 &- timestamps[0] } == ((0..<5).map { $0 * 160 } + (12..<20).map { $0 * 160 }))
    }
}
