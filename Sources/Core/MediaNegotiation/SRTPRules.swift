package import Primitives

/// Which SRTP policy a leg gets by how its signalling travels.
///
/// Keys in a session description are worth what the transport of the description is worth (RFC 4568 section 8.3). So they
/// are given over TLS only, unless `inClear` says otherwise: for a network that is private by other means.
package struct SRTPRules: Hashable, Sendable {
    package var overTLS: SRTPPolicy
    package var inClear: SRTPPolicy

    package init(overTLS: SRTPPolicy = .accepted, inClear: SRTPPolicy = .never) {
        self.overTLS = overTLS
        self.inClear = inClear
    }

    /// Policy and fresh keys for one leg.
    package func security(isSignallingSecure: Bool, entropy: inout Entropy) -> MediaSecurity {
        MediaSecurity(isSignallingSecure ? overTLS : inClear, carriesKeys: true, entropy: &entropy)
    }
}
