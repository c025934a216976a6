import ApplianceCore
import CloudMessages
import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// Two registered telephones.
struct Pair {
    let world: World
    let ada: Phone
    let bob: Phone

    init(
        transport: SIPFlow.Transport = .udp, limits: Limits = Limits(), register: Bool = true
    ) throws {
        world = World(limits: limits)
        ada = Phone(world, "100", port: 40_000, transport: transport)
        bob = Phone(world, "101", port: 40_100)
        if register {
            try ada.register()
            try bob.register()
        }
    }

    /// A call from Ada to Bob that has been answered.
    func talk(
        offer: [UInt8] = sdp(["PCMU"], port: 30_000), answer: [UInt8] = sdp(["PCMU"], port: 31_000)
    ) throws -> (a: Side, b: Side) {
        let invite = try ada.invite("101", body: offer)
        let b = try bob.answer(bob.nextRequest(.invite), body: answer)
        let response = try ada.nextResponse()
        #expect(response.status == 200)
        return (try ada.confirm(invite, response), b)
    }
}

@Suite struct CallTests {
    @Test(arguments: [SIPFlow.Transport.udp, .tcp, .tls])
    func `a call rings, is answered, and ends when the caller hangs up`(transport: SIPFlow.Transport) throws {
        let pair = try Pair(transport: transport)
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        #expect(incoming.uri == pair.bob.contact)
        #expect(try incoming.from().uri.user == "100")
        #expect(try incoming.from().displayName == "Ada")
        #expect(try incoming.maxForwards() == 69)
        #expect(incoming.headers[.callID] != invite.headers[.callID])
        pair.bob.respond(incoming, 180)
        let ringing = try pair.ada.nextResponse()
        #expect(ringing.status == 180)
        #expect(pair.world.telephony.calls(at: pair.world.now).map(\.state) == ["ringing"])
        pair.world.advance(by: .seconds(3))
        let b = try pair.bob.answer(incoming, body: sdp(["PCMU"], port: 31_000))
        let response = try pair.ada.nextResponse()
        #expect(response.status == 200)
        #expect(try response.to().tag == ringing.to().tag)
        let contact = try NameAddress(parsing: response.headers[.contact] ?? "").uri
        #expect(contact.transport == (transport == .udp ? nil : transport.rawValue.lowercased()))
        let a = try pair.ada.confirm(invite, response)

        #expect(pair.world.stream(.a)?.remote == Endpoint("10.0.0.100:30000"))
        #expect(pair.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"))
        pair.world.advance(by: .seconds(7))
        let summary = pair.world.telephony.calls(at: pair.world.now)
        #expect(
            summary == [CallSummary(caller: "100", callee: "101", state: "talking", codecs: "PCMU-PCMU", seconds: 7)])
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        let record = try #require(pair.world.records.first)
        #expect(record.callDataID >> 21 >= UInt64(World.wallStart.milliseconds))
        #expect(record.startDate == World.wallStart)
        #expect(record.lengthSeconds == 7)
        #expect([record.userNumber, record.userName] == ["100", "Ada"])
        #expect([record.connectedUserNumber, record.connectedUserName] == ["101", "Bob"])
        #expect(record.direction == .internal && record.success)
        #expect(record.quality.map(\.codec) == ["PCMU", "PCMU"])
        #expect(record.groupNumber.isEmpty && record.externalPhoneNumber.isEmpty)
        pair.world.expectEverythingEnded()
    }

    @Test func `the callee can hang up as well`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        #expect(try b.request(.bye).status == 200)
        try a.takeBye()
        #expect(pair.world.records.map(\.success) == [true])
        #expect(pair.world.telephony.callCount == 0)
        pair.world.expectEverythingEnded()
    }

    @Test(arguments: [486, 603, 480])
    func `a refusal is passed on`(status: Int) throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        pair.bob.respond(try pair.bob.nextRequest(.invite), status)
        _ = try pair.bob.nextRequest(.ack)
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == status)
        pair.ada.ack(refusal: refusal, of: invite)
        #expect(pair.world.records.map(\.success) == [false])
        #expect(pair.world.records.map(\.connectedUserNumber) == ["101"])
        pair.world.expectEverythingEnded()
    }

    @Test func `nobody has that number, or nobody is registered there`() throws {
        let pair = try Pair()
        let unknown = try pair.ada.invite("199", body: sdp(["PCMU"], port: 30_000), callID: "x")
        let notFound = try pair.ada.nextResponse()
        #expect(notFound.status == 404)
        pair.ada.ack(refusal: notFound, of: unknown)
        #expect(pair.world.records.isEmpty)
        let absent = try pair.ada.invite("102", body: sdp(["PCMU"], port: 30_000), callID: "y")
        let unavailable = try pair.ada.nextResponse()
        #expect(unavailable.status == 480)
        pair.ada.ack(refusal: unavailable, of: absent)
        #expect(pair.world.records.map(\.connectedUserName) == ["Cleo"])
        #expect(pair.world.mediaCommands.isEmpty)
        pair.world.expectEverythingEnded()
    }

    @Test func `nobody answers for a minute: 480 to the caller, CANCEL to the callee`() throws {
        let pair = try Pair()
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        pair.bob.respond(incoming, 180)
        #expect(try pair.ada.nextResponse().status == 180)
        pair.world.advance(by: .seconds(59))
        #expect(pair.world.telephony.callCount == 1)
        pair.world.advance(by: .seconds(2))
        #expect(try pair.ada.nextResponse().status == 480)
        pair.bob.respond(try pair.bob.nextRequest(.cancel), 200)
        pair.bob.respond(incoming, 487)
        #expect(pair.world.telephony.callCount == 0)
        pair.world.expectEverythingEnded()
    }

    @Test func `a caller who gives up gets 487 and the callee stops ringing`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        pair.bob.respond(incoming, 180)
        #expect(try pair.ada.nextResponse().status == 180)
        pair.ada.cancel(invite)
        let answers = [try pair.ada.nextResponse(), try pair.ada.nextResponse()]
        #expect(answers.map(\.status) == [200, 487])
        pair.ada.ack(refusal: answers[1], of: invite)
        pair.bob.respond(try pair.bob.nextRequest(.cancel), 200)
        pair.bob.respond(incoming, 487)
        _ = try pair.bob.nextRequest(.ack)
        #expect(pair.world.records.map(\.success) == [false])
        pair.world.expectEverythingEnded()
    }

    @Test func `an answer that crosses the CANCEL is acknowledged and ended`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        pair.bob.respond(incoming, 180)
        pair.ada.cancel(invite)
        _ = try pair.bob.nextRequest(.cancel)
        let b = try pair.bob.answer(incoming, body: sdp(["PCMU"], port: 31_000))
        try b.takeBye()
        #expect(pair.world.records.map(\.success) == [false])
        pair.world.expectEverythingEnded()
    }

    @Test func `a caller's connection that closes while it rings, and cannot be opened anew, ends the attempt`() throws
    {
        let pair = try Pair(transport: .tcp)
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        pair.bob.respond(try pair.bob.nextRequest(.invite), 180)
        #expect(try pair.ada.nextResponse().status == 180)
        pair.world.feed(.flowClosed(pair.ada.flow))
        #expect(try pair.ada.nextResponse().status == 180, "over another connection, if the transport can open one")
        #expect(!pair.bob.has(.cancel))
        pair.world.feed(.flowClosed(pair.ada.flow))
        _ = try pair.bob.nextRequest(.cancel)
        #expect(pair.world.telephony.callCount == 0)
        pair.world.expectEverythingEnded()
    }

    @Test func `a missing ACK ends the call after its repetitions`() throws {
        let pair = try Pair()
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let b = try pair.bob.answer(pair.bob.nextRequest(.invite), body: sdp(["PCMU"], port: 31_000))
        pair.world.advance(by: .seconds(31))
        #expect(pair.world.telephony.callCount == 1)
        #expect(pair.ada.inbox.count > 5)
        pair.world.advance(by: .seconds(2))
        _ = try pair.ada.nextRequest(.bye)
        try b.takeBye()
        #expect(pair.world.count("calls.ack-missing") == 1)
        pair.world.expectEverythingEnded()
    }

    @Test func `a callee that hangs up before the caller's ACK waits for it`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let b = try pair.bob.answer(pair.bob.nextRequest(.invite), body: sdp(["PCMU"], port: 31_000))
        #expect(try b.request(.bye).status == 200)
        #expect(!pair.ada.has(.bye))
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        try a.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `a lost 200 is repeated, and the callee's repeated 200 is acknowledged again`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        _ = try pair.bob.answer(incoming, body: sdp(["PCMU"], port: 31_000))
        _ = try pair.ada.nextResponse()  // lost
        pair.world.advance(by: .milliseconds(600))
        let repeated = try pair.ada.nextResponse()
        #expect(repeated.status == 200)
        let a = try pair.ada.confirm(invite, repeated)
        pair.bob.respond(incoming, 200, body: sdp(["PCMU"], port: 31_000))  // our ACK was lost
        _ = try pair.bob.nextRequest(.ack)
        #expect(pair.world.telephony.callCount == 1)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a telephone that never answers the INVITE makes its user unavailable`() throws {
        let pair = try Pair()
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        pair.world.advance(by: .seconds(33))
        let answers = pair.ada.inbox.compactMap {
            if case .response(let response) = $0 { response.status } else { nil }
        }
        #expect(answers.first == 100)
        #expect(answers.contains(480))
        pair.world.expectEverythingEnded()
    }

    @Test func `a telephone that vanished is found out when its media stay silent`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk()
        pair.world.feed(.media(.silent(MediaSessionID(1), .b)))
        _ = try pair.bob.nextRequest(.options)
        pair.world.advance(by: .seconds(33))
        try a.takeBye()
        #expect(pair.world.count("media.silent") == 1)
        #expect(pair.world.records.map(\.success) == [true])
        pair.world.expectEverythingEnded()
    }

    @Test func `a telephone that is merely silent stays in the call`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk()
        pair.world.feed(.media(.silent(MediaSessionID(1), .b)))
        pair.bob.respond(try pair.bob.nextRequest(.options), 200)
        pair.world.advance(by: .seconds(60))
        #expect(pair.world.telephony.callCount == 1)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `requests inside a call are answered by what they are`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        #expect(try a.request(.options).status == 200)
        let dtmf = Array("Signal=5\r\nDuration=160".utf8)
        #expect(try b.request(.info, body: dtmf, contentType: "application/dtmf-relay").status == 200)
        #expect(try a.request(.refer).status == 400, "it names no target")
        let publish = try a.request(SIPMethod(rawValue: "PUBLISH"))
        #expect(publish.status == 405)
        #expect(publish.headers[.allow]?.contains("UPDATE") == true)
        var stale = a.dialog.makeRequest(.info)
        stale.headers.set(.cseq, "1 INFO")
        pair.ada.send(stale)
        #expect(try pair.ada.nextResponse().status == 500)
        var strange = a.dialog.makeRequest(.bye)
        strange.headers.set(.from, "<sip:100@pbx.example>;tag=somebody")
        pair.ada.send(strange)
        #expect(try pair.ada.nextResponse().status == 481)
        #expect(pair.world.telephony.callCount == 1)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }
}

