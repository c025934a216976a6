/// A value of the encoding that rtpengine's control protocol uses: integers, byte strings, lists and dictionaries.
///
/// A dictionary keeps the order of its entries, since rtpengine does not sort them; the first of equal keys counts.
package enum Bencode: Hashable, Sendable {
    case integer(Int64)
    case string([UInt8])
    case list([Bencode])
    case dictionary([Entry])

    package struct Entry: Hashable, Sendable {
        package let key: [UInt8]
        package let value: Bencode

        package init(_ key: String, _ value: Bencode) {
            self.key = Array(key.utf8)
            self.value = value
        }

        init(key: [UInt8], value: Bencode) {
            self.key = key
            self.value = value
        }
    }

    package static func text(_ text: String) -> Bencode { .string(Array(text.utf8)) }
    package static func texts(_ texts: [String]) -> Bencode { .list(texts.map { .text($0) }) }

    /// The encoded form. Entries of dictionaries come sorted by key, as the encoding demands.
    package var bytes: [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    private func write(to output: inout [UInt8]) {
        switch self {
        case .integer(let value): output += "i\(value)e".utf8
        case .string(let bytes): Self.write(bytes, to: &output)
        case .list(let values):
            output.append(UInt8(ascii: "l"))
            for value in values { value.write(to: &output) }
            output.append(UInt8(ascii: "e"))
        case .dictionary(let entries):
            output.append(UInt8(ascii: "d"))
            for entry in entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                Self.write(entry.key, to: &output)
                entry.value.write(to: &output)
            }
            output.append(UInt8(ascii: "e"))
        }
    }

    private static func write(_ bytes: [UInt8], to output: inout [UInt8]) {
        output += "\(bytes.count):".utf8
        output += bytes
    }
}

extension Bencode {
    /// The value of a dictionary's key; nil when there is none, or for another kind of value.
    package subscript(_ key: String) -> Bencode? {
        guard case .dictionary(let entries) = self else { return nil }
        return entries.first { $0.key.elementsEqual(key.utf8) }?.value
    }

    /// The element at `index` of a list; nil when there is none.
    package subscript(_ index: Int) -> Bencode? {
        guard case .list(let values) = self, values.indices.contains(index) else { return nil }
        return values[index]
    }

    /// A string as text; bytes that are not UTF-8 are replaced.
    package var text: String? {
        if case .string(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    /// An integer that is not negative.
    package var count: UInt64? { integer.flatMap { UInt64(exactly: $0) } }
}
