package import Primitives

/// Whether rtpengine answers.
package enum RelayHealth: Hashable, Sendable {
    /// Not heard yet.
    case unknown
    case reachable
    case unreachable(since: Instant)

    package var isReachable: Bool { self == .reachable }
}

extension RelayHealth: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown: "rtpengine has not answered yet"
        case .reachable: "rtpengine answers"
        case .unreachable:
            "rtpengine does not answer: no calls are possible; check that it runs, and media.rtpengine.address"
        }
    }
}
