/// One reception report block (RFC 3550 section 6.4.1).
package struct RTCPReportBlock: Hashable, Sendable {
    package static let sizeBytes = 24
    /// As many as the count of a packet's header can state.
    package static let countPerPacket = 31

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

/// The chunks of a source description inside a datagram (RFC 3550 section 6.5). Valid only as long as the datagram.
package struct RTCPSourceDescription {
    /// As the header states; a chunk that is cut short is the last that is read.
    package let chunkCount: Int
    private let bytes: UnsafeRawBufferPointer

    init(chunkCount: Int, bytes: UnsafeRawBufferPointer) {
        self.chunkCount = chunkCount
        self.bytes = bytes
    }

    /// Hands every item of every chunk to `body`: its source, its type (1: CNAME), its text.
    package func forEachItem(_ body: (_ ssrc: UInt32, _ type: UInt8, _ text: UnsafeRawBufferPointer) -> Void) {
        var position = 0
        for _ in 0..<chunkCount {
            guard position + 4 <= bytes.count else { return }
            let ssrc = bytes.bigEndian32(at: position)
            let start = position
            position += 4
            while position < bytes.count, bytes[position] != 0 {
                guard position + 2 <= bytes.count else { return }
                let end = position + 2 + Int(bytes[position + 1])
                guard end <= bytes.count else { return }
                body(ssrc, bytes[position], UnsafeRawBufferPointer(rebasing: bytes[position + 2..<end]))
                position = end
            }
            // The null byte, and on to the word boundary.
            position = start + (position - start) / 4 * 4 + 4
        }
    }

    /// The canonical name of a source, nil: of the first that has one.
    package func cname(of wanted: UInt32? = nil) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        forEachItem { ssrc, type, text in
            if type == 1, found == nil, wanted == nil || wanted == ssrc { found = text }
        }
        return found
    }
}

/// The sources that leave, inside a datagram (RFC 3550 section 6.6). Valid only as long as the datagram.
package struct RTCPGoodbye {
    package let count: Int
    private let bytes: UnsafeRawBufferPointer

    init(count: Int, bytes: UnsafeRawBufferPointer) {
        self.count = count
        self.bytes = bytes
    }

    package subscript(index: Int) -> UInt32 {
        precondition(index >= 0 && index < count, "source out of range")
        return bytes.bigEndian32(at: 4 * index)
    }

    package func contains(_ ssrc: UInt32) -> Bool { (0..<count).contains { self[$0] == ssrc } }

    /// Why, as text; nil when it is not said or cut short.
    package var reason: UnsafeRawBufferPointer? {
        let start = 4 * count
        guard start < bytes.count else { return nil }
        let end = start + 1 + Int(bytes[start])
        guard end <= bytes.count, end > start + 1 else { return nil }
        return UnsafeRawBufferPointer(rebasing: bytes[start + 1..<end])
    }
}

/// One packet of an RTCP compound, viewed in place.
package enum RTCPPacket {
    case senderReport(ssrc: UInt32, RTCPSenderInfo, RTCPReportBlocks)
    case receiverReport(ssrc: UInt32, RTCPReportBlocks)
    case sourceDescription(RTCPSourceDescription)
    case goodbye(RTCPGoodbye)
    case extendedReport(ssrc: UInt32, RTCPExtendedReportBlocks)
    /// APP, feedback and whatever else: skipped.
    case other(packetType: UInt8)
}

/// Packet types of RFC 3550 section 12.1 and RFC 3611 section 2.
package enum RTCPPacketType {
    package static let senderReport: UInt8 = 200
    package static let receiverReport: UInt8 = 201
    package static let sourceDescription: UInt8 = 202
    package static let goodbye: UInt8 = 203
    package static let extendedReport: UInt8 = 207
}
