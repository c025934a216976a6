import Numbering
import Primitives
import SIPMessage
import SIPTransaction
import ServerLocation
import Settings
import Testing
import Trunks

struct TrunkHealthTests {
    private func peer(hops: [String] = ["198.51.100.1:5060"], transport: SIPFlow.Transport = .udp) -> TrunkBench {
        TrunkBench.registering(hops: hops, transport: transport) {
            $0.kind = .static
            $0.healthInterval = .seconds(60)
        }
    }

    @Test func `a static trunk is asked at once, and its round trip is known`() throws {
        let bench = peer()
        let probe = try #require(bench.take())
        #expect(probe.request.method == .options && probe.request.uri.description == "sip:telco.example")
        bench.advance(by: .milliseconds(30))
        bench.answer(probe, 200)
        #expect(bench.state == .reachable && bench.status?.roundTrip == .milliseconds(30))
        let waited = bench.advanceToNextRequest()
        #expect(waited >= .seconds(54) && waited <= .seconds(66))
    }

    @Test(arguments: [200, 403, 404, 405, 481, 486, 500, 603])
    func `any answer says that it is there`(status: Int) throws {
        let bench = peer()
        bench.answer(try #require(bench.take()), status)
        #expect(bench.state == .reachable && bench.status?.failures == 0)
    }

    @Test func `two failures in a row make it unreachable, two answers bring it back`() throws {
        let bench = peer()
        bench.answer(try #require(bench.take()), 200)
        bench.advanceToNextRequest()
        bench.answer(try #require(bench.take()), 503)
        #expect(bench.state == .reachable, "one is not enough")
        #expect(bench.advanceToNextRequest() <= .seconds(6), "the second comes soon")
        bench.fail(try #require(bench.take()))
        #expect(bench.state == .unreachable(.transportFailed))
        bench.answer(try #require(bench.take()), 200)
        #expect(bench.state?.isUsable == false, "one is not enough")
        #expect(bench.advanceToNextRequest() <= .seconds(6))
        bench.answer(try #require(bench.take()), 200)
        #expect(bench.state == .reachable)
        #expect(bench.changes.suffix(2) == [.unreachable(.transportFailed), .reachable])
    }

    @Test func `an answer between failures keeps it up`() throws {
        let bench = peer()
        for _ in 0..<5 {
            bench.fail(try #require(bench.take()))
            bench.advanceToNextRequest()
            bench.answer(try #require(bench.take()), 200)
            #expect(bench.state == .reachable)
            bench.advanceToNextRequest()
        }
    }

    @Test func `all hops together count once, and the one that answers is used`() throws {
        let bench = peer(hops: ["198.51.100.1:5060", "198.51.100.2:5060"])
        bench.fail(try #require(bench.take()))
        let second = try #require(bench.take())
        #expect(second.flow.remote == Endpoint("198.51.100.2:5060"))
        bench.answer(second, 200)
        #expect(bench.status?.hop?.endpoint == second.flow.remote)
        let route = try #require(bench.trunks.routes(for: .emergency("112"), from: .init(extensionNumber: "100")).first)
        #expect(route.flows.map(\.remote) == [second.flow.remote, Endpoint("198.51.100.1:5060")!])
    }

    @Test func `a peer that fell is looked up again`() throws {
        let bench = peer()
        bench.fail(try #require(bench.take()))
        bench.advanceToNextRequest()
        bench.places["telco.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.9:5060")!)])
        bench.fail(try #require(bench.take()))
        #expect(bench.take()?.flow.remote == Endpoint("198.51.100.9:5060"))
    }

    @Test func `a peer that is never asked is believed to be there, and looked up every hour`() throws {
        let bench = TrunkBench.registering {
            $0.kind = .static
            $0.healthInterval = .zero
        }
        #expect(bench.state == .reachable && bench.sent.isEmpty)
        bench.advance(by: .seconds(7_300))
        #expect(bench.asked.count == 3 && bench.sent.isEmpty)
    }

    @Test func `a peer whose connection broke is asked soon`() throws {
        let bench = peer(transport: .tcp)
        let probe = try #require(bench.take())
        bench.answer(probe, 200, over: 9)
        var flow = probe.flow
        flow.connection = 9
        #expect(bench.trunks.routes(for: .emergency("112"), from: .init(extensionNumber: "100"))[0].flows == [flow])
        bench.run { trunks, agent in trunks.flowClosed(flow, &agent) }
        #expect(bench.advanceToNextRequest() == .seconds(1))
        #expect(bench.take()?.flow.connection == nil)
    }

    @Test func `a call without answer makes the owner's trunk be asked soon`() throws {
        let bench = peer()
        let probe = try #require(bench.take())
        bench.answer(probe, 200)
        let id = try #require(bench.status?.id)
        bench.run { trunks, agent in trunks.callFailed(id, over: probe.flow, &agent) }
        #expect(bench.advanceToNextRequest() == .seconds(1))
    }

    @Test func `a registered trunk that does not answer twice registers anew`() throws {
        let bench = TrunkBench.registering { $0.healthInterval = .seconds(60) }
        bench.accept(3_600)
        bench.advanceToNextRequest()
        #expect(bench.sent.first?.request.method == .options)
        bench.fail(try #require(bench.take()))
        #expect(bench.state == .registered)
        bench.advanceToNextRequest()
        bench.fail(try #require(bench.take()))
        #expect(bench.state == .unreachable(.transportFailed))
        #expect(bench.asked.count == 2 && bench.sent.first?.request.method == .register)
        bench.accept(3_600)
        #expect(bench.state == .registered)
    }

    @Test func `a new interval of health is adopted without leaving`() throws {
        let bench = peer()
        bench.answer(try #require(bench.take()), 200)
        var trunk = TrunkBench.trunk(kind: .static)
        trunk.healthInterval = .seconds(10)
        bench.adopt(TrunkBench.settings([trunk]))
        #expect(bench.sent.isEmpty && bench.advanceToNextRequest() == .seconds(10))
    }
}
