import Media
import OpusCodec
import Testing

/// What a receiver says it wants (RFC 7587 section 6.1) is what libopus makes.
@Suite struct OpusOptionsTests {
    private func packets(
        _ fmtp: String?, rate: Int = 16_000, silence: Bool = false, loss: Int = 0, milliseconds: Int = 20
    ) throws -> [[UInt8]] {
        let encoder = try LibraryCodecs().makeEncoder(.opus, rate: rate, for: fmtp.map { OpusParameters(fmtp: $0) })
        encoder.expectLoss(percent: loss)
        let voice = SpeechMaterial.samples(rate: rate, isWide: rate > 8_000)
        let pcm = silence ? [Int16](repeating: 0, count: rate * 2) : voice + voice
        let size = rate * milliseconds / 1_000
        var bytes = [UInt8](repeating: 0, count: 1_275)
        return stride(from: 0, through: pcm.count - size, by: size).compactMap { start in
            let count = pcm.withUnsafeBufferPointer { samples in
                bytes.withUnsafeMutableBytes {
                    encoder.encode(UnsafeBufferPointer(rebasing: samples[start..<start + size]), into: $0)
                }
            }
            return count.map { Array(bytes[..<$0]) }
        }
    }

    private func bitrate(_ packets: [[UInt8]]) -> Int { packets.reduce(0) { $0 + $1.count } * 8 * 50 / packets.count }

    @Test(arguments: [12_000, 20_000]) func `no more bits are spent than the receiver wants`(limit: Int) throws {
        #expect(bitrate(try packets("maxaveragebitrate=\(limit);useinbandfec=1")) < limit * 6 / 5)
        #expect(bitrate(try packets("useinbandfec=1")) > limit * 6 / 5)
    }

    @Test func `a constant bit rate has packets of one size`() throws {
        #expect(Set(try packets("cbr=1;maxaveragebitrate=24000").map(\.count)).count == 1)
        #expect(Set(try packets("maxaveragebitrate=24000").map(\.count)).count > 3)
    }

    @Test func `silence is left out for a receiver that wants that`() throws {
        let quiet = try packets("usedtx=1", silence: true).dropFirst(30)
        #expect(quiet.filter { $0.count <= 2 }.count > quiet.count * 8 / 10)
        #expect(try packets("", silence: true).dropFirst(30).allSatisfy { $0.count > 2 })
    }

    /// The band stands in the first byte (RFC 6716 section 3.1): 0...3, 4...7, 8...11 are SILK's three.
    @Test(arguments: [
        ("maxplaybackrate=8000", 0...3), ("maxplaybackrate=12000", 4...7), ("maxplaybackrate=16000", 8...11),
    ])
    func `no wider band is encoded than can be played`(fmtp: String, configurations: ClosedRange<Int>) throws {
        let used = try packets(fmtp + ";maxaveragebitrate=20000").map { Int($0[0] >> 3) }
        #expect(used.allSatisfy { $0 <= configurations.upperBound })
        #expect(used.contains { configurations.contains($0) })
    }

    /// In a SILK frame of one channel, the second bit says that a copy of the last frame is in it (section 4.2.4).
    @Test func `frames carry copies only for a receiver that has use for them`() throws {
        func copies(_ packets: [[UInt8]]) -> Int { packets.filter { $0.count > 2 && $0[1] & 0x40 != 0 }.count }
        #expect(copies(try packets("maxplaybackrate=16000;useinbandfec=1", loss: 20)) > 5)
        #expect(copies(try packets("maxplaybackrate=16000;useinbandfec=0", loss: 20)) == 0)
        #expect(copies(try packets(nil, loss: 20)) > 5)
    }

    @Test(arguments: [10, 20, 40, 60]) func `all packet times are encoded`(milliseconds: Int) throws {
        let decoder = try LibraryCodecs().makeDecoder(.opus, rate: 16_000)
        var pcm = [Int16](repeating: 0, count: 2_000)
        for packet in try packets("useinbandfec=1;usedtx=1;cbr=1", milliseconds: milliseconds) {
            let count = pcm.withUnsafeMutableBufferPointer { output in
                packet.withUnsafeBytes { decoder.decode($0, into: output) }
            }
            #expect(count == 16 * milliseconds)
        }
    }
}
