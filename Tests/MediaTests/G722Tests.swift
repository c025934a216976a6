import Foundation
import Media
import Primitives
import Testing

/// Bit for bit against the Recommendation's reference, in three ways; origins in `Vectors/README.md`.
@Suite struct G722Tests {
    /// 16-bit words, little-endian.
    private func words(_ bytes: [UInt8]) -> [Int16] {
        stride(from: 0, to: bytes.count, by: 2).map {
            Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
        }
    }

    private func vector(_ name: String) throws -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors/itu-t-g191")
        return Array(try Data(contentsOf: folder.appending(path: name)))
    }

    private func digest(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private func digest(_ samples: [Int16]) -> UInt64 {
        digest(samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
    }

    /// In blocks of changing size, as packets are: the state must go on over their edges.
    private func encoded(_ pcm: [Int16], encoder: inout G722.Encoder) -> [UInt8] {
        var codes = [UInt8](repeating: 0, count: pcm.count / 2)
        var start = 0
        var size = 2
        while start < pcm.count {
            let end = min(start + size, pcm.count)
            let count = pcm[start..<end].withUnsafeBufferPointer { samples in
                codes[start / 2..<end / 2].withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            #expect(count == (end - start) / 2)
            start = end
            size = size == 2 ? 160 : size == 160 ? 322 : size == 322 ? 1_920 : 2
        }
        return codes
    }

    private func decoded(_ codes: [UInt8], decoder: inout G722.Decoder) -> [Int16] {
        var pcm = [Int16](repeating: 0, count: codes.count * 2)
        var start = 0
        var size = 1
        while start < codes.count {
            let end = min(start + size, codes.count)
            let count = codes[start..<end].withUnsafeBytes { bytes in
                pcm[2 * start..<2 * end].withUnsafeMutableBufferPointer { decoder.decode(bytes, into: $0) }
            }
            #expect(count == 2 * (end - start))
            start = end
            size = size == 1 ? 80 : size == 80 ? 161 : size == 161 ? 960 : 1
        }
        return pcm
    }

    private func encoded(_ pcm: [Int16]) -> [UInt8] {
        var encoder = G722.Encoder()
        return encoded(pcm, encoder: &encoder)
    }

    private func decoded(_ codes: [UInt8]) -> [Int16] {
        var decoder = G722.Decoder()
        return decoded(codes, decoder: &decoder)
    }

    // MARK: The reference

    @Test func `six seconds of the reference's speech are coded and decoded as there, through both filters`() throws {
        let speech = words(try vector("inpsp.bin"))
        // The file has the bytes of each word turned round.
        let swapped = try vector("codsp.cod")
        let codes = swapped.indices.map { swapped[$0 ^ 1] }
        #expect(speech.count == 97_536 && codes.count == 48_768)
        #expect(encoded(speech) == codes)
        #expect(decoded(codes) == words(try vector("outsp1.bin")))
    }

    @Test(
        arguments: [
            (0, 0x44B3_B849_D061_4C32, 0x1908_5E86_0817_4C4D, 0x7F06_E059_7DC1_940E),
            (1, 0x3F3D_771F_D6D4_EA2F, 0x59D6_1407_CA5D_F500, 0x16AA_2A27_715F_708C),
            (2, 0x0B91_EABE_F250_1121, 0x2419_4E12_DC34_84D0, 0xE99C_6A97_2AE2_DD1A),
        ] as [(Int, UInt64, UInt64, UInt64)])
    func `noise up to full scale and codes at random come out as from the reference`(
        level: Int, coded: UInt64, back: UInt64, random: UInt64
    ) {
        var noise = SeededGenerator(seed: UInt64(722 + level))
        let pcm = (0..<16_000).map { _ in Int16(truncatingIfNeeded: noise.next() >> 48) >> (level * 5) }
        let codes = encoded(pcm)
        #expect(digest(codes) == coded)
        #expect(digest(decoded(codes)) == back)
        var dice = SeededGenerator(seed: UInt64(9 + level))
        #expect(digest(decoded((0..<8_000).map { _ in UInt8(truncatingIfNeeded: dice.next() >> 56) })) == random)
    }

    private static let sequences = ProcessInfo.processInfo.environment["G722_SEQUENCES"]

    /// The sub-band sequences of Appendix II, which may not be kept here: 32 words of reset, then samples or codes.
    @Test(
        .enabled(if: sequences != nil, "G722_SEQUENCES names no folder with the sequences of G.722 Appendix II"),
        arguments: [
            ("bt1c1.xmt", "bt2r1.cod", "bt3l1.rc1", "bt3h1.rc0"), ("bt1c2.xmt", "bt2r2.cod", "bt3l2.rc1", "bt3h2.rc0"),
            (nil, "bt1d3.cod", "bt3l3.rc1", "bt3h3.rc0"),
        ] as [(String?, String, String, String)])
    func `the test sequences of Appendix II are met`(input: String?, coded: String, low: String, high: String) throws {
        let folder = URL(filePath: try #require(Self.sequences))
        func sequence(_ name: String) throws -> [Int16] {
            words(Array(try Data(contentsOf: folder.appending(path: name))))
        }
        let (codes, lows, highs) = (try sequence(coded), try sequence(low), try sequence(high))
        #expect(codes.count == lows.count && codes.count == highs.count && codes.count >= 800)
        var encoder = G722.Encoder()
        if let input {
            for (sample, code) in zip(try sequence(input), codes) {
                // The lowest bit resets; then samples and codes are left-justified above it.
                if sample & 1 == 1 {
                    encoder = G722.Encoder()
                    #expect(code == 1)
                } else {
                    let ours = encoder.encode(low: Int32(sample >> 1), high: Int32(sample >> 1))
                    #expect(UInt16(ours) << 8 == UInt16(bitPattern: code))
                }
            }
        }
        var decoder = G722.Decoder()
        for (index, code) in codes.enumerated() {
            if code & 1 == 1 {
                decoder = G722.Decoder()
            } else {
                let (ours, oursAbove) = decoder.decode(UInt8(UInt16(bitPattern: code) >> 8))
                #expect(ours << 1 == Int32(lows[index]) && oursAbove << 1 == Int32(highs[index]))
            }
        }
    }

    // MARK: Qualities

    @Test func `silence stays silent, and a reset coder begins anew`() {
        var encoder = G722.Encoder()
        var decoder = G722.Decoder()
        let quiet = [Int16](repeating: 0, count: 3_200)
        let first = encoded(quiet, encoder: &encoder)
        let heard = decoded(first, decoder: &decoder)
        // The idle noise of the quantisers: 80 dB below full scale.
        #expect(heard.allSatisfy { abs($0) <= 3 })
        var tone = ToneGenerator(frequency: 1_000, amplitude: 30_000, rate: 16_000)
        _ = decoded(encoded(tone.samples(3_200), encoder: &encoder), decoder: &decoder)
        // Out of a loud tone it takes a while to come down.
        let after = decoded(encoded(quiet, encoder: &encoder), decoder: &decoder)
        #expect(after[1_600...].allSatisfy { abs($0) <= 8 })
        #expect(encoded(quiet, encoder: &encoder) != first)
        encoder = G722.Encoder()
        #expect(encoded(quiet, encoder: &encoder) == first)
    }

    /// The delay of the two mirror filters is 22 samples.
    @Test(arguments: [(300.0, 28.0), (1_000, 28), (3_400, 22), (5_000, 12), (6_800, 12)])
    func `a tone keeps its level and stands well above the noise`(hertz: Double, decibels: Double) {
        var tone = ToneGenerator(frequency: hertz, amplitude: 8_000, rate: 16_000)
        let input = tone.samples(16_000)
        let output = decoded(encoded(input))
        var (signal, noise, level) = (0.0, 0.0, 0.0)
        for index in 1_600..<16_000 {
            let wanted = Double(input[index - 22])
            signal += wanted * wanted
            noise += (Double(output[index]) - wanted) * (Double(output[index]) - wanted)
            level += Double(output[index]) * Double(output[index])
        }
        #expect(10 * log10(signal / noise) > decibels)
        #expect(abs(10 * log10(level / signal)) < 0.5)
    }

    @Test func `what does not fit is refused`() {
        var encoder = G722.Encoder()
        var decoder = G722.Decoder()
        var bytes = [UInt8](repeating: 0, count: 80)
        var pcm = [Int16](repeating: 0, count: 161)
        for count in [0, 3, 162] {
            let result = [Int16](repeating: 0, count: count).withUnsafeBufferPointer { samples in
                bytes.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            #expect(result == nil)
        }
        for count in [0, 81] {
            let result = [UInt8](repeating: 0, count: count).withUnsafeBytes { codes in
                pcm.withUnsafeMutableBufferPointer { decoder.decode(codes, into: $0) }
            }
            #expect(result == nil)
        }
        #expect(throws: MediaFailure.codecUnavailable(.g722)) { try BuiltInCodecs().makeDecoder(.g722, rate: 48_000) }
        #expect(throws: MediaFailure.codecUnavailable(.g722)) { try BuiltInCodecs().makeEncoder(.g722, rate: 48_000) }
    }

    @Test(arguments: [8_000, 16_000])
    func `a stream's codec works at its rate, and continues a tone over a lost packet`(rate: Int) throws {
        let encoder = try BuiltInCodecs().makeEncoder(.g722, rate: rate)
        let decoder = try BuiltInCodecs().makeDecoder(.g722, rate: rate)
        #expect(encoder.rate == rate && decoder.rate == rate)
        var tone = ToneGenerator(frequency: 400, rate: rate)
        var pcm = [Int16](repeating: 0, count: rate / 50)
        var payload = [UInt8](repeating: 0, count: 160)
        func exchange() {
            let frame = tone.samples(rate / 50)
            let size = frame.withUnsafeBufferPointer { samples in
                payload.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            let count = payload.withUnsafeBytes { bytes in
                pcm.withUnsafeMutableBufferPointer { decoder.decode(bytes, into: $0) }
            }
            #expect(size == 160 && count == rate / 50)
        }
        for _ in 0..<5 { exchange() }
        #expect((pcm.max() ?? 0) > 7_500 && (pcm.min() ?? 0) < -7_500)
        let before = pcm
        pcm.withUnsafeMutableBufferPointer { decoder.conceal(into: $0, next: nil) }
        // 400 Hz fits eight times into 20 ms: the next frame is the last one again, at full level for 10 ms.
        let error = zip(before, pcm).prefix(rate / 100).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(error < 900)
        exchange()
        exchange()
        let settled = zip(before, pcm).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(settled < 1_500)
    }
}
