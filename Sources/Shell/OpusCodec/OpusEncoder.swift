import COpus
package import Media

/// libopus encoding of speech, mono for calls, at 8, 16 or 48 kHz, with in-band forward error correction (RFC 6716, RFC 7587).
package final class OpusEncoder: AudioEncoder {
    /// How the encoder spends processor time and bits.
    package struct Options: Hashable, Sendable {
        /// 0 (cheapest) ... 10 (best); outside values are clamped.
        package var complexity: Int
        /// Bits per second; nil: 28000 at 8 kHz, 40000 at 16 kHz, 48000 at 48 kHz. With less, forward error correction
        /// leaves too little for the frame itself: it gets quieter, and its upper band duller.
        package var bitrate: Int?
        /// What the encoder protects against until a report says what is really lost. Protection is paid for with the
        /// frame's own bits: with 2 percent, frames of 10 ms get a decibel quieter, with none a quarter.
        package var expectedLossPercent: Int
        /// No more than this is spent, whatever the sampling rate or `bitrate`; nil: no limit.
        package var maxBitrate: Int?
        /// Each frame carries a copy of the last one, as far as losses make it worth that.
        package var usesInBandFEC = true
        /// Hardly anything is made of silence: frames of up to two bytes, which need not be sent.
        package var usesDTX = false
        package var isConstantBitrate = false
        /// Hz at which the receiver plays: what it could not play is not encoded.
        package var maxPlaybackRate = 48_000

        package init(complexity: Int = 5, bitrate: Int? = nil, expectedLossPercent: Int = 0) {
            self.complexity = complexity
            self.bitrate = bitrate
            self.expectedLossPercent = expectedLossPercent
        }

        /// As a receiver wants it (RFC 7587 section 6.1). We send one channel, whatever it would rather have.
        package func obeying(_ receiver: OpusParameters) -> Options {
            var options = self
            options.maxBitrate = receiver.maxAverageBitrate
            options.usesInBandFEC = receiver.usesInBandFEC
            options.usesDTX = receiver.usesDTX
            options.isConstantBitrate = receiver.isConstantBitrate
            options.maxPlaybackRate = receiver.maxPlaybackRate
            return options
        }

        fileprivate func bitrate(at rate: Int) -> Int {
            let usual = bitrate ?? (rate <= 8_000 ? 28_000 : rate <= 16_000 ? 40_000 : 48_000)
            return max(6_000, min(510_000, usual, maxBitrate ?? .max))
        }

        /// The widest audio band worth encoding (RFC 6716 section 2).
        fileprivate var bandwidth: Int32 {
            switch maxPlaybackRate {
            case ..<12_000: OPUS_BANDWIDTH_NARROWBAND
            case ..<16_000: OPUS_BANDWIDTH_MEDIUMBAND
            case ..<24_000: OPUS_BANDWIDTH_WIDEBAND
            case ..<48_000: OPUS_BANDWIDTH_SUPERWIDEBAND
            default: OPUS_BANDWIDTH_FULLBAND
            }
        }
    }

    package let rate: Int
    private let channels: Int
    private let state: OpaquePointer
    private let leastLoss: Int
    private var expectedLoss: Int

    /// With two channels, which public test vectors have, samples are interleaved and counted together.
    /// Throws `.codecUnavailable` for a rate or number of channels that Opus does not have, or without memory.
    package init(rate: Int, channels: Int = 1, options: Options = Options()) throws(MediaFailure) {
        var status: Int32 = 0
        let created = opus_encoder_create(
            Int32(clamping: rate), Int32(clamping: channels), Int32(OPUS_APPLICATION_VOIP), &status)
        guard let state = created, status == OPUS_OK else { throw .codecUnavailable(.opus) }
        self.state = state
        self.rate = rate
        self.channels = channels
        leastLoss = max(0, min(100, options.expectedLossPercent))
        expectedLoss = leastLoss
        // Refusals of these requests leave libopus at its default, which is as good.
        _ = copus_encoder_set_bitrate(state, Int32(clamping: options.bitrate(at: rate)))
        _ = copus_encoder_set_complexity(state, Int32(max(0, min(10, options.complexity))))
        _ = copus_encoder_set_voice(state)
        _ = copus_encoder_set_inband_fec(state, options.usesInBandFEC ? 1 : 0)
        _ = copus_encoder_set_dtx(state, options.usesDTX ? 1 : 0)
        _ = copus_encoder_set_vbr(state, options.isConstantBitrate ? 0 : 1)
        _ = copus_encoder_set_max_bandwidth(state, options.bandwidth)
        _ = copus_encoder_set_packet_loss(state, Int32(leastLoss))
    }

    deinit { opus_encoder_destroy(state) }

    package func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard pcm.count.isMultiple(of: channels), let samples = pcm.baseAddress,
            let output = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
        else { return nil }
        let frame = Int32(clamping: pcm.count / channels)
        let size = opus_encode(state, samples, frame, output, Int32(clamping: bytes.count))
        return size > 0 ? Int(size) : nil
    }

    package func expectLoss(percent: Int) {
        let loss = max(leastLoss, min(30, percent))
        guard loss != expectedLoss else { return }
        expectedLoss = loss
        _ = copus_encoder_set_packet_loss(state, Int32(loss))
    }
}
