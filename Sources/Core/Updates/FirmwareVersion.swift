/// A version as dotted numbers, one to four of them; `1.2` is `1.2.0`.
package struct FirmwareVersion: Sendable, Hashable, Comparable {
    private let numbers: [Int]

    /// Nil for anything that is not `number(.number){0,3}` with numbers below a thousand million.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var numbers: [Int] = []
        for part in parts {
            guard (1...9).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(part)
            else { return nil }
            numbers.append(number)
        }
        while numbers.count < 4 { numbers.append(0) }
        self.numbers = numbers
    }

    package static func < (left: Self, right: Self) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}
