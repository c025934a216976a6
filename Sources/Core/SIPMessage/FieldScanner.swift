/// Reads a header value from left to right. What it takes it has checked; what it refuses leaves it where it was.
///
/// Works on the received bytes; it copies only what it gives out as text.
struct FieldScanner {
    let bytes: ByteView
    private(set) var position: Int

    init(_ bytes: ByteView) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position >= bytes.endIndex }
    var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    mutating func skipSpaces() {
        while position < bytes.endIndex, SIPCharacters.isSpace(bytes[position]) { position += 1 }
    }

    /// Takes `byte` with optional space around it.
    mutating func take(_ byte: UInt8) -> Bool {
        let start = position
        skipSpaces()
        guard peek == byte else {
            position = start
            return false
        }
        position += 1
        skipSpaces()
        return true
    }

    @inline(__always) mutating func run(while isMember: (UInt8) -> Bool) -> ByteView {
        let start = position
        while position < bytes.endIndex, isMember(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    /// All that is left.
    mutating func rest() -> ByteView {
        let slice = bytes[position..<bytes.endIndex]
        position = bytes.endIndex
        return slice
    }

    /// Everything up to, without, the next `byte`; takes that byte too. Nil when there is none.
    mutating func run(through byte: UInt8) -> ByteView? {
        guard let end = bytes[position..<bytes.endIndex].firstIndex(of: byte) else { return nil }
        let slice = bytes[position..<end]
        position = end + 1
        return slice
    }

    /// At least one character, or nil.
    mutating func token() -> String? { tokenBytes()?.text }

    mutating func tokenBytes() -> ByteView? {
        let slice = run(while: SIPCharacters.isToken)
        return slice.isEmpty ? nil : slice
    }

    /// A quoted string without its quotes and backslashes; nil when it does not end.
    mutating func quotedString() -> String? {
        guard peek == UInt8(ascii: "\"") else { return nil }
        let start = position
        position += 1
        let plain = run { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if peek == UInt8(ascii: "\"") {
            position += 1
            return plain.text
        }
        var text = [UInt8](plain)
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = peek else { break }
                text.append(escaped)
                position += 1
            default: text.append(byte)
            }
        }
        position = start
        return nil
    }

    /// A number of at most `limit`; saturates at `limit + 1`. Nil without a digit.
    mutating func number(limit: UInt64) -> UInt64? {
        let digits = run(while: SIPCharacters.isDigit)
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit - 0x30))
            if overflow || carried || sum > limit { return limit + 1 }
            value = sum
        }
        return value
    }

    /// `number(limit:)` of all the bytes; nil when they are anything else than digits.
    static func wholeNumber(_ bytes: ByteView, limit: UInt64) -> UInt64? {
        var scanner = FieldScanner(bytes)
        guard let number = scanner.number(limit: limit), scanner.isAtEnd else { return nil }
        return number
    }

    static func wholeNumber(_ text: String, limit: UInt64) -> UInt64? {
        Array(text.utf8).withView { wholeNumber($0, limit: limit) }
    }

    /// A host name, an IPv4 address or an IPv6 reference with its brackets; nil when there is none.
    mutating func host() -> String? {
        let start = position
        if peek == UInt8(ascii: "[") {
            guard let end = bytes[position..<bytes.endIndex].firstIndex(of: UInt8(ascii: "]")) else { return nil }
            position = end + 1
            guard let host = SIPHost.checked(bytes[start..<position]) else {
                position = start
                return nil
            }
            return host
        }
        let name = run(while: SIPCharacters.isHostName)
        return name.isEmpty ? nil : name.text
    }

    /// `*( SEMI generic-param )` up to the end of the value; nil when it is anything else.
    mutating func parameters() -> SIPParameters? {
        skipSpaces()
        guard !isAtEnd else { return SIPParameters() }
        var list: [SIPParameters.Parameter] = []
        list.reserveCapacity(4)
        while !isAtEnd {
            guard take(UInt8(ascii: ";")), let name = token() else { return nil }
            guard take(UInt8(ascii: "=")) else {
                skipSpaces()
                list.append(.init(name, nil))
                continue
            }
            guard let value = parameterValue() else { return nil }
            list.append(.init(name, value))
            skipSpaces()
        }
        return SIPParameters(list)
    }

    mutating func parameterValue() -> String? {
        if peek == UInt8(ascii: "\"") { return quotedString() }
        let slice = run(while: SIPCharacters.isLenientValue)
        return slice.isEmpty ? nil : slice.text
    }
}
