import ApplianceCore
import Media
import Primitives
import Settings
import SoftphoneCore

/// A user of the office and the telephone on the desk: one line or two, which ring together.
final class OfficeDesk {
    let user: UserSettings
    let lines: [OfficeLine]

    init(user: UserSettings, lines: [OfficeLine]) {
        self.user = user
        self.lines = lines
    }

    var number: String { user.extension }
    var isIdle: Bool { lines.allSatisfy { $0.activity == .idle && !$0.isCut } }
    /// A line that is free.
    var freeLine: OfficeLine? { lines.first { $0.activity == .idle && $0.isRegistered && !$0.isCut } }
    var ringingLine: OfficeLine? { lines.first { $0.activity == .ringing } }
    var talkingLine: OfficeLine? { lines.first { $0.activity == .talking } }
    /// A line with a call in which something can be changed.
    var steadyLine: OfficeLine? { lines.first { $0.mayChange } }
}

/// An office full of people who do what `OfficeAction.all` has, at random, all at once.
final class Office {
    /// How it is peopled; everything else is drawn from the seed.
    struct Plan {
        var users = 30
        /// Between two actions, on average.
        var gap = Duration.milliseconds(700)
        /// What is done, and how often.
        var actions = OfficeAction.all
        /// People answer, refuse and hang up by themselves.
        var peopleDecide = true
        var portRefusalsPerMille: UInt64 = 3
        /// Nil: one or two, by chance.
        var linesPerDesk: Int?
        /// The features and applications of `OfficeFurniture`.
        var isFurnished = false
        /// What begins with these digits is barred.
        var barred: [String] = []
    }

    static let group = "610"
    static let rooms = ["800", "801"]
    static let echo = "600"

    let world: World
    let plan: Plan
    let model: MediaModel
    let invariants: OfficeInvariants
    private(set) var desks: [OfficeDesk] = []
    /// How often each action was taken.
    private(set) var taken: [String: Int] = [:]
    private var chance: Entropy
    private var isOpen = false

    /// Makes the world's appliance and desks, and turns them on. The world must have `MediaKind.model`.
    init(_ world: World, plan: Plan = Plan()) {
        self.world = world
        self.plan = plan
        guard let model = world.appliance.media as? MediaModel else {
            preconditionFailure("an office has no real media")
        }
        self.model = model
        invariants = OfficeInvariants(world, model)
        chance = world.fork()
        let users = (0..<plan.users).map {
            UserSettings(extension: "\(100 + $0)", name: "User \($0)", password: Secret("secret-\($0)"))
        }
        desks = users.enumerated().map { index, user in
            let address = IPAddress.v4(0xC000_0214 + UInt32(index))
            let count = plan.linesPerDesk ?? 1 + Int(chance.next() % (plan.isFurnished ? 3 : 2))
            return OfficeDesk(
                user: user,
                lines: (0..<count).map { OfficeLine(world: world, user: user, address: address, index: $0) })
        }
        model.refusalsPerMille = plan.portRefusalsPerMille
        model.isSpeaking = { [unowned self] endpoint in
            lines.contains { !$0.isCut && $0.stream?.sends == true && $0.rtpEndpoint == endpoint }
        }
        world.afterStep = { [unowned self] in invariants.check() }
        var settings = ApplianceSettings()
        settings.users = users
        settings.features.echo = Self.echo
        settings.features.conferences = Self.rooms
        settings.groups = [
            GroupSettings(
                extension: Self.group, name: "Sales", strategy: .all, members: users.prefix(5).map(\.extension))
        ]
        settings.outgoing.rules = plan.barred.map { OutgoingRule(prefix: $0, trunks: []) }
        settings.media.address = ApplianceNode.address
        if plan.isFurnished { OfficeFurniture.install(in: &settings) }
        world.appliance.powerOn(settings: settings)
    }

    var lines: [OfficeLine] { desks.flatMap(\.lines) }

    func desk(_ number: String) -> OfficeDesk? { desks.first { $0.number == number } }

    // MARK: Chance

