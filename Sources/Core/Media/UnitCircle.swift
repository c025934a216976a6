/// Sine and cosine without a mathematics library: the core imports nothing.
package enum UnitCircle {
    /// Cosine and sine of `turns` revolutions, to better than 1e-12.
    package static func point(turns: Double) -> (cosine: Double, sine: Double) {
        let fraction = turns - turns.rounded(.down)
        let quarter = (fraction * 4).rounded()
        let angle = (fraction - quarter / 4) * 2 * Double.pi  // within an eighth of a turn of the axis
        let square = angle * angle
        var cosine = 1.0
        var sine = angle
        var evenTerm = 1.0
        var oddTerm = angle
        for step in 1...8 {
            let n = Double(2 * step)
            evenTerm *= -square / ((n - 1) * n)
            oddTerm *= -square / (n * (n + 1))
            cosine += evenTerm
            sine += oddTerm
        }
        return switch Int(quarter) % 4 {
        case 1: (-sine, cosine)
        case 2: (-cosine, -sine)
        case 3: (sine, -cosine)
        default: (cosine, sine)
        }
    }
}
