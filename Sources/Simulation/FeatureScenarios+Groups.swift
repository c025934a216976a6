import Primitives

/// Groups, announcements, calls for help, and what an edition allows.
extension StageScenario {
    static let groups: [StageScenario] = [
        ringAll, ringLinear, ringRotating, ringLongestIdle, ringBySkill, paging, emergency, emergencyTakesChannel,
        editionLimits,
    ]

    private static func group(_ strategy: String, more: String = "", users: [Person: String] = [:]) -> StageOffice {
        let members = "members: [\"101\", \"102\", \"103\"]"
        return StageOffice(
            users: users,
            sections: ["groups: [ { extension: \"610\", name: Sales, strategy: \(strategy), \(members)\(more) } ]"])
    }

    static let ringAll = StageScenario(
        "group-all", "a group rings everywhere, one answers; who is not to be disturbed is left out",
        group("all", users: [.dave: "dnd: true"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        alice.call("610")
        try play.rings(bob)
        try play.answer(carol)
        try play.idle(bob)
        try play.conversation(alice, carol)
        try play.require(dave.ringCount == 0, "Dave's telephone rang")
        try play.hangUp(carol)
        try play.idle(alice)
        let record = try play.record(1)
        try play.require(
            record.groupNumber == "610" && record.connectedUserNumber == "102", "the record is \(record)")
    }

    static let ringLinear = StageScenario(
        "group-linear", "from the first on, one after the other; nobody: the call flows over",
        StageOffice(
            sections: [
                "groups: [ { extension: \"610\", name: Sales, strategy: linear, members: [\"101\", \"102\"], "
                    + "ring_seconds: 5, overflow: \"103\" } ]"
            ])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        alice.call("610")
        try play.rings(bob)
        try play.require(carol.ringCount == 0, "Carol's telephone rings too early")
        try play.rings(carol)
        try play.require(dave.ringCount == 0, "Dave's telephone rings too early")
        try play.answer(dave)
        try play.idle(bob, carol)
        try play.conversation(alice, dave)
        try play.hangUp(alice)
        try play.idle(dave)
    }

    static let ringRotating = StageScenario(
        "group-rotating", "each call begins with another member", group("rotating", more: ", ring_seconds: 20")
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        for line in [bob, carol, dave, bob] {
            try play.connect(alice, line, dialling: "610")
            try play.hangUp(alice)
            try play.idle(line)
        }
        try play.require(carol.ringCount == 1 && dave.ringCount == 1, "others rang too")
    }

    static let ringLongestIdle = StageScenario(
        "group-longest-idle", "who has been without a call for the longest is first",
        group("longest_idle", more: ", ring_seconds: 20")
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        for line in [carol, bob, dave] {
            try play.connect(alice, line)
            try play.hangUp(alice)
            try play.idle(line)
            try play.pass(.seconds(2))
        }
        let before = [bob.ringCount, dave.ringCount]
        try play.connect(alice, carol, dialling: "610")
        try play.require([bob.ringCount, dave.ringCount] == before, "others rang too")
        try play.hangUp(alice)
        try play.idle(carol)
    }

    static let ringBySkill = StageScenario(
        "group-skill", "those with most of the wanted skills ring first",
        group(
            "skill", more: ", skills: [fr, de], ring_seconds: 5",
            users: [.carol: "skills: [fr, de]", .dave: "skills: [fr]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        alice.call("610")
        try play.rings(carol)
        try play.require(bob.ringCount + dave.ringCount == 0, "who has fewer skills rings at once")
        try play.answer(dave)
        try play.require(bob.ringCount == 0, "who has no skill rings before")
        try play.conversation(alice, dave)
        try play.hangUp(alice)
        try play.idle(dave)
    }

    static let paging = StageScenario(
        "paging", "telephones answer by themselves and hear the caller, who hears nobody", group("paging")
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let bob = try play.telephone(.bob, takesAnnouncements: true)
        let carol = try play.telephone(.carol, takesAnnouncements: true)
        alice.call("610")
        try play.hears(bob, .voices([alice.name]))
        try play.hears(carol, .voices([alice.name]))
        try play.pass(.milliseconds(600))
        if case .voices(let voices) = alice.hears { try play.require(false, "the caller hears \(voices)") }
        try play.hangUp(alice)
        try play.idle(bob, carol)
    }

    static let emergency = StageScenario(
        "emergency", "help is called whatever the caller may dial; a test number says whether there is a way",
        StageOffice(
            features: ["emergency_test: \"9112\"", "emergency_location: \"Main Street 1\""],
            users: [.alice: "permission: internal"], hasProvider: true)
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let outside = try play.outside()
        try play.dial("9112", on: alice)
        try play.require(outside.ringCount == 0, "the test called for help")
        alice.call("112")
        try play.rings(outside)
        try play.require(outside.calledNumber == "112", "outside rings \(outside.calledNumber ?? "nobody")")
        try play.answer(outside)
        try play.conversation(alice, outside)
        try play.hangUp(outside)
        try play.idle(alice)
    }

    static let emergencyTakesChannel = StageScenario(
        "emergency-takes-channel", "a call for help takes the channel of another call if none is free",
        StageOffice(hasProvider: true, channels: 1)
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let outside = try play.outside()
        bob.call("0895558")
        try play.answer(outside)
        try play.conversation(bob, outside)
        try play.refused(alice, calling: "0895559", with: 503)
        // The telephone outside has one line, like the trunk: it must be free again when help is called.
        alice.call("112")
        try play.idle(bob)
        try play.wait("help rings, or is called once more") {
            outside.isRinging || alice.isIdle
        }
        if alice.isIdle { alice.call("112") }
        try play.rings(outside)
        try play.require(outside.calledNumber == "112", "outside rings \(outside.calledNumber ?? "nobody")")
        try play.answer(outside)
        try play.conversation(alice, outside)
        try play.hangUp(alice)
        try play.idle(outside)
    }

    static let editionLimits = StageScenario(
        "edition-limits", "a fourth user's telephone is more than the edition allows; what is registered goes on",
        StageOffice(edition: "tryout")
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        _ = try play.telephone(.carol)
        let dave = try play.line(.dave)
        dave.plugIn()
        try play.wait("the refusal") { dave.lastFailure != nil }
        try play.require(dave.lastFailure == 503, "refused with \(dave.lastFailure ?? 0)")
        dave.unplug()
        try play.connect(alice, bob)
        try play.hangUp(alice)
        try play.idle(bob)
    }
}
