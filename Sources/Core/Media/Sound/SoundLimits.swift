import Primitives

/// What sounds may take of memory, time and storage at most.
package struct SoundLimits: Sendable, Equatable {
    /// Sounds in one playlist; what follows is not played.
    package static let soundsPerPlaylist = 100
    /// One sound of a playlist ends after so long, unless it is a tone that lasts for ever.
    package static let soundAtMost = Duration.seconds(24 * 3_600)
    /// Blocks of a recorder that wait to be written; what comes while so many wait is lost, and told.
    package static let waitingRecordingBlocks = 4

    /// Seconds of one WAV file that is read.
    package var clipSeconds = 600
    /// Bytes of one WAV file that is read: ten minutes of 48 kHz in stereo, and something for other chunks.
    package var clipFileBytes = 120 * 1024 * 1024
    /// Clips of a library.
    package var clips = 100
    /// What the samples of a library's clips take together.
    package var clipLibraryBytes = 64 * 1024 * 1024
    /// Recordings that are written at once.
    package var recordings = 64
    /// Bytes of one recording: nine hours of one channel at 8 kHz, two of two channels at 16 kHz.
    package var recordingBytes = 512 * 1024 * 1024
    /// What recordings leave free on their file system.
    package var recordingReserveBytes = 256 * 1024 * 1024

    package init() {}
}

extension Duration {
    /// Samples in this time at `rate`; none for a negative one, a day's worth at most.
    func samples(rate: Int) -> Int {
        let nanoseconds = max(0, min(self, SoundLimits.soundAtMost).wholeNanoseconds)
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return Int(seconds) * rate + Int(rest) * rate / 1_000_000_000
    }

    /// The time that `samples` at `rate` take.
    init(samples: Int, rate: Int) {
        let (seconds, rest) = samples.quotientAndRemainder(dividingBy: rate)
        self = .seconds(seconds) + .nanoseconds(rest * 1_000_000_000 / rate)
    }
}
