import Media
import OpusCodec

/// The codecs of a call without the call: what is sent is decoded, laid end to end, and encoded anew.
enum BareCodecs {
    /// The payloads that a listener would get; the talker's own where nothing is coded anew.
    static func payloads(_ talker: [[UInt8]], _ setting: AudioBench.Setting) throws -> [[UInt8]] {
        if setting.isRelayed { return talker }
        let rate = min(setting.from.sampleRate, setting.to.sampleRate, 16_000)
        let pcm = try decode(talker, by: LibraryCodecs().makeDecoder(setting.from, rate: rate), rate: rate)
        let encoder = try LibraryCodecs().makeEncoder(setting.to, rate: rate)
        let frame = setting.sentPtime * rate / 1_000
        var bytes = [UInt8](repeating: 0, count: 1_500)
        return stride(from: 0, through: pcm.count - frame, by: frame).map { start in
            let size = pcm[start..<start + frame].withUnsafeBufferPointer { samples in
                bytes.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            return Array(bytes[..<(size ?? 0)])
        }
    }

    static func decode(_ payloads: [[UInt8]], by decoder: any AudioDecoder, rate: Int) -> [Int16] {
        var frame = [Int16](repeating: 0, count: rate / 8)
        var pcm: [Int16] = []
        for payload in payloads {
            let count = payload.withUnsafeBytes { payload in
                frame.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) ?? 0 }
            }
            pcm += frame[..<count]
        }
        return pcm
    }
}
