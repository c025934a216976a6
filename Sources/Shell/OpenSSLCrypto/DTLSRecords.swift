/// DTLS records on their way to datagrams (RFC 6347 section 4.1).
enum DTLSRecords {
    /// Type, version, epoch, sequence number and length.
    static let headerBytes = 13

    /// The records in `bytes`, as many whole ones to a datagram as its size allows; one that is longer goes alone. Bytes
    /// that are no whole record are left out.
    static func datagrams(of bytes: [UInt8], size: Int) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var start = 0
        while bytes.count - start >= headerBytes {
            let end = start + headerBytes + Int(bytes[start + 11]) << 8 + Int(bytes[start + 12])
            guard end <= bytes.count else { break }
            if let last = result.last, last.count + end - start <= size {
                result[result.count - 1] += bytes[start..<end]
            } else {
                result.append(Array(bytes[start..<end]))
            }
            start = end
        }
        return result
    }
}
