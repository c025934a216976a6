import Primitives
import Settings

/// Hot-desking: with `extension*pin` a telephone becomes that user's, until the log-out.
package struct HotDesk: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        switch event {
        case .code(.deskLogin, let argument):
            let parts = argument.split(separator: "*", maxSplits: 1).map { String($0) }
            // Whether it is the extension or the PIN that is wrong is nobody's business.
            guard parts.count == 2, let colleague = facts.colleague(parts[0]), let pin = colleague.features.deskPIN,
                !pin.isEmpty, !colleague.isDeskLocked
            else { return .refuse(status: 403) }
            guard Secret(pin).matches(Secret(parts[1])) else { return .change(.wrongDeskPIN(of: colleague.number)) }
            return .change(.desk(colleague.number))
        case .code(.deskLogout, ""): return .change(.desk(nil))
        case .dialled, .code, .reached, .unanswered: return nil
        }
    }
}
