package import Primitives

/// Whether a side is heard, and if not, why not; a side on hold is silent by right.
package enum AudioPath: Hashable, Sendable {
    /// Speech comes, or nothing is known to the contrary.
    case flowing
    /// Held by either party: silence is no fault.
    case held
    /// The peer's microphone is off, or so it sends: nothing but comfort noise for `AudioPathMonitor.comfortAfter`.
    case comfortNoiseOnly
    /// Nothing that can be heard has come for `AudioPathMonitor.absentAfter`.
    case absent(Cause)

    /// Most likely, from what came instead.
    package enum Cause: Hashable, Sendable {
        /// Nothing at all: a firewall, an address translator, or a wrong address in a description.
        case noPackets
        /// Packets from a source that is not believed, this one last (`SymmetricLatch`).
        case refusedSource(Endpoint)
        /// Packets that are forged, or protected with another key.
        case notAuthentic
        /// Packets of another codec than was agreed, or damaged ones.
        case undecodable
    }

    /// True when somebody should be told.
    package var isTrouble: Bool {
        switch self {
        case .flowing, .held: false
        case .comfortNoiseOnly, .absent: true
        }
    }
}

extension AudioPath: CustomStringConvertible {
    package var description: String {
        switch self {
        case .flowing: "heard"
        case .held: "on hold"
        case .comfortNoiseOnly: "sends only comfort noise; check its microphone and mute key"
        case .absent(.noPackets): "sends nothing that arrives; check firewalls and address translation on its way"
        case .absent(.refusedSource(let source)):
            "is silent while \(source) sends, which the negotiation did not name; check its address translation"
        case .absent(.notAuthentic): "sends packets that do not authenticate; check its SRTP keys"
        case .absent(.undecodable): "sends packets that are not of the codec agreed on; check its codec settings"
        }
    }
}

extension AudioPath {
    /// One word, which stays: for records, counters and programs. `heard` and `held` are no trouble.
    package var name: String {
        switch self {
        case .flowing: "heard"
        case .held: "held"
        case .comfortNoiseOnly: "comfort-noise-only"
        case .absent(.noPackets): "no-packets"
        case .absent(.refusedSource): "refused-source"
        case .absent(.notAuthentic): "not-authentic"
        case .absent(.undecodable): "undecodable"
        }
    }
}
