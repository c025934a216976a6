import CallControl
import CloudMessages
import Primitives
import SIPMessage
import Testing

@Suite struct RedirectionTests: AmongThree {
    let trio = Trio()
    let dan: TestPhone

    init() {
        dan = trio.world.phone("103", port: 40_300)
    }

    private func contacts(_ values: String...) -> [SIPHeaders.Field] { values.map { .init(.contact, $0) } }

    @Test(arguments: [300, 301, 302])
    func `a forwarded call rings where the Contact leads, with its history`(status: Int) throws {
        let invite = ada.invite("101")
        try bob.refuse(status, fields: contacts("<sip:102@pbx.example>"))
        let incoming = try cleo.nextRequest(.invite)
        #expect(
            incoming.headers[.historyInfo]
                == "<sip:101@pbx.example?Reason=SIP%3Bcause%3D\(status)>;index=1, "
                + "<sip:102@pbx.example>;index=1.1;mp=1")
        #expect(try incoming.from().uri.user == "100")
        #expect(incoming.uri == cleo.contact)
        #expect(world.questions.map(\.purpose) == [.redirect])
        #expect(world.questions.map(\.party.number) == ["101"])
        let far = try cleo.answer(incoming)
        _ = try ada.confirm(invite)
        try far.hangUp()
        #expect(world.records.map(\.connectedUserNumber) == ["102"])
        world.expectNothingLeft()
    }

    @Test func `a second forwarding goes on with the history, the third comes back to the first and stops`() throws {
        _ = ada.invite("101")
        try bob.refuse(302, fields: contacts("<sip:102@pbx.example>"))
        try cleo.refuse(302, fields: contacts("<sip:103@pbx.example>"))
        let incoming = try dan.nextRequest(.invite)
        #expect(incoming.headers[.historyInfo]?.hasSuffix("<sip:103@pbx.example>;index=1.1.1;mp=1.1") == true)
        dan.respond(incoming, 302, fields: contacts("<sip:101@pbx.example>"))
        #expect(!bob.has(.invite))
        _ = try ada.nextResponse(480)
        #expect(world.counts.count { $0 == "calls.redirect-loops" } == 1)
        world.expectNothingLeft()
    }

    @Test func `five redirections are the limit`() throws {
        var phones = [bob]
        for number in 1...6 { phones.append(world.phone("2\(number)", port: UInt16(41_000 + number))) }
        for phone in phones.dropFirst() { world.ranks[phone.number] = [[world.target(phone)]] }
        _ = ada.invite("101")
        for (phone, next) in zip(phones, phones.dropFirst()).prefix(5) {
            try phone.refuse(302, fields: contacts("<sip:\(next.number)@pbx.example>"))
        }
        try phones[5].refuse(302, fields: contacts("<sip:26@pbx.example>"))
        #expect(!phones[6].has(.invite))
        _ = try ada.nextResponse(480)
        world.expectNothingLeft()
    }

    @Test(
        arguments: [
            (305, "<sip:102@pbx.example>"), (380, "<sip:102@pbx.example>"), (302, "<mailto:cleo@pbx.example>"),
            (302, "*"), (302, "not an address <"),
        ])
    func `what is no redirection of ours makes the telephone unavailable`(status: Int, contact: String) throws {
        _ = ada.invite("101")
        try bob.refuse(status, fields: contacts(contact))
        #expect(!cleo.has(.invite))
        _ = try ada.nextResponse(480)
        #expect(world.questions.isEmpty)
        world.expectNothingLeft()
    }

    @Test func `a target whose redirections are refused, and a redirection to nowhere`() throws {
        var target = world.target(bob)
        target.redirection = .refuse
        world.ranks["101"] = [[target]]
        _ = ada.invite("101")
        try bob.refuse(302, fields: contacts("<sip:102@pbx.example>"))
        #expect(!cleo.has(.invite))
        _ = try ada.nextResponse(480)
        world.ranks["101"] = nil
        _ = ada.invite("101", callID: "nowhere")
        try bob.refuse(302, fields: contacts("<sip:999@pbx.example>"))
        _ = try ada.nextResponse(404)
        world.expectNothingLeft()
    }

    @Test func `several Contacts are tried in the order of their preference`() throws {
        let invite = ada.invite("101")
        try bob.refuse(302, fields: contacts("<sip:102@pbx.example>;q=0.2, <sip:103@pbx.example>;q=0.7"))
        #expect(!cleo.has(.invite))
        try dan.refuse(486)
        let far = try cleo.answer()
        _ = try ada.confirm(invite)
        try far.hangUp()
        world.expectNothingLeft()
    }

    @Test func `the caller may give up while the forwarded call rings`() throws {
        let invite = ada.invite("101")
        try bob.refuse(302, fields: contacts("<sip:102@pbx.example>"))
        let incoming = try cleo.nextRequest(.invite)
        cleo.respond(incoming, 180)
        ada.cancel(invite)
        try cleo.takeCancel(incoming)
        world.expectNothingLeft()
    }
}
