/// G.711 for a stream: at its own 8 kHz, or at 16 kHz through the half-band filter, to meet wideband codecs in a room.
package final class G711Decoder: AudioDecoder {
    package let rate: Int
    private let law: G711Law
    private var concealment = PitchConcealment(rate: 8_000)
    private var widening: HalfBand.Interpolator?
    /// At 8 kHz, on the way to 16.
    private let narrow = SampleBuffer(count: HalfBand.block)

    package init(_ law: G711Law) {
        self.law = law
        rate = 8_000
    }

    /// Nil for a rate that is neither 8000 nor 16000.
    package init?(_ law: G711Law, rate: Int) {
        guard rate == 8_000 || rate == 16_000 else { return nil }
        self.law = law
        self.rate = rate
        widening = rate == 8_000 ? nil : HalfBand.Interpolator()
    }

    package func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
        guard payload.count > 0, payload.count * rate / 8_000 <= pcm.count else { return nil }
        guard widening != nil else {
            expand(payload, into: pcm)
            return payload.count
        }
        for start in stride(from: 0, to: payload.count, by: HalfBand.block) {
            let end = min(start + HalfBand.block, payload.count)
            let block = narrow[0..<end - start]
            expand(UnsafeRawBufferPointer(rebasing: payload[start..<end]), into: block)
            widening?.process(
                UnsafeBufferPointer(block), into: UnsafeMutableBufferPointer(rebasing: pcm[2 * start..<2 * end]))
        }
        return 2 * payload.count
    }

    private func expand(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) {
        switch law {
        case .mu: for index in 0..<payload.count { pcm[index] = G711.decodeMuLaw(payload[index]) }
        case .a: for index in 0..<payload.count { pcm[index] = G711.decodeALaw(payload[index]) }
        }
        concealment.resume(UnsafeMutableBufferPointer(rebasing: pcm[..<payload.count]))
    }

    package func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
        guard widening != nil else { return concealment.fill(pcm) }
        for start in stride(from: 0, to: pcm.count / 2, by: HalfBand.block) {
            let end = min(start + HalfBand.block, pcm.count / 2)
            let block = narrow[0..<end - start]
            concealment.fill(block)
            widening?.process(
                UnsafeBufferPointer(block), into: UnsafeMutableBufferPointer(rebasing: pcm[2 * start..<2 * end]))
        }
        if pcm.count % 2 == 1 { pcm[pcm.count - 1] = pcm.count > 1 ? pcm[pcm.count - 2] : 0 }
    }
}

/// As above, in the other direction.
package final class G711Encoder: AudioEncoder {
    package let rate: Int
    private let law: G711Law
    private var narrowing: HalfBand.Decimator?
    private let narrow = SampleBuffer(count: HalfBand.block)

    package init(_ law: G711Law) {
        self.law = law
        rate = 8_000
    }

    /// Nil for a rate that is neither 8000 nor 16000.
    package init?(_ law: G711Law, rate: Int) {
        guard rate == 8_000 || rate == 16_000 else { return nil }
        self.law = law
        self.rate = rate
        narrowing = rate == 8_000 ? nil : HalfBand.Decimator()
    }

    package func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        let count = pcm.count * 8_000 / rate
        guard count > 0, count <= bytes.count, count * rate / 8_000 == pcm.count else { return nil }
        guard narrowing != nil else {
            compress(pcm, into: bytes)
            return count
        }
        for start in stride(from: 0, to: count, by: HalfBand.block) {
            let end = min(start + HalfBand.block, count)
            let block = narrow[0..<end - start]
            narrowing?.process(UnsafeBufferPointer(rebasing: pcm[2 * start..<2 * end]), into: block)
            compress(UnsafeBufferPointer(block), into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
        }
        return count
    }

    private func compress(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) {
        switch law {
        case .mu: for index in 0..<pcm.count { bytes[index] = G711.encodeMuLaw(pcm[index]) }
        case .a: for index in 0..<pcm.count { bytes[index] = G711.encodeALaw(pcm[index]) }
        }
    }

    package func expectLoss(percent: Int) {}
}
