/// Splits comma lists, minding quoted strings and angle brackets.
enum CommaList {
    /// The elements in order, trimmed; empty ones are kept for the caller to judge.
    static func split(_ value: String) -> [String] {
        guard value.utf8.contains(UInt8(ascii: ",")) else { return [trimmed(Array(value.utf8)[...])] }
        let bytes = Array(value.utf8)
        var elements: [String] = []
        var start = 0
        var index = 0
        var isQuoted = false
        var isBracketed = false
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\"") where !isBracketed: isQuoted.toggle()
            case UInt8(ascii: "<") where !isQuoted: isBracketed = true
            case UInt8(ascii: ">") where !isQuoted: isBracketed = false
            case UInt8(ascii: ",") where !isQuoted && !isBracketed:
                elements.append(trimmed(bytes[start..<index]))
                start = index + 1
            default: break
            }
            index += 1
        }
        elements.append(trimmed(bytes[start...]))
        return elements
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.trimmingSpaces(), as: UTF8.self)
    }
}
