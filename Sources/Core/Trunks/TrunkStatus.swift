package import ServerLocation
package import Settings

/// A trunk as an administrator sees it. Holds no secret: neither password nor contact.
package struct TrunkStatus: Sendable, Equatable {
    package var id: TrunkID
    package var name: String
    package var kind: TrunkSettings.Kind
    package var state: TrunkState
    /// Until the registration is refreshed or tried again; nil while an answer is awaited, and for static trunks.
    package var nextTry: Duration?
    /// How long the registration still holds; nil without one.
    package var expiresIn: Duration?
    /// The ways to its server, the best first.
    package var hops: [Hop]
    /// The one in use.
    package var hop: Hop?
    /// From OPTIONS to its answer, the last time.
    package var roundTrip: Duration?
    /// Consecutive failures to register, or to get an answer to OPTIONS.
    package var failures: Int
}
