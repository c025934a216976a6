/// One sound of a playlist, made ready for a player's rate.
struct PlayedSound: Sendable {
    /// Samples at the player's rate; nil: it does not end.
    let length: Int?
    let clip: AudioClip?
    private var tone: ToneRenderer?
    /// The clip's rate against the player's, as a shift: 1 for half of it, -1 for twice, 0 for the same.
    private let doubling: Int
    /// Where in the clip it is, in the clip's samples.
    private var next = 0

    init(_ sound: Playlist.Sound, rate: Int) {
        switch sound {
        case .clip(let clip):
            self.clip = clip
            doubling = clip.rate == rate ? 0 : clip.rate < rate ? 1 : -1
            let day = SoundLimits.soundAtMost.samples(rate: rate)
            length = min(day, doubling >= 0 ? clip.samples.count << doubling : clip.samples.count >> 1)
        case .tone(let cadence, let lasting):
            let renderer = ToneRenderer(cadence, rate: rate)
            clip = nil
            doubling = 0
            tone = renderer
            let most = lasting?.samples(rate: rate)
            length =
                renderer.length.map { length in
                    min(length, most ?? SoundLimits.soundAtMost.samples(rate: rate))
                } ?? most
        case .silence(let duration):
            clip = nil
            doubling = 0
            length = duration.samples(rate: rate)
        }
    }

    /// Goes on at `sample`, or one before it where two samples are made of one; which it is.
    mutating func seek(to sample: Int) -> Int {
        tone?.seek(to: sample)
        switch doubling {
        case 1:
            next = sample / 2
            return next * 2
        case -1: next = sample * 2
        default: next = sample
        }
        return sample
    }

    /// Fills `output`, which is not longer than what is left.
    mutating func fill(_ output: UnsafeMutableBufferPointer<Int16>, _ converter: inout RateConverter) {
        if let clip {
            let count = doubling == 0 ? output.count : doubling > 0 ? output.count / 2 : output.count * 2
            clip.samples.withUnsafeBufferPointer { samples in
                let first = min(next, samples.count)
                let input = UnsafeBufferPointer(rebasing: samples[first..<min(samples.count, first + count)])
                guard input.count == count else {
                    output.update(repeating: 0)
                    return
                }
                switch doubling {
                case 0: for index in 0..<count { output[index] = input[index] }
                case 1: converter.widen(input, into: output)
                default: converter.narrow(input, into: output)
                }
            }
            next += count
            return
        }
        let count = tone?.render(into: output) ?? 0
        for index in count..<output.count { output[index] = 0 }
    }
}

/// The filters between 8 and 16 kHz of one player: what runs into each other goes through the same one.
struct RateConverter: Sendable {
    private var interpolator = HalfBand.Interpolator()
    private var decimator = HalfBand.Decimator()

    mutating func widen(_ input: UnsafeBufferPointer<Int16>, into output: UnsafeMutableBufferPointer<Int16>) {
        interpolator.process(input, into: output)
    }

    mutating func narrow(_ input: UnsafeBufferPointer<Int16>, into output: UnsafeMutableBufferPointer<Int16>) {
        decimator.process(input, into: output)
    }
}
