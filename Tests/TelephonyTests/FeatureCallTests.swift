import ApplianceCore
import CloudMessages
import Media
import Primitives
import SIPMessage
import Settings
import Testing

/// Who rings, and where calls go on to, with real messages.
@Suite struct FeatureCallTests {
    private let offer = FeatureOffice.offer

    // MARK: Do-not-disturb

    @Test func `do-not-disturb is switched by code, kept for the store, and silences the telephone`() throws {
        let office = try FeatureOffice()
        try office.dial(office.bob, "*26", callID: "on")
        let stored = office.world.trace.compactMap { output -> UserFeatures? in
            if case .features("101", let features) = output { features } else { nil }
        }
        #expect(stored.map(\.doNotDisturb) == [true])
        try office.isRefused(office.ada, "101", 480, callID: "1")
        #expect(!office.bob.has(.invite))
        #expect(office.world.records.count == 1, "the code is no call, the refused call is one")
        try office.dial(office.bob, "#26", callID: "off")
        _ = try office.talk(office.ada, "101", office.bob, callID: "2")
    }

    @Test func `what a user has switched stays when the administrator changes something else`() throws {
        let office = try FeatureOffice()
        try office.dial(office.bob, "*26", callID: "on")
        var settings = World.settings()
        settings.users[0].name = "Ada L."
        office.world.feed(.settings(settings))
        try office.isRefused(office.ada, "101", 480, callID: "1")
        settings.users[1].features.ringSeconds = 30
        office.world.feed(.settings(settings))
        _ = try office.talk(office.ada, "101", office.bob, callID: "2")
    }

    // MARK: Forwarding

    @Test func `a forwarded call rings elsewhere at once, and says how it came there`() throws {
        let office = try FeatureOffice()
        try office.dial(office.bob, "*21102", callID: "on")
        _ = try office.ada.invite("101", body: offer)
        let invite = try office.cleo.nextRequest(.invite)
        #expect(!office.bob.has(.invite))
        let history = try #require(invite.headers[.historyInfo])
        #expect(history.contains("sip:101@") && history.contains("cause%3D302") && history.contains("sip:102@"))
        #expect(try invite.from().uri.user == "100")
        office.cleo.respond(invite, 486)
        #expect(try office.ada.finalResponse().status == 486)
        office.world.expectEverythingEnded()
    }

    @Test func `a forwarding to the outside goes by the rights of who forwards, and names them in Diversion`() throws {
        let office = try FeatureOffice {
            $0.users[1].features.forwarding.always = "0301234567"
            $0.trunks[0].tellsDiversion = true
        }
        _ = try office.ada.invite("101", body: offer)
        let invite = try office.line.nextRequest(.invite)
        #expect(invite.uri.user == "+49301234567")
        #expect(invite.headers[.diversion]?.contains("reason=unconditional") == true)
        #expect(invite.headers[.diversion]?.contains("counter=1") == true)
        #expect(invite.headers[.historyInfo] == nil)
        office.line.respond(invite, 486)
        #expect(try office.ada.finalResponse().status == 486)
        office.world.expectEverythingEnded()
    }

    @Test func `who may not call out does not forward out either`() throws {
        let office = try FeatureOffice {
            $0.users[1].features.forwarding.always = "0301234567"
            $0.users[1].features.permission = .internal
        }
        try office.isRefused(office.ada, "101", 403, callID: "1")
        #expect(!office.line.has(.invite))
    }

    @Test(arguments: [486, 600])
    func `a busy user's call goes on`(status: Int) throws {
        let office = try FeatureOffice { $0.users[1].features.forwarding.busy = "102" }
        let invite = try office.ada.invite("101", body: offer)
        try office.refuse(office.bob, status)
        let c = try office.cleo.answer(office.cleo.nextRequest(.invite), body: FeatureOffice.answer)
        let a = try office.ada.confirm(invite, office.ada.finalResponse())
        #expect(try c.request(.bye).status == 200)
        try a.takeBye()
        #expect(office.world.records.map(\.connectedUserNumber) == ["102"])
        office.world.expectEverythingEnded()
    }

