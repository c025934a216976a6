import Primitives
import RTP

/// How late a stream's packets come, and how late they have to be played because of it.
///
/// The transit of a packet is its arrival less its timestamp, in ticks against that of the first packet. The wanted delay
/// is a percentile of the transits of the last ten seconds or so, above the fastest of them: it rises at once with the
/// jitter, falls when the late ones are forgotten, and follows a sender whose clock runs faster or slower than ours.
package struct PlayoutDelay: Sendable {
    /// Transits remembered: ten seconds of packets of 20 ms.
    static let remembered = 500
    /// Of 1000 packets, how many are to come in time.
    static let inTime = 980
    /// On top of the percentile.
    static let margin = Duration.milliseconds(10)
    /// Until so many transits are known, no less than the initial delay.
    static let trusted = 50
    package static let most = Duration.milliseconds(400)
    /// Late packets of the last second keep the delay from being shortened.
    private static let peaks = 50

    // Ticks are counted in the width of the machine: a difference of transits may be longer than the circle of timestamps is.
    private let initialTicks: Int
    private let marginTicks: Int
    private let mostTicks: Int
    private let rate: Int
    /// Arrival less timestamp of the first packet.
    private var reference: UInt32?
    private var ring: [Int] = []
    private var ringNext = 0
    private var sorted: [Int] = []
    private var lastArrival = Instant.origin
    /// The length of a packet. The wanted delay is no shorter, so that the packet behind a lost one is there when it is
    /// needed: it may carry the lost one's audio (Opus).
    var frameTicks: Int {
        didSet { if frameTicks != oldValue { updateTarget() } }
    }
    /// What is played is asked for in blocks of this length: what plays at the end of one has to be there at its
    /// beginning.
    var blockTicks: Int = 0 {
        didSet { if blockTicks != oldValue { updateTarget() } }
    }
    /// The transit that a packet has when it is played at the wanted delay.
    private(set) var target = 0

    init(clockRate: Int, initial: Duration) {
        rate = clockRate
        initialTicks = initial.ticks(rate: clockRate)
        marginTicks = Self.margin.ticks(rate: clockRate)
        mostTicks = Self.most.ticks(rate: clockRate)
        frameTicks = clockRate / 50
        ring.reserveCapacity(Self.remembered)
        sorted.reserveCapacity(Self.remembered)
        updateTarget()
    }

    /// Another timeline begins.
    mutating func reset() {
        reference = nil
        ring.removeAll(keepingCapacity: true)
        sorted.removeAll(keepingCapacity: true)
        ringNext = 0
        updateTarget()
    }

    /// At `now`, the transit at which what bears `timestamp` is just in time; within half the circle of timestamps.
    func transit(of timestamp: UInt32, at now: Instant) -> Int {
        guard let reference else { return 0 }
        return Int(Int32(bitPattern: now.ticks(rate: rate) &- timestamp &- reference))
    }

    /// True for a packet so far from all others that its sender has begun another timeline, or has stopped its clock.
    func isElsewhere(_ timestamp: UInt32, at now: Instant) -> Bool {
        guard let least = sorted.first, let most = sorted.last else { return false }
        let transit = transit(of: timestamp, at: now)
        return transit > most + 2 * rate || transit < least - 2 * rate
    }

    /// A packet has come. What comes in one go after a hold-up counts once, by its latest: it was one hold-up.
    mutating func note(_ timestamp: UInt32, at now: Instant) {
        if reference == nil { reference = now.ticks(rate: rate) &- timestamp }
        let transit = transit(of: timestamp, at: now)
        let gap = (now - lastArrival).ticks(rate: rate)
        if !ring.isEmpty, gap < frameTicks / 2 {
            let last = (ringNext + ring.count - 1) % ring.count
            guard transit > ring[last] else { return }
            remove(ring[last])
            ring[last] = transit
        } else {
            lastArrival = now
            if ring.count < Self.remembered {
                ring.append(transit)
            } else {
                remove(ring[ringNext])
                ring[ringNext] = transit
                ringNext = (ringNext + 1) % Self.remembered
            }
        }
        sorted.insert(transit, at: position(of: transit))
        updateTarget()
    }

    /// The highest transit of the last second or so.
    var recentPeak: Int {
        guard !ring.isEmpty else { return target }
        return (0..<min(Self.peaks, ring.count)).reduce(Int.min) { peak, age in
            max(peak, ring[(ringNext + 2 * ring.count - 1 - age) % ring.count])
        }
    }

    /// The wanted delay above the fastest packet.
    package var depth: Duration { duration(target - (sorted.first ?? 0)) }

    func duration(_ ticks: Int) -> Duration { .nanoseconds(Int64(ticks) * 1_000_000_000 / Int64(rate)) }

    private mutating func updateTarget() {
        let base = sorted.first ?? 0
        guard let latest = sorted.last else { return target = max(initialTicks, frameTicks + blockTicks) }
        let late = sorted.count < Self.trusted ? latest : sorted[sorted.count * Self.inTime / 1_000]
        var depth = max(frameTicks, late - base + marginTicks) + blockTicks
        if sorted.count < Self.trusted { depth = max(depth, initialTicks) }
        target = base + min(depth, mostTicks)
    }

    /// The first place whose value is not below `value`.
    private func position(of value: Int) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func remove(_ value: Int) { sorted.remove(at: position(of: value)) }
}
