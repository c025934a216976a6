/// Reads a header value from left to right. What it takes it has checked; what it refuses leaves it where it was.
struct FieldScanner {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ text: some StringProtocol) {
        bytes = Array(text.utf8)
    }

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = Array(bytes)
    }

    var isAtEnd: Bool { position >= bytes.count }
    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpaces() {
        while position < bytes.count, SIPCharacters.isSpace(bytes[position]) { position += 1 }
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

    mutating func run(while isMember: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = position
        while position < bytes.count, isMember(bytes[position]) { position += 1 }
        return bytes[start..<position]
    }

    /// Everything up to, without, the next `byte`; takes that byte too. Nil when there is none.
    mutating func run(through byte: UInt8) -> ArraySlice<UInt8>? {
        guard let end = bytes[position...].firstIndex(of: byte) else { return nil }
        let slice = bytes[position..<end]
        position = end + 1
        return slice
    }

    /// At least one character, or nil.
    mutating func token() -> String? {
        let slice = run(while: SIPCharacters.isToken)
        return slice.isEmpty ? nil : String(decoding: slice, as: UTF8.self)
    }

    /// A quoted string without its quotes and backslashes; nil when it does not end.
    mutating func quotedString() -> String? {
        guard peek == UInt8(ascii: "\"") else { return nil }
        let start = position
        var text: [UInt8] = []
        position += 1
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

    /// A host name, an IPv4 address or an IPv6 reference with its brackets; nil when there is none.
    mutating func host() -> String? {
        let start = position
        if peek == UInt8(ascii: "[") {
            guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "]")) else { return nil }
            position = end + 1
        } else {
            _ = run(while: SIPCharacters.isHostName)
        }
        guard let host = SIPHost.checked(bytes[start..<position]) else {
            position = start
            return nil
        }
        return host
    }

    /// `*( SEMI generic-param )` up to the end of the value; nil when it is anything else.
    mutating func parameters() -> SIPParameters? {
        var list: [SIPParameters.Parameter] = []
        skipSpaces()
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
        return slice.isEmpty ? nil : String(decoding: slice, as: UTF8.self)
    }
}
