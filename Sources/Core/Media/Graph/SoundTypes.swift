/// A run of samples that never changes: mono, at `rate`.
package final class AudioClip: Sendable {
    package let rate: Int
    package let samples: [Int16]

    package init(samples: [Int16], rate: Int) {
        self.samples = samples
        self.rate = rate
    }
}

extension AudioClip: Hashable {
    package static func == (left: AudioClip, right: AudioClip) -> Bool { left === right }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// What is played, in its order.
package struct Playlist: Hashable, Sendable {
    package var clips: [AudioClip]
    package var isEndless: Bool

    package init(_ clips: [AudioClip], isEndless: Bool = false) {
        self.clips = clips
        self.isEndless = isEndless
    }
}

/// How a recording holds the two sides of a call.
package enum RecordingLayout: Hashable, Sendable { case mixed, separate }

/// A part of a recording.
package struct RecordingBlock: Hashable, Sendable {
    package var rate: Int
    package var channels: Int
    /// Those of the channels interleaved.
    package var samples: [Int16]

    package init(rate: Int, channels: Int, samples: [Int16]) {
        self.rate = rate
        self.channels = channels
        self.samples = samples
    }
}
