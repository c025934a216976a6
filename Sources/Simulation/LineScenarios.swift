import ApplianceCore
import Media
import Primitives
import PrivacyContract
import Settings

/// What telephones do to each other.
extension Scenario {
    static let hangUps = Scenario(
        name: "hang-ups", purpose: "hung up at any moment from dialling on: both sides come to rest, nothing leaks"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        var chance = world.fork()
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        let bob = world.phone("101", codec: .pcmu, toneHertz: 440, answers: true)
        try world.register(ada)
        try world.register(bob)
        for _ in 0..<4 {
            ada.call("101")
            world.advance(.milliseconds(Int64(chance.next() % 1_200)))
            let isCallerFirst = chance.next() % 2 == 0
            (isCallerFirst ? ada : bob).hangUp()
            world.advance(.milliseconds(Int64(chance.next() % 50)))
            (isCallerFirst ? bob : ada).hangUp()
            try world.wait("both at rest", within: .seconds(120)) { ada.isQuietCall && bob.isQuietCall }
            bob.hangUp()  // the INVITE may have reached bob late
            try world.wait("bob at rest", within: .seconds(120)) { bob.isQuietCall }
            world.advance(.seconds(2))
        }
    }

    static let wrongPassword = Scenario(
        name: "wrong-password", purpose: "a wrong password registers nothing and locks nobody else out"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        let guest = world.phone("101", codec: .pcmu, toneHertz: 440, password: Secret("guessed"))
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        guest.connect()
        try world.wait("the refusal", within: .seconds(90)) { guest.lastFailure != nil }
        world.advance(.seconds(100))
        try world.register(ada)
        let registrations = try world.status().registrations
        try world.require(registrations == 1, "\(registrations) registrations")
        try world.echoCall()
        guest.unregister()  // it would try for ever
    }

    static let longRegistration = Scenario(
        name: "long-registration", purpose: "registrations are refreshed before they end, over any network"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        let bob = world.phone("101", codec: .pcmu, toneHertz: 440, answers: true)
        try world.register(bob)
        world.advance(.seconds(2_000))
        try world.require(bob.isRegistered, "the telephone lost its registration")
        let registrations = try world.status().registrations
        try world.require(registrations == 1, "the appliance lost the registration")
        bob.unregister()
        try world.wait("the end of the registration", within: .seconds(60)) { !bob.isRegistered }
        let left = try world.status().registrations
        try world.require(left == 0, "a binding outlives its end")
    }

    static let drain = Scenario(
        name: "drain", purpose: "a stop lets a running call end, refuses new ones, and ends what outlasts its limit"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        var chance = world.fork()
        let ada = world.phone("100", codec: .pcmu, toneHertz: 1_000)
        let bob = world.phone("101", codec: .pcmu, toneHertz: 440)
        try world.register(ada)
        try world.register(bob)
        ada.call("600")
        try world.wait("the echo call", within: .seconds(60)) { ada.isInCall }
        world.appliance.input(.drain(within: .seconds(10)))
        bob.call("600")
        try world.wait("the refusal of a new call", within: .seconds(60)) { bob.lastFailure != nil }
        try world.require(bob.lastFailure == 503, "a new call is refused with \(bob.lastFailure ?? 0), not 503")
        if chance.next() % 2 == 0 { ada.hangUp() }
        try world.wait("the end of the drain", within: .seconds(60)) { world.appliance.isDrained }
        try world.wait("the end of the call", within: .seconds(60)) { !ada.isInCall }
    }
}
