/// The quadrature mirror filter of G.722, for both directions: 24 taps over the last 12 pairs of samples.
///
/// Samples stand in a line, oldest first: 22 of the past, then the block that is worked on.
struct G722Mirror: Sendable {
    /// Pairs in a block: 10 ms.
    static let pairsAtMost = 80
    private static let past = 22
    /// Table 11 of the Recommendation, in units of 2^-13; the second half mirrors the first.
    private static let taps: [Int32] = [
        3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3_876, 3_876, 951, -805, -210, 362, 32, -156, 12, 53, -11,
        -11, 3,
    ]

    private var line = [Int32](repeating: 0, count: past + 2 * pairsAtMost)

    /// Puts samples behind those of the past.
    mutating func load(_ samples: UnsafeBufferPointer<Int16>) {
        line.withUnsafeMutableBufferPointer { line in
            for index in 0..<samples.count { line[Self.past + index] = Int32(samples[index]) }
        }
    }

    /// Puts one pair behind those of the past.
    mutating func load(_ first: Int32, _ second: Int32, at pair: Int) {
        line[Self.past + 2 * pair] = first
        line[Self.past + 2 * pair + 1] = second
    }

    /// The two halves of the filter, over the pair and the eleven before it: first samples, second samples.
    func sums(at pair: Int) -> (even: Int32, odd: Int32) {
        line.withUnsafeBufferPointer { line in
            Self.taps.withUnsafeBufferPointer { taps in
                var even: Int32 = 0
                var odd: Int32 = 0
                var index = 0
                let start = 2 * pair
                while index < 24 {
                    even &+= taps[index] &* line[start + index]
                    odd &+= taps[index + 1] &* line[start + index + 1]
                    index += 2
                }
                return (even, odd)
            }
        }
    }

    /// The last pairs of a block of that many become the past.
    mutating func advance(by pairs: Int) {
        line.withUnsafeMutableBufferPointer { line in
            for index in 0..<Self.past { line[index] = line[index + 2 * pairs] }
        }
    }
}
