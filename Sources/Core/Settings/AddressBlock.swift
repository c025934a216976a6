package import Primitives

/// Addresses that share their first bits (CIDR, RFC 4632), perhaps with one port.
package struct AddressBlock: Sendable, Hashable {
    package let address: IPAddress
    /// 0...32 or 0...128.
    package let length: Int
    /// Nil: any port.
    package let port: UInt16?

    /// Nil when `length` is longer than the address.
    package init?(address: IPAddress, length: Int, port: UInt16? = nil) {
        guard (0...(address.isV4 ? 32 : 128)).contains(length) else { return nil }
        self.address = address
        self.length = length
        self.port = port
    }

    /// Reads `192.0.2.0/24`, `192.0.2.7`, `192.0.2.7:5080`, `2001:db8::/32`, `[2001:db8::7]:5080`; nil otherwise.
    package init?(_ text: some StringProtocol) {
        if let address = IPAddress(text) {
            self.init(address: address, length: address.isV4 ? 32 : 128)
        } else if let endpoint = Endpoint(text) {
            self.init(address: endpoint.address, length: endpoint.address.isV4 ? 32 : 128, port: endpoint.port)
        } else {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, (1...3).contains(parts[1].utf8.count),
                parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let address = IPAddress(parts[0]), let length = Int(parts[1])
            else { return nil }
            self.init(address: address, length: length)
        }
    }

    package func contains(_ endpoint: Endpoint) -> Bool {
        (port == nil || port == endpoint.port) && contains(endpoint.address)
    }

    package func contains(_ other: IPAddress) -> Bool {
        switch (address, other) {
        case (.v4(let block), .v4(let bits)):
            return Self.agree(UInt64(block) << 32, UInt64(bits) << 32, bits: length)
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            return Self.agree(high, otherHigh, bits: min(length, 64))
                && Self.agree(low, otherLow, bits: max(length - 64, 0))
        case (.v4, .v6), (.v6, .v4): return false
        }
    }

    private static func agree(_ left: UInt64, _ right: UInt64, bits: Int) -> Bool {
        bits == 0 || (left ^ right) >> UInt64(64 - bits) == 0
    }
}

extension AddressBlock: CustomStringConvertible {
    /// Reading it gives an equal value.
    package var description: String {
        if let port { return "\(Endpoint(address: address, port: port))" }
        return length == (address.isV4 ? 32 : 128) ? "\(address)" : "\(address)/\(length)"
    }
}
