/// Samples at a fixed place in memory, for as long as the buffer lives.
///
/// An array in a mutable struct would do, but while it is lent out the compiler holds on to the codec it is lent to: one
/// retain and release a packet. Every access is checked; like the codecs beside it, it is not shared between threads.
final class SampleBuffer {
    private let samples: UnsafeMutableBufferPointer<Int16>

    init(count: Int) {
        samples = .allocate(capacity: count)
        samples.initialize(repeating: 0)
    }

    deinit { samples.deallocate() }

    var count: Int { samples.count }

    /// The samples in `range`, valid while the buffer lives.
    subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Int16> {
        precondition(range.lowerBound >= 0 && range.upperBound <= samples.count, "no such samples")
        return UnsafeMutableBufferPointer(rebasing: samples[range])
    }

    /// Moves what is in `range` to the front.
    func moveToFront(_ range: Range<Int>) {
        let source = self[range]
        for index in source.indices { samples[index] = source[index] }
    }
}
