import COpus
package import Media

/// libopus decoding at 8, 16 or 48 kHz, whatever the stream's own bandwidth and channels (RFC 6716): to mono for calls.
package final class OpusDecoder: AudioDecoder {
    package let rate: Int
    private let channels: Int
    private let state: OpaquePointer

    /// With two channels, which public test vectors have, samples are interleaved and counts are those of both together.
    /// Throws `.codecUnavailable` for a rate or number of channels that Opus does not have, or without memory.
    package init(rate: Int, channels: Int = 1) throws(MediaFailure) {
        var status: Int32 = 0
        let created = opus_decoder_create(Int32(clamping: rate), Int32(clamping: channels), &status)
        guard let state = created, status == OPUS_OK else { throw .codecUnavailable(.opus) }
        self.state = state
        self.rate = rate
        self.channels = channels
    }

    deinit { opus_decoder_destroy(state) }

    package func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
        // An empty payload would ask libopus for concealment.
        guard !payload.isEmpty, let output = pcm.baseAddress else { return nil }
        let bytes = payload.assumingMemoryBound(to: UInt8.self)
        let samples = opus_decode(
            state, bytes.baseAddress, Int32(clamping: bytes.count), output, Int32(clamping: pcm.count / channels), 0)
        return samples > 0 ? Int(samples) * channels : nil
    }

    package func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
        // Concealment comes in steps of 2.5 ms, at most 120 ms at once.
        let step = rate / 400
        let whole = min(pcm.count / channels / step * step, rate * 120 / 1_000)
        var written = 0
        if whole > 0, let output = pcm.baseAddress {
            var samples: Int32 = 0
            if let next, !next.isEmpty {
                let bytes = next.assumingMemoryBound(to: UInt8.self)
                samples = opus_decode(state, bytes.baseAddress, Int32(clamping: bytes.count), output, Int32(whole), 1)
            }
            if samples <= 0 { samples = opus_decode(state, nil, 0, output, Int32(whole), 0) }
            written = max(0, Int(samples)) * channels
        }
        for index in written..<pcm.count { pcm[index] = 0 }
    }
}
