package import Primitives

/// The RTCP conversation with one peer: what its reports told, and the reports made for it (RFC 3550 section 6).
package struct RTCPSession: Sendable {
    /// Random, so that it says nothing about the appliance (RFC 7022 section 4.2).
    private let cname: [UInt8]
    private var lastSenderReport: UInt32 = 0
    private var lastSenderReportAt = Instant.origin
    /// From the peer's last report about our stream (section 6.4.1); nil until one came.
    package private(set) var roundTrip: Duration?
    /// Of 256, as the peer last reported about our stream.
    package private(set) var fractionLostByPeer: UInt8 = 0
    /// True once the peer said BYE.
    package private(set) var isPeerGone = false

    package init(entropy: inout Entropy) {
        cname = Array(entropy.hexToken(bytes: 12).utf8)
    }

    /// Takes over the peer's compound packet; `localSSRC` is what we send to it with.
    package mutating func receive(
        _ datagram: UnsafeRawBufferPointer, localSSRC: UInt32, at now: Instant
    ) throws(RTPError) {
        var reader = try RTCPReader(datagram)
        while let packet = reader.next() {
            switch packet {
            case .senderReport(_, let info, let blocks):
                lastSenderReport = UInt32(truncatingIfNeeded: info.ntp >> 16)
                lastSenderReportAt = now
                takeOver(blocks, localSSRC: localSSRC, at: now)
            case .receiverReport(_, let blocks): takeOver(blocks, localSSRC: localSSRC, at: now)
            case .goodbye: isPeerGone = true
            case .sourceDescription, .other: break
            }
        }
    }

    private mutating func takeOver(_ blocks: RTCPReportBlocks, localSSRC: UInt32, at now: Instant) {
        for index in 0..<blocks.count {
            let block = blocks[index]
            guard block.ssrc == localSSRC else { continue }
            fractionLostByPeer = block.fractionLost
            guard block.lastSenderReport != 0 else { continue }
            let units = Int32(
                bitPattern: now.middleNTP &- block.lastSenderReport &- block.delaySinceLastSenderReport)
            // A negative result comes from the peer's coarse clock, or from a lie: both mean nothing.
            if units >= 0 { roundTrip = .nanoseconds(Int64(units) * 1_000_000_000 / 65_536) }
        }
    }

    /// Writes SR (or RR when `sender` is nil), SDES and, when `isLast`, BYE; returns the size in bytes.
    package mutating func write(
        into buffer: UnsafeMutableRawBufferPointer, ssrc: UInt32, sender: RTCPSenderInfo?,
        reception: inout ReceptionStatistics, isLast: Bool = false, at now: Instant
    ) throws(RTPError) -> Int {
        var block = reception.makeReport()
        if lastSenderReport != 0 {
            block?.lastSenderReport = lastSenderReport
            let delay = max(0, (now - lastSenderReportAt).wholeNanoseconds)
            block?.delaySinceLastSenderReport = UInt32(clamping: delay / 1_000 * 65_536 / 1_000_000)
        }
        var writer = RTCPWriter(buffer)
        try writer.report(ssrc: ssrc, sender: sender, block: block)
        try writer.sourceDescription(ssrc: ssrc, cname: cname)
        if isLast { try writer.goodbye(ssrc: ssrc) }
        return writer.count
    }
}
