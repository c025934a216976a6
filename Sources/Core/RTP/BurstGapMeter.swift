/// How losses are spread: dense in bursts, or alone in the gaps between them (RFC 3611 section 4.7.2), and the burst
/// ratio of ITU-T G.107.
///
/// A burst is the longest run that begins and ends with a loss and has fewer than `gmin` packets received in a row inside.
/// A loss that stands alone belongs to the gap. Late packets that could not be played count as lost.
package struct BurstGapMeter: Hashable, Sendable {
    /// The value that the RFC recommends.
    package static let gmin = 16

    package private(set) var received: UInt64 = 0
    package private(set) var lost: UInt64 = 0
    /// Runs of losses without a packet between them.
    private var lossRuns: UInt64 = 0
    private var burstCount: UInt64 = 0
    private var burstPackets: UInt64 = 0
    private var burstLost: UInt64 = 0
    private var gapCount: UInt64 = 0
    private var gapPackets: UInt64 = 0
    private var gapLost: UInt64 = 0
    /// The gap that is still open, without what follows.
    private var openGap: UInt64 = 0
    /// From the first loss that may be the beginning of a burst to the last one.
    private var openLength: UInt64 = 0
    private var openLost: UInt64 = 0
    /// Received since the last loss.
    private var run: UInt64 = 0

    package init() {}

    package mutating func receive() {
        received &+= 1
        run &+= 1
    }

    /// So many in a row were lost.
    package mutating func lose(_ count: UInt64 = 1) {
        guard count > 0 else { return }
        if run > 0 || lost == 0 { lossRuns &+= 1 }
        lost &+= count
        if openLost > 0, run < Self.gmin {
            openLength += run + count
            openLost += count
        } else {
            closeLosses()
            openGap += run
            openLength = count
            openLost = count
        }
        run = 0
    }

    /// Settles whether the losses since the last gap were a burst.
    private mutating func closeLosses() {
        defer { (openLength, openLost) = (0, 0) }
        guard openLost > 1 else {
            openGap += openLength
            gapLost += openLost
            return
        }
        closeGap()
        burstCount += 1
        burstPackets += openLength
        burstLost += openLost
    }

    private mutating func closeGap() {
        if openGap > 0 { gapCount += 1 }
        gapPackets += openGap
        openGap = 0
    }

    /// What came of it so far.
    package var summary: Summary {
        var settled = self
        settled.closeLosses()
        settled.openGap += run
        settled.closeGap()
        return Summary(
            lossFraction: Self.ratio(lost, lost + received),
            burstDensity: Self.ratio(settled.burstLost, settled.burstPackets),
            gapDensity: Self.ratio(settled.gapLost, settled.gapPackets),
            burstLength: Self.ratio(settled.burstPackets, settled.burstCount),
            gapLength: Self.ratio(settled.gapPackets, settled.gapCount),
            lossRunLength: Self.ratio(lost, lossRuns))
    }

    private static func ratio(_ part: UInt64, _ whole: UInt64) -> Double {
        whole == 0 ? 0 : Double(part) / Double(whole)
    }

    package struct Summary: Hashable, Sendable {
        /// Lost of all, 0...1.
        package let lossFraction: Double
        /// Lost within bursts, 0...1.
        package let burstDensity: Double
        /// Lost between bursts, 0...1.
        package let gapDensity: Double
        /// Mean, in packets.
        package let burstLength: Double
        /// Mean, in packets.
        package let gapLength: Double
        /// Mean of the losses without a packet between them, in packets.
        package let lossRunLength: Double

        /// Mean length of the loss runs over what it would be if losses were independent (ITU-T G.107 section 7.5); 1
        /// without losses, never below 1 here: losses more regular than chance are not told from chance.
        package var burstRatio: Double { max(1, lossRunLength * (1 - lossFraction)) }
    }
}
