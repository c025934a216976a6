import COpus
package import Media

/// libopus decoding to mono at 8, 16 or 48 kHz, whatever the stream's own bandwidth and channels (RFC 6716).
package final class OpusDecoder: AudioDecoder {
    package let rate: Int
    private let state: OpaquePointer

    /// Throws `.codecUnavailable` for a rate that Opus does not have, or without memory.
    package init(rate: Int) throws(MediaFailure) {
        var status: Int32 = 0
        guard let state = opus_decoder_create(Int32(clamping: rate), 1, &status), status == OPUS_OK else {
            throw .codecUnavailable(.opus)
        }
        self.state = state
        self.rate = rate
    }

    deinit { opus_decoder_destroy(state) }

    package func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
        // An empty payload would ask libopus for concealment.
        guard !payload.isEmpty, let output = pcm.baseAddress else { return nil }
        let bytes = payload.assumingMemoryBound(to: UInt8.self)
        let samples = opus_decode(
            state, bytes.baseAddress, Int32(clamping: bytes.count), output, Int32(clamping: pcm.count), 0)
        return samples > 0 ? Int(samples) : nil
    }

    package func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
        // Concealment comes in steps of 2.5 ms, at most 120 ms at once.
        let step = rate / 400
        let whole = min(pcm.count / step * step, rate * 120 / 1_000)
        var written = 0
        if whole > 0, let output = pcm.baseAddress {
            var samples: Int32 = 0
            if let next, !next.isEmpty {
                let bytes = next.assumingMemoryBound(to: UInt8.self)
                samples = opus_decode(state, bytes.baseAddress, Int32(clamping: bytes.count), output, Int32(whole), 1)
            }
            if samples <= 0 { samples = opus_decode(state, nil, 0, output, Int32(whole), 0) }
            written = max(0, Int(samples))
        }
        for index in written..<pcm.count { pcm[index] = 0 }
    }
}
