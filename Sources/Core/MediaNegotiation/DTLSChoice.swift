import Primitives
import RTP
import SDP

/// What both sides said about a DTLS association, and what our lines look like (RFC 5763 section 5).
///
/// RTP and RTCP must share a port (RFC 5761): one association gives the keys of both. We name no association
/// (`a=tls-id`, RFC 8842); one lives as long as role, fingerprints, the peer's name for it and its address stay.
struct DTLSChoice {
    let role: DTLSRole
    /// Of the peer.
    let fingerprints: [CertificateFingerprint]
    /// The peer's `a=tls-id`.
    let association: String?
    /// Ours.
    let fingerprint: CertificateFingerprint

    var parameters: KeyAgreementParameters {
        KeyAgreementParameters(role: role, peerFingerprints: fingerprints, peerAssociation: association)
    }

    /// What our answer to this section of an offer is: we begin where we may choose (RFC 5763 section 5), unless an
    /// association is in force, whose roles stay.
    static func answering(
        _ section: MediaDescription, in offer: SessionDescription, _ security: LegSecurity
    ) throws(NegotiationError) -> DTLSChoice {
        let role: DTLSRole
        switch offer.setup(of: section) {
        case .actpass: role = security.dtlsRole ?? .client
        case .passive: role = .client
        case .active, nil: role = .server  // RFC 4145 section 4: an offer that says nothing is active
        case .holdconn: throw .noSetupRole
        }
        return try DTLSChoice(role, section, in: offer, security)
    }

    /// What this section of the answer to an offer of ours means; ours was `actpass`.
    static func answered(
        _ section: MediaDescription, in answer: SessionDescription, _ security: LegSecurity
    ) throws(NegotiationError) -> DTLSChoice {
        switch answer.setup(of: section) {
        case .active: try DTLSChoice(.server, section, in: answer, security)
        case .passive, nil: try DTLSChoice(.client, section, in: answer, security)
        case .actpass, .holdconn: throw .noSetupRole
        }
    }

    private init(
        _ role: DTLSRole, _ section: MediaDescription, in description: SessionDescription, _ security: LegSecurity
    ) throws(NegotiationError) {
        let theirs = description.fingerprints(of: section)
        guard let own = security.fingerprint, !theirs.isEmpty else { throw .noUsableFingerprint }
        guard section.rtcpMux else { throw .rtcpNotMultiplexed }
        self.role = role
        fingerprints = theirs
        fingerprint = own
        association = section.value(of: "tls-id")
    }

    /// Of our offers.
    static func offered(_ security: LegSecurity) -> [SDPAttribute] {
        security.fingerprint.map { lines($0, .actpass) } ?? []
    }

    /// Of our answer.
    var attributes: [SDPAttribute] { Self.lines(fingerprint, role == .client ? .active : .passive) }

    private static func lines(_ fingerprint: CertificateFingerprint, _ setup: SetupRole) -> [SDPAttribute] {
        [.fingerprint(fingerprint), .setup(setup), SDPAttribute("rtcp-mux")]
    }
}