    @Test func `a call that nobody answers goes on after the user's time`() throws {
        let office = try FeatureOffice {
            $0.users[1].features.forwarding.noAnswer = "102"
            $0.users[1].features.ringSeconds = 12
        }
        _ = try office.ada.invite("101", body: offer)
        office.bob.respond(try office.bob.nextRequest(.invite), 180)
        office.world.advance(by: .seconds(11))
        #expect(!office.cleo.has(.invite))
        office.world.advance(by: .seconds(2))
        let invite = try office.cleo.nextRequest(.invite)
        #expect(invite.headers[.historyInfo]?.contains("cause%3D408") == true)
        #expect(office.bob.has(.cancel))
        office.bob.respond(try office.bob.nextRequest(.cancel), 200)
        office.cleo.respond(invite, 180)
        office.world.advance(by: .seconds(50))
        #expect(office.cleo.has(.cancel) == false, "who is reached by forwarding has the whole time")
        office.world.advance(by: .seconds(15))
        #expect(try office.ada.finalResponse().status == 480)
        office.world.expectEverythingEnded()
    }

    @Test func `who is not registered is forwarded`() throws {
        let office = try FeatureOffice { $0.users[1].features.forwarding.unregistered = "102" }
        try office.bob.register(expires: 0, callID: "reg")
        _ = try office.ada.invite("101", body: offer)
        #expect(office.cleo.has(.invite))
    }

    @Test func `a ring of forwardings ends`() throws {
        let office = try FeatureOffice {
            $0.users[1].features.forwarding.always = "102"
            $0.users[2].features.forwarding.always = "101"
        }
        try office.isRefused(office.ada, "101", 480, callID: "1")
        #expect(office.world.count("calls.redirect-loops") == 1)
    }

    @Test func `a ring of forwardings when busy ends, too`() throws {
        let office = try FeatureOffice {
            $0.users[1].features.forwarding.busy = "102"
            $0.users[2].features.forwarding.busy = "101"
        }
        _ = try office.ada.invite("101", body: offer)
        try office.refuse(office.bob, 486)
        try office.refuse(office.cleo, 486)
        #expect(!office.bob.has(.invite))
        #expect(try office.ada.finalResponse().status == 486)
        office.world.expectEverythingEnded()
    }

    @Test func `calls from outside and from colleagues are forwarded apart`() throws {
        let office = try FeatureOffice { $0.users[1].features.externalForwarding.always = "102" }
        office.line.send(office.line.request(.invite, to: "30999", callID: "in", body: offer), branch: "z9hG4bK-in")
        #expect(office.cleo.has(.invite) && !office.bob.has(.invite))
        _ = try office.ada.invite("101", body: offer)
        #expect(office.bob.has(.invite))
    }

    // MARK: Busy

    @Test func `a user without call waiting is busy, one with it rings again`() throws {
        let office = try FeatureOffice()
        _ = try office.talk(office.bob, "102", office.cleo, callID: "talk")
        _ = try office.ada.invite("101", body: offer, callID: "1")
        #expect(office.bob.has(.invite))
        try office.dial(office.cleo, "#43", callID: "off")
        try office.isRefused(office.ada, "102", 486, callID: "2")
    }

    @Test func `busy-on-busy keeps the second telephone silent, without call waiting it rings`() throws {
        for (onBusy, rings) in [(true, false), (false, true)] {
            let office = try FeatureOffice {
                $0.users[1].features.busyOnBusy = onBusy
                $0.users[1].features.callWaiting = false
            }
            let mobile = Phone(office.world, "101", port: 40_150)
            try mobile.register(callID: "mobile")
            _ = try office.talk(office.bob, "102", office.cleo, callID: "talk")
            _ = try office.ada.invite("101", body: offer, callID: "1")
            #expect(mobile.has(.invite) == rings)
            #expect(!office.bob.has(.invite))
        }
    }

    @Test func `a mobile number rings with the telephones, and the first to answer has the call`() throws {
        let office = try FeatureOffice { $0.users[1].features.mobile = "01701234567" }
        let invite = try office.ada.invite("101", body: offer)
        office.bob.respond(try office.bob.nextRequest(.invite), 180)
        let outside = try office.line.nextRequest(.invite)
        #expect(outside.uri.user == "+491701234567")
        office.line.respond(outside, 200, body: FeatureOffice.answer)
        #expect(office.bob.has(.cancel))
        _ = try office.ada.confirm(invite, office.ada.finalResponse())
    }

    // MARK: Groups

    private func grouped(
        _ strategy: GroupSettings.Strategy, _ change: (inout ApplianceSettings) -> Void = { _ in }
    ) throws -> FeatureOffice {
        try FeatureOffice {
            $0.groups[0].strategy = strategy
            $0.groups[0].ringSeconds = 10
            $0.groups[0].members = ["101", "102"]
            change(&$0)
        }
    }

