package import CloudMessages
package import Primitives

/// How updates stand, for the owner.
package struct UpdateStatus: Sendable, Equatable {
    package enum Phase: String, Sendable, Hashable, CaseIterable {
        case idle, asking, downloading, installing
        /// The installer has the bundle.
        case handedOver = "handed-over"
    }
    package var phase: Phase
    /// What can be installed, or is being; nil: nothing newer is known.
    package var offer: UpdateManifest?
    /// Whether the roll-out has come to this installation.
    package var isHeldBack: Bool
    package var checkedAt: UnixTime?
    /// How the last check or installation ended, in words.
    package var outcome: String?
    package var looksByItself: Bool

    package init(
        phase: Phase, offer: UpdateManifest?, isHeldBack: Bool, checkedAt: UnixTime?, outcome: String?,
        looksByItself: Bool
    ) {
        self.phase = phase
        self.offer = offer
        self.isHeldBack = isHeldBack
        self.checkedAt = checkedAt
        self.outcome = outcome
        self.looksByItself = looksByItself
    }
}
