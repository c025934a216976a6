/// Turns packet payloads into samples. One instance belongs to one stream; it is not shared between threads.
package protocol AudioDecoder: AnyObject {
    /// Samples per second of what `decode` delivers: 8000, 16000 or 48000, mono.
    var rate: Int { get }

    /// Decodes one payload; returns the number of samples, or nil when the payload is malformed or `pcm` too small.
    func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int?

    /// Fills `pcm` with what stands for lost audio. `next` is the payload right behind the gap, when it is there: a
    /// codec with forward error correction takes the lost frame from it.
    func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?)
}

/// Turns samples into packet payloads. One instance belongs to one stream; it is not shared between threads.
package protocol AudioEncoder: AnyObject {
    /// Samples per second of what `encode` takes: 8000, 16000 or 48000, mono.
    var rate: Int { get }

    /// Encodes one frame; returns the number of bytes, or nil when the frame's length is none of the codec's or
    /// `bytes` is too small.
    func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int?

    /// What the receiver loses, for codecs that spend bits on protection.
    func expectLoss(percent: Int)

    /// The receiver got these payloads of the same stream last, from elsewhere: what is encoded next goes on from there. Of the
    /// codecs whose frames lean on those before, G.722 can do that; it would be three times as loud for 60 ms.
    func follow(_ payload: UnsafeRawBufferPointer)
}

extension AudioEncoder {
    package func follow(_ payload: UnsafeRawBufferPointer) {}
}

/// Makes the codecs of a stream; the shell brings those that need a library.
package protocol CodecFactory: Sendable {
    /// Throws `.codecUnavailable` when this factory cannot make it at `rate`.
    func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder
    /// Throws `.codecUnavailable` when this factory cannot make it at `rate`.
    func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder
    /// The same for a receiver that has said what it wants of Opus; of no account for other codecs.
    func makeEncoder(
        _ codec: AudioCodec, rate: Int, for receiver: OpusParameters?
    ) throws(MediaFailure) -> any AudioEncoder
}

extension CodecFactory {
    /// For factories without options.
    package func makeEncoder(
        _ codec: AudioCodec, rate: Int, for receiver: OpusParameters?
    ) throws(MediaFailure) -> any AudioEncoder {
        try makeEncoder(codec, rate: rate)
    }
}

/// The codecs that are pure arithmetic: PCMU, PCMA and G.722, at 8 and at 16 kHz, of which one goes through a filter.
package struct BuiltInCodecs: CodecFactory {
    package init() {}

    package func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder {
        if codec == .g722, let decoder = G722Decoder(rate: rate) { return decoder }
        guard let law = G711Law(codec), let decoder = G711Decoder(law, rate: rate) else {
            throw .codecUnavailable(codec)
        }
        return decoder
    }

    package func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder {
        if codec == .g722, let encoder = G722Encoder(rate: rate) { return encoder }
        guard let law = G711Law(codec), let encoder = G711Encoder(law, rate: rate) else {
            throw .codecUnavailable(codec)
        }
        return encoder
    }
}

/// Which of the two companding laws.
package enum G711Law: Sendable {
    case mu, a

    package init?(_ codec: AudioCodec) {
        switch codec {
        case .pcmu: self = .mu
        case .pcma: self = .a
        case .g722, .opus: return nil
        }
    }
}

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
