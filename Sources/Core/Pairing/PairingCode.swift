package import Primitives

/// The code that a person carries from the Control Center to the appliance (WIRE.md, Pairing step 1; X2, Q1): eleven
/// random symbols (55 bits) and one check symbol over GF(32).
///
/// The check symbol makes the sum of `alpha^i * symbol[i]` zero. The weights are twelve different powers of a primitive
/// element, so every single wrong symbol and every exchange of two symbols, adjacent or not, is found before the code is
/// compared: a typing slip costs no attempt.
package struct PairingCode: Sendable, Equatable {
    package static let symbolCount = 12

    /// Values 0...31, the check symbol last.
    private let symbols: [UInt8]

    /// A fresh code.
    package init(from entropy: inout Entropy) {
        let random = entropy.bytes(Self.symbolCount - 1).map { $0 & 31 }
        symbols = random + [Self.checkSymbol(of: random)]
    }

    /// Reads what a person typed: any case, I and L for 1, O for 0, dashes and spaces anywhere.
    package init(parsing text: some StringProtocol) throws(PairingCodeError) {
        guard text.utf8.count <= 64 else { throw .length(symbols: text.utf8.count) }
        var values: [UInt8] = []
        for (index, character) in text.enumerated() where character != "-" && !character.isWhitespace {
            guard let value = CrockfordBase32.value(character) else { throw .symbol(position: index + 1) }
            values.append(value)
        }
        guard values.count == Self.symbolCount else { throw .length(symbols: values.count) }
        guard Self.weightedSum(values) == 0 else { throw .checkSymbol }
        symbols = values
    }

    /// `XXXX-XXXX-XXXX`: what the Control Center shows. Whoever sees it can pair; not for logs.
    package var formatted: String {
        stride(from: 0, to: symbols.count, by: 4)
            .map { String(symbols[$0..<$0 + 4].map(CrockfordBase32.symbol)) }
            .joined(separator: "-")
    }

    /// What SHA-256 runs over to make `PairingOffer.codeHash`; binds the code to one offer and one appliance.
    ///
    /// A label, then token id, serial and the twelve symbols, each after its length in two bytes.
    package static func hashInput(tokenID: String, serial: String, code: PairingCode) -> [UInt8] {
        let parts = [
            Array(tokenID.utf8), Array(serial.utf8), code.symbols.map { CrockfordBase32.symbol($0).asciiValue ?? 0 },
        ]
        return parts.reduce(into: Array("pbx-pairing-code-v1".utf8)) { input, part in
            input.append(UInt8(truncatingIfNeeded: part.count >> 8))
            input.append(UInt8(truncatingIfNeeded: part.count))
            input.append(contentsOf: part)
        }
    }

    // MARK: Check symbol

    /// The symbol that, with weight alpha^11, brings the sum to zero.
    private static func checkSymbol(of symbols: [UInt8]) -> UInt8 {
        let sum = weightedSum(symbols)
        // alpha^31 = 1, so alpha^-11 = alpha^20.
        return (0..<31 - symbols.count).reduce(sum) { value, _ in timesAlpha(value) }
    }

    /// Horner's rule from the last symbol: sum of alpha^i * symbol[i].
    private static func weightedSum(_ symbols: [UInt8]) -> UInt8 {
        symbols.reversed().reduce(0) { timesAlpha($0) ^ $1 }
    }

    /// Multiplication by alpha in GF(32) with the primitive polynomial x^5 + x^2 + 1.
    private static func timesAlpha(_ value: UInt8) -> UInt8 {
        let shifted = value << 1
        return shifted & 0x20 == 0 ? shifted : shifted & 0x1F ^ 0b00101
    }
}

extension PairingCode: CustomStringConvertible {
    /// Never the code itself.
    package var description: String { "<pairing code>" }
}

/// Why a typed text is no code at all; none of these costs an attempt.
package enum PairingCodeError: Error, Sendable, Hashable {
    case length(symbols: Int)
    /// Position counted from 1 in the typed text.
    case symbol(position: Int)
    case checkSymbol
}

extension PairingCodeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .length(let symbols):
            "the code has \(symbols) symbols, expected \(PairingCode.symbolCount); type it as XXXX-XXXX-XXXX"
        case .symbol(let position):
            "character \(position) of the code is none of its letters and digits (U does not occur); compare it again"
        case .checkSymbol: "the code has a typing error; compare it again (this did not cost an attempt)"
        }
    }
}
