import Primitives
import SIPMessage
import SIPUserAgent
import ServerLocation
import Settings

/// What all REGISTER requests of a trunk share (RFC 3261 section 10.2.4), and what their answers said.
struct RegistrationDialog: Sendable {
    /// For answering challenges and longer intervals within one round.
    static let maximumRetries = 5
    private static let maximumRoutes = 8

    let callID: String
    let tag: String
    private var cseq: UInt32 = 0
    /// Seconds that we ask for: the settings', or more when the registrar wants that (423).
    private(set) var expires: Int
    private var server = ChallengeMemory()
    private var proxy = ChallengeMemory()
    private var retries = 0
    /// How long the binding holds; nil without one.
    var validUntil: Instant?
    /// RFC 3608, in the order in which a Route takes them.
    private(set) var serviceRoutes: [NameAddress] = []

    init(_ settings: TrunkSettings, _ agent: inout UserAgentContext) {
        callID = agent.makeCallID()
        tag = agent.makeTag()
        expires = Int(settings.expires.components.seconds)
    }

    /// Where requests along the Service-Route go.
    var serviceTarget: LocationTarget? { serviceRoutes.first.flatMap { try? LocationTarget($0.uri) } }

    /// A new attempt to register with a server.
    mutating func beginRound() { retries = 0 }

    /// Counts a repetition within the round; false when there were enough.
    mutating func mayRetry() -> Bool {
        retries += 1
        return retries <= Self.maximumRetries
    }

    /// A REGISTER, or the one that takes the binding away. Throws when a challenge cannot be answered.
    mutating func request(
        _ settings: TrunkSettings, contact: SIPURI, isLeaving: Bool, _ agent: inout UserAgentContext,
        hashes: any HashFunctions
    ) throws(TrunkFailure) -> SIPRequest {
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
        try Self.authorize(&request, .authorization, with: &server, settings, &agent, hashes: hashes)
        try Self.authorize(&request, .proxyAuthorization, with: &proxy, settings, &agent, hashes: hashes)
        return request
    }

    private static func authorize(
        _ request: inout SIPRequest, _ name: SIPHeaderName, with memory: inout ChallengeMemory,
        _ settings: TrunkSettings, _ agent: inout UserAgentContext, hashes: any HashFunctions
    ) throws(TrunkFailure) {
        guard !memory.isEmpty else { return }
        guard let credentials = settings.credentials,
            let value = memory.credentials(
                credentials, method: request.method, uri: request.uri.description, entropy: &agent.entropy,
                hashes: hashes)
        else { throw .cannotAuthenticate }
        request.headers.append(name, value.description)
    }

    /// The next round begins without credentials.
    mutating func forgetChallenges() {
        server = ChallengeMemory()
        proxy = ChallengeMemory()
    }

    // MARK: Answers

    /// A 401 or 407; throws when another answer to it is of no use.
    mutating func challenged(by response: SIPResponse) throws(TrunkFailure) {
        let challenges = response.challenges(of: response.status == 401 ? .wwwAuthenticate : .proxyAuthenticate)
        guard !challenges.isEmpty else { throw .cannotAuthenticate }
        let isOfUse =
            response.status == 401 ? server.challenged(by: challenges) : proxy.challenged(by: challenges)
        guard isOfUse, mayRetry() else { throw .wrongPassword }
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
        server.accepted()
        proxy.accepted()
        serviceRoutes = Array(((try? response.serviceRoutes()) ?? []).prefix(Self.maximumRoutes))
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

extension SIPResponse {
    fileprivate func challenges(of name: SIPHeaderName) -> [AuthenticationParameters] {
        headers.all(name).compactMap { try? AuthenticationParameters(parsing: $0) }
    }
}
