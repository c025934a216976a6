package import Primitives

/// A line that tells nobody apart (Q13): the network instead of the address (IPv4 /24, IPv6 /48), the hour instead of the
/// time, and no key per device. There is no hash: a salted hash of an address is the address to whoever tries them all.
package struct AnonymousLine: Sendable, Hashable {
    package var hour: UnixTime
    package var network: IPAddress
    package init(address: IPAddress, at time: UnixTime) {
        hour = Self.hour(of: time)
        network = address.anonymised
    }

    /// The beginning of the hour, UTC.
    package static func hour(of time: UnixTime) -> UnixTime {
        UnixTime(milliseconds: time.milliseconds.flooredDivision(by: 3_600_000) * 3_600_000)
    }

    /// A product's name without what a client adds to it: before the first bracket, semicolon or at sign, behind which
    /// device ids and addresses stand; printable ASCII, at most `limit` bytes.
    package static func product(_ text: String, limit: Int) -> String {
        let name = text.unicodeScalars.prefix { !"([;@{<".unicodeScalars.contains($0) }
        let printable = name.filter { (0x20..<0x7F).contains($0.value) }
        return String(String(String.UnicodeScalarView(printable)).prefix(limit))
    }
}
