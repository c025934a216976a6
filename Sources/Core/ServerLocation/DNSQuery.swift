package import Primitives

/// The record types that server location asks for (RFC 1035, RFC 3596, RFC 2782, RFC 3403).
package enum DNSRecordType: UInt16, Sendable, Hashable, CaseIterable {
    case a = 1
    case aaaa = 28
    case srv = 33
    case naptr = 35
}

/// One question to the domain name system.
package struct DNSQuery: Hashable, Sendable {
    /// Lower case, without the trailing dot.
    package let name: String
    package let type: DNSRecordType

    package init(_ name: String, _ type: DNSRecordType) {
        self.name = DNSName.canonical(name)
        self.type = type
    }
}

extension DNSQuery: CustomStringConvertible {
    package var description: String { "\(name) \(type)" }
}

/// One resource record of an answer.
package struct DNSRecord: Hashable, Sendable {
    package enum Data: Hashable, Sendable {
        case address(IPAddress)
        case service(ServiceRecord)
        case pointer(NamingAuthorityPointer)
        /// CNAME: the owner is another name for this one.
        case alias(String)
    }

    /// The owner: lower case, without the trailing dot.
    package let name: String
    package let timeToLive: Duration
    package let data: Data

    package init(_ name: String, timeToLive: Duration, _ data: Data) {
        self.name = DNSName.canonical(name)
        self.timeToLive = timeToLive
        self.data = data
    }
}

/// SRV (RFC 2782): a host that offers a service.
package struct ServiceRecord: Hashable, Sendable {
    package let priority: UInt16
    package let weight: UInt16
    package let port: UInt16
    /// Empty where the record says `.`: the service is decidedly not offered in this domain.
    package let target: String

    package init(priority: UInt16, weight: UInt16, port: UInt16, target: String) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = DNSName.canonical(target)
    }
}

/// NAPTR (RFC 3403): which service is found where, as far as RFC 3263 uses it.
package struct NamingAuthorityPointer: Hashable, Sendable {
    package let order: UInt16
    package let preference: UInt16
    /// Lower case; RFC 3263 knows only `s`.
    package let flags: String
    /// Lower case, for example `sips+d2t`.
    package let service: String
    package let replacement: String

    package init(order: UInt16, preference: UInt16, flags: String, service: String, replacement: String) {
        self.order = order
        self.preference = preference
        self.flags = flags.lowercased()
        self.service = service.lowercased()
        self.replacement = DNSName.canonical(replacement)
    }
}

/// What became of a query.
package enum DNSOutcome: Hashable, Sendable {
    /// The answer section, aliases included; never empty.
    case records([DNSRecord])
    /// The name is there, records of this type are not. `timeToLive` is the zone's for such an answer (RFC 2308).
    case noRecords(timeToLive: Duration?)
    case noSuchName(timeToLive: Duration?)
    case failed(DNSFailure)
}

/// Why there is no answer at all.
package enum DNSFailure: Error, Hashable, Sendable {
    case timedOut
    /// The server will not answer us.
    case refused
    /// The server could not find out (SERVFAIL), or says that it does not know how.
    case serverFailed
    /// No server can be reached, or none would answer.
    case unreachable
    case malformed
    case tooLong(bytes: Int, limit: Int)
    /// More questions wait than `Limits.dnsQueries`.
    case overloaded
    /// There is no resolver, or it is being shut down.
    case noResolver
}

extension DNSFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut: "no name server answered in time; look at the network and at /etc/resolv.conf"
        case .refused: "the name server refuses to answer this machine; name another one"
        case .serverFailed: "the name server could not find an answer; try again later"
        case .unreachable:
            "no name server can be reached, or none answers us; look at the network and at /etc/resolv.conf"
        case .malformed: "the name server's answer cannot be read"
        case .tooLong(let bytes, let limit): "the name server's answer has \(bytes) bytes, limit \(limit)"
        case .overloaded: "too many questions wait for the name servers"
        case .noResolver: "there is no resolver; it is starting or shutting down"
        }
    }
}

/// Domain names as text (RFC 1035 section 2.3).
package enum DNSName {
    /// Lower case (ASCII only), without a trailing dot.
    package static func canonical(_ name: String) -> String {
        var bytes = Array(name.utf8)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        var isChanged = bytes.count != name.utf8.count
        for index in bytes.indices where (0x41...0x5A).contains(bytes[index]) {
            bytes[index] |= 0x20
            isChanged = true
        }
        return isChanged ? String(decoding: bytes, as: UTF8.self) : name
    }

    /// True for what may be asked for: labels of 1...63 letters, digits, hyphens and underscores, at most 253 in all.
    package static func isAskable(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        return name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count)
                && label.allSatisfy {
                    switch $0 {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                }
        }
    }
}
