/// Base64 of RFC 4648 section 4 (`standard`) and section 5 (`url`).
package enum Base64 {
    package enum Alphabet: Sendable { case standard, url }

    private static let common = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let standardDigits = common + Array("+/".utf8)
    private static let urlDigits = common + Array("-_".utf8)

    package static func encode(_ bytes: some Sequence<UInt8>, alphabet: Alphabet = .standard, padding: Bool = true)
        -> String
    {
        encode(Array(bytes), alphabet: alphabet, padding: padding)
    }

    /// The same for arrays, where it needs no generic code: every challenge has a nonce.
    package static func encode(_ bytes: [UInt8], alphabet: Alphabet = .standard, padding: Bool = true) -> String {
        let digits = alphabet == .standard ? standardDigits : urlDigits
        return String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { text in
            var length = 0
            var accumulator: UInt32 = 0
            var bits: UInt32 = 0
            for byte in bytes {
                accumulator = accumulator << 8 | UInt32(byte)
                bits += 8
                while bits >= 6 {
                    bits -= 6
                    text[length] = digits[Int(accumulator >> bits & 63)]
                    length += 1
                }
            }
            if bits > 0 {
                text[length] = digits[Int(accumulator << (6 - bits) & 63)]
                length += 1
            }
            while padding, !length.isMultiple(of: 4) {
                text[length] = UInt8(ascii: "=")
                length += 1
            }
            return length
        }
    }

    /// Strict: no white space, trailing bits must be zero, padding either complete or absent; nil otherwise.
    package static func decode(_ text: some StringProtocol, alphabet: Alphabet = .standard) -> [UInt8]? {
        var digits = Array(text.utf8)
        if digits.count.isMultiple(of: 4) {
            for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
        }
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var accumulator: UInt32 = 0
        var bits = 0
        for digit in digits {
            guard let value = value(of: digit, alphabet: alphabet) else { return nil }
            accumulator = accumulator << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bits)))
                accumulator &= (1 << UInt32(bits)) - 1
            }
        }
        return accumulator == 0 ? bytes : nil
    }

    private static func value(of digit: UInt8, alphabet: Alphabet) -> UInt32? {
        switch (digit, alphabet) {
        case (0x41...0x5A, _): UInt32(digit - 0x41)
        case (0x61...0x7A, _): UInt32(digit - 0x61 + 26)
        case (0x30...0x39, _): UInt32(digit - 0x30 + 52)
        case (0x2B, .standard), (0x2D, .url): 62
        case (0x2F, .standard), (0x5F, .url): 63
        default: nil
        }
    }
}
