import ApplianceCore
import Persistence
import Primitives
import SIPMessage
import SIPTransaction
import Settings
import Testing

@Suite struct RegisterTests {
    @Test(arguments: ["SHA-256", "MD5"])
    func `a telephone registers with either algorithm`(algorithm: String) throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        let answer = try phone.register(algorithm: algorithm)
        #expect(answer.status == 200)
        #expect(answer.headers[.contact]?.contains("expires=600") == true)
        #expect(world.telephony.registrationCount == 1)
        world.advance(by: .milliseconds(250))
        #expect(world.storedBindings.map(\.0) == ["100"])
        #expect(world.storedBindings.first?.1.first?.flow == "UDP 10.0.0.1:5060 10.0.0.100:40000")
        world.expectEverythingEnded()
    }

    @Test func `the challenge offers SHA-256 before MD5 and leaves no transaction behind`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        phone.send(phone.request(.register, to: "100", callID: "r"))
        let challenge = try phone.nextResponse()
        #expect(challenge.challenges().map { $0.parameters["algorithm"] } == ["SHA-256", "MD5"])
        #expect(world.telephony.isIdle)
    }

    @Test func `a wrong password and an unknown user get the same answer`() throws {
        let world = World()
        let wrong = Phone(world, "100", port: 40_000)
        wrong.password = "guess"
        let unknown = Phone(world, "555", port: 40_001)
        let answers = [try wrong.register(), try unknown.register()]
        #expect(answers.map(\.status) == [403, 403])
        #expect(answers[0].headers.fields.map(\.name) == answers[1].headers.fields.map(\.name))
        #expect(world.telephony.registrationCount == 0)
        #expect(world.count("sip.wrong-credentials") == 2)
        world.expectEverythingEnded()
    }

    @Test func `used credentials are challenged anew as stale, a higher count is taken`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        let plain = phone.request(.register, to: "100", callID: "r")
        phone.send(plain)
        let challenge = try phone.nextResponse()
        let first = try phone.authenticated(plain, by: challenge, nc: 1)
        phone.send(first)
        #expect(try phone.nextResponse().status == 200)

        var replayed = first
        replayed.headers.set(.cseq, "99 REGISTER")
        phone.send(replayed)
        let refusal = try phone.nextResponse()
        #expect(refusal.status == 401)
        #expect(refusal.challenges().first?.parameters["stale"] == "true")

        phone.send(try phone.authenticated(plain, by: challenge, nc: 2))
        #expect(try phone.nextResponse().status == 200)
        world.advance(by: .seconds(400))
        phone.send(try phone.authenticated(plain, by: challenge, nc: 3))
        #expect(try phone.nextResponse().challenges().first?.parameters["stale"] == "true")
        world.expectEverythingEnded()
    }

    @Test func `nobody registers for somebody else`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        var plain = phone.request(.register, to: "101", callID: "r")
        phone.send(plain)
        phone.send(try phone.authenticated(plain, by: try phone.nextResponse()))
        #expect(try phone.nextResponse().status == 403)
        plain = phone.request(.register, to: "100", callID: "s")
        plain.headers.set(.from, "<sip:101@pbx.example>;tag=x")
        phone.send(plain)
        phone.send(try phone.authenticated(plain, by: try phone.nextResponse()))
        #expect(try phone.nextResponse().status == 403)
        world.expectEverythingEnded()
    }

    @Test func `a registration runs out, and the store hears of it`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        try phone.register(expires: 60)
        world.advance(by: .seconds(61))
        #expect(world.telephony.registrationCount == 0)
        #expect(world.storedBindings.last?.1 == [])
        #expect(world.telephony.nextDeadline == nil)
    }

    @Test func `a closed connection ends the registration made over it`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000, transport: .tls)
        try phone.register()
        world.feed(.flowClosed(phone.flow))
        world.advance(by: .milliseconds(250))
        #expect(world.telephony.registrationCount == 0)
        #expect(world.storedBindings.last?.1 == [])
    }

    @Test func `stored bindings are taken up at start, those of strangers are not`() {
        let record = BindingRecord(
            contact: "<sip:100@10.0.0.100:40000>", callID: "a", cseq: 1, expiresAt: World.wallStart + .seconds(100),
            flow: "UDP 10.0.0.1:5060 10.0.0.100:40000")
        let world = World(bindings: ["100": [record], "999": [record]])
        #expect(world.telephony.registrationCount == 1)
    }

    @Test func `a user who is removed from the settings is no longer registered`() throws {
        let world = World()
        try Phone(world, "100", port: 40_000).register()
        var settings = World.settings()
        settings.users.removeFirst()
        world.feed(.settings(settings))
        world.advance(by: .milliseconds(250))
        #expect(world.telephony.registrationCount == 0)
        #expect(world.storedBindings.last?.1 == [])
    }

    @Test func `OPTIONS is answered without a challenge, unknown methods with what is allowed`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        phone.send(phone.request(.options, to: "100", callID: "o"))
        let options = try phone.nextResponse()
        #expect(options.status == 200)
        #expect(options.headers[.allow]?.contains("INVITE") == true)
        for method in [SIPMethod.message, SIPMethod(rawValue: "PUBLISH"), SIPMethod(rawValue: "DANCE")] {
            phone.send(phone.request(method, to: "101", callID: "m\(method)"))
            let answer = try phone.nextResponse()
            #expect(answer.status == 405)
            #expect(answer.headers.contains(.allow))
        }
        phone.send(phone.request(.bye, to: "101", callID: "b"))
        #expect(try phone.nextResponse().status == 481)
        world.expectEverythingEnded()
    }

    @Test func `credentials that name the appliance instead of the Request-URI are taken`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        var plain = phone.request(.register, to: "100", callID: "r")
        phone.send(plain)
        let challenge = try phone.nextResponse()
        let uri = plain.uri
        plain.uri = SIPURI(host: "10.0.0.1", port: 5060)
        var request = try phone.authenticated(plain, by: challenge, algorithm: "MD5")
        request.uri = uri
        phone.send(request)
        #expect(try phone.nextResponse().status == 200)
    }
}
