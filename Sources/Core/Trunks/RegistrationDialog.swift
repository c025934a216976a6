import Primitives
import SIPDialog
import SIPMessage
import SIPUserAgent
import ServerLocation
import Settings

/// What all REGISTER requests of a trunk share (RFC 3261 section 10.2.4), and what their answers said.
struct RegistrationDialog: Sendable {
    /// For challenges (of which the digest session takes fewer in a row) and longer intervals together, in one round.
    static let retryLimit = 5
    private static let routeLimit = 8

    let callID: String
    let tag: String
    private var cseq: UInt32 = 0
    /// Seconds that we ask for: the settings', or more when the registrar wants that (423).
    private(set) var expires: Int
    /// Without credentials no challenge can be met.
    private let newSession: DigestSession?
    private var session: DigestSession?
    private var retries = 0
    /// How long the binding holds; nil without one.
    var validUntil: Instant?
    /// RFC 3608, in the order in which a Route takes them.
    private(set) var serviceRoutes: [NameAddress] = []

    init(_ settings: TrunkSettings, _ agent: inout UserAgentContext, hashes: any HashFunctions) {
        callID = agent.makeCallID()
        tag = agent.makeTag()
        expires = Int(settings.expires.components.seconds)
        newSession = settings.credentials.map {
            DigestSession(username: $0.username, password: $0.password, hashes: hashes)
        }
        session = newSession
    }

    /// Where requests along the Service-Route go.
    var serviceTarget: LocationTarget? { serviceRoutes.first.flatMap { try? LocationTarget($0.uri) } }

    /// A new attempt to register with a server.
    mutating func beginRound() {
        retries = 0
        session?.beginRequest()
    }

    /// Counts a repetition within the round; false when there were enough.
    mutating func mayRetry() -> Bool {
        retries += 1
        return retries <= Self.retryLimit
    }

    /// A REGISTER, or the one that takes the binding away.
    mutating func request(
        _ settings: TrunkSettings, contact: SIPURI, isLeaving: Bool, _ agent: inout UserAgentContext
    ) -> SIPRequest {
        cseq += 1
        let address = NameAddress(uri: settings.addressOfRecord)
        var from = address
        from.tag = tag
        let seconds = String(isLeaving ? 0 : expires)
        var binding = NameAddress(uri: contact)
        binding.parameters.set("expires", seconds)
        var request = SIPRequest(method: .register, uri: settings.registrar)
        request.headers.append(.maxForwards, "70")
        if let route = settings.proxyRoute { request.headers.append(.route, route.description) }
        request.headers.append(.from, from.description)
        request.headers.append(.to, address.description)
        request.headers.append(.callID, callID)
        request.headers.append(.cseq, CSeq(number: cseq, method: .register).description)
        request.headers.append(.contact, binding.description)
        request.headers.append(.expires, seconds)
        request.headers.append(.supported, "path")
        request.headers.append(.userAgent, SIPCapabilities.product)
        session?.authorise(&request, entropy: &agent.entropy)
        return request
    }

    /// The next round begins without credentials.
    mutating func forgetChallenges() {
        session = newSession
    }

    // MARK: Answers

    /// A 401 or 407; throws when another answer to it is of no use.
    mutating func challenged(by response: SIPResponse) throws(TrunkFailure) {
        switch session?.receive(response) {
        case .answered, .retry: break
        case .wrongCredentials, .tooManyChallenges: throw .wrongPassword
        case .unsupported, nil: throw .cannotAuthenticate
        }
        guard mayRetry() else { throw .wrongPassword }
    }

    /// A 423 (RFC 3261 section 10.2.8); false when its interval cannot be used.
    mutating func adoptMinimum(of response: SIPResponse) -> Bool {
        guard let text = response.headers[.minExpires], let seconds = Int(text.filter { $0 != " " }),
            seconds > expires, seconds <= 86_400
        else { return false }
        expires = seconds
        return mayRetry()
    }

    /// A 2xx: how long the binding holds, in seconds; nil when it does not. Keeps the Service-Route.
    ///
    /// A registrar that lists no contact of ours is believed all the same: some rewrite what they were given.
    mutating func accepted(_ response: SIPResponse, token: String) -> Int? {
        _ = session?.receive(response)
        serviceRoutes = Array(((try? response.serviceRoutes()) ?? []).prefix(Self.routeLimit))
        var granted = response.expires() ?? expires
        if case .list(let contacts)? = try? response.contacts(),
            let own = contacts.first(where: { $0.uri.user == token }),
            let seconds = own.parameters["expires"].flatMap({ Int($0) })
        {
            granted = seconds
        }
        return granted > 0 ? min(granted, 7 * 86_400) : nil
    }
}
