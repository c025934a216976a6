/// An IPv4 or IPv6 address, without name resolution and without scope ids.
package enum IPAddress: Hashable, Sendable, Comparable {
    /// Host byte order.
    case v4(UInt32)
    /// The upper and the lower 64 bits, host byte order.
    case v6(UInt64, UInt64)

    package static let loopbackV4 = IPAddress.v4(0x7F00_0001)

    package static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let a, let b), .v6(let c, let d)): (a, b) < (c, d)
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }

    package var isV4: Bool { if case .v4 = self { true } else { false } }

    /// 0.0.0.0 or ::.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let bits): bits == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    /// In 127.0.0.0/8, or ::1.
    package var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    /// How many leading bits both have in common; 0 for addresses of two families.
    package func commonPrefixBits(with other: IPAddress) -> Int {
        switch (self, other) {
        case (.v4(let a), .v4(let b)): (a ^ b).leadingZeroBitCount
        case (.v6(let a, let b), .v6(let c, let d)):
            a == c ? 64 + (b ^ d).leadingZeroBitCount : (a ^ c).leadingZeroBitCount
        case (.v4, .v6), (.v6, .v4): 0
        }
    }

    /// Anonymised as Q13 demands: IPv4 to /24, IPv6 to /48.
    package var anonymised: IPAddress {
        switch self {
        case .v4(let bits): .v4(bits & 0xFFFF_FF00)
        case .v6(let high, _): .v6(high & 0xFFFF_FFFF_FFFF_0000, 0)
        }
    }

    /// Parses dotted-quad IPv4 or RFC 4291 IPv6 text, the latter with or without brackets; nil when it is neither.
    package init?(_ text: some StringProtocol) {
        var bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]"), bytes.count > 2 {
            bytes = Array(bytes[1..<bytes.count - 1])
            guard let address = Self.parseV6(bytes) else { return nil }
            self = address
            return
        }
        guard bytes.count <= 45 else { return nil }
        if let bits = Self.parseV4(bytes[...]) {
            self = .v4(bits)
        } else if let address = Self.parseV6(bytes) {
            self = address
        } else {
            return nil
        }
    }

    private static func parseV4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var octet: UInt32 = 0
            for byte in part {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                octet = octet * 10 + UInt32(byte - 0x30)
            }
            guard octet <= 255 else { return nil }
            bits = bits << 8 | octet
        }
        return bits
    }

    private static func parseV6(_ bytes: [UInt8]) -> IPAddress? {
        guard bytes.contains(UInt8(ascii: ":")) else { return nil }
        var head: [UInt16] = []
        var tail: [UInt16] = []
        var compressed = false
        var position = 0
        if bytes.count >= 2, bytes[0] == 0x3A {
            guard bytes[1] == 0x3A else { return nil }
            compressed = true
            position = 2
        }
        while position < bytes.count {
            var end = position
            while end < bytes.count, bytes[end] != 0x3A { end += 1 }
            let group = bytes[position..<end]
            if group.contains(UInt8(ascii: ".")) {
                guard end == bytes.count, let bits = parseV4(group) else { return nil }
                let words = [UInt16(bits >> 16), UInt16(bits & 0xFFFF)]
                if compressed { tail += words } else { head += words }
                position = end
                break
            }
            guard (1...4).contains(group.count), let word = hexWord(group) else { return nil }
            if compressed { tail.append(word) } else { head.append(word) }
            position = end
            if position < bytes.count {
                position += 1
                if position < bytes.count, bytes[position] == 0x3A {
                    guard !compressed else { return nil }
                    compressed = true
                    position += 1
                } else if position == bytes.count {
                    return nil
                }
            }
        }
        guard compressed ? head.count + tail.count <= 7 : head.count == 8 else { return nil }
        let words = head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
        let high = words[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = words[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return .v6(high, low)
    }

    private static func hexWord(_ digits: ArraySlice<UInt8>) -> UInt16? {
        var word: UInt16 = 0
        for digit in digits {
            guard let value = Hex.value(of: digit) else { return nil }
            word = word << 4 | UInt16(value)
        }
        return word
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted quad, or RFC 5952 text without brackets.
    package var description: String {
        switch self {
        case .v4(let bits):
            return "\(bits >> 24).\(bits >> 16 & 0xFF).\(bits >> 8 & 0xFF).\(bits & 0xFF)"
        case .v6(let high, let low):
            let words = (0..<8).map { index -> UInt16 in
                let half = index < 4 ? high : low
                return UInt16(truncatingIfNeeded: half >> UInt64(48 - 16 * (index % 4)))
            }
            let run = Self.longestZeroRun(words)
            guard run.count >= 2 else { return words.map { String($0, radix: 16) }.joined(separator: ":") }
            let head = words[..<run.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
            let tail = words[run.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
            return "\(head)::\(tail)"
        }
    }

    private static func longestZeroRun(_ words: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start = 0
        while start < words.count {
            var end = start
            while end < words.count, words[end] == 0 { end += 1 }
            if end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}
