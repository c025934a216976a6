/// The adaptive predictor of a sub-band: two poles and six zeros, led by the signs of the last differences (blocks 4L
/// and 4H of the Recommendation, chapter 6).
struct G722Predictor: Sendable {
    /// S: what the next sample is expected to be.
    private(set) var signal: Int32 = 0
    /// SZ: the part of it that comes from the zeros.
    private var zeroPart: Int32 = 0
    // A: the poles.
    private var a1: Int32 = 0
    private var a2: Int32 = 0
    // B: the zeros.
    private var b1: Int32 = 0
    private var b2: Int32 = 0
    private var b3: Int32 = 0
    private var b4: Int32 = 0
    private var b5: Int32 = 0
    private var b6: Int32 = 0
    // D: the last differences, the latest first.
    private var d1: Int32 = 0
    private var d2: Int32 = 0
    private var d3: Int32 = 0
    private var d4: Int32 = 0
    private var d5: Int32 = 0
    private var d6: Int32 = 0
    /// R: the last reconstructed sample.
    private var r1: Int32 = 0
    // P: the last partial reconstructions.
    private var p1: Int32 = 0
    private var p2: Int32 = 0

    /// Takes the quantised difference of a sample, and returns the sample as the other end reconstructs it.
    @discardableResult
    mutating func adapt(to difference: Int32) -> Int32 {
        let partial = G722Arithmetic.saturated(zeroPart + difference)  // PARREC
        let sample = G722Arithmetic.saturated(signal + difference)  // RECONS
        adaptZeros(to: difference)
        adaptPoles(to: partial)
        zeroPart = filteredDifferences()
        // FILTEP
        let first = G722Arithmetic.product(a1, G722Arithmetic.saturated(sample + sample))
        let second = G722Arithmetic.product(a2, G722Arithmetic.saturated(r1 + r1))
        r1 = sample
        signal = G722Arithmetic.saturated(G722Arithmetic.saturated(first + second) + zeroPart)  // PREDIC
        return sample
    }

    /// UPPOL2, UPPOL1.
    private mutating func adaptPoles(to partial: Int32) {
        let alikeLast = (partial ^ p1) >= 0
        let alikeSecond = (partial ^ p2) >= 0
        let quadrupled = G722Arithmetic.saturated(a1 &<< 2)
        let lean = G722Arithmetic.saturated(alikeLast ? -quadrupled : quadrupled) &>> 7
        let moved = lean + (alikeSecond ? 128 : -128) + G722Arithmetic.product(a2, 32_512)
        a2 = G722Arithmetic.clamped(moved, -12_288, 12_288)
        let limit = 15_360 - a2
        a1 = G722Arithmetic.clamped(G722Arithmetic.product(a1, 32_640) + (alikeLast ? 192 : -192), -limit, limit)
        p2 = p1
        p1 = partial
    }

    /// UPZERO.
    private mutating func adaptZeros(to difference: Int32) {
        let step: Int32 = difference == 0 ? 0 : 128
        @inline(__always) func moved(_ zero: Int32, _ past: Int32) -> Int32 {
            G722Arithmetic.saturated(G722Arithmetic.product(zero, 32_640) + ((past ^ difference) < 0 ? -step : step))
        }
        b1 = moved(b1, d1)
        b2 = moved(b2, d2)
        b3 = moved(b3, d3)
        b4 = moved(b4, d4)
        b5 = moved(b5, d5)
        b6 = moved(b6, d6)
        d6 = d5
        d5 = d4
        d4 = d3
        d3 = d2
        d2 = d1
        d1 = difference
    }

    /// FILTEZ. The order of the sum counts where it saturates.
    private func filteredDifferences() -> Int32 {
        var sum = G722Arithmetic.product(b6, d6 + d6)
        sum = G722Arithmetic.saturated(sum + G722Arithmetic.product(b5, d5 + d5))
        sum = G722Arithmetic.saturated(sum + G722Arithmetic.product(b4, d4 + d4))
        sum = G722Arithmetic.saturated(sum + G722Arithmetic.product(b3, d3 + d3))
        sum = G722Arithmetic.saturated(sum + G722Arithmetic.product(b2, d2 + d2))
        return G722Arithmetic.saturated(sum + G722Arithmetic.product(b1, d1 + d1))
    }
}
