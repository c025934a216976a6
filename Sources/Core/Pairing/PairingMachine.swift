import CloudMessages
package import Persistence
package import Primitives
import PrivacyContract

/// The appliance's side of the pairing (WIRE.md, Pairing; X1-X5, Q1, Q6).
///
/// ```text
///            offer            code right                hash           commit            2xx           commit
/// unpaired ──────► storingOffer ► offered ──► hashing ──► storingUser ──► sending ──► storingPaired ──► paired
///                                  │  ▲           ▲                       │   ▲             │  ▲
///                        code wrong▼  │commit     │ power cut: resume     ▼   │ back-off     ▼  │ back-off
///                             storingAttempt   rehashLater               waiting         storingPairedLater
///
/// from anywhere: switch off, server's refusal, expiry ──► erasing ◄──► erasingLater ──► unpaired
/// ```
///
/// Why it converges to one user: the name is made once and lives in one record. The password is stored (as a hash)
/// before it is sent. If power fails before the Control Center's answer is stored, the clear password is lost with the
/// memory, so the next start makes a new one *for the same name*, replaces the hash, and sends both again: the Control
/// Center replaces what it had under that token, and the first password is dead from the commit on. A lost answer is a
/// repeated message with the same content. Nothing is sent that is not stored, and at most one hash is ever stored.
package struct PairingMachine: Sendable {
    /// An offer that waits for its code.
    struct Offer: Sendable {
        var offer: PairingOffer
        var wrongAttempts: Int
        /// By the monotonic clock, from the receipt on: setting the wall clock cannot extend it.
        var validUntil: Instant
        /// After a restart the monotonic receipt time is gone: the wall clock must not be earlier than this.
        var clockFloor: UnixTime?
        var record: PairingRecord {
            PairingRecord(stage: .offered, offer: offer, wrongAttempts: wrongAttempts, user: nil)
        }
    }
    /// A user on its way into the store.
    struct Candidate: Sendable {
        var offer: PairingOffer
        /// What to fall back to; nil when resumed after a power cut.
        var origin: Offer?
        var userName: String
        var password: Secret
        var salt: [UInt8]
        var requester: PairingRequester?
        var backoff = RetryBackoff()
    }
    /// A stored user on its way to the Control Center.
    struct Confirmation: Sendable {
        var offer: PairingOffer
        var user: PairingUser
        var password: Secret
        var requester: PairingRequester?
        var backoff = RetryBackoff()
    }
    struct Erasure: Sendable {
        var commands: [StoreCommand]
        var revoked: String?
        var requester: PairingRequester?
        var answer: Result<String, PairingRefusal>
        var backoff = RetryBackoff()
    }
    enum State: Sendable {
        case restored(PairingRecord?)
        case unpaired
        case storingOffer(PairingOperation, Offer, previous: Offer?, PairingRequester)
        case offered(Offer)
        case storingAttempt(PairingOperation, Offer, PairingRequester)
        case hashing(PairingOperation, Candidate)
        case rehashLater(Candidate, until: Instant)
        case storingUser(PairingOperation, Candidate, PairingUser)
        case sending(PairingOperation, Confirmation)
        case waiting(Confirmation, until: Instant)
        case storingPaired(PairingOperation, Confirmation)
        case storingPairedLater(Confirmation, until: Instant)
        case paired(PairingOffer, PairingUser)
        case erasing(PairingOperation, Erasure)
        case erasingLater(Erasure, until: Instant)
    }

    var state: State
    let serial: String
    let limits: Limits
    let hashes: any HashFunctions
    /// SHA-256 of token ids that are over, oldest first.
    var endedTokens: [[UInt8]] = []
    private var lastOperation: UInt64 = 0

    /// From what the store holds. `resume` must follow before anything else.
    package init(record: PairingRecord?, serial: String, limits: Limits, hashes: any HashFunctions) {
        state = .restored(record)
        self.serial = serial
        self.limits = limits
        self.hashes = hashes
    }

    package var stage: PairingStage {
        switch state {
        case .restored(let record): record.map { PairingStage(rawValue: $0.stage.rawValue) ?? .unpaired } ?? .unpaired
        case .unpaired, .erasing, .erasingLater: .unpaired
        case .storingOffer(_, _, let previous, _): previous == nil ? .unpaired : .offered
        case .offered(let offer), .storingAttempt(_, let offer, _): isVoid(offer) ? .unpaired : .offered
        case .hashing(_, let candidate), .storingUser(_, let candidate, _), .rehashLater(let candidate, _):
            candidate.origin == nil ? .confirming : .offered
        case .sending, .waiting, .storingPaired, .storingPairedLater: .confirming
        case .paired: .paired
        }
    }

    /// The one user whose password opens `control`; nil while there is none.
    package var liveUser: PairingUser? {
        switch state {
        case .sending(_, let confirmation), .waiting(let confirmation, _), .storingPaired(_, let confirmation),
            .storingPairedLater(let confirmation, _):
            confirmation.user
        case .paired(_, let user): user
        case .restored, .unpaired, .storingOffer, .offered, .storingAttempt, .hashing, .rehashLater, .storingUser,
            .erasing, .erasingLater:
            nil
        }
    }

    /// True while an erasure could not be committed yet: nothing new may begin.
    package var isErasing: Bool {
        switch state {
        case .erasing, .erasingLater: true
        default: false
        }
    }

    /// When `.timePassed` next has work to do.
    package var nextDeadline: Instant? {
        switch state {
        case .offered(let offer): offer.validUntil
        case .rehashLater(_, let until), .waiting(_, let until), .storingPairedLater(_, let until),
            .erasingLater(_, let until):
            until
        case .restored, .unpaired, .storingOffer, .storingAttempt, .hashing, .storingUser, .sending, .storingPaired,
            .paired, .erasing:
            nil
        }
    }

    /// Takes up what a restart or a power cut interrupted.
    ///
    /// - Parameter clockFloor: a wall-clock time known to be past (the last ledger entry), for offers that outlived a restart.
    package mutating func resume(
        isOptionOn: Bool, clockFloor: UnixTime?, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [PairingEffect] {
        guard case .restored(let stored) = state else { return [] }
        state = .unpaired
        guard let record = stored else { return [] }
        switch (record.stage, record.user) {
        case (.offered, _):
            let floor = max(record.offer.issuedAt, clockFloor ?? record.offer.issuedAt)
            state = .offered(
                Offer(
                    offer: record.offer, wrongAttempts: record.wrongAttempts,
                    validUntil: now + limits.pairingTokenLifetime, clockFloor: floor))
            return expireIfDue(at: now, wall: wall)
        case (.confirming, let user?) where isOptionOn:
            let fresh = candidate(
                for: record.offer, origin: nil, userName: user.name, requester: nil, entropy: &entropy)
            return [.log("pairing was interrupted before the Control Center's answer; sending a new password")]
                + beginHashing(fresh)
        case (.paired, let user?) where isOptionOn:
            state = .paired(record.offer, user)
            return []
        case (.confirming, _), (.paired, _):
            // A record that cannot have been written so: start from zero rather than guess.
            return erase(Erasure(commands: [.erasePairing], answer: .success("")))
        }
    }

    package mutating func handle(
        _ input: PairingInput, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [PairingEffect] {
        let expiry = expireIfDue(at: now, wall: wall)
        let effects: [PairingEffect]
        switch input {
        case .offer(let offer, let signatureIsValid, let requester):
            effects = receive(offer, signatureIsValid: signatureIsValid, from: requester, at: now, wall: wall)
        case .enterCode(let text, let isOptionOn, let hasServer, let requester):
            let entry = Entry(text: text, isOptionOn: isOptionOn, hasServer: hasServer, requester: requester)
            effects = enter(entry, wall: wall, entropy: &entropy)
        case .switchOff(let commands, let requester):
            effects = switchOff(with: commands, from: requester)
        case .hashed(let operation, let hash): effects = hashed(operation, hash)
        case .hashingFailed(let operation, let reason):
            effects = hashingFailed(operation, reason, at: now, entropy: &entropy)
        case .stored(let operation): effects = stored(operation)
        case .storingFailed(let operation, let failure):
            effects = storingFailed(operation, failure, at: now, entropy: &entropy)
        case .answered(let operation, let reply): effects = answered(operation, reply, at: now, entropy: &entropy)
        case .timePassed: effects = timePassed(at: now)
        }
        return expiry + effects
    }

    mutating func newOperation() -> PairingOperation {
        lastOperation += 1
        return PairingOperation(lastOperation)
    }

    func isVoid(_ offer: Offer) -> Bool { offer.wrongAttempts >= limits.pairingAttempts }
}
