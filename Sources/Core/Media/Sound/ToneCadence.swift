/// A signalling tone: which frequencies sound for how long, and what comes after (ITU-T E.180).
package struct ToneCadence: Hashable, Sendable {
    /// One frequency of a tone.
    package struct Component: Hashable, Sendable {
        package let hertz: Int
        /// dBm0.
        package let level: Double

        /// Kept within what a telephone channel carries: 20...3800 Hz, -60...+3 dBm0.
        package init(hertz: Int, level: Double) {
            self.hertz = min(3_800, max(20, hertz))
            self.level = min(3, max(-60, level))
        }
    }
    /// Frequencies that sound together, or silence, for a time.
    package struct Segment: Hashable, Sendable {
        /// At most four; none is silence.
        package let components: [Component]
        package let duration: Duration

        package init(_ components: [Component], _ duration: Duration) {
            self.components = Array(components.prefix(4))
            self.duration = duration
        }

        package static func silence(_ duration: Duration) -> Segment { Segment([], duration) }
    }

    /// Heard once, before the cycle.
    package var lead: [Segment]
    package var cycle: [Segment]
    /// How often the cycle is heard; nil: for ever.
    package var cycles: Int?

    package init(lead: [Segment] = [], cycle: [Segment], cycles: Int? = nil) {
        self.lead = lead
        self.cycle = cycle
        self.cycles = cycles
    }

    /// How long it lasts; nil: for ever.
    package var duration: Duration? {
        let once = lead.reduce(Duration.zero) { $0 + $1.duration }
        let turn = cycle.reduce(Duration.zero) { $0 + $1.duration }
        guard turn > .zero else { return once }
        return cycles.map { once + turn * max(0, $0) }
    }

    /// The frequencies sounding without end, with `level` dBm0 together.
    package static func continuous(_ hertz: Int..., level: Double) -> ToneCadence {
        ToneCadence(cycle: [Segment(shared(hertz, level), .seconds(1))])
    }

    /// Sound and silence in turn, in milliseconds, `level` dBm0 together while it sounds.
    package static func interrupted(_ hertz: Int..., level: Double, _ milliseconds: [Int]) -> ToneCadence {
        let components = shared(hertz, level)
        return ToneCadence(
            cycle: milliseconds.enumerated().map { index, length in
                Segment(index % 2 == 0 ? components : [], .milliseconds(length))
            })
    }

    /// Each of the frequencies with the same part of `level`.
    package static func shared(_ hertz: [Int], _ level: Double) -> [Component] {
        let each = level - Elementary.decibels(Double(max(1, hertz.count)))
        return hertz.map { Component(hertz: $0, level: each) }
    }
}
