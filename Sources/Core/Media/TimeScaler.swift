/// Makes a frame of audio shorter or longer by one pitch period, cross-faded, so that nobody hears it: how a playout delay
/// is changed while somebody speaks.
struct TimeScaler: Sendable {
    /// Below this the frame is as good as silent, and any cut is.
    private static let quiet = 48
    /// Periods whose likeness (normalised correlation) is less would be heard.
    private static let likeness = 0.75

    private let shortest: Int
    private let longest: Int
    /// High rates are compared at every second or sixth sample.
    private let stride: Int

    /// For samples at `rate`.
    init(rate: Int) {
        shortest = rate / 400
        longest = rate * 15 / 1_000
        stride = max(1, rate / 8_000)
    }

    /// Cuts a period out of the first `count` samples; how many are left.
    func shorten(_ pcm: UnsafeMutableBufferPointer<Int16>, count: Int, isUrgent: Bool) -> Int {
        guard let period = period(UnsafeBufferPointer(pcm), count: count, isUrgent: isUrgent) else { return count }
        for index in 0..<period {
            pcm[index] = Self.blend(pcm[index], pcm[index + period], index, period)
        }
        for index in 2 * period..<count { pcm[index - period] = pcm[index] }
        return count - period
    }

    /// Puts a period into the first `count` samples; how many they are then. `pcm` has room for half as many more.
    func lengthen(_ pcm: UnsafeMutableBufferPointer<Int16>, count: Int, isUrgent: Bool) -> Int {
        guard let period = period(UnsafeBufferPointer(pcm), count: count, isUrgent: isUrgent),
            count + period <= pcm.count
        else { return count }
        for index in stride(from: count - 1, through: period, by: -1) { pcm[index + period] = pcm[index] }
        // The first period stays; from the second one back into the first; then on with the second as it was.
        for index in 0..<period {
            pcm[period + index] = Self.blend(pcm[2 * period + index], pcm[index], index, period)
        }
        return count + period
    }

    private func stride(from start: Int, through end: Int, by step: Int) -> StrideThrough<Int> {
        Swift.stride(from: start, through: end, by: step)
    }

    /// From `first` to `second` over `length`.
    private static func blend(_ first: Int16, _ second: Int16, _ index: Int, _ length: Int) -> Int16 {
        Int16(truncatingIfNeeded: (Int(first) * (length - index) + Int(second) * index) / length)
    }

    /// The lag at which the beginning of the frame is most like itself; nil when no cut would go unheard.
    private func period(_ pcm: UnsafeBufferPointer<Int16>, count: Int, isUrgent: Bool) -> Int? {
        let longest = min(longest, count / 2)
        guard longest >= shortest else { return nil }
        var level = 0
        for index in 0..<count { level += abs(Int(pcm[index])) }
        if level < Self.quiet * count { return longest }
        var best: Int?
        var bestLikeness = isUrgent ? 0.3 : Self.likeness
        for lag in Swift.stride(from: shortest, through: longest, by: stride) {
            var product = 0
            var first = 1
            var second = 1
            for index in Swift.stride(from: 0, to: lag, by: stride) {
                let a = Int(pcm[index])
                let b = Int(pcm[index + lag])
                product += a * b
                first += a * a
                second += b * b
            }
            guard product > 0 else { continue }
            let likeness = Double(product) / (Double(first).squareRoot() * Double(second).squareRoot())
            // Of equal ones the longer: it is less work in the long run.
            if likeness >= bestLikeness {
                bestLikeness = likeness
                best = lag
            }
        }
        return best
    }
}
