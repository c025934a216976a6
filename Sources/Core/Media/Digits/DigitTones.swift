import Primitives
import RTP

/// The tones of keys (ITU-T Q.23) as samples: the lower tone at -10 dBm0, the higher at -8 dBm0, which makes up for what
/// lines take from it. Each begins and ends within 2 ms, so that nothing clicks.
package struct DigitTones: Sendable {
    /// The peak of a sine wave of 0 dBm0: 3.17 dB below the loudest that mu-law carries (ITU-T G.711 table 5).
    static let amplitudeAtZero = 22_301.0
    private static let lowAmplitude = amplitudeAtZero / 3.162_277_660  // -10 dBm0
    private static let highAmplitude = amplitudeAtZero / 2.511_886_432  // -8 dBm0
    /// The shortest that a receiver must recognise, and the shortest pause (ITU-T Q.24 table A.1), with some air.
    package static let shortest = Duration.milliseconds(50)

    private struct Wave: Sendable {
        let step: (cosine: Double, sine: Double)
        let amplitude: Double
        var point: (cosine: Double, sine: Double) = (1, 0)

        init(_ hertz: Int, _ amplitude: Double, rate: Int) {
            step = UnitCircle.point(turns: Double(hertz) / Double(rate))
            self.amplitude = amplitude
        }

        mutating func next() -> Double {
            let value = point.sine * amplitude
            point = (
                point.cosine * step.cosine - point.sine * step.sine,
                point.sine * step.cosine + point.cosine * step.sine
            )
            return value
        }
    }

    private let digits: [Digit]
    private let rate: Int
    private let ramp: Int
    /// Samples of a tone; nil: until `stop`.
    private let length: Int?
    private let pause: Int
    /// The digit after the present one.
    private var next = 0
    private var low: Wave?
    private var high: Wave?
    /// Samples since the present digit began, and how many it has; nil: that is not known yet.
    private var position = 0
    private var end: Int?

    /// The tones of several keys, with pauses between them and behind the last. A hook flash is a longer pause.
    ///
    /// - Parameters:
    ///   - rate: samples per second, 8000 to 48000.
    ///   - length: of each tone, at least 10 ms; nil: the first sounds until `stop`, and none follows.
    package init(
        _ digits: [Digit], rate: Int, length: Duration? = .milliseconds(100), pause: Duration = .milliseconds(80)
    ) {
        self.digits = length == nil ? Array(digits.prefix(1)) : digits
        self.rate = rate
        ramp = max(1, rate / 500)
        self.length = length.map { max(rate / 100, $0.ticks(rate: rate)) }
        self.pause = max(0, pause.ticks(rate: rate))
        begin()
    }

    /// The tone of one key, and nothing behind it.
    package init(_ digit: Digit, rate: Int, length: Duration? = .milliseconds(100)) {
        self.init([digit], rate: rate, length: length, pause: .zero)
    }

    /// Everything was read.
    package var isFinished: Bool { end.map { position >= $0 + pause && next >= digits.count } ?? false }

    /// The tone that sounds ends after so many samples more, or within 2 ms; nothing follows it but its pause.
    package mutating func stop(after samples: Int = 0) {
        next = digits.count
        end = min(end ?? .max, position + max(samples, ramp))
    }

    /// Fills `pcm`, at the end only the beginning of it; returns how many samples were written.
    package mutating func read(into pcm: UnsafeMutableBufferPointer<Int16>) -> Int {
        var written = 0
        while written < pcm.count {
            if let end, position >= end + pause {
                guard next < digits.count else { break }
                begin()
            }
            pcm[written] = sample()
            position += 1
            written += 1
        }
        return written
    }

    private mutating func begin() {
        position = 0
        guard next < digits.count else {
            (low, high, end) = (nil, nil, 0)
            position = pause
            return
        }
        let tones = digits[next].tones
        low = tones.map { Wave($0.low, Self.lowAmplitude, rate: rate) }
        high = tones.map { Wave($0.high, Self.highAmplitude, rate: rate) }
        end = length
        next += 1
    }

    private mutating func sample() -> Int16 {
        let left = end.map { $0 - position } ?? .max
        guard left > 0, low != nil, high != nil else { return 0 }
        let both = (low?.next() ?? 0) + (high?.next() ?? 0)
        let edge = min(position + 1, left, ramp)
        return Int16(both * Double(edge) / Double(ramp))
    }
}
