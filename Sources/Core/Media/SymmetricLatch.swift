import Primitives

/// Where a peer's media comes from and goes to: the signalled address, or the one behind NAT that was seen first.
///
/// ```text
/// open ──packet from another source──▶ provisional ──packet from the signalled address──▶ settled
///   └────────packet from the signalled address───────────────────────────────────────────────▲
/// ```
/// One source at a time is believed; all others are refused, so that a stranger who sprays ports neither gets the
/// audio nor is heard. A stranger who was faster than the peer loses to the signalled address when it shows up.
struct SymmetricLatch: Sendable {
    private enum State: Sendable, Equatable { case open, provisional(Endpoint), settled(Endpoint) }
    private var state = State.open

    init() {}

    mutating func reset() { state = .open }

    /// True when a valid packet from `source` is to be taken; the first one decides.
    mutating func admits(_ source: Endpoint, signalled: Endpoint?) -> Bool {
        switch state {
        case .open:
            state = source == signalled ? .settled(source) : .provisional(source)
            return true
        case .provisional(let latched):
            if source == latched { return true }
            guard source == signalled else { return false }
            state = .settled(source)
            return true
        case .settled(let latched):
            return source == latched
        }
    }

    /// The source believed so far.
    var latched: Endpoint? {
        switch state {
        case .open: nil
        case .provisional(let endpoint), .settled(let endpoint): endpoint
        }
    }

    /// Where to send: the latched source, before that the signalled address when it is a place one can send to.
    func destination(signalled: Endpoint?) -> Endpoint? {
        if let latched { return latched }
        guard let signalled, signalled.port != 0, !signalled.address.isUnspecified else { return nil }
        return signalled
    }
}
