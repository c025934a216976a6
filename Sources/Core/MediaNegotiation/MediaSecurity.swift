package import Primitives
package import RTP

/// Whether the media of a leg are protected by SRTP with keys in the session description (SDES, RFC 4568).
package enum SRTPPolicy: String, Hashable, Sendable, CaseIterable {
    /// Plain RTP only.
    case never
    /// Protected when the peer offers it, plain when it offers that; our own first offer is plain.
    case accepted
    /// Protected only: plain offers are refused, and ours are `RTP/SAVP`.
    case required
}

/// A leg's policy and its keys.
package struct MediaSecurity: Hashable, Sendable {
    /// Plain RTP only.
    package static let plain = MediaSecurity()

    package let policy: SRTPPolicy
    /// True when keys may stand in this leg's session descriptions: its signalling is TLS, or the configuration says that
    /// the network is private enough (RFC 4568 section 8.3). Otherwise no description has a key, whatever the policy.
    package let carriesKeys: Bool
    /// What we protect with, one for each suite that we offer and take, the strongest first.
    package let keys: [SRTPMasterKey]

    private init() {
        policy = .never
        carriesKeys = false
        keys = []
    }

    /// Fresh keys for one leg. With `.never` no randomness is drawn.
    package init(
        _ policy: SRTPPolicy, carriesKeys: Bool, suites: [SRTPSuite] = SRTPSuite.allCases, entropy: inout Entropy
    ) {
        self.policy = policy
        self.carriesKeys = carriesKeys
        guard policy != .never, carriesKeys else {
            keys = []
            return
        }
        var keys: [SRTPMasterKey] = []
        for suite in suites.sorted(by: >) { keys.append(SRTPMasterKey(suite: suite, entropy: &entropy)) }
        self.keys = keys
    }

    /// Whether a protected stream can be agreed on.
    package var takesProtected: Bool { policy != .never && carriesKeys && !keys.isEmpty }
    /// Whether a plain one can.
    package var takesPlain: Bool { policy != .required }
    /// Whether our first offer is protected.
    package var offersProtected: Bool { policy == .required }

    /// Our key for a suite; nil when we do not speak it.
    func key(for suite: SRTPSuite) -> SRTPMasterKey? { keys.first { $0.suite == suite } }
}
