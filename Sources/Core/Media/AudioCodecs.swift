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
