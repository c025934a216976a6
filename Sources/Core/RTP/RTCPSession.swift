package import Primitives

/// The RTCP conversation with one peer: what its reports told, and the reports made for it (RFC 3550 section 6), with
/// the extended ones of RFC 3611, which may be sent unasked (section 5) and which who does not know them skips.
package struct RTCPSession: Sendable {
    /// Random, so that it says nothing about the appliance (RFC 7022 section 4.2).
    private let cname: [UInt8]
    private var lastSenderReport: UInt32 = 0
    /// Whose that was.
    private var lastSender: UInt32?
    private var lastSenderReportAt = Instant.origin
    private var lastReference: UInt32 = 0
    private var lastReferenceAt = Instant.origin
    /// The source that the peer's reports come from.
    private var peerSSRC: UInt32?
    /// From the peer's last report about our stream (section 6.4.1), or its answer to our reference time (RFC 3611
    /// section 4.5); nil until one came.
    package private(set) var roundTrip: Duration?
    /// What the peer last reported about our stream; nil until it did.
    package private(set) var peerReport: RTCPReportBlock?
    /// How our stream sounds to the peer, as it said last (RFC 3611 section 4.7).
    package private(set) var peerMetrics: VoIPMetrics?
    /// True once the peer said BYE, until it reports anew.
    package private(set) var isPeerGone = false
    /// True when the last compound came from our own SSRC: a collision, or our own packets sent back.
    package private(set) var isOwnSource = false

    package init(entropy: inout Entropy) {
        cname = Array(entropy.hexToken(bytes: 12).utf8)
    }

    /// Of 256, as the peer last reported about our stream.
    package var fractionLostByPeer: UInt8 { peerReport?.fractionLost ?? 0 }

    /// Takes over the peer's compound packet; `localSSRC` is what we send to it with.
    package mutating func receive(
        _ datagram: UnsafeRawBufferPointer, localSSRC: UInt32, at now: Instant
    ) throws(RTPError) {
        var reader = try RTCPReader(datagram)
        isOwnSource = datagram.bigEndian32(at: 4) == localSSRC
        guard !isOwnSource else { return }
        isPeerGone = false
        while let packet = reader.next() {
            switch packet {
            case .senderReport(let ssrc, let info, let blocks):
                peerSSRC = ssrc
                lastSender = ssrc
                lastSenderReport = UInt32(truncatingIfNeeded: info.ntp >> 16)
                lastSenderReportAt = now
                takeOver(blocks, localSSRC: localSSRC, at: now)
            case .receiverReport(let ssrc, let blocks):
                peerSSRC = ssrc
                takeOver(blocks, localSSRC: localSSRC, at: now)
            case .extendedReport(_, let blocks): takeOver(blocks, localSSRC: localSSRC, at: now)
            case .goodbye(let sources):
                if let peerSSRC, sources.contains(peerSSRC) { isPeerGone = true }
            case .sourceDescription, .other: break
            }
        }
    }

    private mutating func takeOver(_ blocks: RTCPReportBlocks, localSSRC: UInt32, at now: Instant) {
        for index in 0..<blocks.count {
            let block = blocks[index]
            guard block.ssrc == localSSRC else { continue }
            peerReport = block
            measure(block.lastSenderReport, block.delaySinceLastSenderReport, at: now)
        }
    }

    private mutating func takeOver(_ blocks: RTCPExtendedReportBlocks, localSSRC: UInt32, at now: Instant) {
        var blocks = blocks
        while let block = blocks.next() {
            switch block {
            case .receiverReferenceTime(let ntp):
                lastReference = UInt32(truncatingIfNeeded: ntp >> 16)
                lastReferenceAt = now
            case .receiverDelays(let delays):
                for index in 0..<delays.count where delays[index].ssrc == localSSRC {
                    measure(delays[index].lastReceiverReport, delays[index].delaySinceLastReceiverReport, at: now)
                }
            case .voipMetrics(let metrics):
                if metrics.ssrc == localSSRC { peerMetrics = metrics }
            case .other: break
            }
        }
    }

    /// The round trip from when we sent something, and how long the peer kept the answer.
    private mutating func measure(_ sent: UInt32, _ kept: UInt32, at now: Instant) {
        guard sent != 0 else { return }
        let units = Int32(bitPattern: now.middleNTP &- sent &- kept)
        // A negative result comes from the peer's coarse clock, or from a lie: both mean nothing.
        if units >= 0 { roundTrip = .nanoseconds(Int64(units) * 1_000_000_000 / 65_536) }
    }

    /// Our stream goes on under another SSRC: what was reported about the old one is not about this one.
    package mutating func forgetReports() {
        peerReport = nil
        peerMetrics = nil
    }

    /// Writes SR (or RR when `sender` is nil), SDES, XR and, when `isLast`, BYE; returns the size in bytes. Who sends
    /// nothing adds its reference time, so that it learns the round trip too.
    package mutating func write(
        into buffer: UnsafeMutableRawBufferPointer, ssrc: UInt32, sender: RTCPSenderInfo?,
        reception: inout ReceptionStatistics, metrics: VoIPMetrics? = nil, isLast: Bool = false, at now: Instant
    ) throws(RTPError) -> Int {
        var block = reception.makeReport()
        if lastSenderReport != 0, block?.ssrc == lastSender {
            block?.lastSenderReport = lastSenderReport
            block?.delaySinceLastSenderReport = Self.units(now - lastSenderReportAt)
        }
        var delay: RTCPReceiverDelay?
        if let peerSSRC, lastReference != 0 {
            delay = RTCPReceiverDelay(
                ssrc: peerSSRC, lastReceiverReport: lastReference,
                delaySinceLastReceiverReport: Self.units(now - lastReferenceAt))
        }
        var writer = RTCPWriter(buffer)
        try writer.report(ssrc: ssrc, sender: sender, block: block)
        try writer.sourceDescription(ssrc: ssrc, cname: cname)
        try writer.extendedReport(
            ssrc: ssrc, referenceTime: sender == nil ? now.ntp : nil, delay: delay, metrics: metrics)
        if isLast { try writer.goodbye(ssrc: ssrc) }
        return writer.count
    }

    /// Writes the farewell of an SSRC that was given up: an empty report, SDES, BYE (section 6.6).
    package func writeGoodbye(
        into buffer: UnsafeMutableRawBufferPointer, ssrc: UInt32
    ) throws(RTPError) -> Int {
        var writer = RTCPWriter(buffer)
        try writer.report(ssrc: ssrc, sender: nil, block: nil)
        try writer.sourceDescription(ssrc: ssrc, cname: cname)
        try writer.goodbye(ssrc: ssrc)
        return writer.count
    }

    /// In 1/65536 s.
    private static func units(_ duration: Duration) -> UInt32 {
        UInt32(clamping: max(0, duration.wholeNanoseconds) / 1_000 * 65_536 / 1_000_000)
    }
}
