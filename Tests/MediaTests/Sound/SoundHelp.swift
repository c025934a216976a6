import Media

/// Everything that a playlist plays, at most `limit` samples, read in frames of `frame`.
func played(_ playlist: Playlist, rate: Int = 8_000, frame: Int = 160, limit: Int) -> [Int16] {
    var player = Player(playlist, rate: rate)
    return read(&player, frame: frame, limit: limit)
}

/// What `player` plays next, `limit` samples at most.
func read(_ player: inout Player, frame: Int = 160, limit: Int) -> [Int16] {
    var heard: [Int16] = []
    var buffer = [Int16](repeating: 12_345, count: frame)
    while heard.count < limit {
        let wanted = min(frame, limit - heard.count)
        let count = buffer.withUnsafeMutableBufferPointer {
            player.read(into: UnsafeMutableBufferPointer(rebasing: $0[..<wanted]))
        }
        heard += buffer[..<count]
        if count < wanted { break }
    }
    return heard
}

/// The largest step from one sample to the next.
func largestStep(_ pcm: some Collection<Int16>) -> Int {
    zip(pcm, pcm.dropFirst()).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// A clip of samples that count up from `first`, so that places can be told.
func ramp(_ count: Int, from first: Int = 0, rate: Int = 8_000, isSeamless: Bool = false) -> AudioClip {
    AudioClip(
        name: "ramp", rate: rate, samples: (0..<count).map { Int16(clamping: first + $0) }, isSeamless: isSeamless)
}

/// A clip of one level.
func flat(_ value: Int16, _ count: Int, rate: Int = 8_000, isSeamless: Bool = false) -> AudioClip {
    AudioClip(
        name: "flat", rate: rate, samples: [Int16](repeating: value, count: count), isSeamless: isSeamless)
}
