/// A key of a telephone. The raw value is its event code (RFC 4733 section 3.2).
package enum Digit: UInt8, Hashable, Sendable, CaseIterable {
    case zero, one, two, three, four, five, six, seven, eight, nine
    case star, pound
    case a, b, c, d
    /// The hook, pressed for a moment. It has no tones.
    case flash

    /// 0-9, `*`, `#`, A-D in either case, or `!` for a hook flash; nil for other characters.
    package init?(_ character: Character) {
        guard let place = Self.names.firstIndex(of: character) ?? Self.lowerCase.firstIndex(of: character),
            let digit = Self(rawValue: UInt8(place % Self.names.count))
        else { return nil }
        self = digit
    }

    /// By the code of a telephone event; nil for events that are no keys.
    package init?(event: UInt8) { self.init(rawValue: event) }

    /// The code of a telephone event.
    package var event: UInt8 { rawValue }

    /// As `init(_:)` takes it.
    package var character: Character { Self.names[Int(rawValue)] }

    /// The lower and the higher tone in Hz (ITU-T Q.23); nil for a hook flash.
    package var tones: (low: Int, high: Int)? {
        for (row, digits) in Self.keypad.enumerated() {
            if let column = digits.firstIndex(of: self) { return (Self.rows[row], Self.columns[column]) }
        }
        return nil
    }

    /// The tones of the lower group, from the top of the keypad down.
    static let rows = [697, 770, 852, 941]
    /// The tones of the higher group, from the left of the keypad to the right.
    static let columns = [1_209, 1_336, 1_477, 1_633]
    /// By row and column.
    static let keypad: [[Digit]] = [
        [.one, .two, .three, .a], [.four, .five, .six, .b], [.seven, .eight, .nine, .c], [.star, .zero, .pound, .d],
    ]
    private static let names = Array("0123456789*#ABCD!")
    private static let lowerCase = Array("0123456789*#abcd!")
}

extension Array<Digit> {
    /// The keys in a text; nil when it holds anything else.
    package init?(digits text: some StringProtocol) {
        var digits: [Digit] = []
        for character in text {
            guard let digit = Digit(character) else { return nil }
            digits.append(digit)
        }
        self = digits
    }

    /// As one writes them down.
    package var text: String { String(map(\.character)) }
}
