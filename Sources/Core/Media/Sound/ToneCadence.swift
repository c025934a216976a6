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

    private static let rows = [697, 770, 852, 941]
    private static let columns = [1_209, 1_336, 1_477, 1_633]
    private static let keys: [[Character]] = [
        ["1", "2", "3", "A"], ["4", "5", "6", "B"], ["7", "8", "9", "C"], ["*", "0", "#", "D"],
    ]

    /// Push-button signals (ITU-T Q.23) one after the other, the higher group 2 dB louder (ETSI ES 201 235-2). What is on
    /// no key is left out.
    package static func digits(
        _ digits: String, on: Duration = .milliseconds(100), off: Duration = .milliseconds(100)
    ) -> ToneCadence {
        var segments: [Segment] = []
        for digit in digits.uppercased() {
            for (row, keys) in keys.enumerated() {
                guard let column = keys.firstIndex(of: digit) else { continue }
                let pair = [
                    Component(hertz: rows[row], level: -11), Component(hertz: columns[column], level: -9),
                ]
                segments += [Segment(pair, on), .silence(off)]
            }
        }
        return ToneCadence(lead: segments, cycle: [], cycles: 0)
    }
}
