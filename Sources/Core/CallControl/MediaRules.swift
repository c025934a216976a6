package import Media
package import MediaNegotiation
package import Primitives
package import Settings

/// What the session descriptions of a leg may say; whom the leg reaches decides.
package struct MediaRules: Sendable, Equatable {
    package var srtp: SRTPRules
    /// Those that may be agreed on, the best first.
    package var codecs: [AudioCodec]
    /// Whether comfort noise is offered and taken beside G.711 and G.722.
    package var comfortNoise = false

    package init(srtp: SRTPRules = SRTPRules(), codecs: [AudioCodec] = AudioCodec.preferred) {
        self.srtp = srtp
        self.codecs = codecs
    }

    /// Keys stand in descriptions over TLS alone; over what can be read there is only DTLS.
    ///
    /// - Parameters:
    ///   - certificate: of the media engine, for DTLS; nil: no DTLS.
    ///   - codecs: names as in RTP; those that we do not have are passed over, none means all.
    package init(
        _ security: MediaSecurity, certificate: CertificateFingerprint?, codecs names: [String] = [],
        comfortNoise: Bool = false
    ) {
        let (overTLS, inClear): (SRTPPolicy, SRTPPolicy) =
            switch security {
            case .off: (.never, .never)
            case .optional: (.preferred, .accepted)
            case .required: (.required, .required)
            }
        let known = names.compactMap { AudioCodec(rawValue: $0) }
        self.init(
            srtp: SRTPRules(overTLS: overTLS, inClear: inClear, keyingInClear: [.dtls], fingerprint: certificate),
            codecs: known.isEmpty ? AudioCodec.preferred : known)
        self.comfortNoise = comfortNoise
    }
}
