import ApplianceCore
import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Settings
import Testing

@Suite struct LimitTests {
    @Test func `one call too many is refused, and its place is free again after a call`() throws {
        var limits = Limits()
        limits.calls = 1
        let pair = try Pair(limits: limits)
        let (a, b) = try pair.talk()
        let cleo = Phone(pair.world, "102", port: 40_300)
        let second = try cleo.invite("101", body: sdp(["PCMU"], port: 33_000))
        let refusal = try cleo.nextResponse()
        #expect(refusal.status == 503)
        #expect(refusal.headers.contains(.retryAfter))
        cleo.ack(refusal: refusal, of: second)
        #expect(pair.world.count("calls.refused") == 1)
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        _ = try cleo.invite("101", body: sdp(["PCMU"], port: 33_000), callID: "again")
        #expect(pair.bob.has(.invite))
        pair.world.expectEverythingEnded()
    }

    @Test func `the settings may allow more calls, or fewer`() throws {
        var settings = World.settings()
        settings.sip.calls = 1
        let pair = try Pair()
        pair.world.feed(.settings(settings))
        _ = try pair.talk()
        let cleo = Phone(pair.world, "102", port: 40_300)
        _ = try cleo.invite("101", body: sdp(["PCMU"], port: 33_000))
        #expect(try cleo.nextResponse().status == 503)
        settings.sip.calls = 2
        pair.world.feed(.settings(settings))
        _ = try cleo.invite("101", body: sdp(["PCMU"], port: 33_000), callID: "again")
        #expect(pair.bob.has(.invite))
        pair.world.expectEverythingEnded()
    }

