import CallControl
import Primitives
import SIPDialog
import SIPMessage
import Testing

@Suite struct OutboundTests {
    let world = Switchboard()
    let ada: TestPhone
    let line: TestPhone

    init() {
        ada = world.phone("100", port: 40_000)
        line = world.phone("+49301", port: 5_070)
        var target = world.target(line)
        target.uri.transport = "udp"
        target.line = LineID(7)
        target.outbound = OutboundIdentity(
            from: NameAddress(displayName: "Company", uri: SIPURI(user: "+4989100", host: "provider.example")),
            assertedIdentities: [NameAddress(uri: SIPURI(user: "+498910042", host: "provider.example"))],
            preferredIdentities: [NameAddress(uri: SIPURI(user: "trunk", host: "provider.example"))],
            privacy: PrivacyValues([.id]), contactUser: "trunk",
            credentials: OutboundCredentials(username: "trunk", password: Secret("geheim")))
        world.ranks["+49301"] = [[target]]
    }

    private func challenge(_ nonce: String, status: Int = 407) -> [SIPHeaders.Field] {
        [
            .init(
                status == 407 ? .proxyAuthenticate : .wwwAuthenticate,
                "Digest realm=\"provider.example\", nonce=\"\(nonce)\", qop=\"auth\", algorithm=MD5")
        ]
    }

    private func credentials(_ request: SIPRequest) throws -> SIPParameters {
        try #require(request.authorizations().first, "\(request.method) has no credentials").parameters
    }

    @Test func `a call over a line goes out as the line's identity says, and not otherwise`() throws {
        let invite = ada.invite(
            "+49301", fields: [.init(.assertedIdentity, "<sip:900@forged.example>"), .init(.privacy, "none")])
        let outgoing = try line.nextRequest(.invite)
        #expect(try outgoing.from().uri == SIPURI(user: "+4989100", host: "provider.example"))
        #expect(try outgoing.from().displayName == "Company")
        #expect(try outgoing.to().uri == SIPURI(user: "+49301", host: "10.0.0.100"))
        #expect(outgoing.uri.transport == "udp")
        #expect(try outgoing.assertedIdentities().map(\.uri.user) == ["+498910042"])
        #expect(try outgoing.preferredIdentities().map(\.uri.user) == ["trunk"])
        #expect(outgoing.headers[.privacy] == "id")
        guard case .list(let contacts) = try outgoing.contacts() else { return }
        #expect(contacts.map(\.uri.user) == ["trunk"])
        #expect(!outgoing.headers.fields.contains { $0.value.contains("Ada") || $0.value.contains("forged") })
        ada.cancel(invite)
        world.advance(by: .seconds(70))
        world.expectNothingLeft()
    }

    @Test(arguments: [401, 407])
    func `a challenge is met in the same dialog, and later requests bring credentials along`(status: Int) throws {
        let invite = ada.invite("+49301")
        let first = try line.nextRequest(.invite)
        line.respond(first, status, tag: "refused", fields: challenge("n1", status: status))
        _ = try line.nextRequest(.ack)
        let second = try line.nextRequest(.invite)
        #expect(second.headers[.callID] == first.headers[.callID])
        #expect(second.headers[.from] == first.headers[.from])
        #expect(try second.to().tag == nil)
        #expect(try second.cseq().number == 2)
        #expect(second.body == first.body)
        let parameters = try credentials(second)
        #expect(parameters["username"] == "trunk" && parameters["nonce"] == "n1" && parameters["nc"] == "00000001")
        #expect(second.headers.contains(status == 401 ? .authorization : .proxyAuthorization))
        let dialog = try Dialog(received: second, localTag: "\(line.number)-5070-in", secure: false)
        line.respond(second, 200, body: sdp(["PCMU"], port: 30_000))
        let ack = try line.nextRequest(.ack)
        #expect(try ack.cseq().number == 2)
        #expect(try credentials(ack)["nonce"] == "n1", "a proxy cannot challenge an ACK")
        _ = try ada.confirm(invite).hangUp()
        let bye = try line.nextRequest(.bye)
        #expect(try bye.cseq().number == 3)
        #expect(try credentials(bye)["nc"] == "00000002")
        _ = dialog
        line.respond(bye, 200)
        world.expectNothingLeft()
    }

