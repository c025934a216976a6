import Settings

/// Ring groups: who of a group rings, in which order; where the call goes when nobody answers.
///
/// Members who do not want to be disturbed, are busy, or have no telephone are left out; their forwarding is theirs and
/// not the group's.
package struct RingGroups: FeaturePolicy {
    package init() {}

    package func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision? {
        guard let group = facts.group else { return nil }
        switch event {
        case .reached:
            if group.settings.strategy == .paging {
                return .act(.page(group.members.filter { isFree($0) && $0.features.intercom }.map(\.number)))
            }
            let registered = group.members.filter(\.isRegistered)
            let free = registered.filter(isFree)
            guard !free.isEmpty else { return .unavailable(registered.isEmpty ? .unregistered : .busy) }
            return .ring(steps(group, free))
        case .unanswered(let reason):
            return group.settings.overflow.map { .forward(to: $0, cause: reason.cause) }
        case .dialled, .code: return nil
        }
    }

    private func isFree(_ member: MemberFacts) -> Bool {
        member.isRegistered && !member.features.doNotDisturb && !member.isBusy
    }

    private func steps(_ group: GroupFacts, _ free: [MemberFacts]) -> [RingStep] {
        let seconds = group.settings.ringSeconds
        let sets: [[MemberFacts]] =
            switch group.settings.strategy {
            case .all, .paging: [free]
            case .linear: free.map { [$0] }
            case .rotating: rotated(free, by: group).map { [$0] }
            case .longestIdle: byIdleness(free).map { [$0] }
            case .skill: bySkill(free, wanted: group.settings.skills)
            }
        let isLast = group.settings.overflow == nil
        return sets.enumerated().map { index, members in
            let endless = isLast && sets.count == 1 && index == 0
            return RingStep(members.map { .user($0.number) }, seconds: endless ? nil : seconds)
        }
    }

    /// The turn counts through all members, so that one who is away does not make the next one ring twice as often.
    private func rotated(_ free: [MemberFacts], by group: GroupFacts) -> [MemberFacts] {
        let count = group.members.count
        guard count > 0 else { return free }
        let start = group.turn % count
        let order = (0..<count).map { group.members[(start + $0) % count].number }
        return order.compactMap { number in free.first { $0.number == number } }
    }

    /// Who has had no call at all comes first; those alike stay in order.
    private func byIdleness(_ free: [MemberFacts]) -> [MemberFacts] {
        free.enumerated().sorted { left, right in
            let (one, other) = (left.element.idleSeconds ?? .max, right.element.idleSeconds ?? .max)
            return one != other ? one > other : left.offset < right.offset
        }.map(\.element)
    }

    private func bySkill(_ free: [MemberFacts], wanted: [String]) -> [[MemberFacts]] {
        let scored = free.map { member in (member, wanted.count { member.features.skills.contains($0) }) }
        let scores = Set(scored.map(\.1)).sorted(by: >)
        return scores.map { score in scored.filter { $0.1 == score }.map(\.0) }
    }
}