    @Test func `one user's calls do not take everybody's places, and calls to that user still come`() throws {
        var limits = Limits()
        limits.callsPerUser = 2
        let pair = try Pair(limits: limits)
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let offer = sdp(["PCMU"], port: 30_000)
        let first = try pair.ada.invite("101", body: offer, callID: "one")
        _ = try pair.ada.invite("102", body: offer, callID: "two")
        #expect(pair.bob.has(.invite) && cleo.has(.invite))
        let third = try pair.ada.invite("101", body: offer, callID: "three")
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == 403 && refusal.reason == "Too Many Calls")
        #expect(!refusal.headers.contains(.retryAfter))
        pair.ada.ack(refusal: refusal, of: third)
        #expect(pair.world.count("calls.refused-user") == 1)
        _ = try cleo.invite("100", body: offer, callID: "cleo")
        _ = try pair.bob.invite("100", body: offer, callID: "bob")
        #expect(
            pair.ada.inbox.count { if case .request(let request) = $0 { request.method == .invite } else { false } }
                == 2)
        #expect(pair.world.telephony.callCount == 4)
        pair.ada.cancel(first, callID: "one")
        #expect(try [pair.ada.nextResponse(), pair.ada.nextResponse()].map(\.status) == [200, 487])
        pair.bob.inbox = []
        _ = try pair.ada.invite("101", body: offer, callID: "four")
        #expect(pair.bob.has(.invite), "a place is free again")
        pair.world.expectEverythingEnded()
    }

    @Test func `a call counts for who began it, also when it is transferred away`() throws {
        var limits = Limits()
        limits.callsPerUser = 1
        let pair = try Pair(limits: limits)
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register()
        let (a, b) = try pair.talk()
        let refer = a.dialog.makeRequest(.refer, contact: pair.ada.contact, contentType: "", body: [])
        var request = refer
        request.headers.append(.referTo, "<sip:102@pbx.example>")
        request.headers.append(.referSub, "false")
        pair.ada.send(request)
        #expect(try pair.ada.nextResponse().status == 202)
        let c = try cleo.answer(cleo.nextRequest(.invite), body: sdp(["PCMU"], port: 33_000))
        try a.takeBye()
        #expect(pair.world.telephony.callCount == 1)
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000), callID: "again")
        #expect(try pair.ada.nextResponse().status == 403)
        #expect(try c.request(.bye).status == 200)
        try b.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test(arguments: [
        (SIPMethod.register, 416), (.bye, 416), (.info, 416), (.update, 416), (.prack, 416), (.notify, 416),
        (.options, 416), (.message, 405), (.invite, 401), (.subscribe, 401), (.refer, 401),
    ])
    func `an unknown scheme is refused by every method, after those that must be authenticated are`(
        method: SIPMethod, status: Int
    ) throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        var request = phone.request(method, to: "101", callID: "scheme", body: [])
        request.uri = try SIPURI(parsing: "urn:service:sos.unknown")
        phone.send(request)
        let answer = try phone.nextResponse()
        #expect(answer.status == status)
        if status == 401 {
            if method == .invite { phone.ack(refusal: answer, of: request) }
            phone.send(try phone.authenticated(request, by: answer))
            #expect(try phone.nextResponse().status == 416)
        }
        world.expectEverythingEnded()
    }

    @Test func `draining refuses new calls, lets the running one end, and says so once`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        pair.world.feed(.drain(deadline: pair.world.now + .seconds(30)))
        let cleo = Phone(pair.world, "102", port: 40_300)
        _ = try cleo.invite("101", body: sdp(["PCMU"], port: 33_000))
        #expect(try cleo.nextResponse().status == 503)
        #expect(!pair.world.trace.contains(.drained))
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        #expect(pair.world.trace.filter { $0 == .drained }.count == 1)
        pair.world.advance(by: .seconds(60))
        #expect(pair.world.trace.filter { $0 == .drained }.count == 1)
        pair.world.expectEverythingEnded()
    }

    @Test func `draining ends what still runs at its deadline`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        pair.world.feed(.drain(deadline: pair.world.now + .seconds(30)))
        pair.world.advance(by: .seconds(30))
        try a.takeBye()
        try b.takeBye()
        #expect(pair.world.trace.filter { $0 == .drained }.count == 1)
        #expect(pair.world.records.count == 1)
        pair.world.expectEverythingEnded()
    }

    @Test func `draining does not wait for a telephone that is gone`() throws {
        let pair = try Pair()
        _ = try pair.talk()
        pair.world.feed(.drain(deadline: pair.world.now + .seconds(30)))
        pair.world.advance(by: .seconds(36))
        #expect(pair.world.trace.filter { $0 == .drained }.count == 1)
        pair.world.expectEverythingEnded()
    }

    @Test func `draining does not wait for the answer to a BYE that will not come`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk()
        #expect(try a.request(.bye).status == 200)  // Bob's telephone is gone, and his BYE is repeated for 32 s
        pair.world.feed(.drain(deadline: pair.world.now + .seconds(30)))
        pair.world.advance(by: .seconds(6))
        #expect(pair.world.trace.filter { $0 == .drained }.count == 1)
    }

    @Test func `draining with nothing to do is done at once`() {
        let world = World()
        world.feed(.drain(deadline: world.now + .seconds(30)))
        #expect(world.trace.contains(.drained))
    }

    @Test func `strangers are held to a rate per source, others are not affected`() throws {
        let world = World(World.settings(protected: true))
        let flood = Phone(world, "100", port: 40_000, host: 0x0A00_00C8)
        for index in 0..<80 { flood.send(flood.request(.register, to: "100", callID: "f\(index)")) }
        #expect(flood.inbox.count == Limits().challengesPerSecondPerSource)
        #expect(world.count("sip.rate-limited") == 30)
        try Phone(world, "101", port: 40_100).register()
        world.advance(by: .seconds(1))
        flood.inbox = []
        #expect(try flood.register().status == 200)
        world.expectEverythingEnded()
    }

    @Test func `ten wrong passwords silence their source for a minute, challenges do not`() throws {
        let world = World(World.settings(protected: true))
        let phone = Phone(world, "100", port: 40_000)
        for index in 0..<30 {
            phone.send(phone.request(.register, to: "100", callID: "c\(index)"))
            #expect(try phone.nextResponse().status == 401)
        }
        world.advance(by: .seconds(2))
        phone.password = "guess"
        for index in 0..<10 { #expect(try phone.register(callID: "g\(index)").status == 403) }
        phone.password = "secret100"
        phone.send(phone.request(.register, to: "100", callID: "h"))
        #expect(phone.inbox.isEmpty)
        #expect(world.count("sip.banned") == 1)
        #expect(world.count("sip.bans") == 1)
        world.advance(by: .seconds(60))
        #expect(try phone.register(callID: "i").status == 200)
        world.expectEverythingEnded()
    }

    @Test func `credentials that met no challenge of ours do not pass by the rate`() throws {
        let limit = Limits().challengesPerSecondPerSource
        func bogus(_ nonce: String, realm: String = World.realm) -> String {
            "Digest username=\"100\", realm=\"\(realm)\", nonce=\"\(nonce)\", uri=\"sip:pbx.example\", "
                + "response=\"00000000000000000000000000000000\", algorithm=MD5"
        }
        let world = World(World.settings(protected: true))
        let old = Phone(world, "100", port: 40_001)
        old.send(old.request(.register, to: "100", callID: "old"))
        let nonce = try #require(try old.nextResponse().challenges().first?.parameters["nonce"])
        world.advance(by: .seconds(400))
        let headers = [
            "Basic YWJj", "Digest", bogus("x"), bogus(String(repeating: "A", count: 43)), bogus("x", realm: "other"),
            bogus(nonce), bogus(nonce) + ", qop=auth-int",
        ]
        for (index, header) in headers.enumerated() {
            let flood = Phone(world, "100", port: 41_000, host: 0x0A00_0100 + UInt32(index))
            for number in 0..<(index == 2 ? 5_000 : 300) {
                let methods: [SIPMethod] = [.register, .invite, .options, .bye, .subscribe]
                var request = flood.request(methods[number % 5], to: "101", callID: "f\(number)")
                request.headers.set(number % 2 == 0 ? .authorization : .proxyAuthorization, header)
                flood.send(request)
            }
            #expect(flood.inbox.count <= limit, "\(header)")
        }
        try Phone(world, "101", port: 40_100).register()
        world.expectEverythingEnded()
    }

    @Test func `credentials under our nonce do not help what is not asked for them`() throws {
        let world = World(World.settings(protected: true))
        let phone = Phone(world, "100", port: 40_000)
        let plain = phone.request(.register, to: "100", callID: "r")
        phone.send(plain)
        let header = try phone.authenticated(plain, by: try phone.nextResponse()).headers[.authorization]
        for number in 0..<500 {
            let methods: [SIPMethod] = [.options, .bye, .subscribe, .cancel, .register]
            var request = phone.request(methods[number % 5], to: "100", callID: "f\(number)")
            if request.method == .register { request.headers.set(.to, "<sip:100@pbx.example>;tag=nobody") }
            request.headers.set(.authorization, header ?? "")
            phone.send(request)
        }
        #expect(phone.inbox.count < Limits().challengesPerSecondPerSource)
    }

    @Test func `one account's password does not cover guesses at another`() throws {
        let world = World(World.settings(protected: true))
        let own = Phone(world, "101", port: 40_000)
        let guess = Phone(world, "100", port: 40_001)
        guess.password = "guess"
        for index in 0..<9 {
            #expect(try guess.register(callID: "g\(index)").status == 403)
            #expect(try own.register(callID: "o\(index)").status == 200)
            world.advance(by: .seconds(1))
        }
        #expect(world.count("sip.bans") == 0)
        _ = try guess.register(callID: "g9")
        #expect(world.count("sip.bans") == 1)
    }

    @Test func `right credentials wipe out wrong ones before`() throws {
        let world = World(World.settings(protected: true))
        let phone = Phone(world, "100", port: 40_000)
        for index in 0..<25 {
            phone.password = index % 8 == 7 ? "secret100" : "guess"
            #expect(try phone.register(callID: "g\(index)").status == (index % 8 == 7 ? 200 : 403))
            world.advance(by: .seconds(1))
        }
        #expect(world.count("sip.bans") == 0)
    }

    @Test func `the table of sources is bounded, newcomers then share one source's rate until it is swept`() {
        var protection = TelephonyProtection(limits: Limits())
        let limit = TelephonyProtection.sourceLimit
        func admitted(_ hosts: Range<Int>, at now: Instant) -> Int {
            hosts.count { protection.admits(.v4(UInt32($0)), at: now) }
        }
        #expect(admitted(0..<limit, at: .origin) == limit)
        #expect(admitted(limit..<limit + 200, at: .origin) == Limits().challengesPerSecondPerSource)
        #expect(protection.sourceCount == limit)
        let isBanned = protection.failed(.v4(0xFFFF_FFFF), user: "100", at: .origin)
        #expect(!isBanned)
        #expect(admitted(limit..<limit + 1, at: .origin + .seconds(3)) == 1)
        #expect(protection.sourceCount == 1)
    }

    @Test func `without protection nobody is held off`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        for index in 0..<200 { phone.send(phone.request(.register, to: "100", callID: "f\(index)")) }
        #expect(phone.inbox.count == 200)
    }

    @Test(arguments: [("Require", "precondition"), ("Proxy-Require", "100rel, precondition")])
    func `demanded extensions that are not ours are refused by name`(field: String, unsupported: String) throws {
        let pair = try Pair()
        let invite = try pair.ada.invite(
            "101", body: sdp(["PCMU"], port: 30_000), fields: [.init(SIPHeaderName(field), "100rel, precondition")])
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == 420)
        #expect(refusal.headers[.unsupported] == unsupported)
        pair.ada.ack(refusal: refusal, of: invite)
        pair.world.expectEverythingEnded()
    }

    @Test func `malformed messages are counted, and answered where they can be`() throws {
        let world = World()
        let phone = Phone(world, "100", port: 40_000)
        for text in ["", "\r\n\r\n", "rubbish", "INVITE sip:x SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n"] {
            world.feed(.message(Array(text.utf8), phone.flow))
        }
        #expect(world.count("sip.malformed") == 5)
        var broken = phone.request(.register, to: "100", callID: "r")
        broken.headers.set(.cseq, "1 INVITE")
        phone.send(broken)
        #expect(try phone.nextResponse().status == 400)
        world.expectEverythingEnded()
    }

    @Test func `mutated messages of a call never trap and leave nothing behind`() throws {
        var generator = SeededGenerator(seed: 11)
        for round in 0..<12 {
            let pair = try Pair()
            let (a, b) = try pair.talk()
            var bye = a.dialog.makeRequest(.bye)
            bye.headers = SIPHeaders([.init(.via, "SIP/2.0/UDP 10.0.0.100:40000;branch=z9hG4bKm")] + bye.headers.fields)
            var ack = b.dialog.makeAck(cseq: 1)
            ack.headers = SIPHeaders([.init(.via, "SIP/2.0/UDP 10.0.0.100:40100;branch=z9hG4bKn")] + ack.headers.fields)
            var invite = pair.ada.request(.invite, to: "101", callID: "m\(round)", body: sdp(["opus"], port: 30_000))
            invite.headers = SIPHeaders(
                [.init(.via, "SIP/2.0/UDP 10.0.0.100:40000;branch=z9hG4bKo")] + invite.headers.fields)
            let ok = SIPResponse(to: bye, status: 200, toTag: "x")
            for valid in [bye.serialised(), ack.serialised(), invite.serialised(), ok.serialised()] {
                for _ in 0..<25 {
                    var bytes = valid
                    for _ in 0..<(1 + generator.next() % 6) {
                        let position = Int(generator.next() % UInt64(bytes.count))
                        bytes[position] = UInt8(truncatingIfNeeded: generator.next())
                    }
                    pair.world.feed(.message(bytes, pair.ada.flow))
                }
            }
            pair.world.advance(by: .seconds(1))
            if pair.world.telephony.callCount > 0 { pair.world.feed(.drain(deadline: pair.world.now)) }
            pair.world.expectEverythingEnded()
        }
    }
}

