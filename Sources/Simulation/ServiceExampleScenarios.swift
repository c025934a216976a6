import Primitives
import SoftphoneCore

/// Alice, Bob and Carol of RFC 5359, each with a telephone of two lines; who hears whom is asked of the media workers.
private struct Cast {
    let office: Office
    let alice: OfficeDesk
    let bob: OfficeDesk
    let carol: OfficeDesk

    init(_ world: World, barred: [String] = []) throws(ScenarioFailure) {
        var plan = Office.Plan()
        plan.users = 4
        plan.actions = []
        plan.peopleDecide = false
        plan.portRefusalsPerMille = 0
        plan.linesPerDesk = 2
        plan.barred = barred
        office = Office(world, plan: plan)
        (alice, bob, carol) = (office.desks[0], office.desks[1], office.desks[2])
        for line in office.lines { line.connect() }
        let lines = office.lines
        try world.wait("everybody registered", within: .seconds(90)) { lines.allSatisfy(\.isRegistered) }
    }

    var world: World { office.world }

    /// `caller` calls that desk, which answers on the line that is given.
    func connect(_ caller: OfficeLine, _ desk: OfficeDesk) throws(ScenarioFailure) -> OfficeLine {
        caller.call(desk.number)
        let callee = try ringing(desk)
        callee.command(.answer)
        try wait("the call of \(desk.number)") { caller.activity == .talking && callee.activity == .talking }
        try wait("the other lines of \(desk.number) at rest") {
            desk.lines.allSatisfy { $0 === callee || $0.activity != .ringing }
        }
        try conversation(caller, callee)
        return callee
    }

    func ringing(_ desk: OfficeDesk) throws(ScenarioFailure) -> OfficeLine {
        try wait("\(desk.number) rings") { desk.ringingLine != nil }
        guard let line = desk.ringingLine else { throw ScenarioFailure("nothing rings", at: world.now) }
        return line
    }

    func wait(_ what: String, _ condition: () -> Bool) throws(ScenarioFailure) {
        try world.wait(what, within: .seconds(90)) { condition() || !world.violations.isEmpty }
        if let violation = world.violations.first { throw violation }
    }

    func conversation(_ one: OfficeLine, _ other: OfficeLine) throws(ScenarioFailure) {
        try wait("\(one.name) and \(other.name) hear each other") {
            office.heard(by: one) == [other.name] && office.heard(by: other) == [one.name]
        }
    }

    func hangUp(_ lines: OfficeLine...) throws(ScenarioFailure) {
        for line in lines { line.command(.hangUp) }
        try wait("everybody has hung up") { office.lines.allSatisfy { $0.activity == .idle && $0.isQuiet } }
        for line in office.lines { line.command(.unregister) }
        world.advance(.seconds(40))
        try office.invariants.checkAtRest()
    }
}

extension Scenario {
    private static func example(
        _ example: ServiceExample, _ name: String, _ body: @escaping @Sendable (Cast) throws(ScenarioFailure) -> Void
    ) -> Scenario {
        Scenario(name: "rfc5359-\(name)", purpose: example.title, media: .model) { world throws(ScenarioFailure) in
            try body(try Cast(world))
        }
    }

    static let callHold = example(.callHold, "call-hold") { cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        let bob = try cast.connect(alice, cast.bob)
        bob.command(.hold(true))
        try cast.wait("Alice does not hear Bob, nor Bob Alice") {
            bob.isHolding && !cast.office.heard(by: alice).contains(bob.name) && cast.office.heard(by: bob).isEmpty
        }
        bob.command(.hold(false))
        try cast.conversation(alice, bob)
        try cast.hangUp(bob)
    }

    static let consultationHold = example(.consultationHold, "consultation-hold") { cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        let bob = try cast.connect(alice, cast.bob)
        bob.command(.hold(true))
        try cast.wait("the hold") { bob.isHolding && bob.mayChange }
        guard let consulting = cast.bob.freeLine else { throw ScenarioFailure("no second line", at: cast.world.now) }
        let carol = try cast.connect(consulting, cast.carol)
        try cast.world.require(cast.office.heard(by: alice) == ["music"], "Alice hears what she must not")
        carol.command(.hangUp)
        try cast.wait("the end of the consultation") { consulting.activity == .idle }
        bob.command(.hold(false))
        try cast.conversation(alice, bob)
        try cast.hangUp(alice)
    }

