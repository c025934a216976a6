/// Cuts a stream of bytes into lines, and drops those that are too long without keeping them.
package struct LineSplitter: Sendable {
    package enum Line: Sendable, Hashable {
        /// Without its line break (LF or CRLF).
        case bytes([UInt8])
        case tooLong
    }

    private let limitBytes: Int
    private var pending: [UInt8] = []
    private var isOverlong = false

    package init(limitBytes: Int = VectorLimits().lineBytes) {
        self.limitBytes = limitBytes
    }

    /// The lines that `bytes` completes, in order.
    package mutating func push(_ bytes: some Collection<UInt8>) -> [Line] {
        var lines: [Line] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            keep(rest[..<end])
            lines.append(take())
            rest = rest[rest.index(after: end)...]
        }
        keep(rest)
        return lines
    }

    /// What stands after the last line break; nil when nothing does.
    package mutating func finish() -> Line? {
        pending.isEmpty && !isOverlong ? nil : take()
    }

    private mutating func keep(_ part: some Collection<UInt8>) {
        guard !isOverlong, !part.isEmpty else { return }
        if pending.count + part.count > limitBytes + 1 {  // one more for a CR
            isOverlong = true
            pending = []
        } else {
            pending += part
        }
    }

    private mutating func take() -> Line {
        defer {
            pending.removeAll(keepingCapacity: pending.count <= 65_536)
            isOverlong = false
        }
        if pending.last == 0x0D { pending.removeLast() }
        return isOverlong || pending.count > limitBytes ? .tooLong : .bytes(pending)
    }
}
