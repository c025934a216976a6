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
            var padding = 0
            if datagram[position] & 0x20 != 0 {
                padding = Int(datagram[position + size - 1])
                guard position + size == count, padding > 0, padding <= size - 4 else {
                    throw .badPadding(bytes: padding)
                }
            }
            let packet = UnsafeRawBufferPointer(rebasing: datagram[position..<position + size - padding])
            guard Self.contentFits(packet) else { throw .badRTCPLength(bytes: count) }
            position += size
        }
        self.datagram = datagram
    }

    /// The next packet; nil at the end.
    package mutating func next() -> RTCPPacket? {
        guard offset < datagram.count else { return nil }
        let size = Self.size(datagram, at: offset)
        let padding = datagram[offset] & 0x20 == 0 ? 0 : Int(datagram[offset + size - 1])
        let packet = UnsafeRawBufferPointer(rebasing: datagram[offset..<offset + size - padding])
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
            return .sourceDescription(RTCPSourceDescription(chunkCount: count, bytes: Self.tail(packet, from: 4)))
        case RTCPPacketType.goodbye where count > 0:
            return .goodbye(RTCPGoodbye(count: count, bytes: Self.tail(packet, from: 4)))
        case RTCPPacketType.extendedReport:
            return .extendedReport(
                ssrc: packet.bigEndian32(at: 4), RTCPExtendedReportBlocks(Self.tail(packet, from: 8)))
        default:
            return .other(packetType: type)
        }
    }

    private static func size(_ datagram: UnsafeRawBufferPointer, at position: Int) -> Int {
        4 * (Int(datagram.bigEndian16(at: position + 2)) + 1)
    }

    /// Whether a packet, without its padding, has room for what its header states.
    private static func contentFits(_ packet: UnsafeRawBufferPointer) -> Bool {
        let count = Int(packet[0] & 0x1F)
        return switch packet[1] {
        case RTCPPacketType.senderReport: packet.count >= 28 + count * RTCPReportBlock.sizeBytes
        case RTCPPacketType.receiverReport: packet.count >= 8 + count * RTCPReportBlock.sizeBytes
        case RTCPPacketType.sourceDescription: packet.count >= 4 + 4 * count
        case RTCPPacketType.goodbye: packet.count >= 4 + 4 * count
        case RTCPPacketType.extendedReport:
            packet.count >= 8 && RTCPExtendedReportBlocks.fit(tail(packet, from: 8))
        default: true
        }
    }

    private static func tail(_ packet: UnsafeRawBufferPointer, from start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: packet[start...])
    }

    private static func blocks(_ packet: UnsafeRawBufferPointer, _ count: Int, from start: Int) -> RTCPReportBlocks {
        let end = start + count * RTCPReportBlock.sizeBytes
        return RTCPReportBlocks(count: count, bytes: UnsafeRawBufferPointer(rebasing: packet[start..<end]))
    }
}
