/// Builds an RTCP compound packet into the caller's buffer (RFC 3550 section 6.1): report, SDES, perhaps BYE.
package struct RTCPWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    /// Bytes written so far.
    package private(set) var count = 0

    package init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    /// A sender report when `sender` is given, a receiver report otherwise, with at most one block.
    package mutating func report(
        ssrc: UInt32, sender: RTCPSenderInfo?, block: RTCPReportBlock?
    ) throws(RTPError) {
        let size =
            8 + (sender == nil ? 0 : RTCPSenderInfo.sizeBytes) + (block == nil ? 0 : RTCPReportBlock.sizeBytes)
        let type = sender == nil ? RTCPPacketType.receiverReport : RTCPPacketType.senderReport
        try begin(type: type, items: block == nil ? 0 : 1, size: size)
        append(ssrc)
        if let sender {
            append(UInt32(truncatingIfNeeded: sender.ntp >> 32))
            append(UInt32(truncatingIfNeeded: sender.ntp))
            append(sender.timestamp)
            append(sender.packets)
            append(sender.octets)
        }
        if let block {
            append(block.ssrc)
            append(UInt32(block.fractionLost) << 24 | UInt32(bitPattern: block.cumulativeLost) & 0xFF_FFFF)
            append(block.extendedHighest)
            append(block.jitterTicks)
            append(block.lastSenderReport)
            append(block.delaySinceLastSenderReport)
        }
    }

    /// A source description with the canonical name only, which every compound needs; at most 255 bytes of it.
    package mutating func sourceDescription(ssrc: UInt32, cname: [UInt8]) throws(RTPError) {
        let length = min(cname.count, 255)
        // Chunk: SSRC, item header, text, then 1 to 4 zero bytes up to the word boundary.
        let size = 4 + (4 + 2 + length) / 4 * 4 + 4
        try begin(type: RTCPPacketType.sourceDescription, items: 1, size: size)
        let end = count - 4 + size
        append(ssrc)
        buffer[count] = 1
        buffer[count + 1] = UInt8(length)
        count += 2
        for index in 0..<length { buffer[count + index] = cname[index] }
        count += length
        while count < end {
            buffer[count] = 0
            count += 1
        }
    }

    package mutating func goodbye(ssrc: UInt32) throws(RTPError) {
        try begin(type: RTCPPacketType.goodbye, items: 1, size: 8)
        append(ssrc)
    }

    private mutating func begin(type: UInt8, items: UInt8, size: Int) throws(RTPError) {
        guard count + size <= buffer.count else { throw .noRoom(bytes: buffer.count, needed: count + size) }
        buffer[count] = 0x80 | items
        buffer[count + 1] = type
        buffer.setBigEndian16(UInt16(size / 4 - 1), at: count + 2)
        count += 4
    }

    private mutating func append(_ word: UInt32) {
        buffer.setBigEndian32(word, at: count)
        count += 4
    }
}
