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
}

/// Makes the codecs of a stream; the shell brings those that need a library.
package protocol CodecFactory: Sendable {
    /// Throws `.codecUnavailable` when this factory cannot make it at `rate`.
    func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder
    /// Throws `.codecUnavailable` when this factory cannot make it at `rate`.
    func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder
}

/// The codecs that are pure arithmetic: PCMU and PCMA at 8 kHz, G.722 at 16 kHz, or at 8 kHz through a filter.
package struct BuiltInCodecs: CodecFactory {
    package init() {}

    package func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder {
        if codec == .g722, let decoder = G722Decoder(rate: rate) { return decoder }
        guard rate == 8_000, let law = G711Law(codec) else { throw .codecUnavailable(codec) }
        return G711Decoder(law)
    }

    package func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder {
        if codec == .g722, let encoder = G722Encoder(rate: rate) { return encoder }
        guard rate == 8_000, let law = G711Law(codec) else { throw .codecUnavailable(codec) }
        return G711Encoder(law)
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

package final class G711Decoder: AudioDecoder {
    package let rate = 8_000
    private let law: G711Law
    private var concealment = PitchConcealment(rate: 8_000)

    package init(_ law: G711Law) {
        self.law = law
    }

    package func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
        guard payload.count > 0, payload.count <= pcm.count else { return nil }
        switch law {
        case .mu: for index in 0..<payload.count { pcm[index] = G711.decodeMuLaw(payload[index]) }
        case .a: for index in 0..<payload.count { pcm[index] = G711.decodeALaw(payload[index]) }
        }
        concealment.resume(UnsafeMutableBufferPointer(rebasing: pcm[..<payload.count]))
        return payload.count
    }

    package func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
        concealment.fill(pcm)
    }
}

package final class G711Encoder: AudioEncoder {
    package let rate = 8_000
    private let law: G711Law

    package init(_ law: G711Law) {
        self.law = law
    }

    package func encode(_ pcm: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard pcm.count > 0, pcm.count <= bytes.count else { return nil }
        switch law {
        case .mu: for index in 0..<pcm.count { bytes[index] = G711.encodeMuLaw(pcm[index]) }
        case .a: for index in 0..<pcm.count { bytes[index] = G711.encodeALaw(pcm[index]) }
        }
        return pcm.count
    }

    package func expectLoss(percent: Int) {}
}
