/// Counts the writes and syncs of a simulated appliance, and cuts its power at the ones that it is told.
///
/// A run without targets finds out how many there are; further runs of the same seed meet the same ones in the same order,
/// so that every one of them can be the last.
final class PowerCutter {
    /// While false nothing is counted and nothing is cut.
    var isArmed = false
    /// Numbers of steps at which the power goes, from 0.
    var targets: Set<Int> = []
    /// What each step was, in order.
    private(set) var steps: [String] = []
    private(set) var cutCount = 0

    /// True when the power goes in this very step.
    func cuts(at step: String) -> Bool {
        guard isArmed else { return false }
        steps.append(step)
        guard targets.contains(steps.count - 1) else { return false }
        cutCount += 1
        return true
    }
}

extension ApplianceNode {
    /// One write or sync. True: the power has gone in it, and comes back a quarter of a second later.
    func cutsPower(at step: String) -> Bool {
        guard world.cutter.cuts(at: step) else { return false }
        world.note("power goes in \(step)")
        cutPower()
        world.after(.milliseconds(250)) { [unowned self] in
            if !isOn { powerOn() }
        }
        return true
    }
}
