/// Logarithms and powers without a mathematics library: the core imports nothing. To better than 1e-12, relative.
enum Elementary {
    /// The natural logarithm; -infinity for what is not positive.
    static func logarithm(_ x: Double) -> Double {
        guard x > 0, x.isFinite else { return x == .infinity ? x : -.infinity }
        // x = m * 2^e with m within a factor of the square root of two of 1; ln m = 2 artanh((m - 1) / (m + 1)).
        var exponent = Double(x.exponent)
        var mantissa = x.significand
        if mantissa > 2.0.squareRoot() {
            mantissa /= 2
            exponent += 1
        }
        let ratio = (mantissa - 1) / (mantissa + 1)
        let square = ratio * ratio
        var term = ratio
        var sum = 0.0
        for step in 0..<12 {
            sum += term / Double(2 * step + 1)
            term *= square
        }
        return 2 * sum + exponent * ln2
    }

    private static let ln2 = 0.693_147_180_559_945_3

    /// e to the power of `x`.
    static func exponential(_ x: Double) -> Double {
        guard x > -745 else { return 0 }
        guard x < 709 else { return .infinity }
        let whole = (x / ln2).rounded()
        let rest = x - whole * ln2
        var term = 1.0
        var sum = 1.0
        for step in 1...16 {
            term *= rest / Double(step)
            sum += term
        }
        return Double(sign: .plus, exponent: Int(whole), significand: sum)
    }

    /// `base` to the power of `exponent`, for a base that is not negative.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        base <= 0 ? (exponent == 0 ? 1 : 0) : exponential(exponent * logarithm(base))
    }

    /// A whole power of any base.
    static func wholePower(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1.0) { result, _ in result * base }
    }

    static func decibels(_ ratio: Double) -> Double { 10 * logarithm(ratio) / ln10 }
    static func ratio(decibels: Double) -> Double { exponential(decibels / 10 * ln10) }
    static func logarithm10(_ x: Double) -> Double { logarithm(x) / ln10 }

    private static let ln10 = 2.302_585_092_994_046
}
