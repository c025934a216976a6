package import Primitives

/// Which end of a DTLS association we are (RFC 5763 section 5): the one whose setup is `active` is the client.
package enum DTLSRole: Hashable, Sendable {
    case client, server
}

/// What the session descriptions say about keys that are agreed on in the media path (DTLS-SRTP, RFC 5763).
package struct KeyAgreementParameters: Hashable, Sendable {
    package let role: DTLSRole
    /// The peer's certificate has to bear one of these; without any no peer is believed.
    package let peerFingerprints: [CertificateFingerprint]
    /// The peer's name for the association, `a=tls-id` (RFC 8842 section 5.1): with another one it wants a new association.
    package let peerAssociation: String?

    package init(role: DTLSRole, peerFingerprints: [CertificateFingerprint], peerAssociation: String? = nil) {
        self.role = role
        self.peerFingerprints = peerFingerprints
        self.peerAssociation = peerAssociation
    }

    /// Whether these, said later, mean the association of `earlier`. Who names none any more has not asked for another.
    package func continues(_ earlier: KeyAgreementParameters) -> Bool {
        role == earlier.role && peerFingerprints == earlier.peerFingerprints
            && (peerAssociation == nil || peerAssociation == earlier.peerAssociation)
    }
}

package enum KeyAgreementInput: Hashable, Sendable {
    /// The peer can be reached; once, before everything else.
    case start
    case datagram([UInt8])
    /// `nextDeadline` has come.
    case deadline
    /// The stream ends; the peer is told.
    case close
}

package enum KeyAgreementEffect: Hashable, Sendable {
    /// Send this to where the peer's media go.
    case transmit([UInt8])
    /// The peer has proved who it is: what we send is protected with the first key, what we receive with the second.
    case agreed(send: SRTPMasterKey, receive: SRTPMasterKey)
    /// No keys, and there will be none.
    case failed(KeyAgreementFailure)
    /// The peer has ended what was agreed on: its keys are worth nothing any more.
    case closed
}

/// Agrees on the keys of one stream with one peer by datagrams among the media: a DTLS association with the SRTP
/// extension (RFC 5764). Not shared between threads.
package protocol KeyAgreement: AnyObject {
    /// When `.deadline` next has work; nil when nothing is awaited. An early or repeated `.deadline` changes nothing.
    var nextDeadline: Instant? { get }
    /// After `.failed`, `.closed` or the input `.close` nothing has an effect.
    func handle(_ input: KeyAgreementInput, at now: Instant) -> [KeyAgreementEffect]
}

/// Makes the associations; the shell brings the cryptography and the certificate.
package protocol KeyAgreementFactory: Sendable {
    /// Throws `.unavailable`.
    func makeAgreement(
        _ parameters: KeyAgreementParameters, at now: Instant
    ) throws(KeyAgreementFailure) -> any KeyAgreement
}

/// Why a stream got no keys.
package enum KeyAgreementFailure: Error, Hashable, Sendable {
    /// The peer did not answer, or not to the end.
    case timedOut(after: Duration)
    /// The peer has another certificate than its session description says: somebody in between, or a mistake.
    case wrongCertificate
    /// The handshake ended without an SRTP profile of ours (RFC 5764 section 4.1).
    case noCommonProfile
    /// The handshake failed; `reason` is the library's text, or the peer's alert.
    case refused(reason: String)
    /// There is no library, or no memory.
    case unavailable(reason: String)
}

extension KeyAgreementFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut(let time):
            "the DTLS handshake was not done after \(time.wholeMilliseconds) ms; check that the peer's media port is reached"
        case .wrongCertificate:
            "the peer's DTLS certificate is not the one of its session description; check for a device in between"
        case .noCommonProfile:
            "the peer takes no SRTP profile over DTLS; enable SRTP_AES128_CM_SHA1_80 or SRTP_AEAD_AES_128_GCM there"
        case .refused(let reason):
            "the DTLS handshake failed: \(reason); the peer must speak DTLS 1.2 with ECDHE and AES-GCM"
        case .unavailable(let reason): "DTLS is not available here: \(reason); use SDES or plain RTP"
        }
    }
}
