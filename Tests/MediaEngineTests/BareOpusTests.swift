import COpus
import Media
import OpusCodec
import Testing

/// Our wrapper beside libopus called directly: it must neither add nor leave out a sample or a bit.
@Suite struct BareOpusTests {
    private func speech(_ count: Int, rate: Int) -> [Int16] {
        var tones = [ToneGenerator(frequency: 210, rate: rate), ToneGenerator(frequency: 1_130, rate: rate)]
        let (low, high) = (tones[0].samples(count), tones[1].samples(count))
        return (0..<count).map { low[$0] / 2 + ($0 / (rate / 8) % 2 == 0 ? high[$0] / 3 : 0) }
    }

    /// The packets of an encoder that is set by libopus' own calls as ours says that it sets its own.
    private func packets(_ pcm: [Int16], rate: Int, frame: Int, bitrate: Int32, complexity: Int32) throws -> [[UInt8]] {
        var status: Int32 = 0
        let state = try #require(opus_encoder_create(Int32(rate), 1, OPUS_APPLICATION_VOIP, &status))
        defer { opus_encoder_destroy(state) }
        #expect(copus_encoder_set_bitrate(state, bitrate) == OPUS_OK)
        #expect(copus_encoder_set_complexity(state, complexity) == OPUS_OK)
        #expect(copus_encoder_set_voice(state) == OPUS_OK)
        #expect(copus_encoder_set_inband_fec(state, 1) == OPUS_OK)
        #expect(copus_encoder_set_packet_loss(state, 0) == OPUS_OK)
        return stride(from: 0, through: pcm.count - frame, by: frame).map { start in
            var bytes = [UInt8](repeating: 0, count: 1_500)
            let size = opus_encode(state, Array(pcm[start..<start + frame]), Int32(frame), &bytes, 1_500)
            return Array(bytes[..<Int(max(0, size))])
        }
    }

    @Test(arguments: [(8_000, 28_000), (16_000, 40_000), (48_000, 48_000)], [10, 20, 40, 60])
    func `packets are those of libopus, and so are samples, losses and repairs`(
        rate: (Int, Int), milliseconds: Int
    ) throws {
        let (hertz, bitrate) = rate
        let frame = hertz * milliseconds / 1_000
        let pcm = speech(hertz * 6 / 10, rate: hertz)
        let theirs = try packets(pcm, rate: hertz, frame: frame, bitrate: Int32(bitrate), complexity: 5)
        let encoder = try OpusEncoder(rate: hertz)
        let decoder = try OpusDecoder(rate: hertz)
        var status: Int32 = 0
        let bare = try #require(opus_decoder_create(Int32(hertz), 1, &status))
        defer { opus_decoder_destroy(bare) }
        for (index, packet) in theirs.enumerated() {
            var bytes = [UInt8](repeating: 0, count: 1_500)
            let size = pcm[index * frame..<(index + 1) * frame].withUnsafeBufferPointer { samples in
                bytes.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            #expect(Array(bytes[..<(size ?? 0)]) == packet)
            var ours = [Int16](repeating: 0, count: frame)
            var reference = ours
            if index % 5 == 3, index + 1 < theirs.count {
                // Lost: the next packet may bring it.
                let next = theirs[index + 1]
                next.withUnsafeBytes { payload in
                    ours.withUnsafeMutableBufferPointer { decoder.conceal(into: $0, next: payload) }
                }
                _ = opus_decode(bare, next, Int32(next.count), &reference, Int32(frame), 1)
            } else {
                packet.withUnsafeBytes { payload in
                    _ = ours.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) }
                }
                _ = opus_decode(bare, packet, Int32(packet.count), &reference, Int32(frame), 0)
            }
            #expect(ours == reference, "packet \(index)")
        }
    }
}
