import Transport

/// Why the softphone could not do what it was told.
package enum SoftphoneError: Error, Sendable, CustomStringConvertible {
    case cannotReach(String, reason: String)
    case provisioningRefused(status: Int)
    case provisioningUnreadable(String)
    case noMediaPort
    case badAddress(String)

    package var description: String {
        switch self {
        case .cannotReach(let what, let reason): "cannot reach \(what): \(reason)"
        case .provisioningRefused(let status):
            "the provisioning server answered \(status): the token is unknown, used or expired; ask for a new one"
        case .provisioningUnreadable(let reason): "the provisioning file cannot be used: \(reason)"
        case .noMediaPort: "no free pair of UDP ports for media"
        case .badAddress(let text): "'\(text)' is not ADDRESS:PORT"
        }
    }
}
