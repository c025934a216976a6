import Media
import Primitives
import SIPDialog
import SIPMessage
import SoftphoneCore
import Testing

@Suite struct IncomingCallTests {
    @Test func `a call rings, is answered after its time and confirmed`() throws {
        var bench = Bench(answersAfter: .milliseconds(700))
        try bench.register()
        bench.receive(.request(Bench.invite()))
        #expect(try bench.sentStatus().status == 180)
        #expect(bench.events.last == .incoming(from: "101"))
        bench.advance(.milliseconds(699))
        #expect(bench.openedCount == 0)
        bench.advance(.milliseconds(1))
        let ok = try bench.sentStatus()
        #expect(ok.status == 200)
        #expect(bench.events.last == .established(codec: .pcmu))
        bench.advance(.milliseconds(500))
        #expect(try bench.sentStatus().status == 200, "the 2xx is repeated until its ACK")
    }

    @Test func `the ACK stops the repetition of the 2xx`() throws {
        var bench = Bench(answersAfter: .zero)
        try bench.register()
        _ = try bench.establishIncoming()
        bench.outbox = []
        bench.advance(.seconds(40))
        #expect(bench.outbox.isEmpty)
    }

    @Test func `without ACK the call is ended`() throws {
        var bench = Bench(answersAfter: .zero)
        try bench.register()
        bench.receive(.request(Bench.invite()))
        bench.advance(.seconds(33))
        #expect(bench.hasSent(.bye))
        bench.advance(.seconds(33))
        #expect(bench.events.last == .ended)
    }

    @Test func `CANCEL ends the ringing`() throws {
        var bench = Bench()
        try bench.register()
        let invite = Bench.invite()
        bench.receive(.request(invite))
        _ = try bench.sentStatus()
        var cancel = SIPRequest(method: .cancel, uri: invite.uri, headers: invite.headers)
        cancel.headers.set(.cseq, "1 CANCEL")
        bench.receive(.request(cancel))
        #expect([try bench.sentStatus().status, try bench.sentStatus().status] == [200, 487])
        #expect(bench.events.last == .failed(status: 487))
        #expect(bench.openedCount == 0 && bench.closedCount == 0)
    }

    @Test func `hanging up declines a ringing call`() throws {
        var bench = Bench()
        try bench.register()
        bench.receive(.request(Bench.invite()))
        bench.input(.command(.hangUp))
        #expect([try bench.sentStatus().status, try bench.sentStatus().status] == [180, 486])
    }

    @Test func `a second call finds the line busy`() throws {
        var bench = Bench(answersAfter: .zero)
        try bench.register()
        _ = try bench.establishIncoming()
        bench.receive(.request(Bench.invite(branch: "z9hG4bKin2", callID: "in2")))
        #expect(try bench.sentStatus().status == 486)
        bench.input(.command(.hangUp))
        #expect(bench.hasSent(.bye), "the first call is still there")
    }

    @Test func `the peer's BYE ends the call, ours as well`() throws {
        for ours in [true, false] {
            var bench = Bench(answersAfter: .zero)
            try bench.register()
            var dialog = try bench.establishIncoming()
            if ours {
                bench.input(.command(.hangUp))
                bench.answer(try bench.sent(.bye), 200)
            } else {
                bench.send(dialog.makeRequest(.bye), branch: "z9hG4bKbye")
                #expect(try bench.sentStatus().status == 200)
            }
            #expect(bench.events.last == .ended)
            #expect(bench.closedCount == 1)
            bench.advance(.seconds(40))
            #expect(bench.core.isQuiet)
        }
    }

    @Test func `a re-INVITE moves the media, holds it and takes it back`() throws {
        var bench = Bench(answersAfter: .zero)
        try bench.register()
        var dialog = try bench.establishIncoming()
        let contact = SIPURI(user: "101", host: "192.0.2.10")
        for (index, direction) in ["sendonly", "sendrecv"].enumerated() {
            bench.send(
                dialog.makeRequest(
                    .invite, contact: contact, contentType: "application/sdp",
                    body: Bench.sdp(port: 20_000, direction: direction, version: 2 + index)),
                branch: "z9hG4bKre\(index)")
            let ok = try bench.sentStatus()
            #expect(ok.status == 200)
            #expect(
                String(decoding: ok.body, as: UTF8.self).contains(direction == "sendonly" ? "recvonly" : "sendrecv"))
            bench.send(dialog.makeAck(cseq: dialog.localCSeq), branch: "z9hG4bKreack\(index)")
        }
        #expect(bench.configured.map(\.sends) == [true, false, true])
        #expect(bench.configured.last?.remote?.port == 20_000)
        bench.outbox = []
        bench.advance(.seconds(20))
        #expect(bench.outbox.isEmpty, "the re-INVITE's 2xx is acknowledged")
    }

    @Test func `a re-INVITE that cannot be met leaves the call as it was`() throws {
        var bench = Bench(answersAfter: .zero)
        try bench.register()
        var dialog = try bench.establishIncoming()
        bench.send(
            dialog.makeRequest(
                .invite, contact: SIPURI(user: "101", host: "192.0.2.10"), contentType: "application/sdp",
                body: Bench.sdp(codecs: "18", version: 2)), branch: "z9hG4bKre")
        #expect(try bench.sentStatus().status == 488)
        #expect(bench.configured.count == 1)
        #expect(bench.events.last == .established(codec: .pcmu))
    }

    @Test func `an offer without a common codec is declined with 488`() throws {
        var bench = Bench(codecs: [.opus], answersAfter: .zero)
        try bench.register()
        bench.receive(.request(Bench.invite()))
        bench.advance(.milliseconds(1))
        #expect([try bench.sentStatus().status, try bench.sentStatus().status] == [180, 488])
        #expect(bench.openedCount == bench.closedCount)
    }

    @Test(arguments: [(SIPMethod.options, 200), (.bye, 481), (.subscribe, 405)])
    func `requests outside a dialog have their answer`(method: SIPMethod, status: Int) throws {
        var bench = Bench()
        try bench.register()
        var request = Bench.invite(body: [])
        request.method = method
        request.headers.set(.cseq, "1 \(method)")
        bench.receive(.request(request))
        #expect(try bench.sentStatus().status == status)
    }
}
