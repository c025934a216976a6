import Media
import Primitives
import SIPMessage
import SIPTransaction
import SoftphoneCore
import Testing

/// What a telephone asks for outside calls.
@Suite struct ErrandTests {
    @Test func `a watcher answers the challenge and is told of each change`() throws {
        var bench = Bench()
        try bench.register()
        bench.events = []
        bench.input(.command(.watch("101", package: "dialog")))
        bench.challenge(try bench.sent(.subscribe))
        let subscribe = try bench.sent(.subscribe)
        #expect(subscribe.headers[SIPHeaderName("Event")] == "dialog")
        #expect(subscribe.headers[.authorization] != nil)
        #expect(try subscribe.cseq().number == 2)
        bench.answer(subscribe, 200)
        #expect(bench.events == [.answered(method: "SUBSCRIBE", status: 200)])
        var headers = SIPHeaders()
        headers.append(.via, "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKn1")
        headers.append(.maxForwards, "70")
        headers.append(.from, "<sip:101@pbx.example>;tag=peer")
        headers.append(.to, "<sip:100@pbx.example>;tag=\(try subscribe.from().tag ?? "")")
        headers.append(.callID, try subscribe.callID())
        headers.append(.cseq, "1 NOTIFY")
        let notify = SIPRequest(
            method: .notify, uri: SIPURI(user: "100", host: "192.0.2.20"), headers: headers, body: Array("<busy/>".utf8)
        )
        bench.receive(.request(notify))
        #expect(try bench.sentStatus().status == 200)
        #expect(bench.events.last == .notified(resource: "101", package: "dialog", body: "<busy/>"))
    }

    @Test func `a NOTIFY of what nobody watches is answered 481`() throws {
        var bench = Bench()
        try bench.register()
        var headers = SIPHeaders()
        headers.append(.via, "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKn1")
        headers.append(.maxForwards, "70")
        headers.append(.from, "<sip:101@pbx.example>;tag=peer")
        headers.append(.to, "<sip:100@pbx.example>;tag=none")
        headers.append(.callID, "stray")
        headers.append(.cseq, "1 NOTIFY")
        bench.receive(
            .request(SIPRequest(method: .notify, uri: SIPURI(user: "100", host: "192.0.2.20"), headers: headers)))
        #expect(try bench.sentStatus().status == 481)
    }

    @Test func `a message carries its text, and its refusal is told`() throws {
        var bench = Bench()
        try bench.register()
        bench.input(.command(.message("101", text: "Will you take Alice?")))
        let message = try bench.sent(.message)
        #expect(message.body == Array("Will you take Alice?".utf8))
        #expect(message.uri.user == "101")
        bench.answer(message, 405)
        #expect(bench.events.last == .answered(method: "MESSAGE", status: 405))
    }

    @Test func `a click is a REFER to oneself without a subscription`() throws {
        var bench = Bench()
        try bench.register()
        bench.input(.command(.connect("0891234")))
        let refer = try bench.sent(.refer)
        #expect(refer.uri.user == "100")
        #expect(try refer.referTo()?.uri.user == "0891234")
        #expect(refer.headers[.referSub] == "false")
        bench.advance(.seconds(33))
        #expect(bench.events.last == .answered(method: "REFER", status: 408))
    }

    @Test func `a line that does not register takes calls all the same`() throws {
        var bench = Bench { $0.registers = false }
        bench.input(.connected(Bench.flow))
        #expect(!bench.hasSent(.register))
        bench.receive(.request(Bench.invite()))
        #expect(bench.events == [.incoming(from: "101")])
        #expect(bench.core.calledNumber == "100")
        bench.input(.command(.answer))
        #expect(bench.events.last == .established(codec: .pcmu))
        #expect(bench.core.calledNumber == nil)
    }

    @Test(arguments: [true, false])
    func `an announcement is answered at once by who takes them`(isTaken: Bool) throws {
        var bench = Bench { $0.takesAnnouncements = isTaken }
        try bench.register()
        var invite = Bench.invite()
        invite.headers.append(SIPHeaderName("Answer-Mode"), "Auto")
        bench.receive(.request(invite))
        bench.advance(.milliseconds(10))
        #expect(bench.events.contains(.established(codec: .pcmu)) == isTaken)
    }
}
