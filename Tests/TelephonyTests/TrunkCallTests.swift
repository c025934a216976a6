import ApplianceCore
import Media
import Primitives
import SIPMessage
import SIPTransaction
import Settings
import Testing

/// Calls over lines to the outside, with the appliance's own dial plan and trunks.
@Suite struct TrunkCallTests {
    /// Two static trunks, `one` and `two`; numbers that begin with +4930222 go out by `two` first, all others by `one`.
    private struct Office {
        let world: World
        let ada: Phone
        let bob: Phone
        let one: Phone
        let two: Phone

        init(redirects: TrunkSettings.Redirects = .follow, limits: Limits = Limits()) throws {
            var settings = World.settings()
            settings.numbering = NumberingSettings(countryCode: "49")
            settings.outgoing.emergencyNumbers = ["112"]
            settings.trunks = [("one", "10.0.0.50"), ("two", "10.0.0.51")].map { name, host in
                var trunk = TrunkSettings(
                    name: name, kind: .static, server: TrunkServer(host: host, port: 5060), user: "account")
                trunk.transport = .udp
                trunk.healthInterval = .zero
                trunk.redirects = redirects
                return trunk
            }
            settings.outgoing.rules = [
                OutgoingRule(prefix: "+", trunks: ["one"]), OutgoingRule(prefix: "+4930222", trunks: ["two", "one"]),
                OutgoingRule(prefix: "+4930333", trunks: ["two"]), OutgoingRule(prefix: "+4930444", trunks: []),
            ]
            world = World(settings, limits: limits)
            ada = Phone(world, "100", port: 40_000)
            bob = Phone(world, "101", port: 40_100)
            one = Phone(world, "one", port: 5060, host: 0x0A00_0032)
            two = Phone(world, "two", port: 5060, host: 0x0A00_0033)
            try ada.register()
            try bob.register()
        }

        /// Ada's call to a number of trunk `one`, which sends it on to `contact`.
        func redirect(to contact: String, fields: [SIPHeaders.Field] = []) throws {
            _ = try ada.invite("+4930111", body: sdp(["PCMU"], port: 30_000), fields: fields)
            let invite = try one.nextRequest(.invite)
            #expect(invite.uri.user == "+4930111")
            var response = SIPResponse(to: invite, status: 302, toTag: "moved")
            response.headers.append(.contact, contact)
            one.send(.response(response))
            _ = try one.nextRequest(.ack)
        }
    }

    @Test func `a line's redirection is followed over that line, whatever the rules would take first`() throws {
        let office = try Office()
        try office.redirect(to: "<sip:+4930222@10.0.0.50>")
        let invite = try office.one.nextRequest(.invite)
        #expect(invite.uri.user == "+4930222")
        #expect(!office.two.has(.invite))
        office.one.respond(invite, 486)
        #expect(try office.ada.nextResponse().status == 486)
        office.world.expectEverythingEnded()
    }

    @Test func `who calls for help is let out while the appliance waits for its calls to end`() throws {
        let office = try Office()
        let invite = try office.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let b = try office.bob.answer(office.bob.nextRequest(.invite), body: sdp(["PCMU"], port: 31_000))
        let a = try office.ada.confirm(invite, office.ada.nextResponse())
        office.world.feed(.drain(deadline: office.world.now + .seconds(30)))
        let cleo = Phone(office.world, "102", port: 40_300)
        _ = try cleo.invite("+4930111", body: sdp(["PCMU"], port: 33_000), callID: "chat")
        #expect(try cleo.nextResponse().status == 503)
        let help = try cleo.invite("112", body: sdp(["PCMU"], port: 33_000), callID: "help")
        let far = try office.one.answer(office.one.nextRequest(.invite), body: sdp(["PCMU"], port: 34_000))
        let near = try cleo.confirm(help, cleo.nextResponse())
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        #expect(!office.world.trace.contains(.drained), "help is being called")
        #expect(try near.request(.bye).status == 200)
        try far.takeBye()
        #expect(office.world.trace.contains(.drained))
        office.world.expectEverythingEnded()
    }

