import Media
import OpusCodec
import RTP

/// The two codecs of a transcoded call and nothing around them: the least that the call can cost.
struct CodecFloor {
    private let decoder: any AudioDecoder
    private let encoder: any AudioEncoder
    private var pcm = [Int16](repeating: 0, count: 960)
    private var bytes = [UInt8](repeating: 0, count: 1_500)

    /// Nil for a relayed pair, which needs none.
    init?(from: AudioCodec, to: AudioCodec) throws {
        guard from != to else { return nil }
        let codecs = LibraryCodecs()
        decoder = try codecs.makeDecoder(from, rate: 8_000)
        encoder = try codecs.makeEncoder(to, rate: 8_000)
    }

    /// Decodes and encodes the payloads of `packets`, round and round, `count` times.
    mutating func run(_ count: Int, over packets: [[UInt8]]) {
        for index in 0..<count {
            packets[index % packets.count].withUnsafeBytes { packet in
                let payload = UnsafeRawBufferPointer(rebasing: packet[RTPHeader.sizeBytes...])
                pcm.withUnsafeMutableBufferPointer { pcm in
                    let samples = decoder.decode(payload, into: pcm) ?? 0
                    bytes.withUnsafeMutableBytes {
                        _ = encoder.encode(UnsafeBufferPointer(rebasing: pcm[..<samples]), into: $0)
                    }
                }
            }
        }
    }
}
