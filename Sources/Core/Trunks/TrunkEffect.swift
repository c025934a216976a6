package import ServerLocation

/// What trunks ask of their owner besides SIP messages.
package enum TrunkEffect: Sendable, Equatable {
    /// Find the servers of a trunk; the answer goes to `Trunks.located` with the same target.
    case locate(TrunkID, LocationTarget)
    /// For the order in which the next location puts the hops (RFC 3263 section 4.3).
    case hopFailed(Hop)
    case hopSucceeded(Hop)
    /// Once for each change.
    case changed(TrunkID, name: String, TrunkState)
}

/// What can be said of a trunk in one word, and why.
package enum TrunkState: Sendable, Hashable {
    /// There is no listener to use it from yet.
    case idle
    /// For the first time since its settings came, or since it was left.
    case trying
    /// The registrar has our contact.
    case registered
    /// A static trunk whose peer answers, or is not asked.
    case reachable
    /// On purpose: the appliance is shutting down or the trunk was removed.
    case unregistered
    /// The server answers and does not want us; it is asked again later.
    case refused(TrunkFailure)
    /// Nobody answers; it is tried again later.
    case unreachable(TrunkFailure)

    /// The state without its reason: `registered`, `unreachable`.
    package var name: String {
        switch self {
        case .idle: "idle"
        case .trying: "trying"
        case .registered: "registered"
        case .reachable: "reachable"
        case .unregistered: "unregistered"
        case .refused: "refused"
        case .unreachable: "unreachable"
        }
    }

    /// Why it does not work.
    package var failure: TrunkFailure? {
        switch self {
        case .refused(let failure), .unreachable(let failure): failure
        case .idle, .trying, .registered, .reachable, .unregistered: nil
        }
    }

    /// Calls are likely to get through.
    package var isUsable: Bool {
        switch self {
        case .registered, .reachable: true
        case .idle, .trying, .unregistered, .refused, .unreachable: false
        }
    }
}

/// Why a trunk does not work.
package enum TrunkFailure: Error, Sendable, Hashable {
    case location(LocationFailure)
    /// None of its hops can be used from our listeners.
    case noTransport
    case timedOut
    case transportFailed
    case wrongPassword
    /// Another scheme than Digest, an unknown algorithm, or a password is needed and none is set.
    case cannotAuthenticate
    /// The final response to REGISTER.
    case refused(status: Int)
    /// It asks for an interval that we do not wait for, or granted none.
    case unusableInterval

    /// The server answers and does not want us: to ask often would only make it worse.
    package var isRefusal: Bool {
        switch self {
        case .wrongPassword, .cannotAuthenticate, .unusableInterval: true
        case .refused(let status): status != 408 && !(500..<600).contains(status)
        case .location, .noTransport, .timedOut, .transportFailed: false
        }
    }
}

extension TrunkFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .location(let failure): "its server cannot be found: \(failure)"
        case .noTransport: "no SIP listener has its transport; add one to sip.listen or change the trunk's transport"
        case .timedOut: "its server does not answer; check address, port, transport and the network"
        case .transportFailed: "no connection to its server; check address, port, transport and certificate"
        case .wrongPassword: "its server refuses user and password; check user, auth_user and password"
        case .cannotAuthenticate: "its server asks for credentials that we do not have or cannot compute"
        case .refused(let status): "its server answers \(status) to the registration; check user and domain"
        case .unusableInterval: "its server grants no registration of a usable length; ask its operator"
        }
    }
}

extension TrunkState: CustomStringConvertible {
    package var description: String { failure.map { "\(name): \($0)" } ?? name }
}
