package import Primitives

/// What was received of one peer's stream: order, loss and jitter (RFC 3550 section 6.4.1, appendices A.1, A.3, A.8), and
/// how the losses are spread (RFC 3611 section 4.7.2).
///
/// A sequence number is judged lost or received when it is 64 behind the highest, so that reordering is no loss.
///
/// Deviations: a source is believed from its first packet (A.1 asks for two in sequence, which would clip every talk
/// spurt's start), and a change of SSRC starts a new count whose predecessor's loss is kept.
package struct ReceptionStatistics: Hashable, Sendable {
    /// A sequence number further ahead than this is an outlier unless its successor follows (appendix A.1).
    package static let maximumDropout = 3_000
    /// A sequence number at most this far behind is late, not a restart (appendix A.1).
    package static let maximumMisorder = 100

    /// How a packet stands to those before it.
    package enum Arrival: Hashable, Sendable {
        /// The first of a source, or of a source that began anew.
        case first
        /// Ahead of all before it; `missing` packets have been skipped.
        case next(missing: Int)
        /// Behind one already received, seen for the first time.
        case late
        case duplicate
        /// So far off that it is not believed yet.
        case outlier
    }

    package private(set) var clockRate: Int
    package private(set) var ssrc: UInt32?
    private var base: UInt64 = 0
    /// Highest sequence number with the cycles above its 16 bits. More bits than a report has: who leaves out 3000 numbers
    /// with each packet turns 32 of them over within minutes.
    private var highest: UInt64 = 0
    private var expectedAfterJump: UInt16?
    /// Bit n: `highest - n` was received.
    private var window: UInt64 = 0
    /// The same without those that came too late to be played.
    private var playable: UInt64 = 0
    private var settled = BurstGapMeter()
    private var lastTimestamp: UInt32?
    /// Ticks from one packet to the next, as last seen between two in sequence; 0: not seen yet.
    private var packetTicks: UInt32 = 0
    /// Came, but too late to be played.
    package private(set) var cumulativeDiscarded: UInt64 = 0
    package private(set) var cumulativeDuplicates: UInt64 = 0
    private var received: UInt64 = 0
    private var lostBefore: UInt64 = 0
    private var expectedBefore: UInt64 = 0
    private var receivedBefore: UInt64 = 0
    private var expectedPrior: UInt64 = 0
    private var receivedPrior: UInt64 = 0
    private var transit: UInt32?
    /// Sixteen times the jitter in ticks, as appendix A.8 keeps it.
    private var jitterTimes16: UInt32 = 0

    /// Highest sequence number with the cycles above its 16 bits, as reports have it: modulo 2^32.
    package var extendedHighest: UInt32 { UInt32(truncatingIfNeeded: highest) }

    package init(clockRate: Int) {
        self.clockRate = clockRate
    }

    /// Takes over a packet at its arrival. `measuresJitter` is false for packets whose timestamp is not their sampling
    /// time, as in repeated telephone events.
    package mutating func receive(_ header: RTPHeader, at now: Instant, measuresJitter: Bool = true) -> Arrival {
        let arrival = order(header)
        switch arrival {
        case .first, .next, .late:
            received += 1
            if measuresJitter {
                updateJitter(header.timestamp, at: now)
                measurePacket(header.timestamp, arrival)
            }
        case .duplicate:
            received += 1
            cumulativeDuplicates += 1
        case .outlier: break
        }
        return arrival
    }

    /// Changes the clock (another codec on the same stream); jitter is measured anew.
    package mutating func setClockRate(_ rate: Int) {
        guard rate != clockRate else { return }
        clockRate = rate
        transit = nil
        jitterTimes16 = 0
        lastTimestamp = nil
        packetTicks = 0
    }

    /// A packet that was received came too late to be played (RFC 3611 section 4.7.1).
    package mutating func discard(sequence: UInt16) {
        cumulativeDiscarded += 1
        let behind = Int(UInt16(truncatingIfNeeded: highest) &- sequence)
        if behind < 64 { playable &= ~(1 << UInt64(behind)) }
    }

    private mutating func order(_ header: RTPHeader) -> Arrival {
        guard header.ssrc == ssrc else {
            restart(header)
            return .first
        }
        let delta = header.sequence &- UInt16(truncatingIfNeeded: highest)
        if delta == 0 { return .duplicate }
        if delta < Self.maximumDropout {
            settle(advancing: Int(delta))
            highest += UInt64(delta)
            window = delta < 64 ? window << UInt64(delta) | 1 : 1
            playable = delta < 64 ? playable << UInt64(delta) | 1 : 1
            expectedAfterJump = nil
            return .next(missing: Int(delta) - 1)
        }
        let behind = Int(0 &- delta)
        if behind <= Self.maximumMisorder {
            guard behind < 64 else { return .late }
            let bit = UInt64(1) << UInt64(behind)
            if window & bit != 0 { return .duplicate }
            window |= bit
            playable |= bit
            return .late
        }
        if expectedAfterJump == header.sequence {
            restart(header)
            return .first
        }
        expectedAfterJump = header.sequence &+ 1
        return .outlier
    }

    /// Judges the sequence numbers that leave the window when it moves on by `delta`, the oldest first.
    private mutating func settle(advancing delta: Int) {
        let known = Int(min(64, expected))
        var position = known - 1
        while position >= 0, position + delta >= 64 {
            if playable & 1 << UInt64(position) != 0 { settled.receive() } else { settled.lose() }
            position -= 1
        }
        if delta > 64 { settled.lose(UInt64(delta - 64)) }
    }

    /// How losses and late packets are spread, over all sources.
    package var lossPattern: BurstGapMeter {
        guard ssrc != nil else { return settled }
        var copy = self
        copy.settle(advancing: 64)
        return copy.settled
    }

    private mutating func measurePacket(_ timestamp: UInt32, _ arrival: Arrival) {
        defer { if arrival != .late { lastTimestamp = timestamp } }
        guard arrival == .next(missing: 0), let lastTimestamp else { return }
        let ticks = timestamp &- lastTimestamp
        // A longer step is a pause.
        if ticks > 0, Int(ticks) <= clockRate / 5 { packetTicks = ticks }
    }

    /// How much audio a packet holds, as far as timestamps tell; nil when they do not.
    package var packetDuration: Duration? {
        packetTicks == 0 ? nil : .nanoseconds(Int64(packetTicks) * 1_000_000_000 / Int64(clockRate))
    }

    private mutating func restart(_ header: RTPHeader) {
        if ssrc != nil { settle(advancing: 64) }
        lostBefore = cumulativeLost
        expectedBefore += expected
        receivedBefore += received
        ssrc = header.ssrc
        base = UInt64(header.sequence)
        highest = base
        expectedAfterJump = nil
        window = 1
        playable = 1
        lastTimestamp = nil
        received = 0
        expectedPrior = 0
        receivedPrior = 0
        transit = nil
        jitterTimes16 = 0
    }

    private mutating func updateJitter(_ timestamp: UInt32, at now: Instant) {
        let current = now.ticks(rate: clockRate) &- timestamp
        defer { transit = current }
        guard let transit else { return }
        let difference = Int32(bitPattern: current &- transit).magnitude
        // A step of more than five seconds is a new timestamp base, not jitter.
        guard difference < UInt32(5 * clockRate) else { return }
        jitterTimes16 = jitterTimes16 &+ difference &- ((jitterTimes16 + 8) >> 4)
    }

    private var expected: UInt64 { ssrc == nil ? 0 : highest - base + 1 }

    /// Received of all sources, duplicates included.
    package var cumulativeReceived: UInt64 { receivedBefore + received }

    /// By sequence numbers, of all sources.
    package var cumulativeExpected: UInt64 { expectedBefore + expected }

    /// Expected minus received over all sources; duplicates never make it negative.
    package var cumulativeLost: UInt64 { lostBefore + (expected > received ? expected - received : 0) }

    /// Interarrival jitter in ticks of the stream's clock.
    package var jitterTicks: UInt32 { jitterTimes16 >> 4 }

    package var jitterMilliseconds: Double { Double(jitterTimes16) / 16 * 1000 / Double(clockRate) }

    /// The report block about this source without the fields that come from its sender reports; starts the next
    /// reporting interval. Nil when nothing was received yet.
    package mutating func makeReport() -> RTCPReportBlock? {
        guard let ssrc else { return nil }
        let expectedInterval = expected - expectedPrior
        let receivedInterval = received - receivedPrior
        expectedPrior = expected
        receivedPrior = received
        var fraction: UInt8 = 0
        if expectedInterval > receivedInterval {
            fraction = UInt8(min(255, ((expectedInterval - receivedInterval) << 8) / expectedInterval))
        }
        let lost = Int64(expected) - Int64(received)
        return RTCPReportBlock(
            ssrc: ssrc, fractionLost: fraction, cumulativeLost: Int32(max(-0x80_0000, min(0x7F_FFFF, lost))),
            extendedHighest: extendedHighest, jitterTicks: jitterTicks)
    }
}
