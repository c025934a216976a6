package import HAL
package import HummingbirdCore
package import NIOCore
package import Primitives

/// What the cloud link is made of: who we are, and how it reaches the rest of the appliance.
package struct CloudLinkConfiguration: Sendable {
    /// Serial, certificate, pinned vendor root, and the key's `sign`.
    package var identity: any IdentityDevice
    package var limits: Limits
    /// For the wall time of metrics and of certificate checks.
    package var clock: any ClockDevice
    package var entropy: Entropy
    /// Where prepared files lie; a file has its artifact's name.
    package var artifactDirectory: String
    /// Where a bundle is fetched to (F-S2): `bundle.raucb`, once it is whole and right; nil: none is.
    package var updateDirectory: String?
    /// Answers a request of a remote session (F-C10) that was let in; the channel is its connection.
    package var administer: (@Sendable (Request, any Channel) async throws -> Response)?
    /// Makes a SIP connection of a byte stream whose TLS handshake is done; called on the event loop. The endpoint has
    /// the client's address as the relay names it (the relay's own where it names none) and the relay's port.
    package var adoptSIP: @Sendable (any Channel, Endpoint) -> Void

    package init(
        identity: any IdentityDevice, limits: Limits, clock: any ClockDevice, entropy: Entropy,
        artifactDirectory: String,
        adoptSIP: @escaping @Sendable (any Channel, Endpoint) -> Void
    ) {
        self.identity = identity
        self.limits = limits
        self.clock = clock
        self.entropy = entropy
        self.artifactDirectory = artifactDirectory
        self.adoptSIP = adoptSIP
    }
}
