/// Plays a playlist into frames of any length.
///
/// Clips of the other rate are converted with the half-band filters. Each sound begins and ends over 5 ms, but for a
/// seamless clip that follows itself; so does the playing when it starts amid a sound or is stopped. Memory is taken when
/// it is made, none while it plays.
package struct Player: Sendable {
    /// 8000 or 16000.
    package let rate: Int
    private var sounds: [PlayedSound]
    private let repeats: Int?
    /// In units of 2^-12.
    private let gain: Int
    private let ramp: Int

    /// The sound that plays; `sounds.count`: none any more.
    private var index: Int
    private var pass = 0
    /// Where in the sound the playing came in, and where it is.
    private var entered = 0
    private var offset = 0
    private var follows = false
    private var leads = false

    private var converter = RateConverter()
    /// 10 ms of what plays, which may be less than is asked for or more.
    private var staged: [Int16]
    private var stagedCount = 0
    private var taken = 0
    private var played: Int
    /// Samples until silence, once it is being stopped.
    private var fading: Int?

    package init(_ playlist: Playlist, rate: Int) {
        precondition(AudioClip.rates.contains(rate), "a player has 8000 or 16000 samples per second")
        self.rate = rate
        sounds = playlist.sounds.prefix(SoundLimits.soundsPerPlaylist).map { PlayedSound($0, rate: rate) }
        repeats = playlist.repeats
        gain = Int((Elementary.ratio(decibels: min(12, max(-60, playlist.gain)) / 2) * 4_096).rounded())
        ramp = rate / 200
        staged = [Int16](repeating: 0, count: rate / 100)
        index = sounds.count
        played = playlist.start.samples(rate: rate)
        seek(to: played)
    }

    /// How far into the playlist it is, repetitions included: what `Playlist.start` takes to go on from here.
    package var position: Duration { Duration(samples: played, rate: rate) }

    /// Nothing is left to play.
    package var hasEnded: Bool { fading == 0 || (taken == stagedCount && index == sounds.count) }

    /// Fills `output` as far as the playlist goes; fewer samples than asked for: it has ended.
    package mutating func read(into output: UnsafeMutableBufferPointer<Int16>) -> Int {
        var done = 0
        while done < output.count, fading != 0 {
            if taken == stagedCount, !refill() { break }
            var count = min(output.count - done, stagedCount - taken)
            if let fading { count = min(count, fading) }
            for position in 0..<count { output[done + position] = staged[taken + position] }
            if let fading {
                for position in 0..<count {
                    let value = Int(output[done + position])
                    output[done + position] = Int16(
                        truncatingIfNeeded: Fade.apply(value, step: fading - 1 - position, of: ramp))
                }
                self.fading = fading - count
            }
            taken += count
            done += count
        }
        played += done
        // Looked for now, so that `hasEnded` is true with the last sample and not with the call after it.
        if taken == stagedCount, fading == nil { _ = refill() }
        return done
    }

    /// Lets what is heard fade out within 5 ms: the next `read` is the last one with sound.
    package mutating func stop() {
        if fading == nil { fading = hasEnded ? 0 : ramp }
    }

    /// Goes to `sample` of the whole, repetitions included; behind the end nothing plays.
    private mutating func seek(to sample: Int) {
        var rest = sample
        if sounds.allSatisfy({ $0.length != nil }) {
            let total = sounds.reduce(0) { $0 + ($1.length ?? 0) }
            guard total > 0 else { return }
            pass = rest / total
            rest %= total
        }
        if let repeats, pass >= repeats { return }
        for candidate in sounds.indices {
            let length = sounds[candidate].length ?? .max
            if rest < length {
                enter(candidate, at: rest)
                return
            }
            rest -= length
        }
    }

    private mutating func enter(_ sound: Int, at start: Int) {
        index = sound
        entered = sounds[sound].seek(to: start)
        offset = entered
        let clip = sounds[sound].clip
        leads = clip.map { $0.isSeamless && following(sound)?.clip == $0 } ?? false
    }

    private func following(_ sound: Int) -> PlayedSound? {
        if sound + 1 < sounds.count { return sounds[sound + 1] }
        return pass + 1 < repeats ?? .max ? sounds.first : nil
    }

    /// Makes the next samples; false: there are none.
    private mutating func refill() -> Bool {
        while index < sounds.count {
            let rest = (sounds[index].length ?? .max) - offset
            if rest > 0 {
                stage(min(staged.count, rest))
                return true
            }
            advance()
        }
        return false
    }

    private mutating func advance() {
        let joins = leads
        // An empty list never gets here, and of a list that has any length one sound is found within a turn.
        for _ in 0...sounds.count {
            index += 1
            if index == sounds.count {
                pass &+= 1
                if let repeats, pass >= repeats { return }
                index = 0
            }
            if sounds[index].length != 0 { break }
        }
        enter(index, at: 0)
        follows = joins
    }

    private mutating func stage(_ count: Int) {
        // Taken out while it is filled: both its place and the sounds are parts of this value.
        var buffer: [Int16] = []
        swap(&buffer, &staged)
        buffer.withUnsafeMutableBufferPointer { staged in
            let output = UnsafeMutableBufferPointer(rebasing: staged[..<count])
            sounds[index].fill(output, &converter)
            let length = sounds[index].length ?? .max
            let edge = min(ramp, length / 2)
            let hasStart = !follows && offset - entered < edge
            let hasEnd = !leads && length - offset - count < edge
            guard hasStart || hasEnd || gain != 4_096 else { return }
            for position in 0..<count {
                var value = (Int(output[position]) &* gain) &>> 12
                let since = offset - entered + position
                let until = length - offset - position - 1
                if hasStart, since < edge { value = Fade.apply(value, step: since, of: edge) }
                if hasEnd, until < edge { value = Fade.apply(value, step: until, of: edge) }
                output[position] = Int16(clamping: value)
            }
        }
        swap(&buffer, &staged)
        offset += count
        stagedCount = count
        taken = 0
    }
}
