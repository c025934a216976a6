/// Douglas Crockford's base32: digits and capital letters without I, L, O, U.
package enum CrockfordBase32 {
    private static let symbols = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// The symbol of a value 0...31; larger values use their low five bits.
    package static func symbol(_ value: UInt8) -> Character { Character(Unicode.Scalar(symbols[Int(value & 31)])) }

    /// The value of a symbol as a person may have typed it: either case, I and L for 1, O for 0; nil for anything else.
    package static func value(_ symbol: Character) -> UInt8? {
        guard let ascii = symbol.asciiValue else { return nil }
        let upper = (0x61...0x7A).contains(ascii) ? ascii - 0x20 : ascii
        switch upper {
        case UInt8(ascii: "I"), UInt8(ascii: "L"): return 1
        case UInt8(ascii: "O"): return 0
        default: return symbols.firstIndex(of: upper).map { UInt8($0) }
        }
    }
}
