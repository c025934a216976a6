/// A file in an archive.
package struct ArchivePart: Sendable, Equatable {
    package var name: String
    package var bytes: [UInt8]
    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// POSIX ustar (IEEE Std 1003.1-2017, pax, "ustar Interchange Format"), as much as a backup needs: regular files with flat
/// names. `tar tf` reads what this writes; this reads nothing else.
package enum TarArchive {
    package static let blockBytes = 512
    package static let maximumParts = 64
    package static let maximumNameBytes = 100

    /// The archive, two zero blocks at its end. Owner, times and modes are constant, so equal parts make equal archives.
    ///
    /// - Parameter modifiedAt: seconds since 1970, the same for every part.
    package static func write(_ parts: [ArchivePart], modifiedAt: Int64, limit: Int) throws(ArchiveFormatError)
        -> [UInt8]
    {
        guard parts.count <= maximumParts else { throw .tooManyParts(limit: maximumParts) }
        let total = parts.reduce(2 * blockBytes) { $0 + blockBytes + paddedCount($1.bytes.count) }
        guard total <= limit else { throw .tooLarge(limit: limit) }
        var archive: [UInt8] = []
        archive.reserveCapacity(total)
        var names: [String] = []
        for part in parts {
            guard isSafe(part.name) else { throw .unsafeName(part.name) }
            guard !names.contains(part.name) else { throw .repeatedName(part.name) }
            names.append(part.name)
            archive += header(name: part.name, count: part.bytes.count, modifiedAt: modifiedAt)
            archive += part.bytes
            archive += [UInt8](repeating: 0, count: paddedCount(part.bytes.count) - part.bytes.count)
        }
        return archive + [UInt8](repeating: 0, count: 2 * blockBytes)
    }

    /// The parts of an archive, in its order. Refuses links, directories, paths, repeated names, false checksums, sizes
    /// beyond the end, and anything but zeros after the end mark.
    package static func read(_ archive: [UInt8], limit: Int) throws(ArchiveFormatError) -> [ArchivePart] {
        guard archive.count <= limit else { throw .tooLarge(limit: limit) }
        guard archive.count.isMultiple(of: blockBytes) else { throw .truncated(offset: archive.count) }
        var parts: [ArchivePart] = []
        var offset = 0
        while offset + blockBytes <= archive.count {
            let block = archive[offset..<offset + blockBytes]
            if block.allSatisfy({ $0 == 0 }) {
                guard archive.count - offset >= 2 * blockBytes else { throw .truncated(offset: offset) }
                guard archive[offset...].allSatisfy({ $0 == 0 }) else { throw .trailingData(offset: offset) }
                return parts
            }
            guard parts.count < maximumParts else { throw .tooManyParts(limit: maximumParts) }
            let (name, count) = try entry(of: Array(block), at: offset)
            guard !parts.contains(where: { $0.name == name }) else { throw .repeatedName(name) }
            offset += blockBytes
            guard count <= archive.count - offset, paddedCount(count) <= archive.count - offset else {
                throw .truncated(offset: offset)
            }
            parts.append(ArchivePart(name: name, bytes: Array(archive[offset..<offset + count])))
            offset += paddedCount(count)
        }
        throw .truncated(offset: archive.count)
    }

    /// Letters, digits, dot, dash and underscore; not starting with a dot: no path, no traversal, no hidden file.
    package static func isSafe(_ name: String) -> Bool {
        guard (1...maximumNameBytes).contains(name.utf8.count), !name.hasPrefix(".") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    // MARK: Blocks

    private static func paddedCount(_ count: Int) -> Int { (count + blockBytes - 1) / blockBytes * blockBytes }

    private static func header(name: String, count: Int, modifiedAt: Int64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        put(name, at: 0)
        put("0000600\0", at: 100)  // mode: the owner alone
        put("0000000\0", at: 108)  // user
        put("0000000\0", at: 116)  // group
        put(octal(Int64(count), digits: 11) + "\0", at: 124)
        put(octal(max(0, modifiedAt), digits: 11) + "\0", at: 136)
        put("0", at: 156)  // regular file
        put("ustar\u{0}00", at: 257)
        put("        ", at: 148)  // the checksum counts itself as spaces
        put(octal(Int64(checksum(block)), digits: 6) + "\0 ", at: 148)
        return block
    }

    private static func entry(of block: [UInt8], at offset: Int) throws(ArchiveFormatError) -> (
        name: String, count: Int
    ) {
        guard Array(block[257..<263]) == Array("ustar\0".utf8) else { throw .notUstar(offset: offset) }
        guard let stored = number(block[148..<156]), stored == checksum(block) else { throw .checksum(offset: offset) }
        guard block[156] == UInt8(ascii: "0") || block[156] == 0 else { throw .notARegularFile(offset: offset) }
        guard block[345..<500].allSatisfy({ $0 == 0 }) else { throw .unsafeName("path prefix") }
        let field = block[0..<maximumNameBytes]
        let bytes = field.prefix { $0 != 0 }
        guard field[bytes.endIndex...].allSatisfy({ $0 == 0 }) else { throw .unsafeName("name with a zero byte") }
        let name = String(decoding: bytes, as: UTF8.self)
        guard isSafe(name) else { throw .unsafeName(String(name.prefix(100))) }
        guard let count = number(block[124..<136]) else { throw .badSize(offset: offset) }
        return (name, count)
    }

    /// The sum of the bytes, the checksum field as spaces.
    private static func checksum(_ block: [UInt8]) -> Int {
        block.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element)) }
    }

    private static func octal(_ value: Int64, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text.suffix(digits)
    }

    /// Octal digits, then only spaces and zero bytes; nil otherwise. At most eleven digits, so it fits an `Int`.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.prefix { (0x30...0x37).contains($0) }
        guard (1...11).contains(digits.count), field[digits.endIndex...].allSatisfy({ $0 == 0 || $0 == 0x20 }) else {
            return nil
        }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
}

/// Why bytes are no archive of ours.
package enum ArchiveFormatError: Error, Sendable, Hashable {
    case tooLarge(limit: Int)
    case tooManyParts(limit: Int)
    case truncated(offset: Int)
    case trailingData(offset: Int)
    case notUstar(offset: Int)
    case checksum(offset: Int)
    case notARegularFile(offset: Int)
    case badSize(offset: Int)
    case unsafeName(String)
    case repeatedName(String)
}

extension ArchiveFormatError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLarge(let limit): "the archive exceeds \(limit) bytes; leave parts out or raise the backup limit"
        case .tooManyParts(let limit): "the archive has more than \(limit) parts; it was not made by this product"
        case .truncated(let offset): "the archive ends at byte \(offset) in the middle; fetch it again"
        case .trailingData(let offset): "the archive has data after its end mark at byte \(offset); fetch it again"
        case .notUstar(let offset): "no ustar header at byte \(offset); it was not made by this product"
        case .checksum(let offset): "the header at byte \(offset) has a false checksum; fetch the archive again"
        case .notARegularFile(let offset):
            "the entry at byte \(offset) is no regular file; it was not made by this product"
        case .badSize(let offset): "the header at byte \(offset) has no valid size; it was not made by this product"
        case .unsafeName(let name): "'\(name)' is no name of a part: letters, digits, '.', '-', '_', at most 100 bytes"
        case .repeatedName(let name): "part '\(name)' occurs twice; it was not made by this product"
        }
    }
}
