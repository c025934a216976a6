import Primitives

/// Reads the lines before the body, one header field after the other, folded lines joined (RFC 3261 section 7.3.1).
///
/// One pass over the bytes; a field is a slice of them, unless it was folded.
struct HeaderLines {
    let startLine: ByteView
    /// Where the next line begins; after the last field, where the body begins.
    private(set) var position: Int
    /// True after an error that `next` cannot step over.
    private(set) var isStuck = false
    private let bytes: ByteView
    /// What `bytes` is a view of.
    private let source: ArraySlice<UInt8>
    private let limits: Limits
    private var count = 0
    private var isPart = false

    init(
        _ bytes: ByteView, of source: ArraySlice<UInt8>, limits: Limits, isStartLineBounded: Bool = true
    ) throws(SIPParseError) {
        self.bytes = bytes
        self.source = source
        self.limits = limits
        position = bytes.startIndex
        while position + 1 < bytes.endIndex, bytes[position] == 0x0D, bytes[position + 1] == 0x0A { position += 2 }
        guard position < bytes.endIndex else { throw .empty }
        let end = try Self.line(in: bytes, from: position).end
        startLine = bytes[position..<end]
        guard !isStartLineBounded || startLine.count <= limits.sipStartLineBytes else {
            throw .startLineTooLong(bytes: startLine.count, limit: limits.sipStartLineBytes)
        }
        position = end + 2
    }

    /// The fields of a part of a body: no start line, and the bytes may end where the empty line would stand.
    init(part bytes: ByteView, of source: ArraySlice<UInt8>, limits: Limits) {
        self.bytes = bytes
        self.source = source
        self.limits = limits
        position = bytes.startIndex
        startLine = bytes[bytes.startIndex..<bytes.startIndex]
        isPart = true
    }

    /// The next field; nil when the empty line has been taken.
    mutating func next() throws(SIPParseError) -> SIPHeaders.Field? {
        let start = position
        if isPart, start >= bytes.endIndex { return nil }
        isStuck = true
        var (end, isASCII) = try Self.line(in: bytes, from: start)
        if end == start {
            position = end + 2
            return nil
        }
        var isFolded = false
        while end + 2 < bytes.endIndex, SIPCharacters.isSpace(bytes[end + 2]) {
            let more = try Self.line(in: bytes, from: end + 2)
            end = more.end
            isASCII = isASCII && more.isASCII
            isFolded = true
        }
        position = end + 2
        isStuck = false
        count += 1
        guard count <= limits.sipHeaderCount else {
            throw .tooManyHeaders(count: count, limit: limits.sipHeaderCount)
        }
        guard end - start <= limits.sipHeaderLineBytes else {
            throw .headerLineTooLong(bytes: end - start, limit: limits.sipHeaderLineBytes)
        }
        var scanner = FieldScanner(bytes[start..<end])
        guard let spelling = scanner.tokenBytes() else { throw .malformedHeaderLine(number: count) }
        scanner.skipSpaces()
        guard scanner.peek == UInt8(ascii: ":") else { throw .malformedHeaderLine(number: count) }
        let name = Self.name(spelling)
        let value = bytes[(scanner.position + 1)..<end].trimmingSpaces()
        guard isASCII || value.validText != nil else { throw .notUTF8(name) }
        if isFolded { return SIPHeaders.Field(name, bytes: Self.unfolded(value)[...]) }
        let offset = source.startIndex
        return SIPHeaders.Field(name, bytes: source[(value.startIndex + offset)..<(value.endIndex + offset)])
    }

    /// The index of the CR of the CRLF that ends the line, and whether the line is ASCII.
    private static func line(
        in bytes: ByteView, from start: Int
    ) throws(SIPParseError) -> (end: Int, isASCII: Bool) {
        let (end, isASCII) = bytes.lineBreak(from: start)
        guard end < bytes.endIndex else { throw .headersNotTerminated }
        guard bytes[end] == 0x0D else { throw .bareLineBreak }
        guard end + 1 < bytes.endIndex else { throw .headersNotTerminated }
        guard bytes[end + 1] == 0x0A else { throw .bareLineBreak }
        return (end, isASCII)
    }

    /// Each line break with the white space around it becomes one space.
    private static func unfolded(_ line: ByteView) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var index = line.startIndex
        while index < line.endIndex {
            guard line[index] == 0x0D else {
                result.append(line[index])
                index += 1
                continue
            }
            while let last = result.last, SIPCharacters.isSpace(last) { result.removeLast() }
            while index < line.endIndex,
                SIPCharacters.isSpace(line[index]) || line[index] == 0x0D || line[index] == 0x0A
            {
                index += 1
            }
            if !result.isEmpty, index < line.endIndex { result.append(0x20) }
        }
        return result
    }

    private static func name(_ spelling: ByteView) -> SIPHeaderName {
        if spelling.count == 1, let letter = spelling.first, let name = SIPHeaderName.expanded(compact: letter) {
            return name
        }
        return SIPHeaderName(view: spelling)
    }
}
