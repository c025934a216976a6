/// An IP address with a port: where a datagram came from or goes to.
package struct Endpoint: Hashable, Sendable, Comparable {
    package var address: IPAddress
    package var port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Parses `192.0.2.1:5060` or `[2001:db8::1]:5060`; nil for anything else, names included.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        let host = text[..<colon]
        guard let address = IPAddress(host), address.isV4 || host.hasPrefix("[") else { return nil }
        self.init(address: address, port: port)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.address, left.port) < (right.address, right.port)
    }
}

extension Endpoint: CustomStringConvertible {
    package var description: String {
        switch address {
        case .v4: "\(address):\(port)"
        case .v6: "[\(address)]:\(port)"
        }
    }
}
