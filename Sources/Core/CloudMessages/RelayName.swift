/// The server name by which clients reach an appliance through the relay (WIRE.md, Uplink).
package enum RelayName {
    package static let domain = "relay.example"

    /// `s<serial>.pbx.relay.example`, lower case.
    package static func serverName(serial: String) -> String { "s\(serial.lowercased()).pbx.\(domain)" }

    /// The serial (lower case) inside a server name of the form above; nil for any other name.
    package static func serial(serverName: String) -> String? {
        let name = serverName.lowercased()
        let suffix = ".pbx.\(domain)"
        guard name.hasPrefix("s"), name.hasSuffix(suffix), name.utf8.count > suffix.utf8.count + 1 else { return nil }
        return String(name.dropFirst().dropLast(suffix.count))
    }
}

/// Where the appliance's provisioning service hands out files (F-S3).
package enum ProvisioningPath {
    /// Followed by the client's token: the vendor's `token_url + token`.
    package static let prefix = "/v1/provisioning/"
}
