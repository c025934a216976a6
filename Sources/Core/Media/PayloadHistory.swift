/// What was sent last to a side whose codec leans on it: G.722 adapts to its own past, and who sends on where somebody else
/// has sent before has to have heard that. 200 ms are enough, since it forgets most of it within 30.
///
/// Kept as bytes, because what goes on being relayed need not be decoded.
struct PayloadHistory: ~Copyable {
    private static let keptBytes = 200 * 8
    /// Room for as much again, so that bytes are moved now and then only; nil for codecs that do not need any.
    private var bytes: UnsafeMutableRawBufferPointer?
    private var count = 0

    init() {}

    deinit { bytes?.deallocate() }

    /// Keeps what is sent in this codec, if it leans on it.
    mutating func keep(for codec: AudioCodec) {
        if codec != .g722 {
            bytes?.deallocate()
            bytes = nil
            count = 0
        } else if bytes == nil {
            bytes = .allocate(byteCount: 2 * Self.keptBytes, alignment: 16)
        }
    }

    mutating func append(_ payload: UnsafeRawBufferPointer) {
        guard let bytes else { return }
        let payload = UnsafeRawBufferPointer(rebasing: payload.suffix(Self.keptBytes))
        if count + payload.count > bytes.count {
            let kept = min(count, Self.keptBytes, bytes.count - payload.count)
            UnsafeMutableRawBufferPointer(rebasing: bytes[..<kept]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[(count - kept)..<count]))
            count = kept
        }
        UnsafeMutableRawBufferPointer(rebasing: bytes[count..<count + payload.count]).copyMemory(from: payload)
        count += payload.count
    }

    /// Has an encoder go on from what was sent.
    func lead(_ encoder: any AudioEncoder) {
        guard let bytes, count > 0 else { return }
        encoder.follow(UnsafeRawBufferPointer(rebasing: bytes[max(0, count - Self.keptBytes)..<count]))
    }
}
