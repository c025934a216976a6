import Media
import Primitives

/// What a number that is dialled leads to.
extension StageScenario {
    static let dialling: [StageScenario] = [
        codecs, refusals, internalFirst, dialTone, speedDial, permissions, night, hiddenNumber, privateCall,
    ]

    private static let outside = StageOffice(hasProvider: true)

    static let codecs = StageScenario(
        "codecs", "telephones with different codecs hear each other"
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice, codecs: [.opus])
        let bob = try play.telephone(.bob, codecs: [.pcma])
        let carol = try play.telephone(.carol, codecs: [.g722])
        for (caller, callee) in [(alice, bob), (bob, carol), (carol, alice)] {
            try play.connect(caller, callee)
            try play.hangUp(caller)
            try play.idle(callee)
        }
    }

    static let refusals = StageScenario(
        "refusals", "a number that is nobody's, one that is away and one that is busy are told apart"
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        bob.call("600")
        try play.hears(bob, .voices([bob.name]))
        for (number, status) in [("999", 404), ("103", 480), ("101", 486)] {
            try play.refused(alice, calling: number, with: status)
        }
        try play.hangUp(bob)
    }

    static let internalFirst = StageScenario(
        "internal-first", "an extension is found before a number outside; what is none goes out by the line", outside
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let outside = try play.outside()
        try play.connect(alice, bob)
        try play.require(outside.ringCount == 0, "the call went out")
        try play.hangUp(alice)
        try play.idle(bob)
        alice.call("0895550")
        try play.rings(outside)
        try play.require(outside.calledNumber == "+49895550", "outside rings \(outside.calledNumber ?? "nobody")")
        try play.answer(outside)
        try play.conversation(alice, outside)
        try play.hangUp(outside)
        try play.idle(alice)
    }

    static let dialTone = StageScenario(
        "dial-tone", "who has the dial tone dials with keys", StageOffice(features: ["dial_tone: \"9\""])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        alice.call("9")
        try play.hears(alice, .tone)
        alice.press("101#")
        try play.answer(bob)
        try play.conversation(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }

    static let speedDial = StageScenario(
        "speed-dial", "a short number calls a long one, whatever the caller may dial",
        StageOffice(
            features: ["speed_dials: { \"701\": \"0895551\" }"], users: [.alice: "permission: internal"],
            hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let outside = try play.outside()
        try play.refused(alice, calling: "0895551", with: 403)
        alice.call("701")
        try play.rings(outside)
        try play.require(outside.calledNumber == "+49895551", "outside rings \(outside.calledNumber ?? "nobody")")
        try play.answer(outside)
        try play.hangUp(alice)
        try play.idle(outside)
    }

    static let permissions = StageScenario(
        "permission-classes", "each user calls as far as allowed, and does not forward further",
        StageOffice(
            features: ["premium: [\"+49900\"]"],
            users: [
                .alice: "permission: local", .bob: "permission: national", .carol: "permission: international",
                .dave: "permission: internal, forward_always: \"0895552\"",
            ], hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        let outside = try play.outside()
        for (line, may, mayNot) in [
            (alice, "7654321", "0895552"), (bob, "0895552", "0033123456"), (carol, "0033123456", "0900123456"),
        ] {
            try play.refused(line, calling: mayNot, with: 403)
            line.call(may)
            try play.answer(outside)
            try play.hangUp(line)
            try play.idle(outside)
        }
        try play.refused(carol, calling: Person.dave.number, with: 403)
    }

    static let night = StageScenario(
        "night-switch", "by night, users call as far as they may by night",
        StageOffice(users: [.alice: "permission_night: internal"], hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let outside = try play.outside()
        try play.dial("*28", on: bob)
        try play.refused(alice, calling: "0895553", with: 403)
        try play.dial("#28", on: bob)
        alice.call("0895553")
        try play.answer(outside)
        try play.hangUp(alice)
        try play.idle(outside)
    }

    static let hiddenNumber = StageScenario(
        "hidden-number", "who hides the number is nobody outside; by code for one call, by setting for all",
        StageOffice(users: [.bob: "hide_number: true"], hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let outside = try play.outside()
        for (line, number, shown) in [
            (alice, "0895554", "+493012345600"), (alice, "*310895554", "anonymous"), (bob, "0895554", "anonymous"),
            (bob, "#310895554", "+493012345601"),
        ] {
            line.call(number)
            try play.rings(outside)
            try play.require(
                outside.caller == shown, "\(line.name) calls \(number) as \(outside.caller), not as \(shown)")
            try play.answer(outside)
            try play.hangUp(line)
            try play.idle(outside)
        }
    }

    static let privateCall = StageScenario(
        "private-call", "the record of a private call keeps no number", outside
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let outside = try play.outside()
        for (count, number) in ["0895555", "*320895555"].enumerated() {
            alice.call(number)
            try play.answer(outside)
            try play.conversation(alice, outside)
            try play.hangUp(alice)
            try play.idle(outside)
            let record = try play.record(count + 1)
            try play.require(record.userNumber == "100" && record.success, "the record is \(record)")
            try play.require(
                record.externalPhoneNumber.contains("89555") == (count == 0),
                "the record names \(record.externalPhoneNumber)")
        }
    }
}
