import CallControl
import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import ServerLocation
import Trunks

/// What trunks need of the rest: the places of their servers, and somebody to tell.
extension Telephony {
    /// Carries out what trunks asked for, until none of it asks for more.
    mutating func takeTrunkEffects() {
        while !trunks.effects.isEmpty {
            let effects = trunks.effects
            trunks.effects = []
            for effect in effects { carryOut(effect) }
        }
    }

    private mutating func carryOut(_ effect: TrunkEffect) {
        switch effect {
        case .locate(let trunk, let target): locate(target, for: trunk)
        case .hopFailed(let hop): location.failed(hop, at: context.now)
        case .hopSucceeded(let hop): location.succeeded(hop)
        case .changed(_, let name, let state):
            outputs.append(.log(state.isUsable ? .info : .notice, "trunk \(name): \(state)"))
        }
    }

    private mutating func locate(_ target: LocationTarget, for trunk: TrunkID) {
        let result = location.locate(target, at: context.now, entropy: &context.agent.entropy)
        guard case .pending(let queries) = result else {
            trunks.located(trunk, target, result, &context.agent)
            return
        }
        locating.append((trunk, target))
        outputs += queries.map(Output.resolve)
    }

    /// The outcome of a query of `Output.resolve`.
    mutating func resolved(_ query: DNSQuery, _ outcome: DNSOutcome) {
        let progress = location.resolved(query, outcome, at: context.now)
        outputs += progress.queries.map(Output.resolve)
        for target in progress.ready {
            let waiting = locating.filter { $0.target == target }
            locating.removeAll { $0.target == target }
            for (trunk, target) in waiting { locate(target, for: trunk) }
        }
    }
}
