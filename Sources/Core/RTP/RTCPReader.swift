/// Reads an RTCP compound packet in place (RFC 3550 section 6.1), after the checks of appendix A.2.
package struct RTCPReader {
    private let datagram: UnsafeRawBufferPointer
    private var offset = 0

    /// Checks the whole compound before its first packet is handed out: versions, lengths that add up, a report in
    /// front, padding only in the last packet.
    package init(_ datagram: UnsafeRawBufferPointer) throws(RTPError) {
        let count = datagram.count
        guard count >= 8 else { throw .tooShort(bytes: count, needed: 8) }
        let first = datagram[1]
        guard first == RTCPPacketType.senderReport || first == RTCPPacketType.receiverReport else {
            throw .notRTCP(packetType: first)
        }
        var position = 0
        while position < count {
            guard position + 4 <= count else { throw .badRTCPLength(bytes: count) }
            let version = datagram[position] >> 6
            guard version == 2 else { throw .wrongVersion(version) }
            let size = Self.size(datagram, at: position)
            guard position + size <= count else { throw .badRTCPLength(bytes: count) }
            if datagram[position] & 0x20 != 0 {
                let padding = Int(datagram[position + size - 1])
                guard position + size == count, padding > 0, padding <= size - 4 else {
                    throw .badPadding(bytes: padding)
                }
            }
            guard Self.contentFits(datagram, at: position, size: size) else { throw .badRTCPLength(bytes: count) }
            position += size
        }
        self.datagram = datagram
    }

    /// The next packet; nil at the end.
    package mutating func next() -> RTCPPacket? {
        guard offset < datagram.count else { return nil }
        let size = Self.size(datagram, at: offset)
        let packet = UnsafeRawBufferPointer(rebasing: datagram[offset..<offset + size])
        offset += size
        let count = Int(packet[0] & 0x1F)
        let type = packet[1]
        switch type {
        case RTCPPacketType.senderReport:
            let info = RTCPSenderInfo(
                ntp: UInt64(packet.bigEndian32(at: 8)) << 32 | UInt64(packet.bigEndian32(at: 12)),
                timestamp: packet.bigEndian32(at: 16), packets: packet.bigEndian32(at: 20),
                octets: packet.bigEndian32(at: 24))
            return .senderReport(ssrc: packet.bigEndian32(at: 4), info, Self.blocks(packet, count, from: 28))
        case RTCPPacketType.receiverReport:
            return .receiverReport(ssrc: packet.bigEndian32(at: 4), Self.blocks(packet, count, from: 8))
        case RTCPPacketType.sourceDescription where count > 0:
            guard let cname = Self.cname(packet) else { return .other(packetType: type) }
            return .sourceDescription(ssrc: packet.bigEndian32(at: 4), cname: cname)
        case RTCPPacketType.goodbye where count > 0:
            return .goodbye(ssrc: packet.bigEndian32(at: 4))
        default:
            return .other(packetType: type)
        }
    }

    private static func size(_ datagram: UnsafeRawBufferPointer, at position: Int) -> Int {
        4 * (Int(datagram.bigEndian16(at: position + 2)) + 1)
    }

    private static func contentFits(_ datagram: UnsafeRawBufferPointer, at position: Int, size: Int) -> Bool {
        let count = Int(datagram[position] & 0x1F)
        return switch datagram[position + 1] {
        case RTCPPacketType.senderReport: size >= 28 + count * RTCPReportBlock.sizeBytes
        case RTCPPacketType.receiverReport: size >= 8 + count * RTCPReportBlock.sizeBytes
        case RTCPPacketType.sourceDescription: size >= 4 + 4 * count
        case RTCPPacketType.goodbye: size >= 4 + 4 * count
        default: true
        }
    }

    private static func blocks(_ packet: UnsafeRawBufferPointer, _ count: Int, from start: Int) -> RTCPReportBlocks {
        let end = start + count * RTCPReportBlock.sizeBytes
        return RTCPReportBlocks(count: count, bytes: UnsafeRawBufferPointer(rebasing: packet[start..<end]))
    }

    /// The CNAME item of the first chunk (RFC 3550 section 6.5).
    private static func cname(_ packet: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var position = 8
        while position + 2 <= packet.count, packet[position] != 0 {
            let end = position + 2 + Int(packet[position + 1])
            guard end <= packet.count else { return nil }
            if packet[position] == 1 { return UnsafeRawBufferPointer(rebasing: packet[position + 2..<end]) }
            position = end
        }
        return nil
    }
}