@Suite struct NetworkTests {
    @Test func `a callee behind an address translator is reached where its REGISTER came from, the ACK too`() throws {
        let pair = try Pair(register: false)
        try pair.ada.register()
        // Contact and Via name the private address, the datagrams come from another.
        let inside = "192.168.1.2:5060"
        var plain = pair.bob.request(
            .register, to: "101", callID: "r", fields: [.init(.contact, "<sip:101@\(inside)>"), .init(.expires, "600")])
        func sendFromInside(_ request: SIPRequest, _ branch: String) {
            var request = request
            let via = "SIP/2.0/UDP \(inside);rport;branch=\(branch)"
            request.headers = SIPHeaders([.init(.via, via)] + request.headers.fields)
            pair.bob.send(.request(request))
        }
        sendFromInside(plain, "z9hG4bKn1")
        plain = try pair.bob.authenticated(plain, by: try pair.bob.nextResponse())
        sendFromInside(plain, "z9hG4bKn2")
        #expect(try pair.bob.nextResponse().status == 200)

        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        var ok = SIPResponse(to: incoming, status: 200, toTag: "b")
        ok.headers.append(.contact, "<sip:101@\(inside)>")
        ok.headers.append(.contentType, "application/sdp")
        ok.body = sdp(["PCMU"], port: 31_000, host: "192.168.1.2")
        pair.bob.send(.response(ok))
        _ = try pair.bob.nextRequest(.ack)
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        #expect(try a.request(.bye).status == 200)
        _ = try pair.bob.nextRequest(.bye)
        pair.world.expectEverythingEnded()
    }

