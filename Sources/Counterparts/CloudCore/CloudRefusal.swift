/// Why a cloud server turns a request down; each case has the HTTP status that the shell answers with.
package enum CloudRefusal: Error, Sendable, Hashable {
    case invalid(what: String, reason: String)
    case notFound(what: String)
    /// The peer's certificate names another appliance than the request, or none.
    case foreignIdentity
    case alreadyPaired(serial: String)
    /// Another company has it, or waits for it with a code that is still valid.
    case claimed(serial: String)
    /// No session: log in.
    case unauthenticated
    case forbidden(AccountRight)
    case unknownToken
    case codeExpired
    case tooMany(what: String, limit: Int)
    case tooOften(retryAfter: Duration)
    case tooLarge(what: String, bytes: Int64, limit: Int64)
    case alreadyExists(what: String)
    /// The upload continues at another byte.
    case wrongOffset(expected: Int64)
    case digestMismatch
    case storageFull
    case unavailable(what: String)

    package var status: Int {
        switch self {
        case .invalid: 400
        case .unauthenticated: 401
        case .foreignIdentity, .forbidden: 403
        case .notFound, .unknownToken: 404
        case .alreadyPaired, .claimed: 409
        case .codeExpired: 410
        case .alreadyExists: 412
        case .tooLarge: 413
        case .wrongOffset: 416
        case .digestMismatch: 422
        case .tooOften: 429
        case .tooMany, .unavailable: 503
        case .storageFull: 507
        }
    }

    /// The phrase that goes with the status.
    package var title: String {
        switch self {
        case .invalid: "Invalid request"
        case .foreignIdentity: "Not yours"
        case .notFound, .unknownToken: "Not found"
        case .alreadyPaired: "Already paired"
        case .claimed: "Claimed"
        case .unauthenticated: "Not logged in"
        case .forbidden: "Not allowed"
        case .codeExpired: "Code expired"
        case .alreadyExists: "Already there"
        case .tooLarge: "Too large"
        case .wrongOffset: "Wrong offset"
        case .digestMismatch: "Digest mismatch"
        case .tooOften: "Too many requests"
        case .tooMany, .unavailable: "Unavailable"
        case .storageFull: "Insufficient storage"
        }
    }
}

extension CloudRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalid(let what, let reason): "\(what) is not valid: \(reason)"
        case .notFound(let what): "there is no \(what)"
        case .foreignIdentity:
            "the client certificate does not belong to this appliance; connect with its device certificate"
        case .alreadyPaired(let serial):
            "appliance \(serial) is paired; switch the Control Center off there to start again"
        case .claimed(let serial):
            "appliance \(serial) is in another company's list; it is free once it is unpaired there, or the code has expired"
        case .unauthenticated: "log in with login and password; the session has ended, or there was none"
        case .forbidden(let right): "this account may not '\(right.rawValue)'; ask an owner of the company"
        case .unknownToken:
            "no pairing code with this reference is waiting; add the appliance in the Control Center again"
        case .codeExpired: "the pairing code has expired; make a new one in the Control Center"
        case .tooMany(let what, let limit): "the limit of \(limit) \(what) is reached; remove some or try later"
        case .tooOften(let retryAfter): "too often; try again in \(max(1, Int(retryAfter.inWholeSecondsUp))) s"
        case .tooLarge(let what, let bytes, let limit): "\(what) has \(bytes) bytes, limit \(limit); make it smaller"
        case .alreadyExists(let what): "\(what) is there already with other content; use a new id"
        case .wrongOffset(let expected): "the upload continues at byte \(expected); send Content-Range from there"
        case .digestMismatch: "the bytes received do not have the announced SHA-256; send them again from the start"
        case .storageFull: "no space left for this upload; delete old backups or try later"
        case .unavailable(let what): "\(what) is not available; try later"
        }
    }
}

extension Duration {
    /// Whole seconds, rounded up.
    package var inWholeSecondsUp: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
