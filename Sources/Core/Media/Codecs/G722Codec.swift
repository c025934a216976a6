/// G.722 for a stream: at its own 16 kHz, or at 8 kHz through the half-band filter, to meet codecs of the telephone band.
package final class G722Decoder: AudioDecoder {
    package let rate: Int
    private var decoder = G722.Decoder()
    private var narrowing: HalfBand.Decimator?
    private var concealment = PitchConcealment(rate: G722.sampleRate)
    /// At 16 kHz, on the way to 8.
    private let wide = SampleBuffer(count: 2 * HalfBand.block)

    /// Nil for a rate that is neither 8000 nor 16000.
    package init?(rate: Int) {
        guard rate == 8_000 || rate == G722.sampleRate else { return nil }
        self.rate = rate
        narrowing = rate == 8_000 ? HalfBand.Decimator() : nil
    }

    package func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
        let samples = payload.count * rate / 8_000
        guard samples > 0, samples <= pcm.count else { return nil }
        guard narrowing != nil else {
            guard decoder.decode(payload, into: pcm) != nil else { return nil }
            concealment.resume(UnsafeMutableBufferPointer(rebasing: pcm[..<samples]))
            return samples
        }
        for start in stride(from: 0, to: samples, by: HalfBand.block) {
            let end = min(start + HalfBand.block, samples)
            let block = wide[0..<2 * (end - start)]
            guard decoder.decode(UnsafeRawBufferPointer(rebasing: payload[start..<end]), into: block) != nil else {
                return nil
            }
            concealment.resume(block)
            narrowing?.process(UnsafeBufferPointer(block), into: UnsafeMutableBufferPointer(rebasing: pcm[start..<end]))
        }
        return samples
    }

    package func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
        guard narrowing != nil else { return concealment.fill(pcm) }
        for start in stride(from: 0, to: pcm.count, by: HalfBand.block) {
            let end = min(start + HalfBand.block, pcm.count)
            let block = wide[0..<2 * (end - start)]
            concealment.fill(block)
            narrowing?.process(UnsafeBufferPointer(block), into: UnsafeMutableBufferPointer(rebasing: pcm[start..<end]))
        }
    }
}

/// As above, in the other direction.
package final class G722Encoder: AudioEncoder {
    package let rate: Int
    private var encoder = G722.Encoder()
    private var widening: HalfBand.Interpolator?
    private let wide = SampleBuffer(count: 2 * HalfBand.block)

    /// Nil for a rate that is neither 8000 nor 16000.
    package init?(rate: Int) {
        guard rate == 8_000 || rate == G722.sampleRate else { return nil }
        self.rate = rate
        widening = rate == 8_000 ? HalfBand.Interpolator() : nil
    }

    package func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard widening != nil else { return encoder.encode(pcm, into: bytes) }
        guard pcm.count > 0, pcm.count <= bytes.count else { return nil }
        for start in stride(from: 0, to: pcm.count, by: HalfBand.block) {
            let end = min(start + HalfBand.block, pcm.count)
            let block = wide[0..<2 * (end - start)]
            widening?.process(UnsafeBufferPointer(rebasing: pcm[start..<end]), into: block)
            let room = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end])
            guard encoder.encode(UnsafeBufferPointer(block), into: room) != nil else { return nil }
        }
        return pcm.count
    }

    package func expectLoss(percent: Int) {}

    package func follow(_ payload: UnsafeRawBufferPointer) { encoder.follow(payload) }
}
