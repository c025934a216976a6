import Primitives
import SIPMessage
import SIPTransaction
import ServerLocation
import Settings
import Testing
import Trunks

/// Servers that answer anything, connections that break, settings that change: nothing traps, nothing runs hot, and a
/// server that comes to its senses is registered with again.
struct TrunkMonkeyTests {
    private static let values = [
        "", "600", "-1", "99999999999999999999", "<sip:x>", "*", "Digest",
        "Digest realm=\"telco.example\", nonce=\"n\"",
        "Digest realm=\"telco.example\", nonce=\"n\", stale=true, qop=\"auth\"", "\u{7F}\u{0}",
        "<sip:[::1];lr>, <sip:>",
        "<sip:border.example;lr>", "<tel:1>", "<sip:a@b>;expires=0", "1;1;1",
    ]
    private static let names: [SIPHeaderName] = [
        .contact, .expires, .minExpires, .wwwAuthenticate, .proxyAuthenticate, .retryAfter, .serviceRoute, .path,
    ]
    private static let statuses = [100, 180, 200, 202, 302, 400, 401, 403, 407, 408, 423, 481, 500, 503, 600]

    @Test(arguments: [UInt64(1), 3, 5])
    func `whatever servers do, trunks go on`(seed: UInt64) throws {
        let bench = TrunkBench(seed: seed)
        var dice = SeededGenerator(seed: seed &* 77)
        let hops = ["198.51.100.1:5060", "198.51.100.2:5060"].map { Endpoint($0)! }
        bench.places["telco.example"] = .hops(hops.map { Hop(transport: .udp, endpoint: $0) })
        bench.places["border.example"] = .hops([Hop(transport: .udp, endpoint: hops[1])])
        bench.places["tls.example"] = .hops(hops.map { Hop(transport: .tls, endpoint: $0) })
        var secure = TrunkBench.trunk("secure")
        secure.server = TrunkServer(host: "tls.example")
        secure.healthInterval = .seconds(60)
        var peer = TrunkBench.trunk("peer", kind: .static)
        peer.healthInterval = .seconds(10)
        let settings = TrunkBench.settings([TrunkBench.trunk(), secure, peer])
        bench.adopt(settings)
        bench.listen()
        var count = 0
        for step in 0..<300 {
            if let sent = bench.take() {
                count += 1
                let fields = (0..<Int.random(in: 0...4, using: &dice)).map { _ in
                    (Self.names.randomElement(using: &dice)!, Self.values.randomElement(using: &dice)!)
                }
                switch Int.random(in: 0..<10, using: &dice) {
                case 0: bench.fail(sent)
                case 1: break
                case 2:
                    bench.run { trunks, agent in
                        var flow = sent.flow
                        flow.connection = UInt64.random(in: 1...3, using: &dice)
                        trunks.flowClosed(flow, &agent)
                    }
                default:
                    bench.answer(
                        sent, Self.statuses.randomElement(using: &dice)!, fields,
                        over: sent.flow.transport == .tls ? UInt64.random(in: 1...3, using: &dice) : nil)
                }
            } else {
                bench.advance(by: .milliseconds(Int.random(in: 1...60_000, using: &dice)))
            }
            if step % 97 == 96 {
                var changed = settings
                changed.trunks[step % 3].user = "u\(step)"
                bench.adopt(changed)
            }
            if let due = bench.trunks.nextDeadline { #expect(due > bench.now) }
        }
        // At most a round of five repetitions and two hops each quarter of a minute, and the probes.
        #expect(count < 300)
        for _ in 0..<400 where bench.trunks.statuses(at: bench.now).contains(where: { !$0.state.isUsable }) {
            bench.advanceToNextRequest()
            guard let sent = bench.sent.first else { break }
            if sent.request.method == .register {
                bench.accept(sent.request.expires(), over: sent.flow.transport == .tls ? 9 : nil)
            } else {
                bench.answer(try #require(bench.take()), 200)
            }
        }
        #expect(bench.trunks.statuses(at: bench.now).map(\.state) == [.registered, .registered, .reachable])
        bench.run { trunks, agent in trunks.drain(&agent) }
        bench.advance(by: .seconds(40))
        #expect(bench.trunks.isDrained && bench.trunks.nextDeadline == nil)
    }
}
