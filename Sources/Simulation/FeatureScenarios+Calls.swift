import Primitives

/// What is done with calls that stand, or ring.
extension StageScenario {
    static let inCall: [StageScenario] = [
        parkAndReturn, pickupByCode, transferByCode, transferReturns, callbackOnReturn, door, intercom, busyLamps,
        callRecords, recording, keysInCall,
    ]

    static let recording = StageScenario(
        "recording", "who records a call: the other one hears of it first, and only the other one",
        StageOffice(features: ["call_keys: true"], users: [.alice: "recording: code"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        try play.connect(alice, bob)
        alice.press("*38")
        try play.wait("Bob is told") { bob.hears == .tone || bob.hears == .sound }
        try play.require(alice.hears != .tone && alice.hears != .sound, "Alice hears what Bob is told")
        try play.conversation(alice, bob)
        alice.press("*38")
        try play.pass(.seconds(3))
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    static let keysInCall = StageScenario(
        "keys-in-call", "codes pressed while one talks park the call and transfer it",
        StageOffice(features: ["call_keys: true", "park_orbits: [\"71\"]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        bob.press("*70")
        try play.idle(bob)
        try play.hears(alice, .sound)
        bob.call("71")
        try play.conversation(alice, bob)
        bob.press("*71102")
        try play.answer(carol)
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let parkAndReturn = StageScenario(
        "park-and-return", "parked by code, taken up by nobody: the call comes back to who parked it",
        StageOffice(features: ["park_orbits: [\"71\", \"72\"]", "park_seconds: 10"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let second = try play.telephone(.bob)
        let carol = try play.telephone(.carol)
        try play.refused(carol, calling: "71", with: 404)
        try play.connect(alice, bob)
        try play.holds(bob)
        try play.dial("*70", on: second)
        try play.idle(bob)
        try play.hears(alice, .sound)
        try play.wait("the return") { bob.isRinging && second.isRinging }
        bob.answer()
        try play.idle(second)
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    static let pickupByCode = StageScenario(
        "pickup-by-code", "a ringing call is taken by naming who is called, or by a common group",
        StageOffice(users: [.bob: "pickup_groups: [sales]", .carol: "pickup_groups: [sales]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        try play.refused(carol, calling: "*8", with: 404)
        for (taker, code) in [(dave, "*8101"), (carol, "*8")] {
            alice.call(bob.number)
            try play.rings(bob)
            taker.call(code)
            try play.idle(bob)
            try play.conversation(alice, taker)
            try play.hangUp(taker)
            try play.idle(alice)
        }
    }

    static let transferByCode = StageScenario(
        "transfer-by-code", "the call on hold goes to the number behind the code"
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, second) = (try play.telephone(.carol), try play.telephone(.bob))
        try play.refused(second, calling: "*71102", with: 480)
        try play.connect(alice, bob)
        try play.holds(bob)
        try play.dial("*71102", on: second)
        try play.answer(carol)
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let transferReturns = StageScenario(
        "transfer-returns", "a transfer to who does not take the call comes back to the transferor"
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        try play.connect(alice, bob)
        bob.transfer(to: carol.number)
        try play.rings(carol)
        bob.hangUp()
        try play.idle(bob)
        carol.refuse(486)
        try play.answer(bob)
        try play.conversation(alice, bob)
        try play.hangUp(bob)
        try play.idle(alice)
    }

    static let callbackOnReturn = StageScenario(
        "callback-on-return", "who was away is called when the telephone is back; a callback can be forgotten"
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let bob = try play.line(.bob)
        try play.refused(alice, calling: bob.number, with: 480)
        try play.dial("*37\(bob.number)", on: alice)
        try play.dial("#37", on: alice)
        bob.plugIn()
        try play.wait("Bob's telephone is there") { bob.isRegistered }
        try play.pass(.seconds(2))
        try play.require(alice.ringCount == 0, "what was called off is done")
        bob.unplug()
        try play.wait("Bob's telephone is gone") { !bob.isRegistered }
        try play.dial("*37\(bob.number)", on: alice)
        bob.plugIn()
        try play.answer(alice)
        try play.answer(bob)
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    static let door = StageScenario(
        "door", "a code opens the door station that one speaks with",
        StageOffice(features: ["doors: { \"103\": \"1#\" }"])
    ) { play throws(ScenarioFailure) in
        let (alice, second) = (try play.telephone(.alice), try play.telephone(.alice))
        let door = try play.telephone(.dave)
        try play.refused(second, calling: "*39", with: 480)
        door.call(alice.number)
        try play.wait("both of Alice's telephones ring") { alice.isRinging && second.isRinging }
        alice.answer()
        try play.idle(second)
        try play.conversation(door, alice)
        try play.dial("*39", on: second)
        try play.wait("the keys at the door") { door.heardKeys == "1#" }
        try play.hangUp(alice)
        try play.idle(door)
    }

    static let intercom = StageScenario(
        "intercom", "the called telephone answers by itself, unless its user does not want that",
        StageOffice(users: [.carol: "intercom: false"])
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let bob = try play.telephone(.bob, takesAnnouncements: true)
        _ = try play.telephone(.carol, takesAnnouncements: true)
        alice.call("*80101")
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
        try play.refused(alice, calling: "*80102", with: 403)
    }

    static let busyLamps = StageScenario(
        "busy-lamps", "a colleague's lamp shows what the colleague lets it; an orbit's shows whether a call waits",
        StageOffice(features: ["park_orbits: [\"71\"]"], users: [.dave: "busy_lamp: hidden"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        for number in [bob.number, "71"] {
            carol.watch(number)
            try play.wait("the answer to the watcher") { carol.lastAnswer != nil }
            try play.require(carol.lastAnswer?.status == 200, "refused with \(carol.lastAnswer?.status ?? 0)")
            try play.wait("the lamp of \(number) is dark") { carol.lamp(of: number) == "terminated" }
        }
        carol.watch(Person.dave.number)
        try play.wait("the refusal") { carol.lastAnswer != nil }
        try play.require(carol.lastAnswer?.status == 403, "answered with \(carol.lastAnswer?.status ?? 0)")
        alice.call(bob.number)
        try play.wait("the lamp blinks") { carol.lamp(of: bob.number) == "early" }
        try play.answer(bob)
        try play.wait("the lamp is on") { carol.lamp(of: bob.number) == "confirmed" }
        try play.conversation(alice, bob)
        bob.transfer(to: "71")
        try play.wait("Bob's lamp is dark, the orbit's is on") {
            carol.lamp(of: bob.number) == "terminated" && carol.lamp(of: "71") == "confirmed"
        }
        try play.hangUp(alice)
        try play.wait("the orbit's lamp is dark") { carol.lamp(of: "71") == "terminated" }
    }

    static let callRecords = StageScenario(
        "call-records", "each call has one record that says who called whom, and whether they spoke",
        StageOffice(hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let outside = try play.outside()
        try play.connect(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
        var record = try play.record(1)
        try play.require(
            record.userNumber == "100" && record.connectedUserNumber == "101" && record.success
                && record.direction == "internal", "an internal call: \(record)")
        try play.refused(alice, calling: "102", with: 480)
        record = try play.record(2)
        try play.require(!record.success, "a call in vain: \(record)")
        try play.connect(outside, bob, dialling: "+493012345601")
        try play.hangUp(outside)
        try play.idle(bob)
        record = try play.record(3)
        try play.require(record.direction == "incoming" && record.success, "a call from outside: \(record)")
        alice.call("0895557")
        try play.answer(outside)
        try play.hangUp(alice)
        try play.idle(outside)
        record = try play.record(4)
        try play.require(
            record.direction == "outgoing" && record.externalPhoneNumber.contains("895557"), "a call out: \(record)")
    }
}
