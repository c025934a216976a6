/// Why bytes are not one bencoded value.
package enum BencodeError: Error, Hashable, Sendable {
    case truncated
    case unexpectedByte(UInt8, at: Int)
    /// Not canonical decimal, or beyond 64 bits.
    case badNumber(at: Int)
    /// More levels than `BencodeReader.depth`.
    case tooDeep
    /// More than `BencodeReader.values`.
    case tooManyValues
    case trailingBytes(Int)
}

extension BencodeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated: "bencoded value ends too early; raise the peer's datagram size, or look who sends there"
        case .unexpectedByte(let byte, let offset): "byte \(byte) at \(offset) begins no bencoded value"
        case .badNumber(let offset): "the number at \(offset) is not decimal, or too large"
        case .tooDeep: "bencoded value has more than \(BencodeReader.depth) levels"
        case .tooManyValues: "bencoded value holds more than \(BencodeReader.values) values"
        case .trailingBytes(let count): "\(count) bytes follow a bencoded value"
        }
    }
}

/// Reads one bencoded value that fills all of the bytes. Lengths are checked against what is there before anything is
/// kept, so that no input makes it hold more than its own size.
package struct BencodeReader {
    /// Levels of lists and dictionaries; rtpengine's answers have eight.
    package static let depth = 16
    /// Values in all, keys too; an answer about a call has some hundreds.
    package static let values = 20_000

    private let bytes: [UInt8]
    private var offset: Int
    private var left = BencodeReader.values

    private init(_ bytes: [UInt8], from offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// The value that begins at `offset` and ends with the bytes.
    package static func read(_ bytes: [UInt8], from offset: Int = 0) throws(BencodeError) -> Bencode {
        var reader = BencodeReader(bytes, from: max(0, offset))
        let value = try reader.value(depth: 0)
        guard reader.offset == bytes.count else { throw .trailingBytes(bytes.count - reader.offset) }
        return value
    }

    private func peek() throws(BencodeError) -> UInt8 {
        guard offset < bytes.count else { throw .truncated }
        return bytes[offset]
    }

    private mutating func value(depth: Int) throws(BencodeError) -> Bencode {
        guard left > 0 else { throw .tooManyValues }
        left -= 1
        let first = try peek()
        switch first {
        case UInt8(ascii: "i"):
            offset += 1
            return .integer(try number(endingWith: UInt8(ascii: "e")))
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .string(try string())
        case UInt8(ascii: "l"):
            try enter(depth)
            var values: [Bencode] = []
            while try peek() != UInt8(ascii: "e") { values.append(try value(depth: depth + 1)) }
            offset += 1
            return .list(values)
        case UInt8(ascii: "d"):
            try enter(depth)
            var entries: [Bencode.Entry] = []
            while try peek() != UInt8(ascii: "e") {
                guard left > 0 else { throw .tooManyValues }
                left -= 1
                let key = try string()
                entries.append(Bencode.Entry(key: key, value: try value(depth: depth + 1)))
            }
            offset += 1
            return .dictionary(entries)
        default:
            throw .unexpectedByte(first, at: offset)
        }
    }

    private mutating func enter(_ depth: Int) throws(BencodeError) {
        guard depth < Self.depth else { throw .tooDeep }
        offset += 1
    }

    private mutating func string() throws(BencodeError) -> [UInt8] {
        let start = offset
        let first = try peek()
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { throw .unexpectedByte(first, at: start) }
        let size = try number(endingWith: UInt8(ascii: ":"))
        guard size <= bytes.count - offset else { throw .truncated }
        defer { offset += Int(size) }
        return Array(bytes[offset..<offset + Int(size)])
    }

    /// Canonical decimal: no leading zeros, no plus, no minus zero.
    private mutating func number(endingWith end: UInt8) throws(BencodeError) -> Int64 {
        let start = offset
        var isNegative = false
        if end == UInt8(ascii: "e"), try peek() == UInt8(ascii: "-") {
            isNegative = true
            offset += 1
        }
        let digits = offset
        var value: Int64 = 0
        while try peek() != end {
            let digit = bytes[offset]
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { throw .badNumber(at: start) }
            let step = Int64(digit - UInt8(ascii: "0"))
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOver) =
                isNegative ? tens.subtractingReportingOverflow(step) : tens.addingReportingOverflow(step)
            guard !isTooLarge, !isOver else { throw .badNumber(at: start) }
            value = sum
            offset += 1
        }
        let count = offset - digits
        guard count > 0, count == 1 || bytes[digits] != UInt8(ascii: "0"), !isNegative || value != 0 else {
            throw .badNumber(at: start)
        }
        offset += 1
        return value
    }
}
