/// Hears keys in audio: both tones of a key, and nothing but them, for long enough (ITU-T Q.24).
///
/// Every 8 ms, a Hann window of 25 ms is judged. It holds a digit when one tone of each group stands out, within 2.5 % of
/// its frequency (1.5 % must be taken, 3.5 % refused), at -28 dBm0 at least (-25 must be taken), neither much louder than
/// the other (the higher by 4 dB or the lower by 8 must be taken), and when both together make up four fifths of all that
/// is heard: speech has more to it. Three such windows, with no more than two others between, are a digit, which 34 ms of a
/// tone always give and 24 ms never; five without it are a pause, which 38 ms always give and 20 ms never. So a lost packet
/// neither hides a digit nor makes two of it.
package struct InBandDigitDetector: Sendable {
    private static let rate = 8_000
    static let windowSamples = 200
    static let hopSamples = 64
    /// Windows that make a digit, those that may lie between two of them, and those that end it.
    private static let windowsOfDigit = 3
    private static let windowsBetween = 3
    private static let foundAtMost = 4
    private static let windowsOfPause = 5
    /// What both tones have of the window's energy at least.
    private static let leastShare = 0.8
    /// Before the exact frequencies are known.
    private static let leastShareOfOne = 0.06
    private static let tolerance = 0.025
    /// What the window resolves, in Hz: the peak of a tone is sought that far below and above.
    private static let resolution = 40.0
    /// The square of the amplitude of -28 dBm0.
    private static let leastSquare =
        DigitTones.amplitudeAtZero * DigitTones.amplitudeAtZero * Elementary.ratio(decibels: -28)
    /// The power of the higher tone by that of the lower: -9.5...+5.5 dB.
    private static let twist = Elementary.ratio(decibels: -9.5)...Elementary.ratio(decibels: 5.5)

    /// Twice the cosines of a Goertzel filter below, at and above each tone.
    private struct Filter: Sendable {
        let frequency: Double
        let below: Double
        let centre: Double
        let above: Double

        init(_ frequency: Int) {
            self.frequency = Double(frequency)
            below = Self.coefficient(Double(frequency) - InBandDigitDetector.resolution)
            centre = Self.coefficient(Double(frequency))
            above = Self.coefficient(Double(frequency) + InBandDigitDetector.resolution)
        }

        private static func coefficient(_ hertz: Double) -> Double {
            2 * UnitCircle.point(turns: hertz / Double(InBandDigitDetector.rate)).cosine
        }
    }

    private let rows = Digit.rows.map(Filter.init)
    private let columns = Digit.columns.map(Filter.init)
    private let window: [Double]
    /// The sum of the window, and that of its squares.
    private let gain: Double
    private let gainOfSquares: Double
    private var decimator: HalfBand.Decimator?
    /// A sample at 16 kHz that has no second one yet.
    private var odd: Int16?
    private var line = [Double](repeating: 0, count: windowSamples)
    private var shaped = [Double](repeating: 0, count: windowSamples)
    private var filled = windowSamples - hopSamples
    /// In the last windows, and how many of them.
    private var candidate: Digit?
    private var hits = 0
    /// Windows since the candidate was in one, and since what sounds was.
    private var sinceCandidate = 0
    private var missed = 0
    /// Found, but not told yet: a long buffer may hold several.
    private var found: [Digit] = []
    /// The digit that is heard now; nil once it has been over for 40 ms.
    package private(set) var sounding: Digit?

    /// For samples at 8000 or 16000 a second.
    package init(rate: Int) {
        precondition(rate == Self.rate || rate == 2 * Self.rate, "the detector listens at 8 or 16 kHz")
        let shape = (0..<Self.windowSamples).map {
            (1 - UnitCircle.point(turns: (Double($0) + 0.5) / Double(Self.windowSamples)).cosine) / 2
        }
        window = shape
        gain = shape.reduce(0, +)
        gainOfSquares = shape.reduce(0) { $0 + $1 * $1 }
        decimator = rate == Self.rate ? nil : HalfBand.Decimator()
        found.reserveCapacity(Self.foundAtMost)
    }

    /// Takes audio of any length. A digit is told once, some 40 ms after its beginning; of several in one buffer, the later
    /// ones come with the next calls.
    package mutating func process(_ pcm: UnsafeBufferPointer<Int16>) -> Digit? {
        if decimator == nil { listen(to: pcm) } else { decimate(pcm) }
        return found.isEmpty ? nil : found.removeFirst()
    }

    package mutating func process(_ pcm: [Int16]) -> Digit? { pcm.withUnsafeBufferPointer { process($0) } }

    /// Forgets what was heard; the next samples have nothing to do with the last ones.
    package mutating func reset() {
        for index in line.indices { line[index] = 0 }
        filled = Self.windowSamples - Self.hopSamples
        (candidate, hits, sinceCandidate, missed, sounding, odd) = (nil, 0, 0, 0, nil, nil)
        found.removeAll(keepingCapacity: true)
    }

    private mutating func decimate(_ pcm: UnsafeBufferPointer<Int16>) {
        var rest = pcm[...]
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 3 * HalfBand.block) { space in
            let half = UnsafeMutableBufferPointer(rebasing: space[..<HalfBand.block])
            let pairs = UnsafeMutableBufferPointer(rebasing: space[HalfBand.block...])
            while !rest.isEmpty {
                var count = 0
                if let odd {
                    pairs[0] = odd
                    count = 1
                }
                let taken = min(rest.count, 2 * HalfBand.block - count)
                for index in 0..<taken { pairs[count + index] = rest[rest.startIndex + index] }
                rest = rest.dropFirst(taken)
                count += taken
                odd = count.isMultiple(of: 2) ? nil : pairs[count - 1]
                let output = UnsafeMutableBufferPointer(rebasing: half[..<(count / 2)])
                decimator?.process(UnsafeBufferPointer(rebasing: pairs[..<(count / 2 * 2)]), into: output)
                listen(to: UnsafeBufferPointer(output))
            }
        }
    }

    private mutating func listen(to pcm: UnsafeBufferPointer<Int16>) {
        for sample in pcm {
            line[filled] = Double(sample)
            filled += 1
            guard filled == Self.windowSamples else { continue }
            note(judge())
            for index in Self.hopSamples..<Self.windowSamples { line[index - Self.hopSamples] = line[index] }
            filled -= Self.hopSamples
        }
    }

    /// What one window says may be chance, and what one does not say too.
    private mutating func note(_ digit: Digit?) {
        if let digit, digit == candidate {
            hits += 1
            sinceCandidate = 0
        } else if let digit {
            (candidate, hits, sinceCandidate) = (digit, 1, 0)
        } else {
            sinceCandidate += 1
            if sinceCandidate == Self.windowsBetween { (candidate, hits) = (nil, 0) }
        }
        if let digit, digit == sounding {
            missed = 0
            return
        }
        missed += 1
        if let digit, hits == Self.windowsOfDigit {
            sounding = digit
            missed = 0
            if found.count < Self.foundAtMost { found.append(digit) }
        } else if missed == Self.windowsOfPause {
            sounding = nil
        }
    }

    // MARK: A window

    private mutating func judge() -> Digit? {
        var energy = 0.0
        for index in 0..<Self.windowSamples {
            let sample = line[index] * window[index]
            shaped[index] = sample
            energy += sample * sample
        }
        // Two tones, each of amplitude a, have an energy of a squared times that of the window.
        guard energy > Self.leastSquare * gainOfSquares * Self.leastShare else { return nil }
        let least = Self.leastShareOfOne * energy * gain * gain / (2 * gainOfSquares)
        guard let row = strongest(rows, least: least), let column = strongest(columns, least: least),
            let low = peak(rows[row]), let high = peak(columns[column])
        else { return nil }
        let squares = (low: 4 * low / (gain * gain), high: 4 * high / (gain * gain))
        guard min(squares.low, squares.high) >= Self.leastSquare, Self.twist.contains(squares.high / squares.low),
            (squares.low + squares.high) / 2 * gainOfSquares >= Self.leastShare * energy
        else { return nil }
        return Digit.keypad[row][column]
    }

    /// The strongest tone of a group; nil when none has a power of `least`.
    private func strongest(_ filters: [Filter], least: Double) -> Int? {
        var best: Int?
        var most = least
        for index in filters.indices {
            let power = power(filters[index].centre)
            if power >= most { (best, most) = (index, power) }
        }
        return best
    }

    /// The power of the tone near a filter; nil when its frequency is too far off.
    private func peak(_ filter: Filter) -> Double? {
        let below = power(filter.below).squareRoot()
        let centre = power(filter.centre).squareRoot()
        let above = power(filter.above).squareRoot()
        // Exact for a pure tone behind a Hann window, whose spectrum is sin(pi x) / (pi x (1 - x^2)) at x resolutions.
        let offset = 2 * (above - below) / (below + 2 * centre + above)
        guard abs(offset) * Self.resolution <= Self.tolerance * filter.frequency else { return nil }
        let rest = offset * (1 - offset * offset)
        let attenuation = abs(rest) < 0.01 ? 1 : UnitCircle.point(turns: offset / 2).sine / (Double.pi * rest)
        let full = centre / max(0.5, abs(attenuation))
        return full * full
    }

    /// Goertzel: the squared magnitude of the spectrum at the frequency whose cosine, twice, is `coefficient`.
    private func power(_ coefficient: Double) -> Double {
        shaped.withUnsafeBufferPointer { samples in
            var last = 0.0
            var older = 0.0
            var index = 0
            while index < samples.count {
                let now = samples[index] + coefficient * last - older
                older = last
                last = now
                index += 1
            }
            return last * last + older * older - coefficient * last * older
        }
    }
}
