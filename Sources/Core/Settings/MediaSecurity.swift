/// Whether calls are protected by SRTP.
package enum MediaSecurity: String, Sendable, Hashable, CaseIterable {
    /// Neither offered nor taken.
    case off
    /// Offered first where the signalling is TLS, then plain to who refuses; taken from who offers it.
    case optional
    /// No call without.
    case required
}