    @Test(arguments: ["030222", "+49 (30) 222"])
    func `a line may name the number as it writes numbers`(number: String) throws {
        let office = try Office()
        let user = number.filter { $0 != " " }
        try office.redirect(to: "<sip:\(user)@10.0.0.50>")
        #expect(try office.one.nextRequest(.invite).uri.user == "+4930222")
        office.world.expectEverythingEnded()
    }

    @Test(arguments: [
        ("sip:+4930333@10.0.0.50", "no rule leads that number over this trunk"),
        ("sip:+4930444@10.0.0.50", "barred"), ("sip:101@10.0.0.50", "an extension is none of the trunk's numbers"),
        ("sip:+4930222@10.0.0.51", "the domain of another trunk"), ("sip:10.0.0.50", "no number"),
    ])
    func `a line's redirection leads nowhere else`(contact: String, why: String) throws {
        let office = try Office()
        try office.redirect(to: "<\(contact)>")
        for phone in [office.one, office.two, office.bob] { #expect(!phone.has(.invite), "\(why)") }
        #expect(try office.ada.nextResponse().status >= 400)
        office.world.expectEverythingEnded()
    }

    @Test func `a caller who wants privacy has it at the number that a line redirects to`() throws {
        let office = try Office()
        try office.redirect(to: "<sip:+4930222@10.0.0.50>", fields: [.init(.privacy, "id")])
        let invite = try office.one.nextRequest(.invite)
        #expect(try invite.from().uri.host == "anonymous.invalid")
        #expect(try invite.privacy().hidesIdentity)
        office.world.expectEverythingEnded()
    }

    @Test(arguments: ["id", "none"])
    func `a caller who wants privacy has it at the number to which a telephone forwards`(privacy: String) throws {
        let office = try Office()
        _ = try office.ada.invite("101", body: sdp(["PCMU"], port: 30_000), fields: [.init(.privacy, privacy)])
        let ringing = try office.bob.nextRequest(.invite)
        var response = SIPResponse(to: ringing, status: 302, toTag: "away")
        response.headers.append(.contact, "<sip:+4930111@pbx.example>")
        office.bob.send(.response(response))
        let invite = try office.one.nextRequest(.invite)
        #expect(try (invite.from().uri.host == "anonymous.invalid") == (privacy == "id"))
        office.world.expectEverythingEnded()
    }

    @Test(
        arguments: [(\Limits.callsPerUser, 403), (\.calls, 503)] as [(any WritableKeyPath<Limits, Int> & Sendable, Int)]
    )
    func `a call for help is held neither to its caller's limit nor to everybody's`(
        limit: any WritableKeyPath<Limits, Int> & Sendable, refusal: Int
    ) throws {
        var limits = Limits()
        limits[keyPath: limit] = 1
        let office = try Office(limits: limits)
        _ = try office.ada.invite("101", body: sdp(["PCMU"], port: 30_000), callID: "first")
        #expect(office.bob.has(.invite))
        _ = try office.ada.invite("+4930111", body: sdp(["PCMU"], port: 30_000), callID: "second")
        #expect(try office.ada.nextResponse().status == refusal)
        _ = try office.ada.invite("112", body: sdp(["PCMU"], port: 30_000), callID: "help")
        #expect(try office.one.nextRequest(.invite).uri.user == "112")
        let opened = office.world.mediaCommands.map {
            if case .openForHelp = $0 { true } else { false }
        }
        #expect(opened.first == false && opened.last == true, "the machine's load is not in its way")
        office.world.expectEverythingEnded()
    }

    @Test func `who forwards calls outside has no more of them than of their own`() throws {
        var limits = Limits()
        limits.callsPerUser = 1
        let office = try Office(limits: limits)
        let cleo = Phone(office.world, "102", port: 40_200)
        for caller in [office.ada, cleo] {
            _ = try caller.invite("101", body: sdp(["PCMU"], port: 30_000))
            var moved = SIPResponse(to: try office.bob.nextRequest(.invite), status: 302, toTag: "moved")
            moved.headers.append(.contact, "<sip:+4930111@pbx.example>")
            office.bob.send(.response(moved))
        }
        #expect(try office.one.nextRequest(.invite).uri.user == "+4930111")
        #expect(!office.one.has(.invite))
        #expect(office.world.count("calls.refused-user") == 1)
        #expect(try cleo.nextResponse().status >= 400)
    }
}
