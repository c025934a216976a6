/// A look at bytes which somebody else holds: reading without copies and without counting references.
///
/// Made by `withView` alone and good until its closure returns; what is to last is copied out (`text`). Indices are
/// those of the bytes that it was made of, and every access is checked.
package struct ByteView: RandomAccessCollection {
    private let buffer: UnsafeBufferPointer<UInt8>
    package let startIndex: Int
    package let endIndex: Int

    fileprivate init(_ buffer: UnsafeBufferPointer<UInt8>) {
        self.buffer = buffer
        startIndex = 0
        endIndex = buffer.count
    }

    private init(_ buffer: UnsafeBufferPointer<UInt8>, _ bounds: Range<Int>) {
        self.buffer = buffer
        startIndex = bounds.lowerBound
        endIndex = bounds.upperBound
    }

    package subscript(index: Int) -> UInt8 {
        precondition(index >= startIndex && index < endIndex, "outside the view")
        return buffer[index]
    }

    package subscript(bounds: Range<Int>) -> ByteView {
        precondition(bounds.lowerBound >= startIndex && bounds.upperBound <= endIndex, "outside the view")
        return ByteView(buffer, bounds)
    }

    private var content: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: buffer[startIndex..<endIndex]) }

    /// As text; bytes that are not UTF-8 become U+FFFD.
    var text: String { String(decoding: content, as: UTF8.self) }

    /// As text when it is UTF-8.
    var validText: String? { isASCII ? text : String(validating: content, as: UTF8.self) }

    var isASCII: Bool {
        for index in startIndex..<endIndex where buffer[index] >= 0x80 { return false }
        return true
    }

    /// Without space and tab at both ends.
    func trimmingSpaces() -> ByteView {
        var first = startIndex
        var end = endIndex
        while first < end, SIPCharacters.isSpace(buffer[first]) { first += 1 }
        while end > first, SIPCharacters.isSpace(buffer[end - 1]) { end -= 1 }
        return ByteView(buffer, first..<end)
    }

    /// True when the bytes are `text`.
    func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { other in
            for index in 0..<other.count where buffer[startIndex + index] != other[index] { return false }
            return true
        }
    }

    /// True when the bytes are `text` but for the case of ASCII letters; `text` is lower case.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { lower in
            for index in 0..<lower.count where ByteText.folded(buffer[startIndex + index]) != lower[index] {
                return false
            }
            return true
        }
    }

    /// Where the first CR or LF stands at or after `start` (`endIndex` when there is none), and whether all before it
    /// is ASCII.
    func lineBreak(from start: Int) -> (index: Int, isASCII: Bool) {
        precondition(start >= startIndex && start <= endIndex, "outside the view")
        return Self.lineBreak(in: UnsafeBufferPointer(rebasing: buffer[..<endIndex]), from: start)
    }

    /// `lineBreak(from:)` of a whole buffer. Looks at eight bytes at a time.
    static func lineBreak(in buffer: UnsafeBufferPointer<UInt8>, from start: Int) -> (index: Int, isASCII: Bool) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        let raw = UnsafeRawBufferPointer(buffer)
        let endIndex = buffer.count
        var index = start
        var seen: UInt64 = 0
        while index < endIndex {
            if index + 8 <= endIndex {
                let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                // A byte below 0x0E makes its top bit: CR or LF, or a tab, which the loop below steps over.
                if (word &- ones &* 0x0E) & ~word & tops == 0 {
                    seen |= word
                    index += 8
                    continue
                }
            }
            let end = Swift.min(index + 8, endIndex)
            while index < end {
                let byte = buffer[index]
                if byte == 0x0D || byte == 0x0A { return (index, seen & tops == 0) }
                seen |= UInt64(byte)
                index += 1
            }
        }
        return (index, seen & tops == 0)
    }
}

extension ArraySlice<UInt8> {
    /// Lets `body` look at the bytes; index 0 of the view is the first byte of the slice.
    @inline(__always)
    func withView<Value, Failure: Error>(_ body: (ByteView) throws(Failure) -> Value) throws(Failure) -> Value {
        try withUnsafeBufferPointer { (buffer: UnsafeBufferPointer<UInt8>) throws(Failure) -> Value in
            try body(ByteView(buffer))
        }
    }

    /// As text; bytes that are not UTF-8 become U+FFFD.
    var text: String { String(decoding: self, as: UTF8.self) }
}

extension Array<UInt8> {
    /// Lets `body` look at the bytes.
    @inline(__always)
    func withView<Value, Failure: Error>(_ body: (ByteView) throws(Failure) -> Value) throws(Failure) -> Value {
        try withUnsafeBufferPointer { (buffer: UnsafeBufferPointer<UInt8>) throws(Failure) -> Value in
            try body(ByteView(buffer))
        }
    }
}

/// Comparing text without regard to case.
enum ByteText {
    /// ASCII capitals in lower case, all else as it is.
    static func folded(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    /// True when both are the same but for the case of ASCII letters; allocates nothing.
    static func isEqual(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        if left == right { return true }
        var others = right.utf8.makeIterator()
        for byte in left.utf8 {
            guard let other = others.next(), folded(byte) == folded(other) else { return false }
        }
        return true
    }
}
