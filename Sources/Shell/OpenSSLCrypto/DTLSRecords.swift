/// DTLS records on their way to datagrams (RFC 6347 section 4.1).
enum DTLSRecords {
    /// Type, version, epoch, sequence number and length.
    static let headerBytes = 13
    private static let alert: UInt8 = 21

    /// The records of a datagram without alerts that no key protects (epoch 0), and the code of the last one. What is
    /// no whole record stays as it is.
    static func withoutPlainAlerts(_ datagram: [UInt8]) -> (kept: [UInt8], alert: UInt8?) {
        var kept: [UInt8]?
        var code: UInt8?
        var start = 0
        while let end = recordEnd(from: start, in: datagram) {
            if datagram[start] == alert, datagram[start + 3] == 0, datagram[start + 4] == 0 {
                kept = kept ?? Array(datagram[..<start])
                if end - start == headerBytes + 2 { code = datagram[end - 1] }
            } else if kept != nil {
                kept? += datagram[start..<end]
            }
            start = end
        }
        guard var kept else { return (datagram, nil) }
        kept += datagram[start...]
        return (kept, code)
    }

    /// The records in `bytes`, as many whole ones to a datagram as its size allows; one that is longer goes alone.
    /// Bytes that are no whole record are left out.
    static func datagrams(of bytes: [UInt8], size: Int) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var start = 0
        while let end = recordEnd(from: start, in: bytes) {
            if let last = result.last, last.count + end - start <= size {
                result[result.count - 1] += bytes[start..<end]
            } else {
                result.append(Array(bytes[start..<end]))
            }
            start = end
        }
        return result
    }

    /// Nil when no whole record begins there.
    private static func recordEnd(from start: Int, in bytes: [UInt8]) -> Int? {
        guard bytes.count - start >= headerBytes else { return nil }
        let end = start + headerBytes + Int(bytes[start + 11]) << 8 + Int(bytes[start + 12])
        return end <= bytes.count ? end : nil
    }
}
