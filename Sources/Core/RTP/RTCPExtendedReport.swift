/// A source's receiver reference time as it was heard, for the round trip of who only receives (RFC 3611 section 4.5).
package struct RTCPReceiverDelay: Hashable, Sendable {
    package static let sizeBytes = 12

    /// The receiver this answers.
    package var ssrc: UInt32
    /// The middle NTP bits of its last reference time.
    package var lastReceiverReport: UInt32
    /// Since that came, 1/65536 s.
    package var delaySinceLastReceiverReport: UInt32

    package init(ssrc: UInt32, lastReceiverReport: UInt32, delaySinceLastReceiverReport: UInt32) {
        self.ssrc = ssrc
        self.lastReceiverReport = lastReceiverReport
        self.delaySinceLastReceiverReport = delaySinceLastReceiverReport
    }
}

/// The DLRR sub-blocks inside a datagram. Valid only as long as the datagram.
package struct RTCPReceiverDelays {
    package let count: Int
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        count = bytes.count / RTCPReceiverDelay.sizeBytes
        self.bytes = bytes
    }

    package subscript(index: Int) -> RTCPReceiverDelay {
        precondition(index >= 0 && index < count, "sub-block out of range")
        let offset = index * RTCPReceiverDelay.sizeBytes
        return RTCPReceiverDelay(
            ssrc: bytes.bigEndian32(at: offset), lastReceiverReport: bytes.bigEndian32(at: offset + 4),
            delaySinceLastReceiverReport: bytes.bigEndian32(at: offset + 8))
    }
}

/// A block of an extended report (RFC 3611 section 4).
package enum RTCPExtendedReportBlock {
    /// 64-bit NTP time of who sends it (section 4.4).
    case receiverReferenceTime(ntp: UInt64)
    case receiverDelays(RTCPReceiverDelays)
    case voipMetrics(VoIPMetrics)
    /// Another type, or one of the above in another length: skipped.
    case other(blockType: UInt8)
}

/// Block types of RFC 3611 section 4.
package enum RTCPExtendedReportBlockType {
    package static let receiverReferenceTime: UInt8 = 4
    package static let receiverDelays: UInt8 = 5
    package static let voipMetrics: UInt8 = 7
}

/// The blocks of an extended report inside a datagram, one after the other. Valid only as long as the datagram.
package struct RTCPExtendedReportBlocks {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// `bytes` has been checked with `fit`.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether the lengths of the blocks add up to `bytes`.
    static func fit(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position < bytes.count {
            guard position + 4 <= bytes.count else { return false }
            position += 4 + 4 * Int(bytes.bigEndian16(at: position + 2))
        }
        return position == bytes.count
    }

    /// The next block; nil at the end.
    package mutating func next() -> RTCPExtendedReportBlock? {
        guard offset + 4 <= bytes.count else { return nil }
        let type = bytes[offset]
        let end = offset + 4 + 4 * Int(bytes.bigEndian16(at: offset + 2))
        guard end <= bytes.count else { return nil }
        let content = UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<end])
        offset = end
        switch type {
        case RTCPExtendedReportBlockType.receiverReferenceTime where content.count == 8:
            return .receiverReferenceTime(
                ntp: UInt64(content.bigEndian32(at: 0)) << 32 | UInt64(content.bigEndian32(at: 4)))
        case RTCPExtendedReportBlockType.receiverDelays
        where content.count.isMultiple(of: RTCPReceiverDelay.sizeBytes):
            return .receiverDelays(RTCPReceiverDelays(content))
        case RTCPExtendedReportBlockType.voipMetrics where content.count == VoIPMetrics.sizeBytes:
            return .voipMetrics(VoIPMetrics(content))
        default:
            return .other(blockType: type)
        }
    }
}
