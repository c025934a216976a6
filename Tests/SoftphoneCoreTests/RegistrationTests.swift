import Primitives
import SIPMessage
import SoftphoneCore
import Testing

@Suite struct RegistrationTests {
    @Test func `a challenge is answered and the registration refreshed before it ends`() throws {
        var bench = Bench()
        bench.input(.connected(Bench.flow))
        let first = try bench.sent(.register)
        #expect(first.headers[.authorization] == nil)
        bench.challenge(first)
        let second = try bench.sent(.register)
        #expect(second.authorizations().first?.parameters["username"] == "100")
        #expect(try second.cseq().number == first.cseq().number + 1)
        #expect(try second.callID() == first.callID())
        bench.answer(
            second, 200, fields: [.init(.contact, "<sip:100@192.0.2.20:5060>;expires=200"), .init(.expires, "300")])
        #expect(bench.events == [.registered(expiresSeconds: 200)])
        bench.advance(.seconds(179))
        #expect(!bench.hasSent(.register))
        bench.advance(.seconds(2))
        #expect(bench.hasSent(.register))
    }

    @Test func `a stale nonce is replaced, but not for ever`() throws {
        var bench = Bench()
        bench.input(.connected(Bench.flow))
        bench.challenge(try bench.sent(.register), nonce: "n1")
        bench.challenge(try bench.sent(.register), nonce: "n2", isStale: true)
        let third = try bench.sent(.register)
        #expect(third.authorizations().first?.parameters["nonce"] == "n2")
        #expect(third.authorizations().first?.parameters["nc"] == "00000001")
        bench.challenge(third, nonce: "n3", isStale: true)
        bench.challenge(try bench.sent(.register), nonce: "n4", isStale: true)
        #expect(!bench.hasSent(.register))
        #expect(bench.events == [.registrationFailed(status: 401)])
    }

    @Test func `a second challenge that is not stale means a wrong password`() throws {
        var bench = Bench()
        bench.input(.connected(Bench.flow))
        bench.challenge(try bench.sent(.register), nonce: "n1")
        bench.challenge(try bench.sent(.register), nonce: "n2")
        #expect(bench.events == [.registrationFailed(status: 401)])
    }

    @Test func `a challenge without a known algorithm ends the attempt`() throws {
        var bench = Bench()
        bench.input(.connected(Bench.flow))
        bench.answer(
            try bench.sent(.register), 401,
            fields: [.init(.wwwAuthenticate, "Digest realm=\"pbx.example\", nonce=\"n\", algorithm=SHA-1")])
        #expect(bench.events == [.registrationFailed(status: 401)])
    }

    @Test(arguments: [403, 404, 423, 500, 503])
    func `a refusal is reported and tried again after 30 s`(status: Int) throws {
        var bench = Bench()
        bench.input(.connected(Bench.flow))
        bench.answer(try bench.sent(.register), status)
        #expect(bench.events == [.registrationFailed(status: status)])
        bench.advance(.seconds(29))
        #expect(!bench.hasSent(.register))
        bench.advance(.seconds(1))
        #expect(bench.hasSent(.register))
    }

    @Test func `no answer is a failure with status 408`() throws {
        var bench = Bench()
        bench.input(.connected(Bench.flow))
        bench.advance(.seconds(33))
        #expect(bench.events == [.registrationFailed(status: 408)])
        #expect(bench.outbox.count > 5, "REGISTER is repeated over UDP")
    }

    @Test func `unregistering asks for zero seconds and leaves nothing behind`() throws {
        var bench = Bench()
        try bench.register()
        bench.input(.command(.unregister))
        let request = try bench.sent(.register)
        #expect(request.expires() == 0)
        bench.answer(request, 200)
        #expect(bench.events.last == .unregistered)
        bench.advance(.seconds(1_000))
        #expect(bench.core.isQuiet)
        #expect(bench.core.nextDeadline == nil)
    }

    @Test func `unregistering that is refused is not tried again`() throws {
        var bench = Bench()
        try bench.register()
        bench.input(.command(.unregister))
        bench.answer(try bench.sent(.register), 500)
        #expect(bench.events.last == .registrationFailed(status: 500))
        bench.advance(.seconds(1_000))
        #expect(!bench.hasSent(.register))
    }

    @Test func `a closed flow ends registration and call`() throws {
        var bench = Bench()
        try bench.register()
        _ = try bench.establishOutgoing()
        bench.input(.flowClosed)
        #expect(bench.events.last == .ended)
        #expect(bench.closedCount == 1)
        bench.input(.command(.call("101")))
        #expect(bench.events.last == .failed(status: 503))
    }
}
