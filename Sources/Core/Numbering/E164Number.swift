/// A telephone number that is unique in the world (ITU-T E.164): country code and national number.
package struct E164Number: Hashable, Sendable {
    /// 4 to 15 digits, the first not 0, without `+`.
    package let digits: String

    /// Nil when the digits are too few, too many, not digits, or begin with 0.
    package init?(digits: some StringProtocol) {
        let bytes = digits.utf8
        guard (4...15).contains(bytes.count), bytes.first != UInt8(ascii: "0"), bytes.allSatisfy(Self.isDigit) else {
            return nil
        }
        self.digits = String(digits)
    }

    /// Reads `+` and digits.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.first == UInt8(ascii: "+") else { return nil }
        self.init(digits: text.dropFirst())
    }

    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

extension E164Number: CustomStringConvertible {
    /// `+` and the digits.
    package var description: String { "+" + digits }
}

/// What somebody dialled on an extension.
package enum DialledNumber: Hashable, Sendable {
    /// An extension, feature or group of the appliance, as dialled.
    case `internal`(String)
    /// A number for help, without outside-line prefix: goes out by any trunk, whatever the rules say.
    case emergency(String)
    /// A service number that only exists within the country or the network: goes out as it is.
    case short(String)
    /// `asDialled` is without outside-line prefix and visual separators.
    case external(E164Number, asDialled: String)
    /// Neither an extension nor a number that can be called.
    case invalid
}

/// A number in a request from a trunk.
package enum ReceivedNumber: Hashable, Sendable {
    case e164(E164Number)
    /// Digits that are no whole number in any known form: short numbers, what private networks number by themselves.
    case other(String)
    /// There is none: a name, or nothing.
    case none
}
