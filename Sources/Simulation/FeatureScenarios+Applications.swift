import Primitives

/// What the appliance answers itself. No prompts are installed on a stage: each is a short tone.
extension StageScenario {
    static let applications: [StageScenario] = [
        echo, conferenceRoom, attendantMenu, mailbox, mailboxPIN, callQueue, queueOverflow, roomWithPIN, roomHost,
    ]

    static let echo = StageScenario("echo", "who calls the echo hears the own voice") {
        play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        alice.call("600")
        try play.hears(alice, .voices([alice.name]))
        try play.hangUp(alice)
    }

    static let conferenceRoom = StageScenario(
        "conference-room", "who is in a room hears the others and not oneself; who is alone hears nobody",
        StageOffice(features: ["conferences: [\"800\", \"801\"]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let (carol, dave) = (try play.telephone(.carol), try play.telephone(.dave))
        for line in [alice, bob, carol] { line.call("800") }
        dave.call("801")
        try play.conversation(alice, bob, carol)
        try play.hears(dave, .nothing)
        try play.hangUp(carol)
        try play.conversation(alice, bob)
        try play.hangUp(alice, bob, dave)
    }

    static let attendantMenu = StageScenario(
        "attendant-menu", "a key leads to a colleague, and so does an extension; nothing pressed leads elsewhere",
        StageOffice(sections: [
            """
            attendants:
              - extension: "500"
                name: Reception
                menus:
                  - { name: main, keys: { "1": call 101 }, dial_extensions: true, timeout: 2, times: 1, otherwise: call 103 }
            """
        ])
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        let (bob, carol) = (try play.telephone(.bob), try play.telephone(.carol))
        let dave = try play.telephone(.dave)
        for (keys, line) in [("1", bob), ("102", carol), ("", dave)] {
            alice.call("500")
            try play.wait("the attendant answers") { alice.isTalking }
            try play.pass(.milliseconds(300))
            alice.press(keys)
            try play.answer(line)
            try play.conversation(alice, line)
            try play.hangUp(line)
            try play.idle(alice)
        }
    }

    private static let box = StageOffice(sections: [
        """
        voicemail:
          extension: "501"
          boxes:
            - { extension: "103", pin: "4711", answer_after: 5 }
        """
    ])

    static let mailbox = StageScenario(
        "mailbox", "who is away gets a message and a lamp, hears the caller's voice, and deletes it", box
    ) { play throws(ScenarioFailure) in
        let (alice, dave) = (try play.telephone(.alice), try play.telephone(.dave))
        dave.watch(dave.number, "message-summary")
        try play.wait("the answer to the watcher") { dave.lastAnswer != nil }
        alice.call(dave.number)
        try play.rings(dave)
        try play.wait("the mailbox answers") { alice.isTalking }
        try play.idle(dave)
        try play.pass(.seconds(8))
        try play.hangUp(alice)
        try play.wait("the lamp") { dave.hasMessages }
        dave.call("501")
        try play.wait("the menu answers") { dave.isTalking }
        try play.pass(.milliseconds(500))
        dave.press("4711#")
        try play.pass(.seconds(3))
        dave.press("1")
        try play.hears(dave, .voices([alice.name]))
        dave.press("3")
        try play.wait("the lamp is dark") { !dave.hasMessages }
        try play.hangUp(dave)
    }

    static let mailboxPIN = StageScenario(
        "mailbox-pin", "three wrong PINs end the call", box
    ) { play throws(ScenarioFailure) in
        let alice = try play.telephone(.alice)
        alice.call("501")
        try play.wait("the menu answers") { alice.isTalking }
        try play.pass(.milliseconds(500))
        alice.press("103#")
        try play.pass(.seconds(2))
        for _ in 0..<3 {
            alice.press("0815#")
            try play.pass(.seconds(2))
        }
        try play.idle(alice)
    }

    static let callQueue = StageScenario(
        "call-queue", "callers are served one after the other; an agent in a call is not rung",
        StageOffice(sections: [
            """
            queues:
              - { extension: "700", name: Service, agents: ["101"], wrap_up_seconds: 2, strategy: linear }
            """
        ])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        alice.call("700")
        try play.answer(bob)
        try play.conversation(alice, bob)
        carol.call("700")
        try play.hears(carol, .sound)
        try play.pass(.seconds(2))
        try play.require(bob.ringCount == 1, "the agent is rung while in a call")
        try play.hangUp(alice)
        try play.idle(bob)
        try play.answer(bob)
        try play.conversation(bob, carol)
        try play.hangUp(bob)
        try play.idle(carol)
    }

    static let queueOverflow = StageScenario(
        "queue-overflow", "an agent who pauses is not rung; who waits too long goes elsewhere",
        StageOffice(sections: [
            """
            queues:
              - { extension: "700", name: Service, agents: ["101"], strategy: linear, wait_seconds: 10, overflow: "103" }
            """
        ])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let dave = try play.telephone(.dave)
        try play.dial("*53", on: bob)
        alice.call("700")
        try play.hears(alice, .sound)
        try play.answer(dave)
        try play.require(bob.ringCount == 0, "who pauses is rung")
        try play.conversation(alice, dave)
        try play.hangUp(alice)
        try play.idle(dave)
        try play.dial("*54", on: bob)
        try play.connect(alice, bob, dialling: "700")
        try play.hangUp(bob)
        try play.idle(alice)
    }

    static let roomWithPIN = StageScenario(
        "room-with-pin", "who knows the PIN comes in and is heard, who does not is sent away",
        StageOffice(sections: ["rooms: [ { extension: \"810\", name: Board, pin: \"1234\" } ]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        for (line, pin) in [(alice, "1234"), (bob, "1234"), (carol, "9999")] {
            line.call("810")
            try play.wait("the door answers") { line.isTalking }
            try play.pass(.milliseconds(500))
            for _ in 0..<(line === carol ? 3 : 1) {
                line.press(pin + "#")
                try play.pass(.seconds(2))
            }
        }
        try play.idle(carol)
        try play.conversation(alice, bob)
        alice.press("*6")
        try play.hears(bob, .nothing)
        alice.press("*6")
        try play.conversation(alice, bob)
        try play.hangUp(alice, bob)
    }

    static let roomHost = StageScenario(
        "room-host", "who comes first is the host, silences the others and locks the room",
        StageOffice(sections: ["rooms: [ { extension: \"810\", name: Board } ]"])
    ) { play throws(ScenarioFailure) in
        let (alice, bob) = (try play.telephone(.alice), try play.telephone(.bob))
        let carol = try play.telephone(.carol)
        alice.call("810")
        try play.wait("the room takes the host in") { alice.isTalking }
        try play.pass(.seconds(2))
        bob.call("810")
        try play.conversation(alice, bob)
        alice.press("*7")
        try play.hears(alice, .nothing)
        try play.hears(bob, .voices([alice.name]))
        alice.press("*7")
        try play.conversation(alice, bob)
        alice.press("*5")
        try play.pass(.seconds(2))
        carol.call("810")
        try play.pass(.seconds(1))
        try play.idle(carol)
        try play.conversation(alice, bob)
        try play.hangUp(alice, bob)
    }
}
