package import Primitives

/// The two classes of logs that name people, each with its own clock (Q12, R2, R9).
///
/// Neither is anonymised by a later job: what may be kept for long is anonymised in the very moment in which it is written.
package enum LogClass: String, Sendable, Hashable, CaseIterable {
    /// Configuration queries (F-S4, R2): written anonymised, deleted after twelve months.
    case provisioning
    /// Accesses of the remote configuration (F-C11, R9): the original for 14 days, an anonymised copy beside it.
    case remoteAccess = "remote-access"

    /// How old the whole truth may become; nil: it is never written.
    package var originalLifetime: Duration? {
        switch self {
        case .provisioning: nil
        case .remoteAccess: .seconds(14 * 86_400)
        }
    }

    /// How old the anonymised line may become; nil: no promise ends it.
    package var anonymisedLifetime: Duration? {
        switch self {
        case .provisioning: .seconds(365 * 86_400)
        case .remoteAccess: nil
        }
    }

    /// How often what is over is looked for. Deletion begins so much before its day, so that the day is kept.
    package static let sweepInterval = Duration.seconds(86_400)

    /// Originals from before this moment go now; nil: there are none.
    package func originalHorizon(at wall: UnixTime) -> UnixTime? { Self.horizon(originalLifetime, at: wall) }

    /// Anonymised lines from before this moment go now; nil: none go.
    package func anonymisedHorizon(at wall: UnixTime) -> UnixTime? { Self.horizon(anonymisedLifetime, at: wall) }

    private static func horizon(_ lifetime: Duration?, at wall: UnixTime) -> UnixTime? {
        lifetime.map { wall + (.zero - ($0 - sweepInterval)) }
    }
}
