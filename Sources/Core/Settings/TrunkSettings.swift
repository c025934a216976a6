package import Primitives

/// One line to the public telephone network, as the operator describes it: where its server is, who we are there, how
/// numbers are written on it, and where its calls lead.
package struct TrunkSettings: Sendable, Equatable {
    /// How the other side learns where we are.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// We register and are known by what we registered (RFC 3261 section 10.2).
        case registering
        /// Both sides know each other's addresses; nothing is registered.
        case `static`
    }

    /// Where the identity goes that the network may rely on; From shows the caller's number in each case.
    package enum Identity: String, Sendable, Hashable, CaseIterable {
        /// P-Asserted-Identity (RFC 3325 section 9.1): the trunk trusts us.
        case asserted
        /// P-Preferred-Identity (RFC 3325 section 9.2): the trunk checks what we ask for.
        case preferred
        /// From alone.
        case from
    }

    /// How numbers are written in requests that we send.
    package enum NumberFormat: String, Sendable, Hashable, CaseIterable {
        /// `+4930123456`.
        case e164
        /// `030123456` within the country, `0033…` beyond it.
        case national
        /// As the caller dialled it, without the outside-line prefix.
        case dialled
    }

    /// What a number without any prefix means in requests that we receive; `+`, the international and the national
    /// prefix are understood in each case.
    package enum IncomingFormat: String, Sendable, Hashable, CaseIterable {
        /// As someone in our area would dial it.
        case automatic
        /// It begins with the country code: `4930123456`.
        case international
        /// It begins with the area code: `30123456`.
        case national
    }

    /// What becomes of a 3xx to a call.
    package enum Redirects: String, Sendable, Hashable, CaseIterable {
        /// The call fails on this trunk.
        case refuse
        /// Contacts within the trunk's domain are tried.
        case follow
    }

    /// Unique, 1 to 32 letters, digits, `-`, `_`, `.`.
    package var name: String
    package var kind: Kind
    /// The registrar, or the peer of a static trunk.
    package var server: TrunkServer
    /// Nil: by the records of RFC 3263, else UDP.
    package var transport: SIPSettings.Transport?
    /// The first hop of every request, when it is not the server itself.
    package var outboundProxy: TrunkServer?
    /// The user of our address of record there; also the default of `authenticationUser`.
    package var user: String
    package var authenticationUser: String?
    package var password: Secret?
    /// The host of our address of record and of From; nil: the server's host.
    package var domain: String?
    /// The registration's lifetime that we ask for.
    package var expires = Duration.seconds(600)
    /// How many calls the trunk carries at once, in both directions.
    package var channels = 10
    /// Between two OPTIONS; zero: none are sent.
    package var healthInterval = Duration.seconds(60)
    package var identity = Identity.asserted
    /// From names the account (`user`) instead of the caller's number, which then stands in the identity header alone.
    package var fromAccount = false
    /// The trunk honours `Privacy: id` (RFC 3323, RFC 3325): a withheld number goes in the identity header nevertheless.
    package var honoursPrivacy = true
    /// Names of codecs in the order to be offered; empty: the appliance's own order.
    package var codecs: [String] = []
    package var numberFormat = NumberFormat.e164
    /// Put before each number that we send, emergency and short numbers excepted.
    package var numberPrefix = ""
    package var incomingFormat = IncomingFormat.automatic
    /// The number shown for callers who have none of their own on this trunk.
    package var callerNumber: String?
    package var block: DirectDialBlock?
    /// Single numbers (MSN) in their order; they win over the block.
    package var numbers: [DirectNumber] = []
    /// Where calls to every other number of the trunk lead; nil: nowhere (404).
    package var defaultDestination: String?
    /// Where requests may come from besides the server's own addresses.
    package var sources: [AddressBlock] = []
    package var redirects = Redirects.refuse
    /// Calls that were forwarded here are told of in Diversion (RFC 5806) instead of History-Info (RFC 7044).
    package var tellsDiversion = false
    package var mediaSecurity = MediaSecurity.optional

    package init(name: String, kind: Kind, server: TrunkServer, user: String, password: Secret? = nil) {
        self.name = name
        self.kind = kind
        self.server = server
        self.user = user
        self.password = password
    }

    /// The host of our address of record.
    package var addressDomain: String { domain ?? server.host }

    /// How many numbers lead to extensions: those of the block and the single ones.
    package var directNumberCount: Int { (block?.count ?? 0) + numbers.count }
}

/// A SIP server as an operator names it.
package struct TrunkServer: Sendable, Hashable {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    package var host: String
    /// Nil: by the records of RFC 3263, else the transport's own.
    package var port: UInt16?

    package init(host: String, port: UInt16? = nil) {
        self.host = host
        self.port = port
    }

    /// Reads `host`, `host:port`, `[2001:db8::1]` or `[2001:db8::1]:port`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        var end = bytes.count
        if let colon = bytes.lastIndex(of: UInt8(ascii: ":")),
            bytes.first != UInt8(ascii: "[") || bytes[colon - 1] == 0x5D
        {
            guard let number = UInt16(String(decoding: bytes[(colon + 1)...], as: UTF8.self)), number > 0 else {
                return nil
            }
            port = number
            end = colon
        }
        let host = String(decoding: bytes[..<end], as: UTF8.self)
        if bytes.first == UInt8(ascii: "[") {
            guard let address = IPAddress(host), !address.isV4 else { return nil }
            self.host = address.description
        } else {
            guard Self.isHostName(host) else { return nil }
            self.host = host
        }
    }

    /// Letters, digits, hyphens and dots, no label empty, at most 253 bytes; numeric IPv4 addresses are names too.
    package static func isHostName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let isAllowed = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2D || $0 == 0x2E
        }
        return isAllowed
            && text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }
}

extension TrunkServer: CustomStringConvertible {
    /// `host` or `host:port`, IPv6 in brackets; reading it gives an equal value.
    package var description: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port.map { "\(name):\($0)" } ?? name
    }
}
