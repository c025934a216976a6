import Primitives
import RTP

/// One side's key agreement: the association in force, where its datagrams go, and what came too early.
///
/// ```text
///  not configured ──────▶ listening: datagrams are kept ──┐ configured with parameters
///  configured without ──▶ off                             ▼
///                         starting ── its deadline, at once ──▶ agreeing ── keys ──▶ agreed
/// ```
/// An association goes on while party, parameters and the signalled address stay; otherwise a new one begins, and the keys of
/// the last one count until it has its own, but for another party. After one that has failed or that the peer has closed, every description
/// begins another.
struct LegKeyAgreement {
    private(set) var parameters: KeyAgreementParameters?
    /// True when datagrams of the port are to be told apart: with an association, and before the side is configured.
    private(set) var isListening = true
    /// Where the peer's last datagram came from.
    var source: Endpoint?
    /// True until there are keys, or there will be none.
    private(set) var isAgreeing = false
    private var agreement: (any KeyAgreement)?
    private var startDue: Instant?
    private var remote: Endpoint?
    private var early: [(bytes: [UInt8], source: Endpoint)] = []

    /// What a description asks for. Throws `.keyAgreementUnavailable`.
    func renewed(
        for description: MediaStreamDescription, isAnotherParty: Bool, using factory: (any KeyAgreementFactory)?,
        at now: Instant
    ) throws(MediaFailure) -> LegKeyAgreement {
        var result = self
        guard let new = description.keyAgreement else {
            result = LegKeyAgreement()
            result.isListening = false
            return result
        }
        let hasMoved = remote != nil && description.remote != nil && description.remote != remote
        result.remote = description.remote ?? remote
        if let parameters, new.continues(parameters), !hasMoved, !isAnotherParty { return result }
        guard let made = try? factory?.makeAgreement(new, at: now) else { throw .keyAgreementUnavailable }
        result.agreement = made
        result.parameters = new
        result.isAgreeing = true
        result.isListening = true
        result.startDue = now
        result.source = nil
        return result
    }

    /// Keeps a datagram that came before the description, the latest ones.
    mutating func keep(_ datagram: UnsafeRawBufferPointer, from source: Endpoint, limit: Int) {
        if early.count >= limit { early.removeFirst() }
        if limit > 0 { early.append((Array(datagram), source)) }
    }

    var nextDeadline: Instant? { startDue ?? agreement?.nextDeadline }

    /// The first deadline begins the association, and gives back what came too early.
    mutating func handleDeadline(
        at now: Instant
    ) -> (effects: [KeyAgreementEffect], early: [(bytes: [UInt8], source: Endpoint)]) {
        guard startDue != nil else { return (handle(.deadline, at: now), []) }
        startDue = nil
        defer { early = [] }
        return (handle(.start, at: now), early)
    }

    mutating func handle(_ input: KeyAgreementInput, at now: Instant) -> [KeyAgreementEffect] {
        let effects = agreement?.handle(input, at: now) ?? []
        for effect in effects {
            switch effect {
            case .transmit: break
            case .agreed: isAgreeing = false
            case .failed, .closed: forget()
            }
        }
        return effects
    }

    /// The association is worth nothing any more: the next description begins another one, whatever it says.
    mutating func forget() {
        isAgreeing = false
        parameters = nil
    }
}
