/// A QR code (ISO/IEC 18004): bytes as a square of dark and light modules, with error correction level M, so that a crease
/// or a stain on paper does no harm.
///
/// Byte mode, versions 1 to 40, the mask with the lowest penalty. Pure; 2,331 bytes at most.
package struct QRMatrix: Sendable, Equatable {
    /// 1 to 40.
    package private(set) var version: Int
    /// Modules on each side: 4 * version + 17, without the quiet zone.
    package private(set) var size: Int
    private var modules: [Bool]
    private var isFunction: [Bool]

    /// Nil when the bytes do not fit into version 40.
    package init?(_ bytes: [UInt8]) {
        guard let version = (1...40).first(where: { Self.capacity($0) >= bytes.count }) else { return nil }
        self.version = version
        size = version * 4 + 17
        modules = [Bool](repeating: false, count: size * size)
        isFunction = modules
        drawFunctionPatterns()
        draw(Self.interleaved(Self.codewords(bytes, version: version), version: version))
        var best = masked(0)
        for candidate in (1..<8).map({ masked($0) }) where candidate.penalty < best.penalty { best = candidate }
        self = best
    }

    package func isDark(x: Int, y: Int) -> Bool {
        (0..<size).contains(x) && (0..<size).contains(y) && modules[y * size + x]
    }

    /// For a terminal or a printer with a fixed-width font: two modules a character, dark on light, quiet zone included.
    package var text: String {
        var lines = ""
        for y in stride(from: -4, to: size + 4, by: 2) {
            for x in -4..<size + 4 {
                switch (isDark(x: x, y: y), isDark(x: x, y: y + 1)) {
                case (false, false): lines += " "
                case (true, false): lines += "▀"
                case (false, true): lines += "▄"
                case (true, true): lines += "█"
                }
            }
            lines += "\n"
        }
        return lines
    }

    // MARK: - Codewords (section 7.4)

    /// Check bytes of each block, and the number of blocks, by version; level M (table 9).
    private static let checkBytesPerBlock = [
        10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28,
        28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ]
    private static let blockCounts = [
        1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31,
        33,
        35, 37, 38, 40, 43, 45, 47, 49,
    ]

    /// Modules that carry data, check bytes and remainder bits.
    private static func rawModules(_ version: Int) -> Int {
        var count = (16 * version + 128) * version + 64
        if version >= 2 {
            let alignments = version / 7 + 2
            count -= (25 * alignments - 10) * alignments - 55
            if version >= 7 { count -= 36 }
        }
        return count
    }

    private static func dataBytes(_ version: Int) -> Int {
        rawModules(version) / 8 - checkBytesPerBlock[version - 1] * blockCounts[version - 1]
    }

    /// Four bits say "bytes", then their count, then they.
    private static func capacity(_ version: Int) -> Int { dataBytes(version) - (version < 10 ? 2 : 3) }

    private static func codewords(_ bytes: [UInt8], version: Int) -> [UInt8] {
        var bits: [Bool] = []
        func append(_ value: Int, _ count: Int) {
            for bit in (0..<count).reversed() { bits.append(value >> bit & 1 == 1) }
        }
        append(4, 4)
        append(bytes.count, version < 10 ? 8 : 16)
        for byte in bytes { append(Int(byte), 8) }
        let total = dataBytes(version) * 8
        append(0, min(4, total - bits.count))
        append(0, (8 - bits.count % 8) % 8)
        var pad = 0xEC
        while bits.count < total {
            append(pad, 8)
            pad ^= 0xEC ^ 0x11
        }
        return stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }

    /// Blocks with their check bytes, a byte of each in turn (section 7.6).
    private static func interleaved(_ data: [UInt8], version: Int) -> [UInt8] {
        let count = blockCounts[version - 1]
        let checkCount = checkBytesPerBlock[version - 1]
        let raw = rawModules(version) / 8
        let shortCount = count - raw % count
        let shortLength = raw / count - checkCount
        var blocks: [ArraySlice<UInt8>] = []
        var start = 0
        for index in 0..<count {
            let length = shortLength + (index < shortCount ? 0 : 1)
            blocks.append(data[start..<start + length])
            start += length
        }
        let checks = blocks.map { QRErrorCorrection.checkBytes(of: $0, count: checkCount) }
        var result: [UInt8] = []
        for column in 0...shortLength {
            for block in blocks where column < block.count { result.append(block[block.startIndex + column]) }
        }
        for column in 0..<checkCount { for check in checks { result.append(check[column]) } }
        return result
    }

    // MARK: - Function patterns (section 6.3)

    private mutating func set(_ x: Int, _ y: Int, _ isDark: Bool) {
        guard (0..<size).contains(x), (0..<size).contains(y) else { return }
        modules[y * size + x] = isDark
        isFunction[y * size + x] = true
    }

    private mutating func drawFunctionPatterns() {
        for index in 0..<size {
            set(6, index, index % 2 == 0)
            set(index, 6, index % 2 == 0)
        }
        for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] {
            for dy in -4...4 {
                for dx in -4...4 {
                    let distance = max(abs(dx), abs(dy))
                    set(x + dx, y + dy, distance != 2 && distance != 4)
                }
            }
        }
        let positions = alignmentPositions
        for (row, y) in positions.enumerated() {
            for (column, x) in positions.enumerated() {
                let last = positions.count - 1
                guard (row, column) != (0, 0), (row, column) != (0, last), (row, column) != (last, 0) else { continue }
                for dy in -2...2 { for dx in -2...2 { set(x + dx, y + dy, max(abs(dx), abs(dy)) != 1) } }
            }
        }
        drawFormat(mask: 0)
        drawVersion()
    }

    private var alignmentPositions: [Int] {
        guard version > 1 else { return [] }
        let count = version / 7 + 2
        let step = (version * 8 + count * 3 + 5) / (count * 4 - 4) * 2
        return [6] + (0..<count - 1).reversed().map { size - 7 - $0 * step }
    }

    /// Level M is 00, then the mask; BCH(15, 5) (section 7.9).
    private mutating func drawFormat(mask: Int) {
        var remainder = mask
        for _ in 0..<10 { remainder = remainder << 1 ^ (remainder >> 9) * 0x537 }
        let bits = (mask << 10 | remainder) ^ 0x5412
        func bit(_ index: Int) -> Bool { bits >> index & 1 == 1 }
        for index in 0...5 { set(8, index, bit(index)) }
        set(8, 7, bit(6))
        set(8, 8, bit(7))
        set(7, 8, bit(8))
        for index in 9..<15 { set(14 - index, 8, bit(index)) }
        for index in 0..<8 { set(size - 1 - index, 8, bit(index)) }
        for index in 8..<15 { set(8, size - 15 + index, bit(index)) }
        set(8, size - 8, true)
    }

    /// Golay (18, 6), from version 7 on (section 7.10).
    private mutating func drawVersion() {
        guard version >= 7 else { return }
        var remainder = version
        for _ in 0..<12 { remainder = remainder << 1 ^ (remainder >> 11) * 0x1F25 }
        let bits = version << 12 | remainder
        for index in 0..<18 {
            let isDark = bits >> index & 1 == 1
            set(size - 11 + index % 3, index / 3, isDark)
            set(index / 3, size - 11 + index % 3, isDark)
        }
    }

    // MARK: - Data and mask (sections 7.7 and 7.8)

    private mutating func draw(_ codewords: [UInt8]) {
        var index = 0
        var right = size - 1
        while right >= 1 {
            if right == 6 { right = 5 }
            for step in 0..<size {
                for x in [right, right - 1] {
                    let y = (right + 1) & 2 == 0 ? size - 1 - step : step
                    guard !isFunction[y * size + x], index < codewords.count * 8 else { continue }
                    modules[y * size + x] = codewords[index >> 3] >> (7 - index & 7) & 1 == 1
                    index += 1
                }
            }
            right -= 2
        }
    }

    private func masked(_ mask: Int) -> QRMatrix {
        var result = self
        for y in 0..<size {
            for x in 0..<size where !isFunction[y * size + x] {
                let isFlipped =
                    switch mask {
                    case 0: (x + y) % 2 == 0
                    case 1: y % 2 == 0
                    case 2: x % 3 == 0
                    case 3: (x + y) % 3 == 0
                    case 4: (x / 3 + y / 2) % 2 == 0
                    case 5: x * y % 2 + x * y % 3 == 0
                    case 6: (x * y % 2 + x * y % 3) % 2 == 0
                    default: ((x + y) % 2 + x * y % 3) % 2 == 0
                    }
                if isFlipped { result.modules[y * size + x].toggle() }
            }
        }
        result.drawFormat(mask: mask)
        return result
    }

    /// Long runs, blocks, what looks like a finder, and an uneven number of dark modules cost points (section 7.8.3).
    private var penalty: Int {
        var points = 0
        for line in 0..<size {
            points += linePenalty((0..<size).map { modules[line * size + $0] })
            points += linePenalty((0..<size).map { modules[$0 * size + line] })
        }
        for y in 0..<size - 1 {
            for x in 0..<size - 1 {
                let first = modules[y * size + x]
                if first == modules[y * size + x + 1], first == modules[(y + 1) * size + x],
                    first == modules[(y + 1) * size + x + 1]
                {
                    points += 3
                }
            }
        }
        let dark = modules.count { $0 }
        let total = size * size
        let steps = (abs(dark * 20 - total * 10) + total - 1) / total - 1
        return points + max(0, steps) * 10
    }

    private func linePenalty(_ line: [Bool]) -> Int {
        var points = 0
        var run = 1
        for index in 1...line.count {
            if index < line.count, line[index] == line[index - 1] {
                run += 1
            } else {
                if run >= 5 { points += run - 2 }
                run = 1
            }
        }
        // Dark-light 1:1:3:1:1 with four light modules on one side, those of the quiet zone included.
        let quiet = [Bool](repeating: false, count: 4)
        let padded = quiet + line + quiet
        let finder = [true, false, true, true, true, false, true]
        guard padded.count >= 11 else { return points }
        for start in 0...padded.count - 11 {
            let window = padded[start..<start + 11]
            if window.elementsEqual(finder + quiet) || window.elementsEqual(quiet + finder) { points += 40 }
        }
        return points
    }
}