    static let musicOnHold = example(.musicOnHold, "music-on-hold") { cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        let bob = try cast.connect(alice, cast.bob)
        for _ in 0..<2 {
            bob.command(.hold(true))
            try cast.wait("the music") { cast.office.heard(by: alice) == ["music"] && bob.mayChange }
            bob.command(.hold(false))
            try cast.conversation(alice, bob)
            try cast.wait("an end of the change") { bob.mayChange }
        }
        bob.command(.hold(true))
        try cast.wait("the music") { cast.office.heard(by: alice) == ["music"] }
        try cast.hangUp(alice)
    }

    static let unattendedTransfer = example(.unattendedTransfer, "transfer-unattended") {
        cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        let bob = try cast.connect(alice, cast.bob)
        bob.command(.transfer(cast.carol.number, replaces: nil))
        let carol = try cast.ringing(cast.carol)
        carol.command(.answer)
        try cast.wait("Bob has left") { bob.activity == .idle }
        try cast.conversation(alice, carol)
        try cast.hangUp(carol)
    }

    static let attendedTransfer = example(.attendedTransfer, "transfer-attended") { cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        let bob = try cast.connect(alice, cast.bob)
        bob.command(.hold(true))
        try cast.wait("the hold") { bob.isHolding && bob.mayChange }
        guard let consulting = cast.bob.freeLine else { throw ScenarioFailure("no second line", at: cast.world.now) }
        let carol = try cast.connect(consulting, cast.carol)
        bob.command(.transfer(cast.carol.number, replaces: consulting.dialogID))
        try cast.wait("Bob has left both calls") { bob.activity == .idle && consulting.activity == .idle }
        try cast.conversation(alice, carol)
        try cast.hangUp(alice)
    }

    /// All of Bob's telephones ring; the one that is answered has the call (parallel, the RFC's proxy tries in turn).
    static let findMe = example(.findMe, "find-me") { cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        alice.call(cast.bob.number)
        try cast.wait("both lines ring") { cast.bob.lines.allSatisfy { $0.activity == .ringing } }
        let (other, bob) = (cast.bob.lines[0], cast.bob.lines[1])
        bob.command(.answer)
        try cast.wait("the call") { alice.activity == .talking && bob.activity == .talking && other.activity == .idle }
        try cast.conversation(alice, bob)
        try cast.hangUp(bob)
    }

    static let outgoingScreening = Scenario(
        name: "rfc5359-outgoing-screening", purpose: ServiceExample.outgoingScreening.title, media: .model
    ) { world throws(ScenarioFailure) in
        let cast = try Cast(world, barred: ["+49900", "118"])
        let alice = cast.alice.lines[0]
        alice.call("118")
        try cast.wait("the refusal") { alice.lastFailure != nil && alice.activity == .idle }
        try world.require(
            alice.lastFailure == 403, "a barred number is refused with \(alice.lastFailure ?? 0), not 403")
        _ = try cast.connect(alice, cast.bob)
        try cast.hangUp(alice)
    }

    static let pickup = example(.pickup, "call-pickup") { cast throws(ScenarioFailure) in
        let alice = cast.alice.lines[0]
        alice.call(cast.bob.number)
        let bob = try cast.ringing(cast.bob)
        let carol = cast.carol.lines[0]
        guard let dialog = bob.dialogID else { throw ScenarioFailure("no early dialog", at: cast.world.now) }
        // Whether this telephone of Bob's rings may not be known yet, when its answer was lost: who is refused tries again.
        for _ in 0..<5 where carol.activity != .talking {
            carol.pickUp(dialog, of: cast.bob.number)
            try cast.wait("Carol has the call, or is refused") { carol.activity == .talking || carol.activity == .idle }
            if carol.activity == .idle { cast.world.advance(.seconds(1)) }
        }
        try cast.wait("Carol has the call") { carol.activity == .talking && alice.activity == .talking }
        try cast.wait("Bob's telephone is quiet") { cast.bob.lines.allSatisfy { $0.activity == .idle } }
        try cast.conversation(alice, carol)
        try cast.hangUp(carol)
    }
}
