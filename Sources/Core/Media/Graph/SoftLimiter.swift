/// Brings sums of voices back to 16 bits without wrapping round: as they are up to two decibels below full scale, then
/// flatter and flatter, so that the loudest sum is just full scale. Monotonic; rounds no peak off that fits.
enum SoftLimiter {
    private static let knee: Int32 = 26_000
    private static let rest = Int64(32_767 - knee)

    @inline(__always) static func limit(_ value: Int32) -> Int16 {
        if value <= knee, value >= -knee { return Int16(truncatingIfNeeded: value) }
        return compress(value)
    }

    /// All of `sums`; two passes over the few that are loud, so that the one over all others has no branches.
    static func limit(_ sums: UnsafeMutableBufferPointer<Int32>, into output: UnsafeMutableBufferPointer<Int16>) {
        let count = min(sums.count, output.count)
        var loudest: Int32 = 0
        for index in 0..<count {
            let value = sums[index]
            loudest = max(loudest, abs(value))
            output[index] = Int16(truncatingIfNeeded: value)
        }
        guard loudest > knee else { return }
        for index in 0..<count { output[index] = limit(sums[index]) }
    }

    /// The same of `sums` less `own`.
    static func limit(
        _ sums: UnsafeMutableBufferPointer<Int32>, less own: UnsafeMutableBufferPointer<Int32>,
        into output: UnsafeMutableBufferPointer<Int16>
    ) {
        let count = min(sums.count, own.count, output.count)
        var loudest: Int32 = 0
        for index in 0..<count {
            let value = sums[index] &- own[index]
            loudest = max(loudest, abs(value))
            output[index] = Int16(truncatingIfNeeded: value)
        }
        guard loudest > knee else { return }
        for index in 0..<count { output[index] = limit(sums[index] &- own[index]) }
    }

    private static func compress(_ value: Int32) -> Int16 {
        let over = Int64(value.magnitude) - Int64(knee)
        let magnitude = Int64(knee) + rest * over / (over + rest)
        return Int16(truncatingIfNeeded: value < 0 ? -magnitude : magnitude)
    }
}

/// Sums of samples at a fixed place in memory, in rows.
final class MixBuffer {
    let rowSamples: Int
    private let sums: UnsafeMutableBufferPointer<Int32>

    init(rows: Int, rowSamples: Int) {
        self.rowSamples = rowSamples
        sums = .allocate(capacity: rows * rowSamples)
        sums.initialize(repeating: 0)
    }

    deinit { sums.deallocate() }

    /// The first `count` sums of a row, valid while the buffer lives.
    func row(_ index: Int, _ count: Int) -> UnsafeMutableBufferPointer<Int32> {
        precondition(index >= 0 && count <= rowSamples && (index + 1) * rowSamples <= sums.count, "no such row")
        return UnsafeMutableBufferPointer(rebasing: sums[index * rowSamples..<index * rowSamples + count])
    }
}
