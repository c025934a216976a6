package import Primitives
import SIPMessage
import SIPTransaction
import ServerLocation
import Settings

/// The name and password by which a trunk knows us.
package struct TrunkCredentials: Sendable, Equatable {
    package let username: String
    package let password: Secret

    package init(username: String, password: Secret) {
        self.username = username
        self.password = password
    }
}

/// What follows from a trunk's settings: who we are there, and where there is.
extension TrunkSettings {
    var credentials: TrunkCredentials? {
        password.map { TrunkCredentials(username: authenticationUser ?? user, password: $0) }
    }

    /// The first hop of requests.
    var locationTarget: LocationTarget {
        let first = outboundProxy ?? server
        return LocationTarget(host: first.host, port: first.port, transport: transport?.ofFlow)
    }

    /// The domain as a URI (RFC 3261 section 10.2: the Request-URI of REGISTER has no user part).
    var registrar: SIPURI { SIPURI(host: addressDomain.asURIHost) }

    var addressOfRecord: SIPURI { SIPURI(user: user, host: addressDomain.asURIHost) }

    /// A telephone number at the trunk (RFC 3261 section 19.1.6).
    func uri(ofNumber number: String) -> SIPURI {
        SIPURI(
            user: number, host: addressDomain.asURIHost, parameters: SIPParameters([.init("user", "phone")]))
    }

    /// The outbound proxy as a Route value.
    var proxyRoute: NameAddress? {
        outboundProxy.map {
            var uri = SIPURI(
                host: $0.host.asURIHost, port: $0.port, parameters: SIPParameters([.init("lr", nil)]))
            if let transport, transport != .udp { uri.transport = transport.rawValue }
            return NameAddress(uri: uri)
        }
    }

    /// True when nothing that the other side has seen of us differs, so that a registration may stay.
    func isSameAccount(as other: TrunkSettings) -> Bool {
        kind == other.kind && server == other.server && transport == other.transport
            && outboundProxy == other.outboundProxy && user == other.user
            && authenticationUser == other.authenticationUser && password == other.password && domain == other.domain
            && expires == other.expires
    }

    /// True for the trunk's domain, names below it, and its servers.
    func isWithinDomain(_ host: String) -> Bool {
        let host = host.lowercased()
        return [addressDomain, server.host, outboundProxy?.host].contains { known in
            guard let known = known?.lowercased() else { return false }
            return host == known || host == known.asURIHost || IPAddress(known) == nil && host.hasSuffix(".\(known)")
        }
    }
}

extension String {
    /// IPv6 addresses in brackets.
    var asURIHost: String { utf8.contains(UInt8(ascii: ":")) ? "[\(self)]" : self }
}

extension SIPSettings.Transport {
    var ofFlow: SIPFlow.Transport {
        switch self {
        case .udp: .udp
        case .tcp: .tcp
        case .tls: .tls
        }
    }
}
