import Primitives

/// Alice, Bob and Carol of RFC 5359. Who has two calls has two telephones, or one of two lines: it is the same.
extension StageScenario {
    private static func example(
        _ example: ServiceExample, _ name: String, _ office: StageOffice = StageOffice(),
        _ body: @escaping @Sendable (Play) throws(ScenarioFailure) -> Void
    ) -> StageScenario {
        StageScenario("rfc5359-\(name)", example.title, office, body)
    }

    // MARK: Hold

    static let callHold = example(.callHold, "call-hold", StageOffice(features: ["music_on_hold: false"])) {
        play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        try play.connect(alice, bob)
        try play.holds(bob)
        try play.hears(alice, .nothing)
        try play.hears(bob, .nothing)
        try play.takesBack(bob)
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    static let consultationHold = example(.consultationHold, "consultation-hold") { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        try play.holds(bob)
        let consulting = try play.telephone(.bob)
        try play.connect(consulting, carol)
        try play.hears(alice, .sound)
        try play.hangUp(carol)
        try play.idle(consulting)
        try play.takesBack(bob)
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    static let musicOnHold = example(.musicOnHold, "music-on-hold") { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        try play.connect(alice, bob)
        for _ in 0..<2 {
            try play.holds(bob)
            try play.hears(alice, .sound)
            try play.takesBack(bob)
            try play.conversation(alice, bob)
        }
        try play.holds(bob)
        try play.hears(alice, .sound)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    // MARK: Transfer

    static let unattendedTransfer = example(.unattendedTransfer, "transfer-unattended") {
        play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        bob.transfer(to: carol.number)
        try play.answer(carol)
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.hangUp(carol)
        try play.idle(alice)
    }

    static let attendedTransfer = example(.attendedTransfer, "transfer-attended") { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, consulting) = (try play.telephone(.carol), try play.telephone(.bob))
        try play.connect(alice, bob)
        try play.holds(bob)
        try play.connect(consulting, carol)
        bob.transfer(to: carol.number, replacing: consulting.dialogID)
        try play.idle(bob, consulting)
        try play.conversation(alice, carol)
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let instantMessagingTransfer = example(.instantMessagingTransfer, "transfer-instant-messaging") {
        play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        try play.holds(bob)
        bob.message(carol.number, "Will you take Alice?")
        try play.wait("the answer to the message") { bob.lastAnswer != nil }
        try play.require(
            bob.lastAnswer?.status == 405, "MESSAGE is answered with \(bob.lastAnswer?.status ?? 0), not 405")
        bob.transfer(to: carol.number)
        try play.answer(carol)
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.hangUp(alice)
        try play.idle(carol)
    }

    // MARK: Forwarding

    static let forwardingUnconditional = example(
        .forwardingUnconditional, "forwarding-unconditional", StageOffice(users: [.bob: "forward_always: \"102\""])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, carol, dialling: bob.number)
        try play.require(bob.ringCount == 0, "Bob's telephone rang")
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let forwardingBusy = example(
        .forwardingBusy, "forwarding-busy",
        StageOffice(users: [.bob: "forward_busy: \"102\", busy_on_busy: true"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        try play.connect(dave, bob)
        try play.connect(alice, carol, dialling: bob.number)
        try play.conversation(dave, bob)
        try play.hangUp(alice, dave)
        try play.idle(bob, carol)
        try play.connect(alice, bob)
        try play.hangUp(bob)
        try play.idle(alice)
    }

    static let forwardingNoAnswer = example(
        .forwardingNoAnswer, "forwarding-no-answer",
        StageOffice(users: [.bob: "forward_no_answer: \"102\", ring_seconds: 5"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        alice.call(bob.number)
        try play.rings(bob)
        try play.answer(carol)
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.hangUp(carol)
        try play.idle(alice)
    }

    // MARK: Conferences

    static let thirdPartyAdded = example(.thirdPartyAdded, "conference-third-party-added") {
        play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, consulting) = (try play.telephone(.carol), try play.telephone(.bob))
        let third = try play.telephone(.bob)
        try play.connect(alice, bob)
        try play.holds(bob)
        try play.connect(consulting, carol)
        try play.holds(consulting)
        third.call("*73")
        try play.idle(bob, consulting)
        try play.conversation(alice, carol, third)
        try play.hangUp(third)
        try play.conversation(alice, carol)
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let thirdPartyJoins = example(
        .thirdPartyJoins, "conference-third-party-joins", StageOffice(features: ["conferences: [\"800\"]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        bob.transfer(to: "800")
        try play.idle(bob)
        bob.call("800")
        try play.conversation(alice, bob)
        carol.call("800")
        try play.conversation(alice, bob, carol)
        try play.hangUp(bob)
        try play.conversation(alice, carol)
        try play.hangUp(alice, carol)
    }

    // MARK: Who is called, who may

    static let findMe = example(.findMe, "find-me") { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let (bob, other) = (try play.telephone(.bob), try play.telephone(.bob))
        alice.call(bob.number)
        try play.rings(bob)
        try play.answer(other)
        try play.idle(bob)
        try play.conversation(alice, other)
        try play.hangUp(other)
        try play.idle(alice)
    }

    static let incomingScreening = example(
        .incomingScreening, "incoming-screening", StageOffice(users: [.bob: "reject_callers: [\"100\"]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.refused(alice, calling: bob.number, with: 603)
        try play.require(bob.ringCount == 0, "Bob's telephone rang")
        try play.connect(carol, bob)
        try play.hangUp(carol)
        try play.idle(bob)
    }

    static let outgoingScreening = example(
        .outgoingScreening, "outgoing-screening",
        StageOffice(sections: ["outgoing: { rules: [ { prefix: \"118\", trunks: [] } ] }"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        try play.refused(alice, calling: "118", with: 403)
        try play.connect(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    // MARK: Calls that wait, and calls to be made

    static let park = example(.park, "call-park", StageOffice(features: ["park_orbits: [\"71\"]"])) {
        play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        bob.transfer(to: "71")
        try play.idle(bob)
        try play.hears(alice, .sound)
        carol.call("71")
        try play.conversation(alice, carol)
        try play.hangUp(carol)
        try play.idle(alice)
    }

    static let pickup = example(.pickup, "call-pickup") { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        alice.call(bob.number)
        try play.rings(bob)
        guard let dialog = bob.dialogID else { throw ScenarioFailure("no early dialog", at: play.stage.now) }
        // Whether Bob's telephone rings may not be known yet, when its answer was lost: who is refused tries again.
        for _ in 0..<5 where !carol.isTalking {
            carol.pickUp(dialog, of: bob.number)
            try play.wait("Carol has the call, or is refused") { carol.isTalking || carol.isIdle }
            if carol.isIdle { try play.pass(.seconds(1)) }
        }
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.hangUp(carol)
        try play.idle(alice)
    }

    static let automaticRedial = example(
        .automaticRedial, "automatic-redial", StageOffice(users: [.bob: "busy_on_busy: true"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let dave = try play.telephone(.dave)
        try play.connect(dave, bob)
        try play.refused(alice, calling: bob.number, with: 486)
        try play.dial("*37\(bob.number)", on: alice)
        try play.require(alice.ringCount == 0, "called back while Bob is busy")
        try play.hangUp(dave)
        try play.idle(bob)
        try play.answer(alice)
        try play.answer(bob)
        try play.conversation(alice, bob)
        try play.hangUp(bob)
        try play.idle(alice)
    }

    static let clickToDial = example(.clickToDial, "click-to-dial") { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let computer = try play.line(.alice, registers: false)
        computer.plugIn()
        computer.connect(with: bob.number)
        try play.wait("the answer to the click") { computer.lastAnswer != nil }
        try play.require(
            computer.lastAnswer?.status == 202,
            "the click is answered with \(computer.lastAnswer?.status ?? 0), not 202")
        try play.answer(alice)
        try play.answer(bob)
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }
}
