package import Media

/// One recording on its way into a WAV file. Its calls wait for the disk: it belongs on a thread of its own, never on one
/// that moves audio.
///
/// Samples are written as they come. After the first second, and from then on every `Policy.secondsBetweenSyncs`, they are
/// made to survive a power cut, and only then does the header count them: so whatever happens, the file plays, and lacks
/// its last seconds at worst.
package final class RecordingFile {
    package struct Policy: Hashable, Sendable {
        /// Seconds of audio that a power cut may cost; each time costs the flash a few writes.
        package var secondsBetweenSyncs = 10
        package init() {}
    }
    /// What has been written.
    package struct Summary: Hashable, Sendable {
        package let path: String
        package let duration: Duration
        package let bytes: Int
        /// Of the duration, what is silence because it was lost on the way.
        package let lost: Duration
    }

    package let path: String
    package let rate: Int
    package let channels: Int
    private let limits: SoundLimits
    private let policy: Policy
    private var file: SoundFileHandle?
    private var writer: WAVWriter
    /// Frames that were there at the last synchronisation, and that were lost.
    private var safeFrames = 0
    private var lostFrames = 0

    /// Begins DIRECTORY/NAME.wav, which must not exist yet; the directory is made if need be.
    ///
    /// Throws for an invalid name, a file that exists, too little room on the disk, and what the system refuses.
    package init(
        directory: String, name: String, rate: Int, channels: Int, limits: SoundLimits = SoundLimits(),
        policy: Policy = Policy()
    ) throws(SoundFileError) {
        guard SoundFileName.isValid(name) else { throw .invalidName(name) }
        self.rate = rate
        self.channels = channels
        self.limits = limits
        self.policy = policy
        path = "\(directory)/\(name)\(SoundFileName.suffix)"
        writer = WAVWriter(rate: rate, channels: channels)
        try SoundDirectory.make(directory)
        let file = try SoundFileHandle.create(path)
        self.file = file
        do throws(SoundFileError) {
            try keepReserve(file, adding: WAVWriter.headerBytes)
            try file.write(writer.header, at: 0)
            try SoundDirectory.synchronise(directory)
        } catch {
            file.remove()
            throw error
        }
    }

    /// Frames that the file holds.
    package var frames: Int { writer.dataBytes / (2 * channels) }

    /// Adds a block, and silence for what was lost before it.
    ///
    /// Throws when the block would pass the size limit or the disk's reserve: then nothing of it is written, and what is
    /// there stays; `finish` is what is left to do. The same after a failure of the disk.
    package func append(_ block: RecordingBlock) throws(SoundFileError) {
        precondition(block.rate == rate && block.channels == channels, "a block of another recording")
        guard let file else { throw .closed(path: path) }
        let bytes = 2 * channels * (block.lostBefore + block.frames)
        let limit = min(limits.recordingBytes - WAVWriter.headerBytes, WAVWriter.dataBytesAtMost)
        guard writer.dataBytes + bytes <= limit else {
            throw .recordingFull(path: path, limitBytes: limits.recordingBytes)
        }
        try keepReserve(file, adding: bytes)
        var missing = block.lostBefore
        while missing > 0 {
            let part = min(missing, rate)
            try write([Int16](repeating: 0, count: part * channels), to: file)
            missing -= part
            lostFrames += part
        }
        try write(block.samples, to: file)
        if safeFrames == 0 || frames - safeFrames >= policy.secondsBetweenSyncs * rate { try secure(file) }
    }

    /// Makes all of it safe and closes the file; called once, whatever happened before.
    package func finish() throws(SoundFileError) -> Summary {
        guard let file else { throw .closed(path: path) }
        self.file = nil
        try secure(file)
        try file.synchronise()
        return Summary(
            path: path, duration: duration(frames), bytes: WAVWriter.headerBytes + writer.dataBytes,
            lost: duration(lostFrames))
    }

    private func duration(_ frames: Int) -> Duration { .nanoseconds(frames * 1_000_000 / rate * 1_000) }

    private func keepReserve(_ file: SoundFileHandle, adding bytes: Int) throws(SoundFileError) {
        let free = try file.freeBytes()
        guard free - bytes >= limits.recordingReserveBytes else {
            throw .diskReserve(path: path, freeBytes: free, reserveBytes: limits.recordingReserveBytes)
        }
    }

    private func write(_ samples: [Int16], to file: SoundFileHandle) throws(SoundFileError) {
        var next = writer
        let bytes = next.append(samples)
        // At its place, not at the end: what a failed write left half done is written over.
        try file.write(bytes, at: WAVWriter.headerBytes + writer.dataBytes)
        writer = next
    }

    /// First the samples, then the header that speaks of them.
    private func secure(_ file: SoundFileHandle) throws(SoundFileError) {
        try file.synchronise()
        try file.write(writer.header, at: 0)
        safeFrames = frames
    }
}
