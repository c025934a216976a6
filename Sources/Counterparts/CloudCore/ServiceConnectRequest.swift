import CloudMessages
package import Primitives

/// What a vendor server sends first on the relay's service port: an HTTP/1.1 CONNECT (RFC 9110 section 9.3.6) to
/// `<service>.s<serial>.pbx.<domain>:443`. After the 200 the connection is a byte pipe to that service.
package struct ServiceConnectRequest: Sendable, Hashable {
    package var service: UplinkService
    /// Lower case.
    package var serial: String
    /// Who wants it, when a server asks on somebody's behalf: `Forwarded: for=` (RFC 7239).
    package var client: IPAddress?

    package enum Outcome: Sendable, Hashable {
        case needsMore
        /// `headBytes` belong to the request; what follows is the pipe's.
        case complete(ServiceConnectRequest, headBytes: Int)
        case invalid
    }

    package static let maximumBytes = 2_048

    package init(service: UplinkService, serial: String, client: IPAddress? = nil) {
        self.service = service
        self.serial = serial
        self.client = client
    }

    /// The request as a client writes it.
    package var encoded: [UInt8] {
        let authority = "\(service.rawValue).\(RelayName.serverName(serial: serial)):443"
        let forwarded = client.map { "Forwarded: for=\"\($0.isV4 ? "\($0)" : "[\($0)]")\"\r\n" } ?? ""
        return Array("CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\(forwarded)\r\n".utf8)
    }

    /// Judges the first bytes of a connection; call it again with all bytes when more have arrived.
    package static func parse(_ bytes: [UInt8]) -> Outcome {
        let method = Array("CONNECT ".utf8)
        guard zip(bytes, method).allSatisfy({ $0 == $1 }) else { return .invalid }
        let window = bytes.prefix(maximumBytes)
        guard
            let end = window.indices.dropLast(3).first(where: { window[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) })
        else { return bytes.count >= maximumBytes ? .invalid : .needsMore }
        let line = window[..<end].prefix { $0 != 13 }
        let words = line.split(separator: 32, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].elementsEqual("HTTP/1.1".utf8),
            words[1].allSatisfy({ (0x21...0x7E).contains($0) })
        else { return .invalid }
        let authority = String(decoding: words[1], as: UTF8.self)
        guard authority.hasSuffix(":443"), let dot = authority.firstIndex(of: "."),
            let service = UplinkService(rawValue: String(authority[..<dot])),
            let serial = RelayName.serial(serverName: String(authority[authority.index(after: dot)...].dropLast(4)))
        else { return .invalid }
        let client = Self.client(in: String(decoding: window[..<end], as: UTF8.self))
        return .complete(Self(service: service, serial: serial, client: client), headBytes: end + 4)
    }

    /// The address in `Forwarded: for="192.0.2.1"` or `for="[2001:db8::1]"`; nil for anything else.
    private static func client(in head: String) -> IPAddress? {
        for line in head.split(separator: "\r\n").dropFirst() where line.lowercased().hasPrefix("forwarded:") {
            let value = line.dropFirst("forwarded:".count).filter { $0 != " " && $0 != "\"" }
            guard value.lowercased().hasPrefix("for=") else { return nil }
            return IPAddress(value.dropFirst(4).filter { $0 != "[" && $0 != "]" })
        }
        return nil
    }
}
