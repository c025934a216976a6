import CloudMessages
import Persistence
import Primitives
import PrivacyContract

/// From the accepted code to the paired state, and the way back.
extension PairingMachine {
    mutating func hashed(_ operation: PairingOperation, _ hash: [UInt8]) -> [PairingEffect] {
        guard case .hashing(operation, let candidate) = state else { return [] }  // switched off meanwhile
        let user = PairingUser(name: candidate.userName, salt: candidate.salt, passwordHash: hash)
        let record = PairingRecord(
            stage: .confirming, offer: candidate.offer, wrongAttempts: candidate.origin?.wrongAttempts ?? 0, user: user)
        let next = newOperation()
        state = .storingUser(next, candidate, user)
        return [.persist(next, [.putPairing(record)])]
    }

    mutating func hashingFailed(
        _ operation: PairingOperation, _ reason: String, at now: Instant, entropy: inout Entropy
    ) -> [PairingEffect] {
        guard case .hashing(operation, let candidate) = state else { return [] }
        return fallBack(candidate, because: .hashing(reason), at: now, entropy: &entropy)
    }

    /// Back to the unspent offer; a resumed pairing has none and tries again later.
    private mutating func fallBack(
        _ candidate: Candidate, because refusal: PairingRefusal, at now: Instant, entropy: inout Entropy
    ) -> [PairingEffect] {
        if let origin = candidate.origin {
            state = .offered(origin)
        } else {
            var later = candidate
            later.requester = nil
            state = .rehashLater(later, until: now + later.backoff.next(retryAfter: nil, entropy: &entropy))
        }
        return candidate.requester.map { [.answerAdministrator($0, .failure(refusal))] } ?? [.log("\(refusal)")]
    }

    mutating func stored(_ operation: PairingOperation) -> [PairingEffect] {
        switch state {
        case .storingOffer(operation, let offer, let previous, let requester):
            if let previous, previous.offer.tokenID != offer.offer.tokenID { remember(previous.offer.tokenID) }
            state = .offered(offer)
            return [.answerOffer(requester, nil)]
        case .storingAttempt(operation, let offer, let requester):
            state = .offered(offer)
            let left = max(0, limits.pairingAttempts - offer.wrongAttempts)
            return [.answerAdministrator(requester, .failure(.wrongCode(attemptsLeft: left)))]
        case .storingUser(operation, let candidate, let user):
            let confirmation = Confirmation(
                offer: candidate.offer, user: user, password: candidate.password, requester: candidate.requester)
            return [.credentialsChanged] + send(confirmation)
        case .storingPaired(operation, let confirmation):
            state = .paired(confirmation.offer, confirmation.user)
            return answer(confirmation.requester, .success("paired with the Control Center"))
        case .erasing(operation, let erasure):
            state = .unpaired
            return answer(erasure.requester, erasure.answer)
                + (erasure.revoked.map { [.revoke(tokenID: $0)] } ?? [])
        case .restored, .unpaired, .storingOffer, .offered, .storingAttempt, .hashing, .rehashLater, .storingUser,
            .sending, .waiting, .storingPaired, .storingPairedLater, .paired, .erasing, .erasingLater:
            return []  // of a step that was overtaken by switching off
        }
    }

    mutating func storingFailed(
        _ operation: PairingOperation, _ failure: StoreFailure, at now: Instant, entropy: inout Entropy
    ) -> [PairingEffect] {
        switch state {
        case .storingOffer(operation, _, let previous, let requester):
            state = previous.map { .offered($0) } ?? .unpaired
            return [.answerOffer(requester, .storage(failure))]
        case .storingAttempt(operation, let offer, let requester):
            state = .offered(offer)  // still counted in memory; the answer does not tell whether the code was right
            return [.answerAdministrator(requester, .failure(.storage(failure)))]
        case .storingUser(operation, let candidate, _):
            return fallBack(candidate, because: .storage(failure), at: now, entropy: &entropy)
        case .storingPaired(operation, var confirmation):
            let requester = confirmation.requester
            confirmation.requester = nil
            let pause = confirmation.backoff.next(retryAfter: nil, entropy: &entropy)
            state = .storingPairedLater(confirmation, until: now + pause)
            let text = "paired, but not recorded yet: \(failure.summary); it is tried again"
            return answer(requester, .success(text)) + [.log(text)]
        case .erasing(operation, var erasure):
            let requester = erasure.requester
            erasure.requester = nil
            let pause = erasure.backoff.next(retryAfter: nil, entropy: &entropy)
            state = .erasingLater(erasure, until: now + pause)
            return answer(requester, .failure(.erasureDelayed(failure)))
                + [.log("erasing the pairing failed: \(failure.summary); it is tried again")]
        case .restored, .unpaired, .storingOffer, .offered, .storingAttempt, .hashing, .rehashLater, .storingUser,
            .sending, .waiting, .storingPaired, .storingPairedLater, .paired, .erasing, .erasingLater:
            return []
        }
    }

    // MARK: F-C3