    @Test func `a linear group rings one member after the other and overflows`() throws {
        let office = try grouped(.linear) { $0.groups[0].overflow = "0301234567" }
        _ = try office.ada.invite("610", body: offer)
        office.bob.respond(try office.bob.nextRequest(.invite), 180)
        #expect(!office.cleo.has(.invite))
        office.world.advance(by: .seconds(11))
        office.bob.respond(try office.bob.nextRequest(.cancel), 200)
        try office.refuse(office.cleo, 486)
        let invite = try office.line.nextRequest(.invite)
        #expect(invite.headers[.historyInfo]?.contains("sip:610@") == true)
        office.line.respond(invite, 486)
        #expect(try office.ada.finalResponse().status == 486)
        office.world.expectEverythingEnded()
    }

    @Test func `a rotating group begins with another member each time`() throws {
        let office = try grouped(.rotating)
        for (turn, expected) in [office.bob, office.cleo, office.bob].enumerated() {
            let invite = try office.ada.invite("610", body: offer, callID: "turn\(turn)")
            #expect(expected.has(.invite))
            office.ada.cancel(invite, callID: "turn\(turn)")
            #expect(try office.ada.nextResponse().status == 200)
            office.ada.ack(refusal: try office.ada.finalResponse(), of: invite)
            expected.respond(try expected.nextRequest(.invite), 487)
            office.world.advance(by: .seconds(40))
            for phone in [office.bob, office.cleo] { phone.inbox = [] }
        }
    }

    @Test func `the longest idle member rings first, and one who does not want to be disturbed not at all`() throws {
        let office = try grouped(.longestIdle)
        let (a, b) = try office.talk(office.ada, "101", office.bob, callID: "before")
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        office.world.advance(by: .seconds(5))
        _ = try office.ada.invite("610", body: offer, callID: "1")
        #expect(office.cleo.has(.invite) && !office.bob.has(.invite))
        try office.dial(office.bob, "*26", callID: "dnd")
        try office.refuse(office.cleo, 486)
        #expect(office.bob.has(.invite), "the call was on its way already")
    }

    @Test func `a group whose members are all away says so, and one whose members are busy, too`() throws {
        let office = try grouped(.all) {
            for index in $0.users.indices { $0.users[index].features.busyOnBusy = true }
        }
        _ = try office.talk(office.bob, "102", office.cleo, callID: "talk")
        try office.isRefused(office.ada, "610", 486, callID: "1")
    }

    // MARK: The dial tone

    /// Ada hears the dial tone and presses keys.
    private func dialTone(_ office: FeatureOffice, _ keys: String) throws -> Side {
        let invite = try office.ada.invite("9", body: offer, callID: "tone")
        let ada = try office.ada.confirm(invite, office.ada.finalResponse())
        let sessions = office.world.mediaCommands.compactMap { command -> MediaSessionID? in
            guard case .collect(let session, .a, let rules) = command else { return nil }
            #expect(rules.between == .seconds(4) && rules.terminators == [.pound])
            return session
        }
        let session = try #require(sessions.last)
        let digits = keys.compactMap { Digit($0) }
        for digit in digits { office.world.feed(.media(.digit(session, .a, digit, how: .event))) }
        office.world.feed(
            .media(.collected(session, .a, DigitCollector.Outcome(digits: digits, reason: .timeout))))
        return ada
    }

    @Test func `a number pressed at the dial tone is called, and heard to ring`() throws {
        let office = try FeatureOffice { $0.features.office.dialTone = "9" }
        let ada = try dialTone(office, "101")
        let bob = try office.bob.answer(office.bob.nextRequest(.invite), body: FeatureOffice.answer)
        #expect(try bob.request(.bye).status == 200)
        try ada.takeBye()
        #expect(office.world.records.map(\.connectedUserNumber) == ["101"])
        office.world.expectEverythingEnded()
    }

