/// Names one recording between call control, the media workers and who writes its file.
package struct RecordingID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// How the sides of a call lie in its recording.
package enum RecordingLayout: String, Hashable, Sendable, CaseIterable {
    /// One channel with both.
    case mixed
    /// Two channels: a left, b right.
    case perSide = "per-side"

    package var channels: Int { self == .mixed ? 1 : 2 }
}

/// About a second of a recording.
package struct RecordingBlock: Hashable, Sendable {
    package let rate: Int
    package let channels: Int
    /// The first frame's place, counted from the beginning of the recording (a frame is a sample of each channel).
    package let start: Int
    /// Frames right before this block that were lost, because nobody took the blocks: to be written as silence.
    package let lostBefore: Int
    /// Frame after frame, the channels in turn.
    package let samples: [Int16]

    package var frames: Int { samples.count / channels }
    package var duration: Duration { Duration(samples: frames, rate: rate) }
}

/// Collects what two sides say into blocks of a second, for somebody else to write down.
///
/// Both sides are written together, silence where one has nothing, so they stay aligned. It never waits: when
/// `SoundLimits.waitingRecordingBlocks` are not taken away, a second that is full is lost, counted, and told by the next
/// block. A block's memory is taken once a second, none in between.
package struct Recorder: Sendable {
    package let rate: Int
    package let layout: RecordingLayout
    /// Frames since the beginning, the lost ones too.
    package private(set) var frames = 0
    /// Frames that are in no block.
    package private(set) var lostFrames = 0

    private let blockFrames: Int
    private var current: [Int16] = []
    private var waiting: [RecordingBlock] = []
    private var lostBefore = 0

    /// `rate` in samples per second, 8000 or 16000.
    package init(rate: Int, layout: RecordingLayout) {
        precondition(AudioClip.rates.contains(rate), "a recording has 8000 or 16000 samples per second")
        self.rate = rate
        self.layout = layout
        blockFrames = rate
        current.reserveCapacity(blockFrames * layout.channels)
        waiting.reserveCapacity(SoundLimits.waitingRecordingBlocks + 1)
    }

    package var duration: Duration { Duration(samples: frames, rate: rate) }

    /// Adds `count` frames. A side that is nil, or has fewer samples, is silent for the rest; what it has more is left out.
    package mutating func write(a: UnsafeBufferPointer<Int16>?, b: UnsafeBufferPointer<Int16>?, count: Int) {
        var done = 0
        while done < count {
            let part = min(count - done, blockFrames - current.count / layout.channels)
            for index in done..<done + part { add(Self.sample(a, index), Self.sample(b, index)) }
            done += part
            frames += part
            if current.count == blockFrames * layout.channels { close() }
        }
    }

    /// The oldest full block; nil: none is full.
    package mutating func takeBlock() -> RecordingBlock? {
        waiting.isEmpty ? nil : waiting.removeFirst()
    }

    /// Makes a block of what has been begun, however short, even when too many wait: `takeBlock` then has it all.
    package mutating func finish() {
        guard !current.isEmpty else { return }
        append()
    }

    @inline(__always) private static func sample(_ side: UnsafeBufferPointer<Int16>?, _ index: Int) -> Int16 {
        guard let side, index < side.count else { return 0 }
        return side[index]
    }

    @inline(__always) private mutating func add(_ a: Int16, _ b: Int16) {
        switch layout {
        case .mixed: current.append(Int16(clamping: Int(a) + Int(b)))
        case .perSide:
            current.append(a)
            current.append(b)
        }
    }

    private mutating func close() {
        if waiting.count < SoundLimits.waitingRecordingBlocks {
            append()
        } else {
            lostBefore += blockFrames
            lostFrames += blockFrames
            current.removeAll(keepingCapacity: true)
        }
    }

    private mutating func append() {
        let count = current.count / layout.channels
        waiting.append(
            RecordingBlock(
                rate: rate, channels: layout.channels, start: frames - count, lostBefore: lostBefore, samples: current))
        lostBefore = 0
        current = []
        current.reserveCapacity(blockFrames * layout.channels)
    }
}
