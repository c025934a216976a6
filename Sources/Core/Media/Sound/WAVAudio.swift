/// What a WAV file holds: samples frame after frame, the channels in turn.
package struct WAVAudio: Hashable, Sendable {
    /// How samples lie in a file: the format tags of the fmt chunk that are read.
    package enum Encoding: UInt16, Hashable, Sendable, CaseIterable {
        case pcm = 1
        case aLaw = 6
        case muLaw = 7

        var bytesPerSample: Int { self == .pcm ? 2 : 1 }
    }
    /// Rates that are read.
    package static let rates = [8_000, 16_000, 48_000]

    package let encoding: Encoding
    package let rate: Int
    /// 1 or 2.
    package let channels: Int
    package let samples: [Int16]

    package init(encoding: Encoding, rate: Int, channels: Int, samples: [Int16]) {
        precondition(Self.rates.contains(rate) && (1...2).contains(channels), "such audio is not read")
        self.encoding = encoding
        self.rate = rate
        self.channels = channels
        self.samples = samples
    }

    package var frames: Int { samples.count / channels }

    /// One channel: of two the mean.
    package var mono: [Int16] {
        guard channels == 2 else { return samples }
        return (0..<frames).map { Int16(truncatingIfNeeded: (Int(samples[2 * $0]) + Int(samples[2 * $0 + 1])) >> 1) }
    }

    /// One channel at `rate`, 8000 or 16000, filtered as far as need be.
    package func mono(rate wanted: Int) -> [Int16] {
        let wide = rate == 48_000 ? WidebandDecimator.process(mono) : mono
        let present = min(rate, 16_000)
        if present == wanted { return wide }
        return present < wanted ? Self.widened(wide) : Self.narrowed(wide)
    }

    /// One channel as a clip: at 8 kHz if it is in the file so, at 16 kHz otherwise.
    package func clip(name: String) -> AudioClip {
        let rate = min(rate, 16_000)
        return AudioClip(name: name, rate: rate, samples: mono(rate: rate))
    }

    private static func widened(_ samples: [Int16]) -> [Int16] {
        var filter = HalfBand.Interpolator()
        return [Int16](unsafeUninitializedCapacity: 2 * samples.count) { output, count in
            output.initialize(repeating: 0)
            samples.withUnsafeBufferPointer { filter.process($0, into: output) }
            count = 2 * samples.count
        }
    }

    private static func narrowed(_ samples: [Int16]) -> [Int16] {
        let half = samples.count / 2
        var filter = HalfBand.Decimator()
        return [Int16](unsafeUninitializedCapacity: half) { output, count in
            let output = UnsafeMutableBufferPointer(rebasing: output[..<half])
            output.initialize(repeating: 0)
            samples.withUnsafeBufferPointer {
                filter.process(UnsafeBufferPointer(rebasing: $0[..<(2 * half)]), into: output)
            }
            count = half
        }
    }
}
