import Media
import Primitives
import SIPDialog
import SIPMessage
import SoftphoneCore
import Testing

@Suite struct OutgoingCallTests {
    @Test func `a call is offered, challenged, ringing, answered and acknowledged`() throws {
        var bench = Bench()
        try bench.register()
        let invite = try bench.placeCall()
        #expect(invite.headers[.authorization] != nil)
        #expect(String(decoding: invite.body, as: UTF8.self).contains("m=audio 7078 RTP/AVP 0"))
        bench.answer(invite, 100)
        bench.answer(invite, 180)
        bench.answer(invite, 200, body: Bench.sdp())
        let ack = try bench.sent(.ack)
        #expect(try ack.cseq().number == invite.cseq().number)
        #expect(bench.events.suffix(2) == [.ringing, .established(codec: .pcmu)])
        #expect(bench.configured.first?.remote == Endpoint(address: .v4(0xC000_020A), port: 16_384))
    }

    @Test func `a repeated 2xx is acknowledged each time`() throws {
        var bench = Bench()
        try bench.register()
        let invite = try bench.placeCall()
        for _ in 0..<3 {
            bench.answer(invite, 200, body: Bench.sdp())
            _ = try bench.sent(.ack)
        }
        #expect(bench.configured.count == 1)
    }

    @Test func `a repeated 2xx is acknowledged after a re-INVITE of the peer, too`() throws {
        var bench = Bench()
        try bench.register()
        let invite = try bench.placeCall()
        bench.answer(invite, 200, body: Bench.sdp())
        _ = try bench.sent(.ack)
        var dialog = try Dialog(received: invite, localTag: "peer", secure: false)
        bench.send(
            dialog.makeRequest(
                .invite, contact: SIPURI(user: "101", host: "192.0.2.10"), contentType: "application/sdp",
                body: Bench.sdp(version: 2)), branch: "z9hG4bKre")
        #expect(try bench.sentStatus().status == 200)
        bench.answer(invite, 200, body: Bench.sdp())
        _ = try bench.sent(.ack)
    }

    @Test(arguments: [404, 408, 480, 486, 488, 500, 503, 603])
    func `a refused call fails with its status and frees its media`(status: Int) throws {
        var bench = Bench()
        try bench.register()
        bench.answer(try bench.placeCall(), status)
        #expect(bench.events.last == .failed(status: status))
        #expect(bench.openedCount == 1 && bench.closedCount == 1)
    }

    @Test func `no answer at all is status 408`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.placeCall()
        bench.advance(.seconds(33))
        #expect(bench.events.last == .failed(status: 408))
        #expect(bench.closedCount == 1)
    }

    @Test func `hanging up while it rings cancels the call`() throws {
        var bench = Bench()
        try bench.register()
        let invite = try bench.placeCall()
        bench.answer(invite, 180)
        bench.input(.command(.hangUp))
        bench.answer(try bench.sent(.cancel), 200)
        bench.answer(invite, 487)
        #expect(bench.events.last == .failed(status: 487))
        bench.advance(.seconds(40))
        #expect(bench.core.isQuiet)
    }

    @Test func `hanging up before anything came waits for a provisional response to cancel`() throws {
        var bench = Bench()
        try bench.register()
        let invite = try bench.placeCall()
        bench.input(.command(.hangUp))
        #expect(!bench.hasSent(.cancel))
        bench.answer(invite, 100)
        #expect(bench.hasSent(.cancel))
    }

    @Test func `a 2xx that crosses the CANCEL is acknowledged and ended`() throws {
        var bench = Bench()
        try bench.register()
        let invite = try bench.placeCall()
        bench.answer(invite, 180)
        bench.input(.command(.hangUp))
        bench.answer(invite, 200, body: Bench.sdp())
        _ = try bench.sent(.ack)
        bench.answer(try bench.sent(.bye), 200)
        #expect(bench.configured.isEmpty)
        #expect(bench.events.last == .ended)
    }

    @Test func `an answer without a common codec is acknowledged and ended`() throws {
        var bench = Bench(codecs: [.opus])
        try bench.register()
        bench.answer(try bench.placeCall(), 200, body: Bench.sdp())
        _ = try bench.sent(.ack)
        #expect(bench.hasSent(.bye))
    }

    @Test func `hanging up sends BYE, and the call ends even without an answer`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        bench.input(.command(.hangUp))
        #expect(bench.hasSent(.bye))
        bench.advance(.seconds(33))
        #expect(bench.events.last == .ended)
        #expect(bench.closedCount == 1)
        #expect(bench.core.isQuiet)
    }

    @Test func `the peer's BYE ends the call`() throws {
        var bench = Bench()
        try bench.register()
        var dialog = try bench.establishOutgoing()
        bench.send(dialog.makeRequest(.bye), branch: "z9hG4bKbye")
        #expect(try bench.sentStatus().status == 200)
        #expect(bench.events.last == .ended)
        #expect(bench.closedCount == 1)
    }

    @Test func `hanging up before the media is open sends nothing and gives it back`() throws {
        var bench = Bench()
        try bench.register()
        bench.opensMedia = false
        bench.input(.command(.call("101")))
        bench.input(.command(.hangUp))
        bench.input(.mediaReady(.v4(0xC000_0214), port: 7078))
        #expect(!bench.hasSent(.invite))
        #expect(bench.closedCount == 1)
        #expect(bench.events.last == .failed(status: 487))
    }

    @Test func `a second call is refused while one is up`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        bench.input(.command(.call("102")))
        #expect(bench.events.last == .failed(status: 486))
        #expect(!bench.hasSent(.invite))
    }
}
