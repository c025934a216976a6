package import Persistence
package import Primitives

/// Why an offer or a typed code is not taken. `status` follows HTTP.
package enum PairingRefusal: Error, Sendable, Hashable {
    // F-C2, to the Control Center
    case signature
    case malformedOffer(String)
    case otherSerial
    case issuedInFuture
    case expired
    case lifetime(Duration, limit: Duration)
    case replayed
    case alreadyPaired
    // F-C3, to the administrator
    case optionOff
    case noServer
    case noOffer
    case attemptsUsedUp
    case clockBehind(since: UnixTime)
    case typingError(PairingCodeError)
    case wrongCode(attemptsLeft: Int)
    case revokedByServer(String)
    case switchedOff
    /// Cut off at once, but the store still holds the record.
    case erasureDelayed(StoreFailure)
    // Both
    case busy
    case storage(StoreFailure)
    case hashing(String)

    package var status: Int {
        switch self {
        case .signature: 401
        case .malformedOffer, .issuedInFuture, .lifetime, .typingError: 400
        case .wrongCode: 403
        case .otherSerial, .noOffer: 404
        case .replayed, .alreadyPaired, .optionOff, .noServer, .clockBehind, .switchedOff: 409
        case .expired, .attemptsUsedUp: 410
        case .revokedByServer: 502
        case .busy, .storage, .hashing, .erasureDelayed: 503
        }
    }
}

extension PairingRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .signature: "the offer is not signed by the Control Center; use its certificate of the vendor PKI"
        case .malformedOffer(let what): "the offer's \(what) is malformed; see docs/protocols"
        case .otherSerial: "the offer is for another appliance; check the serial number"
        case .issuedInFuture: "the offer is issued in the future; check the clocks of both sides"
        case .expired: "the code has expired; ask the Control Center for a new one"
        case .lifetime(let lifetime, let limit):
            "the offer lives \(lifetime.wholeMilliseconds / 1000) s, limit \(limit.wholeMilliseconds / 1000) s; shorten it"
        case .replayed: "this offer was used, replaced or changed before; make a new one"
        case .alreadyPaired: "the appliance is paired; switch its Control Center option off first"
        case .optionOff: "the Control Center option is off; run 'pbxctl switch control-center on' first"
        case .noServer: "no Control Center address is configured; set cloud.control-center"
        case .noOffer: "no code is awaited; add the appliance in the Control Center first"
        case .attemptsUsedUp: "too many wrong codes, the code is void; ask the Control Center for a new one"
        case .clockBehind(let time):
            "the clock is behind \(time.rfc3339), so the code's age is unknown; set the clock and try again"
        case .typingError(let error): "\(error)"
        case .wrongCode(let left):
            left > 0
                ? "wrong code, \(left) \(left == 1 ? "attempt" : "attempts") left"
                : "wrong code, and it is void now; ask the Control Center for a new one"
        case .revokedByServer(let detail):
            "the Control Center refused the pairing (\(detail)); start again with a new code"
        case .switchedOff: "the Control Center option was switched off meanwhile"
        case .erasureDelayed(let failure):
            "the Control Center is cut off, but its record could not be erased yet (\(failure.summary)); it is tried again"
        case .busy: "another pairing step is being carried out; try again in a moment"
        case .storage(let failure): "nothing was changed, because the storage failed (\(failure.summary))"
        case .hashing(let reason):
            "nothing was changed, because the password could not be hashed (\(reason)); try again"
        }
    }
}
