package import Media

/// All codecs of the appliance: Opus from libopus, G.711 and G.722 from the core.
package struct LibraryCodecs: CodecFactory {
    private let options: OpusEncoder.Options
    private let builtIn = BuiltInCodecs()

    package init(opus options: OpusEncoder.Options = OpusEncoder.Options()) {
        self.options = options
    }

    package func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder {
        switch codec {
        case .opus: try OpusDecoder(rate: rate)
        case .pcmu, .pcma, .g722: try builtIn.makeDecoder(codec, rate: rate)
        }
    }

    package func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder {
        try makeEncoder(codec, rate: rate, for: nil)
    }

    package func makeEncoder(
        _ codec: AudioCodec, rate: Int, for receiver: OpusParameters?
    ) throws(MediaFailure) -> any AudioEncoder {
        switch codec {
        case .opus: try OpusEncoder(rate: rate, options: receiver.map(options.obeying) ?? options)
        case .pcmu, .pcma, .g722: try builtIn.makeEncoder(codec, rate: rate)
        }
    }
}
