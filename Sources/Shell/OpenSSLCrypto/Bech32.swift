/// Bech32 (BIP 173) without its limit of 90 characters, as age writes keys.
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let generator: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
    private static let textLimit = 256

    /// `prefix` in lower case.
    static func encode(prefix: String, bytes: [UInt8]) -> String {
        let words = regroup(bytes, from: 8, to: 5, padding: true) ?? []
        let check = polymod(expand(prefix) + words + [0, 0, 0, 0, 0, 0]) ^ 1
        let checkWords = (0..<6).map { UInt8(truncatingIfNeeded: check >> UInt32(5 * (5 - $0)) & 31) }
        return prefix + "1" + String(decoding: (words + checkWords).map { alphabet[Int($0)] }, as: UTF8.self)
    }

    /// Prefix in lower case and bytes; nil for mixed case, a wrong checksum or stray bits.
    static func decode(_ text: String) -> (prefix: String, bytes: [UInt8])? {
        let lower = text.lowercased()
        guard text.utf8.count <= textLimit, text == lower || text == text.uppercased(),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), let separator = lower.lastIndex(of: "1")
        else { return nil }
        let prefix = String(lower[..<separator])
        let digits = lower[lower.index(after: separator)...].utf8
        guard !prefix.isEmpty, digits.count >= 6 else { return nil }
        var words: [UInt8] = []
        for digit in digits {
            guard let value = alphabet.firstIndex(of: digit) else { return nil }
            words.append(UInt8(value))
        }
        guard polymod(expand(prefix) + words) == 1,
            let bytes = regroup(Array(words.dropLast(6)), from: 5, to: 8, padding: false)
        else { return nil }
        return (prefix, bytes)
    }

    private static func expand(_ prefix: String) -> [UInt8] {
        prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
    }

    private static func polymod(_ words: [UInt8]) -> UInt32 {
        var check: UInt32 = 1
        for word in words {
            let top = check >> 25
            check = (check & 0x1FF_FFFF) << 5 ^ UInt32(word)
            for (index, value) in generator.enumerated() where top >> UInt32(index) & 1 == 1 { check ^= value }
        }
        return check
    }

    private static func regroup(_ input: [UInt8], from: UInt32, to: UInt32, padding: Bool) -> [UInt8]? {
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        var output: [UInt8] = []
        for value in input {
            accumulator = (accumulator << from | UInt32(value)) & 0xFFFF
            bits += from
            while bits >= to {
                bits -= to
                output.append(UInt8(accumulator >> bits & ((1 << to) - 1)))
            }
        }
        let rest = accumulator & ((1 << bits) - 1)
        if padding {
            if bits > 0 { output.append(UInt8(rest << (to - bits) & ((1 << to) - 1))) }
        } else if bits >= from || rest != 0 {
            return nil
        }
        return output
    }
}
