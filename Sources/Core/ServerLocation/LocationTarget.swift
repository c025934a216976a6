package import Primitives
package import SIPMessage
package import SIPTransaction

/// What is to be located: the parts of a URI that RFC 3263 section 4 looks at.
package struct LocationTarget: Hashable, Sendable {
    /// A `sips` URI: TLS or nothing.
    package var isSecure: Bool
    /// A name (lower case, no trailing dot) or a numeric address; from `maddr` if the URI has one.
    package let host: String
    package var port: UInt16?
    /// What the URI's `transport` parameter says; nil lets the domain choose.
    package var transport: SIPFlow.Transport?
    let address: IPAddress?

    package init(host: String, port: UInt16? = nil, transport: SIPFlow.Transport? = nil, isSecure: Bool = false) {
        address = IPAddress(host)
        self.host = address == nil ? DNSName.canonical(host) : host
        self.port = port
        self.transport = transport
        self.isSecure = isSecure
    }

    /// The target of a request whose topmost Route, or else whose Request-URI, is `uri` (RFC 3261 section 8.1.2).
    ///
    /// Throws for another scheme than `sip` and `sips`, and for a transport that we do not speak.
    package init(_ uri: SIPURI) throws(LocationFailure) {
        let isSecure: Bool
        switch uri.scheme {
        case .sip: isSecure = false
        case .sips: isSecure = true
        case .tel, .other: throw .notASIPAddress
        }
        var transport: SIPFlow.Transport?
        if let name = uri.parameters["transport"] {
            switch name.lowercased() {
            case "udp": transport = .udp
            case "tcp": transport = isSecure ? .tls : .tcp
            case "tls": transport = .tls  // deprecated by RFC 3261 section 26.2.2, and in use everywhere
            default: throw .unsupportedTransport(name)
            }
        }
        self.init(
            host: uri.parameters["maddr"] ?? uri.host, port: uri.port, transport: transport, isSecure: isSecure)
    }
}

/// One way to a server: where to send, and over what.
package struct Hop: Hashable, Sendable {
    package var transport: SIPFlow.Transport
    package var endpoint: Endpoint
    /// The name that the server's certificate must carry: the domain that was asked for, not the host that it named
    /// (RFC 5922 section 4). Nil when the URI names an address, which then must be in the certificate.
    package var serverName: String?

    package init(transport: SIPFlow.Transport, endpoint: Endpoint, serverName: String? = nil) {
        self.transport = transport
        self.endpoint = endpoint
        self.serverName = serverName
    }
}

/// What `ServerLocation.locate` knows.
package enum LocationResult: Equatable, Sendable {
    /// The ways, the best first; never empty.
    case hops([Hop])
    /// These have to be asked first (none: they have been already, and the answers are under way).
    case pending([DNSQuery])
    case failed(LocationFailure)
}

/// What an answer led to: what is to be asked next, and which targets can be located now (with success or not).
package struct LocationProgress: Equatable, Sendable {
    package var queries: [DNSQuery]
    package var ready: [LocationTarget]

    package init(queries: [DNSQuery] = [], ready: [LocationTarget] = []) {
        self.queries = queries
        self.ready = ready
    }
}

/// Why a target has no hop.
package enum LocationFailure: Error, Hashable, Sendable {
    /// Neither `sip` nor `sips`.
    case notASIPAddress
    case unsupportedTransport(String)
    /// `sips` over a transport without TLS (RFC 3261 section 26.2).
    case notSecure
    /// The host is no domain name.
    case notAName
    case noSuchName(String)
    case noRecords(String)
    /// An SRV record says that the domain does not offer SIP (RFC 2782, target `.`).
    case notOffered(String)
    case aliasLoop(String)
    case dns(String, DNSFailure)
    /// More queries would be needed than `Limits.dnsQueriesPerLocation`.
    case tooManyQueries(limit: Int)
    /// More targets are being located than `Limits.waitingLocations`.
    case overloaded

    /// Whether it may be different in a moment: 503 rather than 404.
    package var isTransient: Bool {
        switch self {
        case .dns, .overloaded: true
        case .notASIPAddress, .unsupportedTransport, .notSecure, .notAName, .noSuchName, .noRecords, .notOffered,
            .aliasLoop, .tooManyQueries:
            false
        }
    }
}

extension LocationFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notASIPAddress: "the address is neither sip: nor sips:"
        case .unsupportedTransport(let name): "SIP over \(name) is not spoken here; use udp, tcp or tls"
        case .notSecure: "sips: needs TLS, and another transport was asked for"
        case .notAName: "the host is neither a domain name nor an address"
        case .noSuchName(let name): "the domain \(name) does not exist; check its spelling"
        case .noRecords(let name): "the domain \(name) has no address"
        case .notOffered(let name): "the domain \(name) says that it offers no SIP"
        case .aliasLoop(let name): "the aliases of \(name) lead in a circle; tell its owner"
        case .dns(let name, let failure): "\(name) could not be looked up: \(failure)"
        case .tooManyQueries(let limit): "locating the domain takes more than \(limit) queries"
        case .overloaded: "too many domains are being looked up at once; try again"
        }
    }
}
