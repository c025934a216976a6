/// A range of numbers that share their beginning and lead to extensions of the same ending (direct dial-in).
package struct DirectDialBlock: Sendable, Hashable {
    /// `+` and digits, for example `+4930123456`.
    package var base: String
    /// The first and the last ending, digits of equal length, for example `00` and `99`.
    package var first: String
    package var last: String
    /// Put before the ending to make the extension: `1` with the ending `07` is extension `107`.
    package var extensionPrefix: String

    package init(base: String, first: String, last: String, extensionPrefix: String = "") {
        self.base = base
        self.first = first
        self.last = last
        self.extensionPrefix = extensionPrefix
    }

    /// How many numbers the block has; 0 when its ends do not fit each other.
    package var count: Int {
        guard first.utf8.count == last.utf8.count, let low = Int(first), let high = Int(last), high >= low else {
            return 0
        }
        return high - low + 1
    }

    /// The extension of a number, given as digits without `+`; nil when the number is not in the block.
    package func `extension`(ofDigits digits: String) -> String? {
        let start = base.utf8.dropFirst()
        guard digits.utf8.starts(with: start) else { return nil }
        let ending = String(decoding: digits.utf8.dropFirst(start.count), as: UTF8.self)
        return contains(ending: ending) ? extensionPrefix + ending : nil
    }

    /// The number of an extension, with `+`; nil when the block has none for it.
    package func number(of number: String) -> String? {
        guard number.utf8.starts(with: extensionPrefix.utf8) else { return nil }
        let ending = String(decoding: number.utf8.dropFirst(extensionPrefix.utf8.count), as: UTF8.self)
        return contains(ending: ending) ? base + ending : nil
    }

    private func contains(ending: String) -> Bool {
        ending.utf8.count == first.utf8.count && ending.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && first <= ending && ending <= last
    }
}

/// One number of a trunk (MSN) and where its calls lead.
package struct DirectNumber: Sendable, Hashable {
    /// `+` and digits, or as somebody in our area would dial it.
    package var number: String
    /// An extension of a user, a group or a feature.
    package var destination: String

    package init(number: String, destination: String) {
        self.number = number
        self.destination = destination
    }
}