    @Test func `a caller whose connection closed while it rang acknowledges over the new one and is reached there`()
        throws
    {
        let pair = try Pair(transport: .tcp)
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        pair.world.feed(.flowClosed(pair.ada.flow))
        #expect(try pair.ada.nextResponse().status == 100)
        let b = try pair.bob.answer(incoming, body: sdp(["PCMU"], port: 31_000))
        let response = try pair.ada.nextResponse()
        #expect(response.status == 200)
        let again = Phone(pair.world, "100", port: 40_900, transport: .tcp)
        let side = Side(phone: again, dialog: try Dialog(sent: invite, received: response))
        side.ack(side.dialog.localCSeq)
        #expect(try b.request(.bye).status == 200)
        try side.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `a caller that comes back over another connection is reached there`() throws {
        let pair = try Pair(transport: .tcp)
        let (a, b) = try pair.talk()
        pair.world.feed(.flowClosed(pair.ada.flow))
        #expect(pair.world.telephony.callCount == 1)
        let again = Phone(pair.world, "100", port: 40_900, transport: .tcp)
        let side = Side(phone: again, dialog: a.dialog)
        #expect(try side.request(.invite, body: sdp(["PCMU"], port: 30_000, version: 2)).status == 200)
        #expect(try b.request(.bye).status == 200)
        try side.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `a session description that came with 183 counts when the 200 has none`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let incoming = try pair.bob.nextRequest(.invite)
        pair.bob.respond(incoming, 183, body: sdp(["PCMU"], port: 31_000))
        #expect(try pair.ada.nextResponse().status == 183)
        _ = try pair.bob.answer(incoming, body: [])
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        #expect(pair.world.stream(.b)?.remote == Endpoint("10.0.0.100:31000"))
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a request for a call that does not exist is answered 481`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        #expect(try a.request(.bye).status == 481)
        #expect(try b.request(.invite, body: sdp(["PCMU"], port: 31_000)).status == 481)
        pair.world.expectEverythingEnded()
    }

    @Test func `an INVITE without Contact is refused, a telephone number is dialled like an extension`() throws {
        let pair = try Pair()
        var plain = pair.ada.request(.invite, to: "101", callID: "n", body: sdp(["PCMU"], port: 30_000))
        plain.headers.remove(.contact)
        pair.ada.send(plain)
        pair.ada.send(try pair.ada.authenticated(plain, by: try pair.ada.nextResponse()))
        #expect(try pair.ada.nextResponse().status == 400)
        plain = pair.ada.request(.invite, to: "101", callID: "t", body: sdp(["PCMU"], port: 30_000))
        plain.uri = try SIPURI(parsing: "tel:1-0-1")
        pair.ada.send(plain)
        pair.ada.send(try pair.ada.authenticated(plain, by: try pair.ada.nextResponse()))
        #expect(pair.bob.has(.invite))
        plain = pair.ada.request(.invite, to: "101", callID: "u", body: sdp(["PCMU"], port: 30_000))
        plain.uri = try SIPURI(parsing: "mailto:bob@pbx.example")
        pair.ada.send(plain)
        pair.ada.send(try pair.ada.authenticated(plain, by: try pair.ada.nextResponse()))
        #expect(pair.ada.inbox.contains { if case .response(let answer) = $0 { answer.status == 416 } else { false } })
        pair.world.expectEverythingEnded()
    }
}
