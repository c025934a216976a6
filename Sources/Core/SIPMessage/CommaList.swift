/// The elements of a comma list in order, trimmed, minding quoted strings and angle brackets. Empty elements are given
/// too, for the caller to judge; an empty value has one.
struct CommaList: Sequence, IteratorProtocol {
    private let bytes: ByteView
    private var position: Int
    private var isDone = false

    init(_ bytes: ByteView) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// What has not been given; empty after the last element.
    var rest: ByteView { bytes[position..<bytes.endIndex] }

    mutating func next() -> ByteView? {
        guard !isDone else { return nil }
        let start = position
        let end = elementEnd()
        isDone = end >= bytes.endIndex
        position = isDone ? bytes.endIndex : end + 1
        return bytes[start..<Swift.min(end, bytes.endIndex)].trimmingSpaces()
    }

    /// The index of the comma that ends the element, or the end of the value.
    private func elementEnd() -> Int {
        var index = position
        var isQuoted = false
        var isBracketed = false
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\"") where !isBracketed: isQuoted.toggle()
            case UInt8(ascii: "<") where !isQuoted: isBracketed = true
            case UInt8(ascii: ">") where !isQuoted: isBracketed = false
            case UInt8(ascii: ",") where !isQuoted && !isBracketed: return index
            default: break
            }
            index += 1
        }
        return bytes.endIndex
    }
}
