package import Primitives

/// The code on a board's type plate: whoever reads it there may set the first administrator password, once. It is random
/// (60 bits), and of no kinship to the serial number; the board knows its hash only.
package struct LabelCode: Sendable, Equatable {
    package static let symbolCount = 12

    /// Upper case, without dashes: what is hashed.
    package let canonical: Secret

    /// A new one.
    package init(from entropy: inout Entropy) {
        let symbols = entropy.bytes(Self.symbolCount).map { CrockfordBase32.symbol($0 & 31) }
        canonical = Secret(String(symbols))
    }

    /// What a person typed: any case, I and L for 1, O for 0, dashes and spaces anywhere. Nil when it is no such code.
    package init?(parsing text: String) {
        guard text.utf8.count <= 64 else { return nil }
        var symbols: [Character] = []
        for character in text where character != "-" && !character.isWhitespace {
            guard let value = CrockfordBase32.value(character) else { return nil }
            symbols.append(CrockfordBase32.symbol(value))
        }
        guard symbols.count == Self.symbolCount else { return nil }
        canonical = Secret(String(symbols))
    }

    /// `XXXX-XXXX-XXXX`, for the plate.
    package var formatted: String {
        let symbols = Array(canonical.withBytes { String(decoding: $0, as: UTF8.self) })
        return stride(from: 0, to: symbols.count, by: 4).map { String(symbols[$0..<$0 + 4]) }.joined(separator: "-")
    }
}
