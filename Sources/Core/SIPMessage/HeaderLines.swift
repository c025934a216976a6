import Primitives

/// Reads the lines before the body, one header field after the other, folded lines joined (RFC 3261 section 7.3.1).
struct HeaderLines {
    let startLine: ArraySlice<UInt8>
    /// Where the next line begins; after the last field, where the body begins.
    private(set) var position: Int
    /// True after an error that `next` cannot step over.
    private(set) var isStuck = false
    private let bytes: [UInt8]
    private let limits: Limits
    private var count = 0

    init(_ bytes: [UInt8], limits: Limits, isStartLineBounded: Bool = true) throws(SIPParseError) {
        self.bytes = bytes
        self.limits = limits
        position = 0
        while position + 1 < bytes.count, bytes[position] == 0x0D, bytes[position + 1] == 0x0A { position += 2 }
        guard position < bytes.count else { throw .empty }
        let end = try Self.lineEnd(in: bytes, from: position)
        startLine = bytes[position..<end]
        guard !isStartLineBounded || startLine.count <= limits.sipStartLineBytes else {
            throw .startLineTooLong(bytes: startLine.count, limit: limits.sipStartLineBytes)
        }
        position = end + 2
    }

    /// The next field; nil when the empty line has been taken.
    mutating func next() throws(SIPParseError) -> SIPHeaders.Field? {
        let start = position
        isStuck = true
        var end = try Self.lineEnd(in: bytes, from: start)
        if end == start {
            position = end + 2
            return nil
        }
        var isFolded = false
        while end + 2 < bytes.count, SIPCharacters.isSpace(bytes[end + 2]) {
            end = try Self.lineEnd(in: bytes, from: end + 2)
            isFolded = true
        }
        position = end + 2
        isStuck = false
        count += 1
        guard count <= limits.sipHeaderCount else {
            throw .tooManyHeaders(count: count, limit: limits.sipHeaderCount)
        }
        let line = bytes[start..<end]
        guard line.count <= limits.sipHeaderLineBytes else {
            throw .headerLineTooLong(bytes: line.count, limit: limits.sipHeaderLineBytes)
        }
        return try field(line, isFolded: isFolded)
    }

    private func field(_ line: ArraySlice<UInt8>, isFolded: Bool) throws(SIPParseError) -> SIPHeaders.Field {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), let first = line.first,
            !SIPCharacters.isSpace(first)
        else { throw .malformedHeaderLine(number: count) }
        let spelling = line[..<colon].trimmingSpaces()
        guard !spelling.isEmpty, spelling.allSatisfy(SIPCharacters.isToken) else {
            throw .malformedHeaderLine(number: count)
        }
        let name = Self.name(spelling)
        let raw = line[(colon + 1)...].trimmingSpaces()
        let text =
            isFolded ? String(validating: Self.unfolded(raw), as: UTF8.self) : String(validating: raw, as: UTF8.self)
        guard let text else { throw .notUTF8(name) }
        return SIPHeaders.Field(name, text)
    }

    /// The index of the CR of the CRLF that ends the line.
    private static func lineEnd(in bytes: [UInt8], from start: Int) throws(SIPParseError) -> Int {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case 0x0D:
                guard index + 1 < bytes.count else { throw .headersNotTerminated }
                guard bytes[index + 1] == 0x0A else { throw .bareLineBreak }
                return index
            case 0x0A: throw .bareLineBreak
            default: index += 1
            }
        }
        throw .headersNotTerminated
    }

    /// Each line break with the white space around it becomes one space.
    private static func unfolded(_ line: ArraySlice<UInt8>) -> [UInt8] {
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
            result.append(0x20)
        }
        return Array(result[...].trimmingSpaces())
    }

    private static func name(_ spelling: ArraySlice<UInt8>) -> SIPHeaderName {
        if spelling.count == 1, let letter = spelling.first, let name = SIPHeaderName.expanded(compact: letter) {
            return name
        }
        return SIPHeaderName(String(decoding: spelling, as: UTF8.self))
    }
}

extension SIPHeaderName {
    /// The header that a compact letter stands for (IANA "SIP Header Fields" registry); nil for other letters.
    static func expanded(compact letter: UInt8) -> SIPHeaderName? {
        switch letter | 0x20 {
        case UInt8(ascii: "a"): .acceptContact
        case UInt8(ascii: "b"): .referredBy
        case UInt8(ascii: "c"): .contentType
        case UInt8(ascii: "d"): .requestDisposition
        case UInt8(ascii: "e"): .contentEncoding
        case UInt8(ascii: "f"): .from
        case UInt8(ascii: "i"): .callID
        case UInt8(ascii: "j"): .rejectContact
        case UInt8(ascii: "k"): .supported
        case UInt8(ascii: "l"): .contentLength
        case UInt8(ascii: "m"): .contact
        case UInt8(ascii: "n"): .identityInfo
        case UInt8(ascii: "o"): .event
        case UInt8(ascii: "r"): .referTo
        case UInt8(ascii: "s"): .subject
        case UInt8(ascii: "t"): .to
        case UInt8(ascii: "u"): .allowEvents
        case UInt8(ascii: "v"): .via
        case UInt8(ascii: "x"): .sessionExpires
        case UInt8(ascii: "y"): .identity
        default: nil
        }
    }
}