    @Test func `a BYE that meets a new nonce is sent again under the next number`() throws {
        let invite = ada.invite("+49301")
        line.respond(try line.nextRequest(.invite), 407, fields: challenge("n1"))
        _ = try line.nextRequest(.ack)
        let far = try line.answer()
        try ada.confirm(invite).hangUp()
        let bye = try line.nextRequest(.bye)
        line.respond(bye, 407, fields: challenge("n2"))
        let again = try line.nextRequest(.bye)
        #expect(try again.cseq().number == bye.cseq().number + 1)
        #expect(try credentials(again)["nonce"] == "n2")
        #expect(again.headers.all(.proxyAuthorization).count == 1)
        line.respond(again, 200)
        _ = far
        world.expectNothingLeft()
    }

    @Test func `the same nonce is not answered twice: the password is wrong`() throws {
        _ = ada.invite("+49301")
        line.respond(try line.nextRequest(.invite), 407, fields: challenge("n1"))
        _ = try line.nextRequest(.ack)
        line.respond(try line.nextRequest(.invite), 407, fields: challenge("n1"))
        _ = try line.nextRequest(.ack)
        #expect(!line.has(.invite))
        _ = try ada.nextResponse(480)
        world.expectNothingLeft()
    }

    @Test func `a fresh nonce that is not called stale means that the password is wrong`() throws {
        _ = ada.invite("+49301")
        for number in 1...2 {
            line.respond(try line.nextRequest(.invite), 407, fields: challenge("n\(number)"))
            _ = try line.nextRequest(.ack)
        }
        #expect(!line.has(.invite))
        _ = try ada.nextResponse(480)
        world.expectNothingLeft()
    }

    @Test func `a peer that challenges without end is given up after four`() throws {
        _ = ada.invite("+49301")
        for number in 1...5 {
            let fields = challenge("n\(number)").map { SIPHeaders.Field($0.name, $0.value + ", stale=true") }
            line.respond(try line.nextRequest(.invite), 407, fields: fields)
            _ = try line.nextRequest(.ack)
        }
        #expect(!line.has(.invite))
        _ = try ada.nextResponse(480)
        world.expectNothingLeft()
    }

