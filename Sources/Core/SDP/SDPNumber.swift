/// Decimal numbers without sign, as SDP has them.
enum SDPNumber {
    /// Nil for anything but digits, and above `limit`.
    static func parse(_ text: some StringProtocol, limit: Int) -> Int? {
        guard !text.isEmpty else { return nil }
        var value = 0
        for byte in text.utf8 {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
            guard value <= limit else { return nil }
        }
        return value
    }

    /// Saturates at the largest value; nil for anything but digits.
    static func parseSaturating(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt64(text) ?? .max
    }
}

extension String {
    /// Without space and tab at both ends.
    var trimmed: String {
        var bytes = utf8[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
