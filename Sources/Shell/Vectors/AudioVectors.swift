import Media
import OpusCodec
import Primitives

/// `g711_decode`, `g711_encode`, `g722_decode`, `g722_encode`, `opus_decode` and `opus_encode`. Samples are 16 bits,
/// little-endian.
enum AudioVectors {
    /// Opus runs at this rate here, whatever the bandwidth of its packets.
    static let opusRate = 48_000
    /// 120 ms, the longest that a packet can hold (RFC 6716 section 3.2.5), per channel.
    static let opusFrameLimit = 5_760
    /// What an encoder may need for one packet (RFC 6716 section 3.2.1: three frames of 1275 bytes and their lengths).
    static let opusPacketLimit = 4_000

    static func decodeG711(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let codes = try request.bytes("codes")
        let samples =
            switch try law(request) {
            case .a: codes.map(G711.decodeALaw)
            case .mu: codes.map(G711.decodeMuLaw)
            }
        return ["pcm": .text(hex(samples))]
    }

    static func encodeG711(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let samples = try samples(request)
        let codes =
            switch try law(request) {
            case .a: samples.map(G711.encodeALaw)
            case .mu: samples.map(G711.encodeMuLaw)
            }
        return ["codes": .text(Hex.encode(codes))]
    }

    /// Mode 1 from reset on; no other mode comes over RTP.
    static func decodeG722(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        try requireMode1(request)
        let codes = try request.bytes("codes")
        var decoder = G722.Decoder()
        var pcm = [Int16](repeating: 0, count: 2 * codes.count)
        codes.withUnsafeBytes { codes in pcm.withUnsafeMutableBufferPointer { _ = decoder.decode(codes, into: $0) } }
        return ["pcm": .text(hex(pcm))]
    }

    /// The same in the other direction: an even number of samples at 16 kHz.
    static func encodeG722(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        try requireMode1(request)
        let pcm = try samples(request)
        guard pcm.count.isMultiple(of: 2) else { throw .malformed("the field 'pcm' is not whole pairs of samples") }
        var encoder = G722.Encoder()
        var codes = [UInt8](repeating: 0, count: pcm.count / 2)
        pcm.withUnsafeBufferPointer { pcm in codes.withUnsafeMutableBytes { _ = encoder.encode(pcm, into: $0) } }
        return ["codes": .text(Hex.encode(codes))]
    }

    private static func requireMode1(_ request: VectorRequest) throws(VectorFailure) {
        guard try request.integer("mode", or: 1) == 1 else { throw .unsupported }
    }

    /// Decodes packets in order; an empty one is lost, and `frame` samples per channel stand in for it: from the forward
    /// error correction of the next packet where there is some, from concealment otherwise.
    static func decodeOpus(
        _ request: VectorRequest, limits: VectorLimits
    ) throws(VectorFailure) -> [String: JSONValue] {
        let (channels, frame) = try shape(request)
        let packets = try request.bytesList("packets")
        let decoder: OpusDecoder
        do throws(MediaFailure) {
            decoder = try OpusDecoder(rate: opusRate, channels: channels)
        } catch { throw .refused }
        let limit = limits.pcmBytes / MemoryLayout<Int16>.size
        var pcm: [Int16] = []
        var buffer = [Int16](repeating: 0, count: opusFrameLimit * channels)
        for (index, packet) in packets.enumerated() {
            let count: Int?
            if packet.isEmpty {
                let next = index + 1 < packets.count ? packets[index + 1] : []
                count = conceal(frame * channels, next: next, decoder, &buffer)
            } else {
                count = packet.withUnsafeBytes { payload in
                    buffer.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) }
                }
            }
            guard let count, pcm.count + count <= limit else { throw .refused }
            pcm += buffer[..<count]
        }
        return ["pcm": .text(hex(pcm))]
    }

    private static func conceal(_ count: Int, next: [UInt8], _ decoder: OpusDecoder, _ buffer: inout [Int16]) -> Int {
        next.withUnsafeBytes { payload in
            buffer.withUnsafeMutableBufferPointer { pcm in
                decoder.conceal(
                    into: UnsafeMutableBufferPointer(rebasing: pcm[..<count]), next: payload.isEmpty ? nil : payload)
            }
        }
        return count
    }

    /// Encodes frame after frame; `pcm` has to be whole frames. `bitrate` is in bits per second.
    static func encodeOpus(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let (channels, frame) = try shape(request)
        let pcm = try samples(request)
        guard pcm.count.isMultiple(of: frame * channels) else {
            throw .malformed("the field 'pcm' is not whole frames of \(frame) samples in \(channels) channels")
        }
        let options = OpusEncoder.Options(bitrate: try request.integer("bitrate"))
        let encoder: OpusEncoder
        do throws(MediaFailure) {
            encoder = try OpusEncoder(rate: opusRate, channels: channels, options: options)
        } catch { throw .refused }
        var packets: [JSONValue] = []
        var buffer = [UInt8](repeating: 0, count: opusPacketLimit)
        for start in stride(from: 0, to: pcm.count, by: frame * channels) {
            let size = pcm[start..<start + frame * channels].withUnsafeBufferPointer { samples in
                buffer.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            guard let size else { throw .refused }
            packets.append(.text(Hex.encode(buffer[..<size])))
        }
        return ["packets": .list(packets)]
    }

    /// Channels, and samples per channel in a frame; one channel and 20 ms when they are not given.
    private static func shape(_ request: VectorRequest) throws(VectorFailure) -> (channels: Int, frame: Int) {
        let channels = try request.integer("channels", or: 1)
        let frame = try request.integer("frame", or: opusRate / 50)
        guard (1...2).contains(channels), (1...opusFrameLimit).contains(frame) else { throw .refused }
        return (channels, frame)
    }

    private static func law(_ request: VectorRequest) throws(VectorFailure) -> G711Law {
        switch try request.text("law") {
        case "a": return .a
        case "u": return .mu
        default: throw .malformed("the field 'law' is neither 'a' nor 'u'")
        }
    }

    private static func samples(_ request: VectorRequest) throws(VectorFailure) -> [Int16] {
        let bytes = try request.bytes("pcm")
        guard bytes.count.isMultiple(of: 2) else { throw .malformed("the field 'pcm' ends in half a sample") }
        return stride(from: 0, to: bytes.count, by: 2).map { index in
            Int16(bitPattern: UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
        }
    }

    private static func hex(_ samples: [Int16]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(samples.count * 2)
        for sample in samples {
            let bits = UInt16(bitPattern: sample)
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        }
        return Hex.encode(bytes)
    }
}
