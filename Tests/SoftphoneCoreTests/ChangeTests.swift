import Media
import Primitives
import SIPDialog
import SIPMessage
import SoftphoneCore
import Testing

@Suite struct ChangeTests {
    @Test func `a call is held and taken back, and nothing else is asked meanwhile`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        bench.input(.command(.hold(true)))
        let hold = try bench.sent(.invite)
        #expect(String(decoding: hold.body, as: UTF8.self).contains("a=sendonly"))
        #expect(!bench.core.mayChange)
        bench.input(.command(.transfer("102", replaces: nil)))
        #expect(!bench.hasSent(.refer))
        bench.answer(hold, 200, body: Bench.sdp(direction: "recvonly", version: 2))
        #expect(try bench.sent(.ack).cseq().number == (try hold.cseq().number))
        #expect(bench.core.isHolding && bench.core.mayChange)
        #expect(bench.configured.last?.receives == false)
        bench.input(.command(.hold(false)))
        bench.answer(try bench.sent(.invite), 200, body: Bench.sdp(version: 3))
        #expect(!bench.core.isHolding && bench.configured.last?.receives == true)
    }

    @Test(arguments: [491, 500]) func `a change that is refused changes nothing`(status: Int) throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        bench.input(.command(.hold(true)))
        bench.answer(try bench.sent(.invite), status)
        #expect(!bench.core.isHolding && bench.core.mayChange && !bench.hasSent(.bye))
    }

    @Test func `a change of a call that nobody knows any more ends it`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        bench.input(.command(.hold(true)))
        bench.answer(try bench.sent(.invite), 481)
        #expect(bench.hasSent(.bye))
    }

    @Test func `a transfer names its target, and the dialog that it joins`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        let other = DialogID(callID: "c2", localTag: "ours", remoteTag: "theirs")
        bench.input(.command(.transfer("102", replaces: other)))
        let refer = try bench.sent(.refer)
        let target = try #require(try refer.referTo()).uri
        #expect(target.user == "102")
        let replaces = try #require(try target.replaces())
        #expect(replaces.callID == "c2" && replaces.toTag == "theirs" && replaces.fromTag == "ours")
        bench.answer(refer, 202)
        #expect(bench.core.mayChange)
    }

    @Test func `a call that rings is refused or sent on`() throws {
        var bench = Bench()
        try bench.register()
        bench.receive(.request(Bench.invite()))
        #expect(bench.core.dialogID?.remoteTag == "bob")
        _ = try bench.sentStatus()
        bench.input(.command(.redirect("102")))
        let moved = try bench.sentStatus()
        #expect(moved.status == 302 && moved.headers[.contact]?.contains("sip:102@pbx.example") == true)
        #expect(bench.events.last == .failed(status: 302))
    }

    @Test func `a call that rings elsewhere is picked up with Replaces`() throws {
        var bench = Bench()
        try bench.register()
        bench.input(.command(.pickUp("101", DialogID(callID: "c3", localTag: "phone", remoteTag: "pbx"))))
        let replaces = try #require(try bench.sent(.invite).replaces())
        #expect(replaces.callID == "c3" && replaces.toTag == "phone" && replaces.fromTag == "pbx")
    }
}
