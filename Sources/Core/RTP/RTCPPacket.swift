/// One reception report block (RFC 3550 section 6.4.1).
package struct RTCPReportBlock: Hashable, Sendable {
    package static let sizeBytes = 24

    /// The source this is about.
    package var ssrc: UInt32
    /// Of 256, since the last report.
    package var fractionLost: UInt8
    /// 24 bits, signed.
    package var cumulativeLost: Int32
    package var extendedHighest: UInt32
    package var jitterTicks: UInt32
    /// The middle NTP bits of the last sender report, 0: none came.
    package var lastSenderReport: UInt32
    /// Since that report, 1/65536 s.
    package var delaySinceLastSenderReport: UInt32

    package init(
        ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, extendedHighest: UInt32, jitterTicks: UInt32,
        lastSenderReport: UInt32 = 0, delaySinceLastSenderReport: UInt32 = 0
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.extendedHighest = extendedHighest
        self.jitterTicks = jitterTicks
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }
}

/// What a sender report says of its sender (RFC 3550 section 6.4.1).
package struct RTCPSenderInfo: Hashable, Sendable {
    package static let sizeBytes = 20

    package var ntp: UInt64
    package var timestamp: UInt32
    package var packets: UInt32
    package var octets: UInt32

    package init(ntp: UInt64, timestamp: UInt32, packets: UInt32, octets: UInt32) {
        self.ntp = ntp
        self.timestamp = timestamp
        self.packets = packets
        self.octets = octets
    }
}

/// The report blocks inside a datagram, read on demand. Valid only as long as the datagram.
package struct RTCPReportBlocks {
    package let count: Int
    private let bytes: UnsafeRawBufferPointer

    init(count: Int, bytes: UnsafeRawBufferPointer) {
        self.count = count
        self.bytes = bytes
    }

    package subscript(index: Int) -> RTCPReportBlock {
        precondition(index >= 0 && index < count, "report block out of range")
        let offset = index * RTCPReportBlock.sizeBytes
        let word = bytes.bigEndian32(at: offset + 4)
        return RTCPReportBlock(
            ssrc: bytes.bigEndian32(at: offset), fractionLost: UInt8(truncatingIfNeeded: word >> 24),
            cumulativeLost: Int32(bitPattern: word << 8) >> 8, extendedHighest: bytes.bigEndian32(at: offset + 8),
            jitterTicks: bytes.bigEndian32(at: offset + 12), lastSenderReport: bytes.bigEndian32(at: offset + 16),
            delaySinceLastSenderReport: bytes.bigEndian32(at: offset + 20))
    }
}

/// One packet of an RTCP compound, viewed in place.
package enum RTCPPacket {
    case senderReport(ssrc: UInt32, RTCPSenderInfo, RTCPReportBlocks)
    case receiverReport(ssrc: UInt32, RTCPReportBlocks)
    /// The first chunk's canonical name.
    case sourceDescription(ssrc: UInt32, cname: UnsafeRawBufferPointer)
    /// The first source that leaves.
    case goodbye(ssrc: UInt32)
    /// APP, feedback and whatever else: skipped.
    case other(packetType: UInt8)
}

/// Packet types of RFC 3550 section 12.1.
package enum RTCPPacketType {
    package static let senderReport: UInt8 = 200
    package static let receiverReport: UInt8 = 201
    package static let sourceDescription: UInt8 = 202
    package static let goodbye: UInt8 = 203
}
