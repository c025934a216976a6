import CallControl
import Primitives
import SIPMessage
import Testing

/// SUBSCRIBE for the subscription that a REFER has made (RFC 3515 section 2.4.4, RFC 6665 section 4.5.2).
@Suite struct ReferSubscriptionTests: AmongThree {
    let trio = Trio()

    @Test func `who has referred may ask once more how it goes, and may end the subscription without the transfer`()
        throws
    {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        let fields: [SIPHeaders.Field] = [.init(.event, "refer"), .init(.expires, "3600")]
        let early = try call.far.request(.subscribe, fields: fields)
        #expect(early.status == 200 && early.expires() ?? 0 <= 120 && early.headers.contains(.contact))
        #expect(try call.far.takeNotify() == "100 Trying, active")
        #expect(try call.far.takeNotify() == "100 Trying, active", "after the one that was on its way")
        let incoming = try cleo.nextRequest(.invite)
        cleo.respond(incoming, 180)
        #expect(try call.far.takeNotify() == "180 Ringing, active")
        let again = try call.far.request(.subscribe, fields: [.init(.event, "refer")])
        #expect(again.status == 200)
        #expect(try call.far.takeNotify() == "180 Ringing, active")
        let last = try call.far.request(.subscribe, fields: [.init(.event, "refer"), .init(.expires, "0")])
        #expect(last.expires() == 0)
        #expect(try call.far.takeNotify() == "180 Ringing, terminated")
        #expect(try call.far.request(.subscribe, fields: [.init(.event, "refer")]).status == 481)
        let far = try cleo.answer(incoming)
        #expect(!call.far.phone.has(.notify))
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `an end of the subscription waits for the NOTIFY that is on its way`() throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        let incoming = try cleo.nextRequest(.invite)
        cleo.respond(incoming, 180)
        let last = try call.far.request(.subscribe, fields: [.init(.event, "refer"), .init(.expires, "0")])
        #expect(last.status == 200)
        #expect(try call.far.takeNotify() == "100 Trying, active")
        #expect(try call.far.takeNotify() == "180 Ringing, terminated")
        cleo.respond(incoming, 486)
        _ = try cleo.nextRequest(.ack)
        #expect(!call.far.phone.has(.notify) && !call.far.phone.has(.bye))
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }
}
