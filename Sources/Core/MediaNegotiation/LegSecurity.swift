package import Media
package import Primitives
package import RTP

/// Whether the media of a leg are protected by SRTP.
package enum SRTPPolicy: Hashable, Sendable {
    /// Plain RTP only.
    case never
    /// Protected when the peer offers it, plain when it offers that; our own first offer is plain.
    case accepted
    /// The same, but an INVITE of ours offers protection first, and plain RTP to who refuses that.
    case preferred
    /// Protected only: plain offers are refused, and ours are protected.
    case required
}

/// Where the keys of a protected stream come from.
package enum SRTPKeying: Hashable, Sendable {
    /// They stand in the session descriptions (RFC 4568): as secret as the signalling is.
    case sdes
    /// They are agreed on by DTLS between the media ports (RFC 5763). The session descriptions name the certificates,
    /// so nobody who only reads the signalling gets the keys. Who can change it can put a certificate of his own there:
    /// the peer is authenticated as far as the signalling is, and no further.
    case dtls
}

/// A leg's policy, its keys, and its certificate's fingerprint.
package struct LegSecurity: Hashable, Sendable {
    /// Plain RTP only.
    package static let plain = LegSecurity()

    package let policy: SRTPPolicy
    /// What is taken, the first of them offered. Without SDES no description has a key, whatever the policy: who makes
    /// this value says whether the signalling is secret enough (RFC 4568 section 8.3).
    package let keying: [SRTPKeying]
    /// What we protect with under SDES, one for each suite that we offer and take, the strongest first.
    package let keys: [SRTPMasterKey]
    /// Of the certificate that we present over DTLS; nil: DTLS is neither offered nor taken.
    package let fingerprint: CertificateFingerprint?
    /// Our role in the association in force, which a later answer keeps (RFC 8842 section 5.3); see `follow`.
    package private(set) var dtlsRole: DTLSRole?
    /// Of `.preferred`: our next offer begins a call, and a refusal of it can be met with a plain one.
    package var isFirstOffer = false

    private init() {
        policy = .never
        keying = []
        keys = []
        fingerprint = nil
    }

    /// Fresh keys for one leg. With `.never`, or without SDES among `keying`, no randomness is drawn.
    ///
    /// - Parameter keying: DTLS counts only together with a `fingerprint`.
    package init(
        _ policy: SRTPPolicy, keying: [SRTPKeying] = [.sdes],
        fingerprint: CertificateFingerprint? = nil, suites: [SRTPSuite] = SRTPSuite.allCases, entropy: inout Entropy
    ) {
        self.policy = policy
        self.keying = keying.filter { $0 != .dtls || fingerprint != nil }
        self.fingerprint = policy != .never && keying.contains(.dtls) ? fingerprint : nil
        guard policy != .never, keying.contains(.sdes) else {
            keys = []
            return
        }
        var keys: [SRTPMasterKey] = []
        for suite in suites.sorted(by: >) { keys.append(SRTPMasterKey(suite: suite, entropy: &entropy)) }
        self.keys = keys
    }

    /// Whether keys in the session description are taken.
    package var takesSDES: Bool { policy != .never && !keys.isEmpty }
    /// Whether keys by DTLS are.
    package var takesDTLS: Bool { fingerprint != nil }
    /// Whether a protected stream can be agreed on.
    package var takesProtected: Bool { takesSDES || takesDTLS }
    /// Whether a plain one can.
    package var takesPlain: Bool { policy != .required }
    /// Whether our first offer is protected.
    package var offersProtected: Bool { policy == .required || policy == .preferred && isFirstOffer && takesProtected }

    /// To be told what was agreed on: the next answer keeps the roles of an association that goes on.
    package mutating func follow(_ stream: MediaStreamDescription?) { dtlsRole = stream?.keyAgreement?.role }

    /// Our key for a suite; nil when we do not speak it.
    func key(for suite: SRTPSuite) -> SRTPMasterKey? { keys.first { $0.suite == suite } }
}
