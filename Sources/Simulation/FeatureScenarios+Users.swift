import Primitives

/// Whose telephones ring, and what becomes of a call that they do not take.
extension StageScenario {
    static let users: [StageScenario] = [
        callWaiting, busyOnBusy, doNotDisturb, forwarding, forwardingByOrigin, twinning, followMe, hotDesk,
    ]

    static let callWaiting = StageScenario(
        "call-waiting", "without call waiting a telephone in a call does not ring, the user's others do",
        StageOffice(users: [.bob: "call_waiting: false"])
    ) { play throws(ScenarioFailure) in
        let (alice, carol) = (try play.telephone(.alice), try play.telephone(.carol))
        let (bob, other) = (try play.telephone(.bob), try play.telephone(.bob))
        let dave = try play.telephone(.dave)
        alice.call(bob.number)
        try play.answer(bob)
        try play.idle(other)
        try play.conversation(alice, bob)
        try play.connect(carol, other, dialling: bob.number)
        try play.require(bob.ringCount == 1, "a telephone in a call rang")
        try play.refused(dave, calling: bob.number, with: 486)
        try play.hangUp(alice, carol)
        try play.idle(bob, other)
    }

    static let busyOnBusy = StageScenario(
        "busy-on-busy", "one call makes the user busy on all telephones",
        StageOffice(users: [.bob: "busy_on_busy: true"])
    ) { play throws(ScenarioFailure) in
        let (alice, carol) = (try play.telephone(.alice), try play.telephone(.carol))
        let (bob, other) = (try play.telephone(.bob), try play.telephone(.bob))
        bob.call(alice.number)
        try play.answer(alice)
        try play.refused(carol, calling: bob.number, with: 486)
        try play.require(other.ringCount == 0, "the other telephone rang")
        try play.hangUp(bob)
        try play.idle(alice)
    }

    static let doNotDisturb = StageScenario(
        "do-not-disturb", "switched by code: callers are told, and nothing rings; switched back, it rings"
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        try play.dial("*26", on: bob)
        try play.refused(alice, calling: bob.number, with: 480)
        try play.require(bob.ringCount == 0, "Bob's telephone rang")
        try play.dial("#26", on: bob)
        try play.connect(alice, bob)
        try play.hangUp(bob)
        try play.idle(alice)
    }

    static let forwarding = StageScenario(
        "forwarding-by-code", "switched by code and ended by code; a loop is refused; who is away is forwarded too"
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.dial("*21102", on: bob)
        try play.connect(alice, carol, dialling: bob.number)
        try play.hangUp(alice)
        try play.idle(carol)
        try play.dial("*21101", on: carol)
        try play.refused(alice, calling: bob.number, with: 480)
        try play.dial("#21", on: carol)
        try play.dial("#002", on: bob)
        try play.dial("*62102", on: bob)
        try play.connect(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
        bob.unplug()
        try play.wait("Bob's telephone is gone") { !bob.isRegistered }
        try play.connect(alice, carol, dialling: bob.number)
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let forwardingByOrigin = StageScenario(
        "forwarding-by-origin", "calls from outside go elsewhere than those of colleagues",
        StageOffice(
            users: [.bob: "forward_external_always: \"102\", forward_internal_always: \"103\""], hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let (alice, carol) = (try play.telephone(.alice), try play.telephone(.carol))
        let dave = try play.telephone(.dave)
        let outside = try play.outside()
        try play.connect(alice, dave, dialling: Person.bob.number)
        try play.hangUp(alice)
        try play.idle(dave)
        try play.connect(outside, carol, dialling: "+493012345601")
        try play.require(carol.caller.contains("89123456"), "Carol sees \(carol.caller)")
        try play.hangUp(carol)
        try play.idle(outside)
    }

    static let twinning = StageScenario(
        "twinning", "a mobile number rings with the telephones",
        StageOffice(users: [.bob: "mobile: \"01705556\""], hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let outside = try play.outside()
        alice.call(bob.number)
        try play.rings(bob)
        try play.rings(outside)
        try play.require(outside.calledNumber == "+491705556", "outside rings \(outside.calledNumber ?? "nobody")")
        try play.answer(outside)
        try play.idle(bob)
        try play.conversation(alice, outside)
        try play.hangUp(alice)
        try play.idle(outside)
    }

    static let followMe = StageScenario(
        "follow-me", "numbers are tried one after the other",
        StageOffice(users: [.bob: "follow_me: [\"102\", \"103\"], ring_seconds: 5"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        alice.call(bob.number)
        try play.rings(bob)
        try play.rings(carol)
        try play.require(dave.ringCount == 0, "Dave's telephone rings too early")
        try play.answer(dave)
        try play.idle(bob, carol)
        try play.conversation(alice, dave)
        try play.hangUp(alice)
        try play.idle(dave)
    }

    static let hotDesk = StageScenario(
        "hot-desking", "who logs in at another telephone is called there, and calls from there are the user's",
        StageOffice(users: [.bob: "desk_pin: \"4711\""])
    ) { play throws(ScenarioFailure) in
        let (alice, carol) = (try play.telephone(.alice), try play.telephone(.carol))
        try play.refused(carol, calling: "*11101*0815", with: 403)
        try play.dial("*11101*4711", on: carol)
        try play.connect(alice, carol, dialling: Person.bob.number)
        try play.hangUp(alice)
        try play.idle(carol)
        carol.call(alice.number)
        try play.rings(alice)
        try play.require(alice.caller == Person.bob.number, "Alice sees \(alice.caller)")
        try play.hangUp(carol)
        try play.idle(alice)
        try play.dial("#11", on: carol)
        try play.refused(alice, calling: Person.bob.number, with: 480)
    }
}
