/// The fixed RTP header with the place of the payload (RFC 3550 section 5.1).
///
/// Parsing and writing touch only the bytes given: no allocation, no reference counting.
package struct RTPHeader: Hashable, Sendable {
    /// Bytes of a header without contributing sources and extension, the only kind `write` makes.
    package static let sizeBytes = 12

    package var marker: Bool
    package var payloadType: UInt8
    package var sequence: UInt16
    package var timestamp: UInt32
    package var ssrc: UInt32
    /// Where the payload begins in the parsed datagram, after contributing sources and extension.
    package private(set) var payloadOffset = RTPHeader.sizeBytes
    /// Bytes of payload, without padding.
    package private(set) var payloadSize = 0

    package init(marker: Bool = false, payloadType: UInt8, sequence: UInt16, timestamp: UInt32, ssrc: UInt32) {
        self.marker = marker
        self.payloadType = payloadType
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
    }

    /// Checks version, CSRC count, extension length and padding (RFC 3550 appendix A.1) before anything is believed.
    package init(parsing datagram: UnsafeRawBufferPointer) throws(RTPError) {
        let count = datagram.count
        guard count >= Self.sizeBytes else { throw .tooShort(bytes: count, needed: Self.sizeBytes) }
        let first = datagram[0]
        guard first >> 6 == 2 else { throw .wrongVersion(first >> 6) }
        var offset = Self.sizeBytes + 4 * Int(first & 0x0F)
        if first & 0x10 != 0 {
            guard count >= offset + 4 else { throw .tooShort(bytes: count, needed: offset + 4) }
            offset += 4 + 4 * Int(datagram.bigEndian16(at: offset + 2))
        }
        guard count >= offset else { throw .tooShort(bytes: count, needed: offset) }
        var end = count
        if first & 0x20 != 0 {
            let padding = Int(datagram[count - 1])
            guard padding > 0, padding <= count - offset else { throw .badPadding(bytes: padding) }
            end -= padding
        }
        let second = datagram[1]
        self.init(
            marker: second & 0x80 != 0, payloadType: second & 0x7F, sequence: datagram.bigEndian16(at: 2),
            timestamp: datagram.bigEndian32(at: 4), ssrc: datagram.bigEndian32(at: 8))
        payloadOffset = offset
        payloadSize = end - offset
    }

    /// The payload inside the datagram this header was parsed from.
    package func payload(of datagram: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard payloadOffset + payloadSize <= datagram.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: datagram[payloadOffset..<payloadOffset + payloadSize])
    }

    /// Writes the 12 bytes of the header; the payload goes behind them.
    package func write(into datagram: UnsafeMutableRawBufferPointer) throws(RTPError) {
        guard datagram.count >= Self.sizeBytes else { throw .noRoom(bytes: datagram.count, needed: Self.sizeBytes) }
        datagram[0] = 0x80
        datagram[1] = (marker ? 0x80 : 0) | payloadType & 0x7F
        datagram.setBigEndian16(sequence, at: 2)
        datagram.setBigEndian32(timestamp, at: 4)
        datagram.setBigEndian32(ssrc, at: 8)
    }
}

extension UnsafeRawBufferPointer {
    /// Two bytes in network order; the caller has checked the bounds.
    package func bigEndian16(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    /// Four bytes in network order; the caller has checked the bounds.
    package func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian16(at: offset)) << 16 | UInt32(bigEndian16(at: offset + 2))
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Stores two bytes in network order; the caller has checked the bounds.
    package func setBigEndian16(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Stores four bytes in network order; the caller has checked the bounds.
    package func setBigEndian32(_ value: UInt32, at offset: Int) {
        setBigEndian16(UInt16(truncatingIfNeeded: value >> 16), at: offset)
        setBigEndian16(UInt16(truncatingIfNeeded: value), at: offset + 2)
    }
}
