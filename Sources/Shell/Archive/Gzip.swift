import CZlib

/// gzip (RFC 1952) in one member, so that `gzip` and `tar z` read it.
enum Gzip {
    private static let chunkBytes = 64 * 1024
    /// 15 bits of window, gzip wrapper (zlib.h, deflateInit2).
    private static let windowBits: Int32 = 15 + 16

    /// Deterministic: zlib writes neither time nor name into the header.
    static func compress(_ input: [UInt8]) throws(ArchiveError) -> [UInt8] {
        var stream = z_stream()
        guard shim_deflateInit2(&stream, Z_DEFAULT_COMPRESSION, windowBits, 8, Z_DEFAULT_STRATEGY) == Z_OK else {
            throw .compression("no memory for zlib")
        }
        defer { deflateEnd(&stream) }
        let (output, status) = run(&stream, input, limit: nil) { deflate($0, Z_FINISH) }
        guard status == Z_STREAM_END else { throw .compression("zlib status \(status)") }
        return output
    }

    /// Stops as soon as more than `limit` bytes come out: a small file cannot fill the memory.
    static func decompress(_ input: [UInt8], limit: Int) throws(ArchiveError) -> [UInt8] {
        var stream = z_stream()
        guard shim_inflateInit2(&stream, windowBits) == Z_OK else { throw .compression("no memory for zlib") }
        defer { inflateEnd(&stream) }
        let (output, status) = run(&stream, input, limit: limit) { inflate($0, Z_NO_FLUSH) }
        guard output.count <= limit else { throw .tooLarge(limit: limit) }
        guard status == Z_STREAM_END else { throw .compression("it is damaged or cut short") }
        guard stream.avail_in == 0 else { throw .compression("data follows its end") }
        return output
    }

    private static func run(
        _ stream: inout z_stream, _ input: [UInt8], limit: Int?,
        _ step: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> (output: [UInt8], status: Int32) {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: chunkBytes)
        let status = input.withUnsafeBufferPointer { source -> Int32 in
            // zlib reads only; its interface merely lacks the `const`.
            stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.avail_in = UInt32(source.count)
            var status = Z_OK
            while status == Z_OK {
                let produced = chunk.withUnsafeMutableBufferPointer { target -> Int in
                    stream.next_out = target.baseAddress
                    stream.avail_out = UInt32(target.count)
                    status = step(&stream)
                    return target.count - Int(stream.avail_out)
                }
                output += chunk[..<produced]
                if let limit, output.count > limit { break }
                if status == Z_OK, produced == 0, stream.avail_in == 0 { return Z_BUF_ERROR }
            }
            return status
        }
        return (output, status)
    }
}
