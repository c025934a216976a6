package import Primitives

/// Who begins a DTLS association (RFC 4145 section 4, RFC 5763 section 5).
package enum SetupRole: String, Hashable, Sendable, CaseIterable {
    /// The writer begins.
    case active
    /// The writer waits.
    case passive
    /// Either: in offers only.
    case actpass
    /// Not now.
    case holdconn
}

extension SDPAttribute {
    package static func fingerprint(_ fingerprint: CertificateFingerprint) -> SDPAttribute {
        SDPAttribute("fingerprint", "\(fingerprint)")
    }

    package static func setup(_ role: SetupRole) -> SDPAttribute { SDPAttribute("setup", role.rawValue) }
}

extension MediaDescription {
    /// True for `UDP/TLS/RTP/SAVP` and `UDP/TLS/RTP/SAVPF`, whose keys come by DTLS (RFC 5764 section 8).
    package var isDTLSProfile: Bool { ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"].contains(proto.uppercased()) }
}

extension SessionDescription {
    /// The certificates that the writer may present in a section: by the section's own lines, else by the session's.
    ///
    /// Only those under the strongest hash function that we know (RFC 8122 section 5.1), and at most `limit` of them.
    package func fingerprints(of media: MediaDescription, limit: Int = 8) -> [CertificateFingerprint] {
        let lines = media.has("fingerprint") ? media.attributes : attributes
        let all = lines.compactMap { line in
            line.name == "fingerprint" ? line.value.flatMap { CertificateFingerprint($0) } : nil
        }
        let strongest = all.map(\.hashFunction).max()
        return Array(all.filter { $0.hashFunction == strongest }.prefix(limit))
    }

    /// Whether a section, or the session for it, names certificates at all, be it in a form that we do not read.
    package func hasFingerprint(_ media: MediaDescription) -> Bool {
        media.has("fingerprint") || attributes.contains { $0.name == "fingerprint" }
    }

    /// The section's own role, else the session's; nil when there is none, `holdconn` for one that cannot be read.
    package func setup(of media: MediaDescription) -> SetupRole? {
        let own = media.has("setup") ? media.attributes : attributes
        guard let line = own.first(where: { $0.name == "setup" }) else { return nil }
        return SetupRole(rawValue: line.value?.trimmed.lowercased() ?? "") ?? .holdconn
    }
}
