import Numbering
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import ServerLocation
import Settings
import Testing
import Trunks

struct TrunkRegistrationTests {
    @Test func `a trunk registers as soon as there is a listener and its server is found`() throws {
        let bench = TrunkBench()
        bench.places["telco.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.1:5060")!)])
        bench.adopt(TrunkBench.settings([TrunkBench.trunk()]))
        #expect(bench.state == .idle && bench.sent.isEmpty)
        bench.listen()
        #expect(bench.asked == [LocationTarget(host: "telco.example")])
        let sent = try #require(bench.take())
        #expect(bench.state == .trying)
        #expect(sent.flow.remote == Endpoint("198.51.100.1:5060"))
        #expect(sent.request.method == .register && sent.request.uri.description == "sip:telco.example")
        #expect(try sent.request.to().uri.description == "sip:4930123456@telco.example")
        #expect(try sent.request.from().tag != nil)
        #expect(sent.request.expires() == 600 && sent.request.contact?.parameters["expires"] == "600")
        #expect(sent.request.contact?.uri.host == "192.0.2.1" && sent.request.contact?.uri.port == 5060)
        #expect(sent.request.contact?.uri.user?.utf8.count == 32)
        bench.answer(sent, 200, [(.contact, sent.request.headers[.contact] ?? "")])
        #expect(bench.state == .registered && bench.changes == [.trying, .registered])
        #expect(bench.status?.expiresIn == .seconds(600))
    }

    @Test func `the refresh comes at 80 to 90 per cent, within the same dialog of REGISTERs`() throws {
        for seed in UInt64(1)...5 {
            let bench = TrunkBench.registering(seed: seed)
            let first = try #require(bench.sent.first).request
            bench.accept(100)
            let waited = bench.advanceToNextRequest()
            #expect(waited >= .seconds(80) && waited <= .seconds(90))
            let second = try #require(bench.take()).request
            #expect(try second.callID() == first.callID())
            #expect(try second.cseq().number == first.cseq().number + 1)
            #expect(second.contact?.uri == first.contact?.uri)
            #expect(bench.state == .registered)
        }
    }

    @Test(arguments: [401, 407])
    func `a challenge is answered, and the nonce serves for the refresh`(status: Int) throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering()
        let header: SIPHeaderName = status == 401 ? .wwwAuthenticate : .proxyAuthenticate
        let challenge = registrar.challenge(at: bench.now, &bench.entropy)
        bench.answer(try #require(bench.take()), status, [(header, challenge)])
        let answered = try #require(bench.sent.first).request
        #expect(registrar.verify(answered, at: bench.now) == .ok)
        #expect(answered.headers.contains(status == 401 ? .authorization : .proxyAuthorization))
        bench.accept(100)
        #expect(bench.state == .registered)
        bench.advanceToNextRequest()
        let refresh = try #require(bench.sent.first).request
        #expect(refresh.authorizations().first?.parameters["nc"] == "00000002")
        #expect(registrar.verify(refresh, at: bench.now) == .ok)
    }

    @Test func `a stale nonce is challenged anew without giving up`() throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering()
        let first = registrar.challenge(at: bench.now, &bench.entropy)
        bench.answer(try #require(bench.take()), 401, [(.wwwAuthenticate, first)])
        bench.accept(600)
        bench.advanceToNextRequest()
        let old = try #require(bench.take())
        #expect(registrar.verify(old.request, at: bench.now) == .stale)
        let second = registrar.challenge(at: bench.now, stale: true, &bench.entropy)
        bench.answer(old, 401, [(.wwwAuthenticate, second)])
        #expect(registrar.verify(try #require(bench.sent.first).request, at: bench.now) == .ok)
        bench.accept()
        #expect(bench.state == .registered)
    }

    @Test func `a registrar that forgot its nonce and does not say stale is answered once more`() throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering()
        bench.answer(
            try #require(bench.take()), 401, [(.wwwAuthenticate, registrar.challenge(at: bench.now, &bench.entropy))])
        bench.accept(100)
        bench.advanceToNextRequest()
        let challenge = registrar.challenge(at: bench.now, &bench.entropy)
        bench.answer(try #require(bench.take()), 401, [(.wwwAuthenticate, challenge)])
        #expect(registrar.verify(try #require(bench.sent.first).request, at: bench.now) == .ok)
        bench.accept()
        #expect(bench.state == .registered)
    }

    @Test func `a wrong password is told apart and not tried again for minutes`() throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering { $0.password = Secret("wrong") }
        for _ in 0..<2 {
            let challenge = registrar.challenge(at: bench.now, &bench.entropy)
            bench.answer(try #require(bench.take()), 401, [(.wwwAuthenticate, challenge)])
        }
        #expect(bench.state == .refused(.wrongPassword) && bench.sent.isEmpty)
        #expect(bench.advanceToNextRequest() >= .seconds(240))
        #expect(try !#require(bench.take()).request.headers.contains(.authorization), "the next round begins anew")
    }

    @Test func `challenges whose answers get lost do not add up to a wrong password`() throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering()
        for _ in 0..<DigestSession.challengeLimit + 2 {
            let challenge = registrar.challenge(at: bench.now, &bench.entropy)
            bench.answer(try #require(bench.take()), 401, [(.wwwAuthenticate, challenge)])
            bench.answer(try #require(bench.take()), 408)
            #expect(bench.state == .unreachable(.refused(status: 408)))
            bench.advanceToNextRequest()
        }
        bench.accept()
        #expect(bench.state == .registered)
    }

    @Test func `challenges without end are given up`() throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering()
        var count = 0
        while let request = bench.take(), count < 20 {
            let challenge = registrar.challenge(at: bench.now, stale: true, &bench.entropy)
            bench.answer(request, 401, [(.wwwAuthenticate, challenge)])
            count += 1
        }
        #expect(count == DigestSession.challengeLimit + 1 && bench.state == .refused(.wrongPassword))
    }

    @Test(arguments: [
        "Basic realm=\"telco.example\"", "Digest realm=\"telco.example\", nonce=\"1\", algorithm=SHA-512", "Digest",
        "nonsense",
    ])
    func `a challenge that cannot be met is told apart`(challenge: String) throws {
        let bench = TrunkBench.registering()
        bench.answer(try #require(bench.take()), 401, [(.wwwAuthenticate, challenge)])
        #expect(bench.state == .refused(.cannotAuthenticate))
        bench.advanceToNextRequest()
        bench.accept()
        #expect(bench.state == .registered, "it is forgotten in the next round")
    }

    @Test func `the interval that the registrar wants is adopted`() throws {
        let bench = TrunkBench.registering()
        bench.answer(try #require(bench.take()), 423, [(.minExpires, "1800")])
        #expect(bench.sent.first?.request.expires() == 1_800)
        bench.accept()
        #expect(bench.state == .registered && bench.status?.expiresIn == .seconds(1_800))
        bench.advanceToNextRequest()
        #expect(bench.sent.first?.request.expires() == 1_800, "and kept")
    }

    @Test(arguments: ["60", "999999999", "abc", ""])
    func `an interval that makes no sense is not`(interval: String) throws {
        let bench = TrunkBench.registering()
        bench.answer(try #require(bench.take()), 423, interval.isEmpty ? [] : [(.minExpires, interval)])
        #expect(bench.state == .refused(.unusableInterval) && bench.sent.isEmpty)
    }

    @Test func `a grant of nothing is no registration`() throws {
        let bench = TrunkBench.registering()
        bench.accept(0)
        #expect(bench.state == .refused(.unusableInterval))
    }

    @Test func `a registrar that lists other contacts only is believed`() throws {
        let bench = TrunkBench.registering()
        let request = try #require(bench.take())
        bench.answer(request, 200, [(.contact, "<sip:x@198.51.100.77>;expires=3600"), (.expires, "120")])
        #expect(bench.state == .registered && bench.status?.expiresIn == .seconds(120))
    }

    @Test(arguments: [403, 404, 416, 486, 600, 302])
    func `a refusal is kept to for minutes`(status: Int) throws {
        let bench = TrunkBench.registering(hops: ["198.51.100.1:5060", "198.51.100.2:5060"])
        bench.answer(try #require(bench.take()), status)
        #expect(bench.state?.failure == .refused(status: status) && bench.sent.isEmpty, "no other hop is asked")
        let waited = bench.advanceToNextRequest()
        #expect(waited >= .seconds(240) && waited <= .seconds(480))
    }

    @Test func `Retry-After is kept to`() throws {
        let bench = TrunkBench.registering()
        bench.answer(try #require(bench.take()), 503, [(.retryAfter, "700 (maintenance);duration=60")])
        #expect(bench.state == .unreachable(.refused(status: 503)))
        #expect(bench.advanceToNextRequest() == .seconds(700))
    }

    // MARK: Hops

    @Test func `after 5xx or silence the next hop is asked at once`() throws {
        let bench = TrunkBench.registering(hops: ["198.51.100.1:5060", "198.51.100.2:5060", "198.51.100.3:5060"])
        bench.answer(try #require(bench.take()), 500)
        let second = try #require(bench.take())
        #expect(second.flow.remote == Endpoint("198.51.100.2:5060"))
        #expect(bench.advanceToNextRequest() == .seconds(32), "64 * T1")
        let third = try #require(bench.sent.first)
        #expect(third.flow.remote == Endpoint("198.51.100.3:5060"))
        #expect(bench.state == .unreachable(.timedOut))
        bench.accept()
        #expect(bench.state == .registered)
        #expect(bench.hopFailures.map(\.endpoint.port) == [5060, 5060])
        bench.advanceToNextRequest()
        #expect(bench.take()?.flow.remote == third.flow.remote, "the hop that works is kept")
    }

    @Test func `when all hops have failed it waits and looks the server up again`() throws {
        let bench = TrunkBench.registering(hops: ["198.51.100.1:5060", "198.51.100.2:5060"])
        bench.fail(try #require(bench.take()))
        bench.fail(try #require(bench.take()))
        #expect(bench.state == .unreachable(.transportFailed) && bench.sent.isEmpty)
        bench.places["telco.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.9:5060")!)])
        let waited = bench.advanceToNextRequest()
        #expect(waited >= .seconds(15) && waited < .seconds(30))
        #expect(bench.take()?.flow.remote == Endpoint("198.51.100.9:5060") && bench.asked.count == 2)
    }

    @Test func `the back-off grows to half an hour and is over with the first success`() throws {
        let bench = TrunkBench.registering()
        var longest = Duration.zero
        for _ in 0..<10 {
            bench.fail(try #require(bench.take()))
            longest = max(longest, bench.advanceToNextRequest())
        }
        #expect(longest >= .seconds(900) && longest <= .seconds(1_800))
        bench.accept()
        #expect(bench.state == .registered && bench.status?.failures == 0)
        bench.advanceToNextRequest()
        bench.fail(try #require(bench.take()))
        #expect(bench.advanceToNextRequest() < .seconds(30))
    }

    @Test func `a server that cannot be found is looked up again`() throws {
        let bench = TrunkBench()
        bench.places["telco.example"] = .failed(.noSuchName("telco.example"))
        bench.adopt(TrunkBench.settings([TrunkBench.trunk()]))
        bench.listen()
        #expect(bench.state == .unreachable(.location(.noSuchName("telco.example"))))
        bench.places["telco.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.1:5060")!)])
        #expect(bench.advanceToNextRequest() < .seconds(30))
        bench.accept()
        #expect(bench.state == .registered)
    }

    @Test func `a lookup without any answer is given up`() throws {
        let bench = TrunkBench()
        bench.adopt(TrunkBench.settings([TrunkBench.trunk()]))
        bench.listen()
        #expect(bench.state == .trying)
        bench.advance(by: .seconds(50))
        #expect(bench.state?.name == "unreachable")
    }

    @Test func `a hop without a listener of its transport and family is no hop`() throws {
        let bench = TrunkBench()
        bench.places["telco.example"] = .hops([
            Hop(transport: .udp, endpoint: Endpoint("[2001:db8::1]:5060")!),
            Hop(transport: .tls, endpoint: Endpoint("198.51.100.1:5061")!),
        ])
        bench.adopt(TrunkBench.settings([TrunkBench.trunk()]))
        bench.listen([.udp: Endpoint("192.0.2.1:5060")!])
        #expect(bench.state == .unreachable(.noTransport) && bench.sent.isEmpty)
        bench.listen()
        #expect(bench.take()?.flow.transport == .tls, "a new listener starts it anew")
    }

    // MARK: Connections

    @Test func `over TLS the connection of the registration is used on, and a new one when it breaks`() throws {
        var bench = TrunkBench.registering(hops: ["198.51.100.1:5061"], transport: .tls)
        let first = try #require(bench.sent.first)
        #expect(first.flow.connection == nil && first.request.contact?.uri.transport == "tls")
        bench.accept(600, over: 42)
        bench.run { trunks, agent in
            var flow = first.flow
            flow.connection = 41
            trunks.flowClosed(flow, &agent)
        }
        #expect(bench.advanceToNextRequest(within: .seconds(10)) > .seconds(5), "another connection is none of ours")
        var flow = first.flow
        flow.connection = 42
        bench.sent = []
        bench = TrunkBench.registering(hops: ["198.51.100.1:5061"], transport: .tls)
        bench.accept(600, over: 42)
        bench.run { trunks, agent in trunks.flowClosed(flow, &agent) }
        let waited = bench.advanceToNextRequest()
        #expect(waited >= .milliseconds(100) && waited <= .seconds(2.1))
        #expect(bench.sent.first?.flow.connection == nil)
        bench.accept(600, over: 43)
        bench.advanceToNextRequest()
        #expect(bench.take()?.flow.connection == 43)
    }

    @Test func `over TCP a broken connection leads to the next hop`() throws {
        let bench = TrunkBench.registering(hops: ["198.51.100.1:5060", "198.51.100.2:5060"], transport: .tcp)
        bench.fail(try #require(bench.take()))
        #expect(bench.sent.first?.flow.remote == Endpoint("198.51.100.2:5060"))
        bench.accept(600, over: 7)
        #expect(bench.state == .registered)
    }

    // MARK: Routes

    @Test func `requests go by the outbound proxy, then the Service-Route`() throws {
        let bench = TrunkBench.registering {
            $0.outboundProxy = TrunkServer(host: "edge.example", port: 5070)
            $0.transport = .tcp
        }
        #expect(bench.asked == [LocationTarget(host: "edge.example", port: 5070, transport: .tcp)])
        bench.places["edge.example"] = .hops([Hop(transport: .tcp, endpoint: Endpoint("198.51.100.5:5070")!)])
        bench.run { trunks, agent in trunks.restart(&agent) }
        let request = try #require(bench.sent.first).request
        #expect(request.headers.all(.route) == ["<sip:edge.example:5070;lr;transport=tcp>"])
        bench.accept(600, [(.serviceRoute, "<sip:a.example;lr>, <sip:b.example;lr>")])
        let route = try #require(bench.trunks.routes(for: .emergency("112"), from: .init(extensionNumber: "100")).first)
        #expect(route.routes.map(\.uri.host) == ["edge.example", "a.example", "b.example"])
    }

    @Test func `without proxy calls go where the Service-Route says`() throws {
        let bench = TrunkBench.registering()
        bench.places["border.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.8:5060")!)])
        bench.accept(600, [(.serviceRoute, "<sip:border.example;lr>")])
        let route = try #require(bench.trunks.routes(for: .emergency("112"), from: .init(extensionNumber: "100")).first)
        #expect(route.flows.map(\.remote) == [Endpoint("198.51.100.8:5060")])
        bench.advanceToNextRequest()
        #expect(bench.take()?.flow.remote == Endpoint("198.51.100.1:5060"), "the registration does not")
    }

    // MARK: Leaving

    @Test func `a drain takes the binding back, with credentials if asked`() throws {
        let registrar = Registrar()
        let bench = TrunkBench.registering()
        bench.accept()
        bench.run { trunks, agent in trunks.drain(&agent) }
        #expect(!bench.trunks.isDrained && bench.state == .unregistered)
        let request = try #require(bench.take())
        #expect(request.request.expires() == 0 && request.request.contact?.parameters["expires"] == "0")
        let challenge = registrar.challenge(at: bench.now, &bench.entropy)
        bench.answer(request, 401, [(.wwwAuthenticate, challenge)])
        let second = try #require(bench.take())
        #expect(registrar.verify(second.request, at: bench.now) == .ok)
        bench.answer(second, 200)
        #expect(bench.trunks.isDrained)
        bench.advance(by: .seconds(7_200))
        #expect(bench.sent.isEmpty)
    }

    @Test func `a drain does not wait for a server that is silent, nor for a trunk that is not registered`() throws {
        let bench = TrunkBench.registering()
        bench.accept()
        bench.run { trunks, agent in trunks.drain(&agent) }
        bench.advance(by: .seconds(33))
        #expect(bench.trunks.isDrained)
        let other = TrunkBench.registering()
        other.run { trunks, agent in trunks.drain(&agent) }
        #expect(other.trunks.isDrained)
    }

    @Test func `after a restart the contact is the same, so that it replaces the old one`() throws {
        let contacts = [UInt64(1), 2].map { seed in
            TrunkBench.registering(seed: seed).sent.first?.request.contact?.uri.user
        }
        #expect(contacts[0] == contacts[1] && contacts[0] != nil)
        let other = TrunkBench.registering { $0.password = Secret("other") }
        #expect(other.sent.first?.request.contact?.uri.user != contacts[0])
    }

    @Test func `a change of the account leaves and registers anew, any other change does neither`() throws {
        let bench = TrunkBench.registering()
        bench.accept()
        var changed = TrunkBench.trunk()
        changed.channels = 2
        changed.defaultDestination = "101"
        let id = bench.status?.id
        bench.adopt(TrunkBench.settings([changed]))
        #expect(bench.sent.isEmpty && bench.status?.id == id && bench.state == .registered)
        changed.user = "4930999"
        bench.adopt(TrunkBench.settings([changed]))
        #expect(bench.status?.id != id)
        #expect(bench.sent.map { $0.request.expires() } == [0, 600])
        #expect(try bench.sent.map { try $0.request.to().uri.user } == ["4930123456", "4930999"])
        bench.answer(try #require(bench.take()), 200)
        bench.accept()
        #expect(bench.state == .registered)
        bench.adopt(TrunkBench.settings([]))
        #expect(bench.take()?.request.expires() == 0 && bench.trunks.isEmpty)
    }

    @Test func `at most as many trunks as the limit are taken`() {
        var limits = Limits()
        limits.trunks = 2
        let bench = TrunkBench()
        bench.trunks = Trunks(hashes: bench.hashes, limits: limits)
        bench.adopt(TrunkBench.settings((0..<5).map { TrunkBench.trunk("t\($0)") }))
        #expect(bench.trunks.statuses(at: bench.now).map(\.name) == ["t0", "t1"])
    }

    @Test func `late and foreign responses change nothing`() throws {
        let bench = TrunkBench.registering(hops: ["198.51.100.1:5060", "198.51.100.2:5060"])
        let first = try #require(bench.take())
        bench.advanceToNextRequest()
        bench.answer(first, 200, [(.contact, first.request.headers[.contact] ?? "")])
        #expect(bench.state == .unreachable(.timedOut))
        bench.run { trunks, agent in
            trunks.received(
                SIPResponse(status: 200, reason: "OK"), to: ClientTransactionID(999), over: first.flow, &agent)
            trunks.located(TrunkID(77), LocationTarget(host: "x"), .pending([]), &agent)
        }
        bench.accept()
        #expect(bench.state == .registered)
    }
}
