import CloudMessages
import Media
import Primitives
import SIPMessage
import Settings
import Testing

/// A REFER to oneself outside any call: one's telephones ring, then the number is called (RFC 5359 section 2.18).
@Suite struct ClickToDialTests {
    private func click(
        _ phone: Phone, on user: String, _ target: String, subscription: String = "false"
    ) throws -> SIPResponse {
        let request = phone.request(
            .refer, to: user, callID: "click", fields: [.init(.referTo, target), .init(.referSub, subscription)])
        phone.send(request)
        let challenge = try phone.nextResponse()
        #expect(challenge.status == 401)
        phone.send(try phone.authenticated(request, by: challenge))
        return try phone.nextResponse()
    }

    @Test func `one's telephone rings, then the number is called by one's rights`() throws {
        let office = try FeatureOffice()
        let answer = try click(office.ada, on: "100", "<sip:101@\(World.realm)>")
        #expect(answer.status == 202)
        #expect(answer.headers[.referSub] == "false")
        let back = try office.ada.nextRequest(.invite)
        #expect(try back.from().uri.user == "101")
        #expect(!office.bob.has(.invite), "Bob is not called before Ada has answered")
        let ada = try office.ada.answer(back, body: FeatureOffice.answer)
        let bob = try office.bob.answer(office.bob.nextRequest(.invite), body: FeatureOffice.answer)
        #expect(try bob.request(.bye).status == 200)
        try ada.takeBye()
        let record = try #require(office.world.records.last)
        #expect(record.userNumber == "100" && record.connectedUserNumber == "101" && record.success)
        office.world.expectEverythingEnded()
    }

    @Test func `what one may not dial is not called`() throws {
        let office = try FeatureOffice { $0.users[0].features.permission = .internal }
        #expect(try click(office.ada, on: "100", "<sip:0891234@\(World.realm)>").status == 202)
        let ada = try office.ada.answer(office.ada.nextRequest(.invite), body: FeatureOffice.answer)
        #expect(!office.line.has(.invite), "it went out")
        office.world.advance(by: .seconds(60))
        try ada.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test(arguments: [
        ("101", "<sip:102@pbx.example>", "false", 403), ("100", "<sip:102@pbx.example>", "true", 403),
        ("100", "<http://example.org>", "false", 400),
    ])
    func `a click for somebody else, with a subscription or without a number is refused`(
        user: String, target: String, subscription: String, status: Int
    ) throws {
        let office = try FeatureOffice()
        #expect(try click(office.ada, on: user, target, subscription: subscription).status == status)
        #expect(!office.ada.has(.invite) && !office.bob.has(.invite))
        office.world.expectEverythingEnded()
    }

    @Test func `who has no telephone is told so`() throws {
        let office = try FeatureOffice()
        try office.ada.register(expires: 0, callID: "reg")
        #expect(try click(office.ada, on: "100", "<sip:101@\(World.realm)>").status == 480)
        office.world.expectEverythingEnded()
    }
}
