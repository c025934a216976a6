/// Builds an RTCP compound packet into the caller's buffer (RFC 3550 section 6.1): reports, SDES, perhaps XR and BYE.
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
        try beginReport(ssrc: ssrc, sender: sender, blocks: block == nil ? 0 : 1)
        if let block { append(block) }
    }

    /// The same with any number of blocks; those that one packet cannot hold follow in receiver reports behind it
    /// (section 6.4.2).
    package mutating func report(
        ssrc: UInt32, sender: RTCPSenderInfo?, blocks: [RTCPReportBlock]
    ) throws(RTPError) {
        var first = 0
        repeat {
            let end = min(blocks.count, first + RTCPReportBlock.countPerPacket)
            try beginReport(ssrc: ssrc, sender: first == 0 ? sender : nil, blocks: end - first)
            for index in first..<end { append(blocks[index]) }
            first = end
        } while first < blocks.count
    }

    private mutating func beginReport(ssrc: UInt32, sender: RTCPSenderInfo?, blocks: Int) throws(RTPError) {
        let size = 8 + (sender == nil ? 0 : RTCPSenderInfo.sizeBytes) + blocks * RTCPReportBlock.sizeBytes
        let type = sender == nil ? RTCPPacketType.receiverReport : RTCPPacketType.senderReport
        try begin(type: type, items: UInt8(blocks), size: size)
        append(ssrc)
        guard let sender else { return }
        append(UInt32(truncatingIfNeeded: sender.ntp >> 32))
        append(UInt32(truncatingIfNeeded: sender.ntp))
        append(sender.timestamp)
        append(sender.packets)
        append(sender.octets)
    }

    private mutating func append(_ block: RTCPReportBlock) {
        append(block.ssrc)
        append(UInt32(block.fractionLost) << 24 | UInt32(bitPattern: block.cumulativeLost) & 0xFF_FFFF)
        append(block.extendedHighest)
        append(block.jitterTicks)
        append(block.lastSenderReport)
        append(block.delaySinceLastSenderReport)
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

    /// An extended report (RFC 3611) of the blocks given; nothing when none is.
    package mutating func extendedReport(
        ssrc: UInt32, referenceTime: UInt64? = nil, delay: RTCPReceiverDelay? = nil, metrics: VoIPMetrics? = nil
    ) throws(RTPError) {
        let sizes = [
            referenceTime == nil ? 0 : 12, delay == nil ? 0 : 4 + RTCPReceiverDelay.sizeBytes,
            metrics == nil ? 0 : 4 + VoIPMetrics.sizeBytes,
        ]
        let size = sizes.reduce(8, +)
        guard size > 8 else { return }
        try begin(type: RTCPPacketType.extendedReport, items: 0, size: size)
        append(ssrc)
        if let referenceTime {
            beginBlock(RTCPExtendedReportBlockType.receiverReferenceTime, words: 2)
            append(UInt32(truncatingIfNeeded: referenceTime >> 32))
            append(UInt32(truncatingIfNeeded: referenceTime))
        }
        if let delay {
            beginBlock(RTCPExtendedReportBlockType.receiverDelays, words: 3)
            append(delay.ssrc)
            append(delay.lastReceiverReport)
            append(delay.delaySinceLastReceiverReport)
        }
        if let metrics {
            beginBlock(RTCPExtendedReportBlockType.voipMetrics, words: UInt32(VoIPMetrics.sizeBytes / 4))
            metrics.write(
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[count..<count + VoIPMetrics.sizeBytes]))
            count += VoIPMetrics.sizeBytes
        }
    }

    private mutating func beginBlock(_ type: UInt8, words: UInt32) { append(UInt32(type) << 24 | words) }

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
