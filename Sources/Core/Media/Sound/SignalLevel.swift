/// Levels of 16-bit samples in dBm0: a sine wave at full scale has +3.14 dBm0, the overload point of A-law
/// (ITU-T G.711 table 5, G.100.1).
package enum SignalLevel {
    package static let fullScale = 3.14

    /// The peak of a sine wave of `dBm0`, in 16-bit units.
    package static func sinePeak(dBm0: Double) -> Double {
        32_768 * Elementary.ratio(decibels: (dBm0 - fullScale) / 2)
    }

    /// The level of a signal by its effective value (root of the mean square); -infinity for silence.
    package static func dBm0(effective: Double) -> Double {
        Elementary.decibels(2 * effective * effective / (32_768.0 * 32_768.0)) + fullScale
    }

    /// The level of samples; -infinity for silence.
    package static func dBm0(of samples: some Collection<Int16>) -> Double {
        guard !samples.isEmpty else { return -.infinity }
        let energy = samples.reduce(0.0) { $0 + Double($1) * Double($1) }
        return dBm0(effective: (energy / Double(samples.count)).squareRoot())
    }
}