@Suite struct DeterminismTests {
    private func run() throws -> [Telephony.Output] {
        let pair = try Pair()
        let desk = Phone(pair.world, "101", port: 40_200)
        try desk.register()
        let cleo = Phone(pair.world, "102", port: 40_300)
        try cleo.register(algorithm: "MD5")
        _ = try pair.ada.invite("610", body: sdp(["opus", "PCMU"], port: 30_000))
        for phone in [pair.bob, desk, cleo] { phone.respond(try phone.nextRequest(.invite), 180) }
        pair.world.advance(by: .seconds(61))
        pair.world.feed(.flowClosed(pair.ada.flow))
        pair.world.advance(by: .seconds(4000))
        return pair.world.trace
    }

    @Test func `the same inputs give the same outputs`() throws {
        let first = try run()
        #expect(first.count > 20)
        #expect(try run() == first)
    }

    @Test func `telephones are asked to fetch their configuration`() throws {
        let world = World()
        let ada = Phone(world, "100", port: 40_000)
        try ada.register()
        let id = AdminRequestID(7)
        for user in ["100", "101", "9"] { world.feed(.resync(id, extension: user, reboots: true)) }
        let notify = try ada.nextRequest(.notify)
        #expect(notify.headers[.event] == "check-sync;reboot=true")
        let replies = world.trace.compactMap { output -> AdminReply? in
            if case .adminReply(id, let reply) = output { reply } else { nil }
        }
        #expect(replies.first == .done("1 telephone of 100 asked to fetch the configuration"))
        guard replies.count == 3, case .refused(409, _) = replies[1], case .refused(404, _) = replies[2] else {
            Issue.record("not refused")
            return
        }
    }
}
