import CloudMessages
import Persistence
import Primitives

/// From the offer to the accepted code.
extension PairingMachine {
    struct Entry {
        var text: String
        var isOptionOn: Bool
        var hasServer: Bool
        var requester: PairingRequester
    }

    // MARK: F-C2

    mutating func receive(
        _ offer: PairingOffer, signatureIsValid: Bool, from requester: PairingRequester, at now: Instant, wall: UnixTime
    ) -> [PairingEffect] {
        do throws(PairingRefusal) {
            try check(offer, signatureIsValid: signatureIsValid, wall: wall)
            let previous = try current(unlessReplacedBy: offer)
            if let previous, previous.offer == offer { return [.answerOffer(requester, nil)] }  // repeated: lost answer
            let lifetime = min(offer.expiresAt - wall, limits.pairingTokenLifetime)
            let fresh = Offer(offer: offer, wrongAttempts: 0, validUntil: now + lifetime)
            let operation = newOperation()
            state = .storingOffer(operation, fresh, previous: previous, requester)
            return [.persist(operation, [.putPairing(fresh.record)])]
        } catch {
            return [.answerOffer(requester, error)]
        }
    }

    /// Form, signature, serial and times (Q1); the code itself is checked when it is typed.
    private func check(_ offer: PairingOffer, signatureIsValid: Bool, wall: UnixTime) throws(PairingRefusal) {
        guard signatureIsValid else { throw .signature }
        let safe = offer.tokenID.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard safe, PairingParameters.tokenIDBytes.contains(offer.tokenID.utf8.count) else {
            throw .malformedOffer("tokenId")
        }
        guard offer.codeHash.count == 32 else { throw .malformedOffer("codeHash") }
        guard offer.serial == serial else { throw .otherSerial }
        // Plain comparisons before any subtraction: the times are the peer's.
        guard offer.issuedAt < offer.expiresAt, offer.issuedAt.milliseconds >= 0,
            offer.expiresAt.milliseconds < Self.latestTime
        else { throw .malformedOffer("expiresAt") }
        guard offer.expiresAt > wall else { throw .expired }
        guard offer.issuedAt <= wall + PairingParameters.clockTolerance else { throw .issuedInFuture }
        let lifetime = offer.expiresAt - offer.issuedAt
        guard lifetime <= limits.pairingTokenLifetime else {
            throw .lifetime(lifetime, limit: limits.pairingTokenLifetime)
        }
        guard !endedTokens.contains(hashes.sha256(Array(offer.tokenID.utf8))) else { throw .replayed }
    }

    /// The year 10000 in milliseconds.
    private static var latestTime: Int64 { 253_402_300_800_000 }

    /// The offer that waits now, nil if none; throws when `offer` may not take its place.
    private func current(unlessReplacedBy offer: PairingOffer) throws(PairingRefusal) -> Offer? {
        switch state {
        case .unpaired: return nil
        case .offered(let current):
            if current.offer == offer, !isVoid(current) { return current }
            guard current.offer.tokenID != offer.tokenID, offer.issuedAt >= current.offer.issuedAt else {
                throw .replayed
            }
            return current
        case .sending, .waiting, .storingPaired, .storingPairedLater, .paired, .rehashLater: throw .alreadyPaired
        case .restored, .storingOffer, .storingAttempt, .hashing, .storingUser, .erasing, .erasingLater: throw .busy
        }
    }

    // MARK: The code

    mutating func enter(_ entry: Entry, wall: UnixTime, entropy: inout Entropy) -> [PairingEffect] {
        do throws(PairingRefusal) {
            var offer = try offerAwaitingCode(entry, wall: wall)
            let code: PairingCode
            do {
                code = try PairingCode(parsing: entry.text)
            } catch {
                throw .typingError(error)
            }
            let input = PairingCode.hashInput(tokenID: offer.offer.tokenID, serial: serial, code: code)
            if constantTimeEquals(hashes.sha256(input), offer.offer.codeHash) {
                let fresh = candidate(
                    for: offer.offer, origin: offer, userName: Self.userName(from: &entropy),
                    requester: entry.requester, entropy: &entropy)
                return beginHashing(fresh)
            }
            // Counted before it is answered, so that pulling the plug buys no further attempt.
            offer.wrongAttempts += 1
            let operation = newOperation()
            state = .storingAttempt(operation, offer, entry.requester)
            return [.persist(operation, [.putPairing(offer.record)])]
        } catch {
            return [.answerAdministrator(entry.requester, .failure(error))]
        }
    }

    private func offerAwaitingCode(_ entry: Entry, wall: UnixTime) throws(PairingRefusal) -> Offer {
        guard entry.isOptionOn else { throw .optionOff }
        switch state {
        case .offered(let offer):
            guard entry.hasServer else { throw .noServer }
            guard !isVoid(offer) else { throw .attemptsUsedUp }
            if let floor = offer.clockFloor, wall + PairingParameters.clockTolerance < floor {
                throw .clockBehind(since: floor)
            }
            return offer
        case .unpaired: throw .noOffer
        case .sending, .waiting, .storingPaired, .storingPairedLater, .paired, .rehashLater: throw .alreadyPaired
        case .erasing(_, let erasure), .erasingLater(let erasure, _):
            if case .failure(let reason) = erasure.answer { throw reason }
            throw .busy
        case .restored, .storingOffer, .storingAttempt, .hashing, .storingUser: throw .busy
        }
    }

    func candidate(
        for offer: PairingOffer, origin: Offer?, userName: String, requester: PairingRequester?, entropy: inout Entropy
    ) -> Candidate {
        let password = Base64.encode(
            entropy.bytes(PairingParameters.passwordBytes), alphabet: .url, padding: false)
        return Candidate(
            offer: offer, origin: origin, userName: userName, password: Secret(password),
            salt: entropy.bytes(PairingParameters.saltBytes), requester: requester)
    }

    private static func userName(from entropy: inout Entropy) -> String {
        let symbols = entropy.bytes(PairingParameters.userNameSymbols).map(CrockfordBase32.symbol)
        return PairingParameters.userNamePrefix + String(symbols).lowercased()
    }

    mutating func beginHashing(_ candidate: Candidate) -> [PairingEffect] {
        let operation = newOperation()
        state = .hashing(operation, candidate)
        return [.hash(operation, candidate.password, salt: candidate.salt)]
    }

    // MARK: Age

    /// Ends an offer that is too old by either clock. The end is final: it is erased and its id remembered, so setting
    /// the clock back does not revive it.
    mutating func expireIfDue(at now: Instant, wall: UnixTime) -> [PairingEffect] {
        guard case .offered(var offer) = state else { return [] }
        if let floor = offer.clockFloor {
            // While the clock is behind, its age is unknown: the monotonic limit of a whole lifetime still runs.
            if wall + PairingParameters.clockTolerance >= floor, wall < offer.offer.expiresAt {
                offer.validUntil = min(offer.validUntil, now + (offer.offer.expiresAt - wall))
                state = .offered(offer)
            }
        }
        guard now >= offer.validUntil || wall >= offer.offer.expiresAt else { return [] }
        remember(offer.offer.tokenID)
        return [.log("the pairing code expired")]
            + erase(Erasure(commands: [.erasePairing], answer: .failure(.expired)))
    }

    mutating func remember(_ tokenID: String) {
        endedTokens.append(hashes.sha256(Array(tokenID.utf8)))
        if endedTokens.count > PairingParameters.rememberedTokens { endedTokens.removeFirst() }
    }
}