    private mutating func send(_ confirmation: Confirmation) -> [PairingEffect] {
        let operation = newOperation()
        state = .sending(operation, confirmation)
        return [
            .send(
                operation, userName: confirmation.user.name, password: confirmation.password,
                tokenID: confirmation.offer.tokenID)
        ]
    }

    mutating func answered(
        _ operation: PairingOperation, _ reply: CloudReply, at now: Instant, entropy: inout Entropy
    ) -> [PairingEffect] {
        guard case .sending(operation, var confirmation) = state else { return [] }
        switch reply {
        case .accepted, .serviceStatus, .backups, .update:
            confirmation.backoff.reset()
            return storePaired(confirmation)
        case .refused(let status, let detail, _) where !reply.isTransientFailure:
            remember(confirmation.offer.tokenID)
            let refusal = PairingRefusal.revokedByServer("\(status) \(detail.prefix(200))")
            return [.credentialsChanged, .log("\(refusal)")]
                + erase(
                    Erasure(commands: [.erasePairing], requester: confirmation.requester, answer: .failure(refusal)))
        case .refused, .unreachable:
            let pause = confirmation.backoff.next(retryAfter: reply.retryAfter, entropy: &entropy)
            let requester = confirmation.requester
            confirmation.requester = nil
            state = .waiting(confirmation, until: now + pause)
            let text =
                "code accepted; the Control Center has not confirmed yet (\(reply.ledgerResult)), it is tried again"
            return answer(requester, .success(text))
        }
    }

    private mutating func storePaired(_ confirmation: Confirmation) -> [PairingEffect] {
        let record = PairingRecord(
            stage: .paired, offer: confirmation.offer, wrongAttempts: 0, user: confirmation.user)
        let operation = newOperation()
        state = .storingPaired(operation, confirmation)
        return [.persist(operation, [.putPairing(record)])]
    }

    // MARK: F-C4

    /// X5, Q6: in memory at once, in the store next, over the network last.
    mutating func switchOff(with commands: [StoreCommand], from requester: PairingRequester?) -> [PairingEffect] {
        let hadUser = liveUser != nil || stage == .confirming || stage == .paired
        var effects: [PairingEffect] = [.credentialsChanged]
        effects += interruptedRequesters()
        let tokenID = knownTokenID
        if let tokenID { remember(tokenID) }
        let erasure = Erasure(
            commands: [.erasePairing] + commands, revoked: hadUser ? tokenID : nil, requester: requester,
            answer: .success("the Control Center is switched off; code, user and password are deleted"))
        return effects + erase(erasure)
    }

    private var knownTokenID: String? {
        switch state {
        case .restored(let record): record?.offer.tokenID
        case .unpaired: nil
        case .storingOffer(_, let offer, _, _), .offered(let offer), .storingAttempt(_, let offer, _):
            offer.offer.tokenID
        case .hashing(_, let candidate), .rehashLater(let candidate, _), .storingUser(_, let candidate, _):
            candidate.offer.tokenID
        case .sending(_, let confirmation), .waiting(let confirmation, _), .storingPaired(_, let confirmation),
            .storingPairedLater(let confirmation, _):
            confirmation.offer.tokenID
        case .paired(let offer, _): offer.tokenID
        case .erasing(_, let erasure), .erasingLater(let erasure, _): erasure.revoked
        }
    }

    /// Whoever waited for the step that is being cut off gets an answer.
    private func interruptedRequesters() -> [PairingEffect] {
        switch state {
        case .storingOffer(_, _, _, let requester): [.answerOffer(requester, .switchedOff)]
        case .storingAttempt(_, _, let requester): answer(requester, .failure(.switchedOff))
        case .hashing(_, let candidate), .storingUser(_, let candidate, _):
            answer(candidate.requester, .failure(.switchedOff))
        case .sending(_, let confirmation), .storingPaired(_, let confirmation):
            answer(confirmation.requester, .failure(.switchedOff))
        case .erasing(_, let erasure): answer(erasure.requester, .failure(.switchedOff))
        case .restored, .unpaired, .offered, .rehashLater, .waiting, .storingPairedLater, .paired, .erasingLater: []
        }
    }

    mutating func erase(_ erasure: Erasure) -> [PairingEffect] {
        let operation = newOperation()
        state = .erasing(operation, erasure)
        return [.persist(operation, erasure.commands)]
    }

    // MARK: Time

    mutating func timePassed(at now: Instant) -> [PairingEffect] {
        switch state {
        case .rehashLater(let candidate, let until) where now >= until: return beginHashing(candidate)
        case .waiting(let confirmation, let until) where now >= until: return send(confirmation)
        case .storingPairedLater(let confirmation, let until) where now >= until: return storePaired(confirmation)
        case .erasingLater(let erasure, let until) where now >= until: return erase(erasure)
        case .restored, .unpaired, .storingOffer, .offered, .storingAttempt, .hashing, .rehashLater, .storingUser,
            .sending, .waiting, .storingPaired, .storingPairedLater, .paired, .erasing, .erasingLater:
            return []
        }
    }

    private func answer(_ requester: PairingRequester?, _ result: Result<String, PairingRefusal>) -> [PairingEffect] {
        requester.map { [.answerAdministrator($0, result)] } ?? []
    }
}
