import Foundation

/// Something like speech: the harmonics of a gliding pitch through the resonances of vowels that follow each other, with
/// hisses and rests between; the same on every run.
enum VoiceMaterial {
    private static let vowels: [[Double]] = [
        [660, 1_700, 2_400], [300, 2_200, 3_000], [480, 900, 2_500], [730, 1_090, 2_440], [270, 2_290, 3_010],
        [390, 1_990, 2_550], [570, 840, 2_410], [440, 1_020, 2_240], [690, 1_200, 2_500], [850, 1_470, 2_600],
    ]

    private static func response(_ hertz: Double, _ formants: [Double]) -> Double {
        formants.reduce(0.02) { $0 + 1 / (1 + pow((hertz - $1) / 120, 2)) }
    }

    /// A vowel held at one pitch.
    static func vowel(pitch: Double, milliseconds: Int) -> [Int16] {
        let formants = [pitch * 2.02 + 300, 1_209 + pitch / 3, 2_500]
        return mix(milliseconds * 8) { _ in
            pitch
        } formants: { _ in
            formants
        }
    }

    /// At 8 kHz; `voice` chooses pitch, melody and order of the vowels.
    static func speech(seconds: Int, voice: Int) -> [Int16] {
        let base = 85 + 19 * Double(voice)
        return mix(seconds * 8_000) { time in
            base * (1 + 0.18 * sin(2 * .pi * (1.3 + 0.1 * Double(voice)) * time) + 0.05 * sin(2 * .pi * 5.1 * time))
        } formants: { time in
            let place = time * (4 + Double(voice) / 7) + Double(3 * voice)
            let (one, two) = (vowels[Int(place) % 10], vowels[(Int(place) * 7 + 1) % 10])
            let share = place - place.rounded(.down)
            return zip(one, two).map { $0 * (1 - share) + $1 * share }
        }
    }

    private static func mix(
        _ count: Int, _ pitch: (Double) -> Double, formants: (Double) -> [Double]
    ) -> [Int16] {
        var phase = 0.0
        var amplitudes: [Double] = []
        var samples: [Int16] = []
        samples.reserveCapacity(count)
        for index in 0..<count {
            let time = Double(index) / 8_000
            let hertz = pitch(time)
            phase += hertz / 8_000
            if index % 80 == 0 {
                let present = formants(time)
                amplitudes = (1...40).map { number in
                    let frequency = Double(number) * hertz
                    return frequency < 3_400 ? response(frequency, present) / Double(number).squareRoot() : 0
                }
            }
            // Syllables: louder and quieter four times a second.
            var value = 0.0
            let (step, first) = (UnitPoint(turns: phase), UnitPoint(turns: phase))
            var point = first
            for amplitude in amplitudes where amplitude > 0 {
                value += amplitude * point.sine
                point = point.turned(step)
            }
            samples.append(Int16(max(-32_000, min(32_000, value * 6_000 * (0.6 + 0.4 * sin(2 * .pi * 4 * time))))))
        }
        return samples
    }

    private struct UnitPoint {
        var cosine: Double
        var sine: Double

        init(turns: Double) {
            cosine = cos(2 * .pi * turns)
            sine = sin(2 * .pi * turns)
        }

        func turned(_ step: UnitPoint) -> UnitPoint {
            var result = self
            result.cosine = cosine * step.cosine - sine * step.sine
            result.sine = sine * step.cosine + cosine * step.sine
            return result
        }
    }
}