    @Test func `at the dial tone who is busy is heard as a tone, and permissions hold`() throws {
        for (keys, answers) in [("101", true), ("0891234567", false)] {
            let office = try FeatureOffice {
                $0.features.office.dialTone = "9"
                $0.users[0].features.permission = .local
            }
            let ada = try dialTone(office, keys)
            if answers { try office.refuse(office.bob, 486) }
            #expect(!office.line.has(.invite))
            let session = office.world.mediaCommands.compactMap { command -> MediaSessionID? in
                if case .hear(let session, .a, .playing(_, then: .silence)) = command { session } else { nil }
            }.last
            office.world.feed(.media(.played(try #require(session), .a)))
            try ada.takeBye()
            #expect(office.world.records.map(\.success) == [false], "nobody but the appliance has answered")
            office.world.expectEverythingEnded()
        }
    }

    @Test func `help is reached from the dial tone, whatever class and line`() throws {
        let office = try FeatureOffice {
            $0.features.office.dialTone = "9"
            $0.users[0].features.permission = .internal
        }
        _ = try dialTone(office, "112")
        #expect(try office.line.nextRequest(.invite).uri.user == "112")
        #expect(office.world.count("calls.emergency") == 1)
    }

    @Test func `the dial tone is for who has dialled it alone`() throws {
        let office = try FeatureOffice {
            $0.features.office.dialTone = "9"
            $0.users[1].features.forwarding.always = "9"
            $0.users[2].features.forwarding.busy = "9"
        }
        office.line.send(office.line.request(.invite, to: "30999", callID: "in", body: offer), branch: "z9hG4bK-in")
        #expect(try office.line.finalResponse().status == 403)
        _ = try office.ada.invite("102", body: offer, callID: "busy")
        try office.refuse(office.cleo, 486)
        #expect(try office.ada.finalResponse().status == 486)
        #expect(!office.world.mediaCommands.contains { if case .collect = $0 { true } else { false } })
    }

    @Test func `who dials nothing at the dial tone is hung up`() throws {
        let office = try FeatureOffice { $0.features.office.dialTone = "9" }
        try dialTone(office, "").takeBye()
        office.world.expectEverythingEnded()
    }

    // MARK: Numbers

    @Test func `permission classes hold for users, not for help`() throws {
        let office = try FeatureOffice { $0.users[0].features.permission = .local }
        _ = try office.ada.invite("0301234567", body: offer, callID: "local")
        #expect(office.line.has(.invite))
        office.line.inbox = []
        try office.isRefused(office.ada, "0891234567", 403, callID: "far")
        _ = try office.ada.invite("112", body: offer, callID: "help")
        #expect(try office.line.nextRequest(.invite).uri.user == "112")
    }

    @Test func `the night has classes of its own, by switch and by clock`() throws {
        let office = try FeatureOffice {
            $0.users[0].features.nightPermission = .internal
            $0.features.office.nightBegins = 18 * 60
            $0.features.office.nightEnds = 6 * 60
        }
        // The tests' clock begins at 08:00 UTC.
        _ = try office.ada.invite("0301234567", body: offer, callID: "day")
        #expect(office.line.has(.invite))
        try office.dial(office.bob, "*28", callID: "night")
        try office.isRefused(office.ada, "0301234567", 403, callID: "night1")
        try office.dial(office.bob, "#28", callID: "day")
        office.world.advance(by: .seconds(11 * 3600))
        office.ada.inbox = []
        try office.ada.register(callID: "again")
        try office.isRefused(office.ada, "0301234567", 403, callID: "night2")
    }

    @Test func `a speed dial calls for everybody, a code hides the number for one call`() throws {
        let office = try FeatureOffice {
            $0.users[0].features.permission = .internal
            $0.features.office.speedDials = [SpeedDial(short: "701", number: "0891234567")]
        }
        _ = try office.ada.invite("701", body: offer, callID: "1")
        #expect(try office.line.nextRequest(.invite).uri.user == "+49891234567")
        _ = try office.ada.invite("*31101", body: offer, callID: "2")
        #expect(try office.bob.nextRequest(.invite).from().uri.user == "anonymous")
    }

    @Test func `a private call leaves no number`() throws {
        let office = try FeatureOffice()
        _ = try office.ada.invite("*320301234567", body: offer, callID: "1")
        office.line.respond(try office.line.nextRequest(.invite), 486)
        #expect(try office.ada.finalResponse().status == 486)
        let record = try #require(office.world.records.first)
        #expect(record.externalPhoneNumber.isEmpty && record.userNumber == "100")
    }

    @Test func `unknown codes and codes of the wrong form are refused`() throws {
        let office = try FeatureOffice()
        try office.isRefused(office.ada, "*99", 404, callID: "1")
        try office.isRefused(office.ada, "*21", 484, callID: "2")
        try office.isRefused(office.ada, "*267", 404, callID: "3")
        try office.isRefused(office.ada, "*11102*1234", 403, callID: "4")
    }
}
