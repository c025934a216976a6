import Foundation

/// Something like speech, the same on every run: vowels with gliding pitch and formants, hisses, and short rests.
///
/// It is a sum of sines, so that it can be had at any rate, limited to any band, and lines up sample by sample.
enum SpeechMaterial {
    private struct Sound {
        var start: Double
        var length: Double
        /// Pitch at beginning and end in Hz; nil for a hiss.
        var pitch: (Double, Double)?
        /// Resonances in Hz.
        var formants: [Double]
        var level: Double
    }
    private static let sounds = [
        Sound(start: 0.02, length: 0.16, pitch: (118, 141), formants: [660, 1_700, 2_400], level: 1),
        Sound(start: 0.20, length: 0.07, pitch: nil, formants: [2_600, 5_200], level: 0.25),
        Sound(start: 0.28, length: 0.15, pitch: (172, 128), formants: [300, 2_200, 3_000], level: 0.8),
        Sound(start: 0.46, length: 0.17, pitch: (108, 120), formants: [480, 900, 2_500], level: 1),
    ]
    static let seconds = 0.66
    /// Until here only, when one end is of the telephone band.
    static let narrowLimit = 3_300.0
    static let wideLimit = 6_600.0

    private static let narrow8 = make(rate: 8_000, limit: narrowLimit)
    private static let narrow16 = make(rate: 16_000, limit: narrowLimit)
    private static let wide16 = make(rate: 16_000, limit: wideLimit)

    static func samples(rate: Int, isWide: Bool) -> [Int16] {
        rate == 8_000 ? narrow8 : isWide ? wide16 : narrow16
    }

    private static func make(rate: Int, limit: Double) -> [Int16] {
        var mix = [Double](repeating: 0, count: Int(seconds * Double(rate)))
        for sound in sounds {
            if let pitch = sound.pitch {
                for harmonic in 1...60 { add(harmonic, of: pitch, sound, limit, &mix, rate: rate) }
            } else {
                for index in 0..<150 { add(hiss: index, sound, limit, &mix, rate: rate) }
            }
        }
        return mix.map { Int16(max(-30_000, min(30_000, $0 * 9_000))) }
    }

    /// How loud a formant filter lets a frequency through.
    private static func response(_ hertz: Double, _ formants: [Double]) -> Double {
        formants.reduce(0.02) { $0 + 1 / (1 + pow((hertz - $1) / 140, 2)) }
    }

    private static func envelope(_ time: Double, _ sound: Sound) -> Double {
        let edge = 0.025
        let inside = min(time, sound.length - time)
        return inside <= 0 ? 0 : sound.level * (inside < edge ? 0.5 - 0.5 * cos(.pi * inside / edge) : 1)
    }

    private static func add(
        _ harmonic: Int, of pitch: (Double, Double), _ sound: Sound, _ limit: Double, _ mix: inout [Double], rate: Int
    ) {
        let number = Double(harmonic)
        guard number * max(pitch.0, pitch.1) < limit else { return }
        let loudness = response(number * (pitch.0 + pitch.1) / 2, sound.formants) / number.squareRoot()
        let first = Int(sound.start * Double(rate))
        for index in first..<min(mix.count, first + Int(sound.length * Double(rate))) {
            let time = Double(index) / Double(rate) - sound.start
            let turns = pitch.0 * time + (pitch.1 - pitch.0) * time * time / (2 * sound.length)
            mix[index] += envelope(time, sound) * loudness * sin(2 * .pi * number * turns + number * number * 0.3)
        }
    }

    private static func add(hiss index: Int, _ sound: Sound, _ limit: Double, _ mix: inout [Double], rate: Int) {
        // Frequencies and phases by a fixed irregular rule.
        let hertz = 900 + 5_700 * (Double(index) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1)
        guard hertz < limit else { return }
        let loudness = response(hertz, sound.formants) / 4
        let first = Int(sound.start * Double(rate))
        for place in first..<min(mix.count, first + Int(sound.length * Double(rate))) {
            let time = Double(place) / Double(rate) - sound.start
            mix[place] += envelope(time, sound) * loudness * sin(2 * .pi * hertz * time + Double(index * index) * 1.7)
        }
    }
}
