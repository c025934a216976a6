/// Percent escapes (RFC 3261 section 19.1.2) and quoted strings (section 25.1), both ways.
enum SIPEscaping {
    private static let hex = Array("0123456789ABCDEF".utf8)

    static func percentEncoded(_ text: String, keeping isPlain: (UInt8) -> Bool) -> String {
        if text.utf8.allSatisfy(isPlain) { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 0xF)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Nil when an escape is incomplete or the outcome is not UTF-8.
    static func percentDecoded(_ bytes: ByteView) -> String? {
        guard bytes.contains(UInt8(ascii: "%")) else { return bytes.validText }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            guard bytes[index] == UInt8(ascii: "%") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            guard index + 2 < bytes.endIndex, let high = hexValue(bytes[index + 1]),
                let low = hexValue(bytes[index + 2])
            else { return nil }
            result.append(high << 4 | low)
            index += 3
        }
        return result.withView(\.validText)
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }

    /// With quotes around; CR and LF, which no quoted string can hold, become spaces.
    static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case 0x0A, 0x0D: bytes.append(0x20)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x00..<0x09, 0x0B..<0x20, 0x7F:
                bytes += [UInt8(ascii: "\\"), byte]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }
}
