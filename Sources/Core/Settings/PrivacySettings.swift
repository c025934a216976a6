/// `privacy`: what the owner decides about all flows at once.
package struct PrivacySettings: Sendable, Equatable {
    /// Strict mode: nothing leaves towards a server whose country no policy names (Q18), and of push diagnostics caller
    /// and callee are dropped (Q14). On unless the owner says otherwise.
    package var isStrict = true
    package init() {}
}