    func draw(_ count: Int) -> Int { Int(chance.next() % UInt64(max(1, count))) }

    func isHit(_ percent: Int) -> Bool { draw(100) < percent }

    func time(_ range: ClosedRange<Int64>) -> Duration {
        .milliseconds(range.lowerBound + Int64(chance.next() % UInt64(range.upperBound - range.lowerBound + 1)))
    }

    /// Somebody else than who is at that desk.
    func anybody(but desk: OfficeDesk) -> OfficeDesk {
        let index = draw(desks.count)
        return desks[index] === desk ? desks[(index + 1) % desks.count] : desks[index]
    }

    // MARK: The day

    /// Everybody's telephone registers; then all do as they please for `duration`, hang up, and go.
    func run(for duration: Duration) throws(ScenarioFailure) {
        for line in lines {
            world.after(time(0...5_000)) { line.connect() }
            guard plan.peopleDecide else { continue }
            line.onRinging = { [unowned self] line in decide(line) }
            line.onTalking = { [unowned self] line in talk(line) }
        }
        try world.pass(.seconds(10))
        isOpen = true
        next()
        try world.pass(duration)
        isOpen = false
        try close()
    }

    private func next() {
        let mean = plan.gap.wholeMilliseconds
        world.after(time(mean / 10...mean * 19 / 10)) { [unowned self] in
            guard isOpen else { return }
            act()
            next()
        }
    }

    /// Somebody does something that is possible there.
    private func act() {
        let desk = desks[draw(desks.count)]
        let possible = plan.actions.filter { $0.isPossible(self, desk) }
        var ticket = draw(possible.reduce(0) { $0 + $1.weight })
        for action in possible {
            ticket -= action.weight
            guard ticket < 0 else { continue }
            world.note("desk \(desk.number): \(action.name)")
            taken[action.name, default: 0] += 1
            return action.act(self, desk)
        }
    }

    /// A telephone rings: it is answered, refused, sent on, or left alone.
    private func decide(_ line: OfficeLine) {
        let (boot, call) = (line.boot, line.callCount)
        let choice = draw(100)
        world.after(time(300...8_000)) { [unowned self] in
            guard line.boot == boot, line.callCount == call, line.activity == .ringing else { return }
            switch choice {
            case ..<75: line.command(.answer)
            case ..<80: line.command(.refuse(486))
            case ..<83: line.command(.refuse(603))
            case ..<90:
                let target = isHit(85) ? desks[draw(desks.count)].number : ["999", Self.group, Self.rooms[0]][draw(3)]
                line.command(.redirect(target))
            default: break
            }
        }
    }

    /// A conversation does not last for ever.
    private func talk(_ line: OfficeLine) {
        let (boot, call) = (line.boot, line.callCount)
        world.after(time(1_000...60_000)) {
            guard line.boot == boot, line.callCount == call else { return }
            line.command(.hangUp)
        }
    }

    /// Everybody hangs up; longer than a forgotten call is refreshed, nothing happens.
    private func close() throws(ScenarioFailure) {
        world.note("the office closes")
        for line in lines { line.mendCable() }
        if !world.appliance.isOn { world.appliance.powerOn() }
        for _ in 0..<3 {
            for line in lines where line.activity != .idle { line.command(.hangUp) }
            try world.pass(.seconds(40))
        }
        let appliance = world.appliance
        try world.wait("the last call's end", within: .seconds(900)) {
            !world.violations.isEmpty || appliance.inspection()?.keptCalls.isEmpty == true
        }
        for line in lines { line.command(.unregister) }
        try world.pass(.seconds(80))
        try world.wait("telephones at rest", within: .seconds(60)) { lines.allSatisfy(\.isQuiet) }
        try invariants.checkAtRest()
    }
}

extension World {
    /// Lets time pass, and stops at the first violation.
    func pass(_ duration: Duration) throws(ScenarioFailure) {
        let end = now + duration
        after(duration) {}
        try wait("time", within: duration) { now >= end || !violations.isEmpty }
        if let violation = violations.first { throw violation }
    }
}