    @Test(arguments: ["Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"", "Digest", ""])
    func `a challenge that cannot be met is a refusal`(value: String) throws {
        _ = ada.invite("+49301")
        line.respond(try line.nextRequest(.invite), 407, fields: [.init(.proxyAuthenticate, value)])
        #expect(!line.has(.invite))
        _ = try ada.nextResponse(480)
        world.expectNothingLeft()
    }

    @Test func `a CANCEL follows the INVITE to its last transaction`() throws {
        let invite = ada.invite("+49301")
        line.respond(try line.nextRequest(.invite), 407, fields: challenge("n1"))
        _ = try line.nextRequest(.ack)
        let second = try line.nextRequest(.invite)
        line.respond(second, 180)
        ada.cancel(invite)
        let cancel = try line.nextRequest(.cancel)
        #expect(try cancel.cseq().number == 2)
        #expect(try cancel.topVia().branch == second.topVia().branch)
        line.respond(cancel, 200)
        line.respond(second, 407, fields: challenge("n2"))
        #expect(!line.has(.invite), "given up already")
        world.expectNothingLeft()
    }

    @Test func `a telephone's challenge is not met: it has no claim to a password`() throws {
        let bob = world.phone("101", port: 40_100)
        _ = ada.invite("101")
        bob.respond(try bob.nextRequest(.invite), 401, fields: challenge("n", status: 401))
        #expect(!bob.has(.invite))
        _ = try ada.nextResponse(480)
        world.expectNothingLeft()
    }
}

@Suite struct IdentityTests {
    let world = Switchboard()
    let ada: TestPhone
    let bob: TestPhone

    init() {
        ada = world.phone("100", port: 40_000)
        bob = world.phone("101", port: 40_100)
    }

    @Test func `the called telephone sees who calls in the appliance's words, the caller who rings and answers`() throws
    {
        let invite = ada.invite(
            "101",
            fields: [.init(.assertedIdentity, "<sip:900@forged.example>"), .init(.preferredIdentity, "<sip:9@x>")])
        let incoming = try bob.nextRequest(.invite)
        #expect(incoming.headers.all(.assertedIdentity) == ["\"Ada\" <sip:100@pbx.example>"])
        #expect(!incoming.headers.contains(.preferredIdentity) && !incoming.headers.contains(.historyInfo))
        bob.respond(incoming, 180, fields: [.init(.assertedIdentity, "<sip:901@forged.example>")])
        #expect(try ada.nextResponse(180).headers.all(.assertedIdentity) == ["\"Bob\" <sip:101@pbx.example>"])
        bob.respond(incoming, 200, body: sdp(["PCMU"], port: 31_000))
        let answer = try ada.nextResponse(200)
        #expect(answer.headers.all(.assertedIdentity) == ["\"Bob\" <sip:101@pbx.example>"])
        let near = TestSide(ada, try Dialog(sent: invite, received: answer))
        ada.send(near.dialog.makeAck(cseq: 1))
        try near.hangUp()
        world.expectNothingLeft()
    }

    @Test(
        arguments: [
            ("id", true), ("user;id", true), ("header", true), ("user", true), ("none", false), ("session", false),
            ("id;none", false), ("id;critical", true), ("%&/(", false),
        ])
    func `who asks for privacy is anonymous to the called party`(privacy: String, isAnonymous: Bool) throws {
        _ = ada.invite("101", fields: [.init(.privacy, privacy)])
        let incoming = try bob.nextRequest(.invite)
        if isAnonymous {
            #expect(incoming.headers[.from]?.hasPrefix("\"Anonymous\" <sip:anonymous@anonymous.invalid>") == true)
            #expect(!incoming.headers.contains(.assertedIdentity))
            for field in incoming.headers.fields {
                #expect(
                    !field.value.contains("Ada") && !field.value.contains("sip:100@"), "\(field.name): \(field.value)")
            }
        } else {
            #expect(try incoming.from().uri.user == "100")
            #expect(incoming.headers.contains(.assertedIdentity))
        }
        #expect(world.states.first { $0.party.number == "101" }?.isRemoteAnonymous == isAnonymous)
        bob.respond(incoming, 486)
        world.expectNothingLeft()
    }

    @Test func `a called party that wants privacy is not named to the caller`() throws {
        let invite = ada.invite("101")
        bob.respond(
            try bob.nextRequest(.invite), 200, fields: [.init(.privacy, "id")], body: sdp(["PCMU"], port: 31_000))
        let answer = try ada.nextResponse(200)
        #expect(!answer.headers.contains(.assertedIdentity))
        let near = TestSide(ada, try Dialog(sent: invite, received: answer))
        ada.send(near.dialog.makeAck(cseq: 1))
        try near.hangUp()
        world.expectNothingLeft()
    }

    @Test func `a caller on a line is not told who answers`() throws {
        world.lines["100"] = LineID(3)
        let invite = ada.invite("101")
        #expect(world.control.legCount(using: LineID(3)) == 1)
        _ = try bob.answer()
        let answer = try ada.nextResponse(200)
        #expect(!answer.headers.contains(.assertedIdentity))
        let near = TestSide(ada, try Dialog(sent: invite, received: answer))
        ada.send(near.dialog.makeAck(cseq: 1))
        try near.hangUp()
        #expect(world.lamps("100").isEmpty, "a line has no lamp")
        world.expectNothingLeft()
    }
}
