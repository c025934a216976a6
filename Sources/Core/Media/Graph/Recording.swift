import Primitives

/// A session that is being recorded.
struct Recording {
    let id: RecordingID
    private let layout: RecordingLayout
    private var recorder: Recorder?
    /// By side: for a session that works at a higher rate than when the recording began.
    private var narrowing = [HalfBand.Decimator(), HalfBand.Decimator()]
    private let narrow = SampleBuffer(count: Room.samplesAtMost)

    init(_ id: RecordingID, _ layout: RecordingLayout) {
        self.id = id
        self.layout = layout
    }

    /// Adds a tick of both sides, each as long as `count` if it is there.
    mutating func write(
        a: UnsafeBufferPointer<Int16>?, b: UnsafeBufferPointer<Int16>?, count: Int, rate: Int
    ) {
        if recorder == nil { recorder = Recorder(rate: rate, layout: layout) }
        guard let recorderRate = recorder?.rate, recorderRate < rate else {
            recorder?.write(a: a, b: b, count: count)
            return
        }
        let half = count / 2
        let narrowA = a.map { narrowed($0, 0, narrow[0..<half]) }
        let narrowB = b.map { narrowed($0, 1, narrow[half..<2 * half]) }
        recorder?.write(a: narrowA, b: narrowB, count: half)
    }

    private mutating func narrowed(
        _ said: UnsafeBufferPointer<Int16>, _ index: Int, _ output: UnsafeMutableBufferPointer<Int16>
    ) -> UnsafeBufferPointer<Int16> {
        narrowing[index].process(said, into: output)
        return UnsafeBufferPointer(output)
    }

    /// The oldest full block.
    mutating func takeBlock() -> RecordingBlock? { recorder?.takeBlock() }

    /// Everything that is left.
    mutating func finish() -> [RecordingBlock] {
        recorder?.finish()
        var blocks: [RecordingBlock] = []
        while let block = recorder?.takeBlock() { blocks.append(block) }
        return blocks
    }
}
