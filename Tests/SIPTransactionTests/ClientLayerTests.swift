import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct ClientLayerTests {
    static func outgoing(_ method: SIPMethod) throws -> SIPRequest {
        var request = try request(Shape(method: method.rawValue, extra: "Route: <sip:192.0.2.55;lr>\r\nRequire: x"))
        request.headers.remove(.via)
        request.headers.remove(.maxForwards)
        return request
    }

    static func sending(
        _ method: SIPMethod, _ layer: inout TransactionLayer, _ transport: SIPFlow.Transport = .udp,
        branch: String = "z9hG4bKours"
    ) throws -> (id: ClientTransactionID, effects: [TransactionEffect]) {
        layer.send(try outgoing(method), over: flow(transport), branch: branch, at: .origin)
    }

    @Test(arguments: [SIPFlow.Transport.udp, .tcp, .tls])
    func `a request goes out with our Via on top`(transport: SIPFlow.Transport) throws {
        var layer = TransactionLayer()
        let (_, effects) = try Self.sending(.invite, &layer, transport)
        let via = try #require(effects.sentRequest).topVia()
        #expect(via.transport == transport.rawValue)
        #expect(via.host == "192.0.2.1")
        #expect(via.port == 5060)
        #expect(via.branch == "z9hG4bKours")
        #expect(via.parameters.contains("rport") == (transport == .udp))
        #expect(effects.sentRequest?.headers[.maxForwards] == "70")
        #expect(effects.destination == flow(transport))
    }

    @Test func `an unanswered request is sent again until it times out`() throws {
        var layer = TransactionLayer()
        let (id, effects) = try Self.sending(.bye, &layer)
        let trace = layer.run(until: milliseconds(60_000))
        #expect(trace.count == 11)
        #expect(trace.dropLast().allSatisfy { $0.effects == effects })
        #expect(trace.last?.effects == [.failed(id, .timedOut)])
        #expect(layer.clientCount == 0)
    }

    @Test func `a refusal of our INVITE is acknowledged by the layer, again for each repetition`() throws {
        var layer = TransactionLayer()
        let (id, effects) = try Self.sending(.invite, &layer)
        let busy = try answer(effects, 486)
        let first = layer.receive(busy, from: flow(), at: milliseconds(10))
        #expect(first.sentMethods == [.ack])
        #expect(first.deliveredStatuses == [486])
        let ack = try #require(first.sentRequest)
        let invite = try #require(effects.sentRequest)
        #expect(try ack.vias() == [try invite.topVia()])
        #expect(try ack.to().tag == "bob")
        #expect(try ack.cseq() == CSeq(number: 1, method: .ack))
        #expect(ack.uri == invite.uri)
        #expect(ack.headers[.route] == invite.headers[.route])
        #expect(!ack.headers.contains(.require))
        #expect(layer.receive(busy, from: flow(), at: milliseconds(500)) == [first[0]])
        #expect(layer.flowFailed(flow(), at: milliseconds(600)).isEmpty)  // the answer is known: no failure
        #expect(layer.clientCount == 0)
        _ = id
    }

    @Test func `every 2xx is delivered, also repeated ones and those of other forks, until timer M`() throws {
        var layer = TransactionLayer()
        let (_, effects) = try Self.sending(.invite, &layer)
        for tag in ["fork1", "fork2", "fork1"] {
            let delivered = layer.receive(try answer(effects, 200, toTag: tag), from: flow(), at: milliseconds(5))
            #expect(delivered.deliveredStatuses == [200])
            #expect(delivered.sent.isEmpty)
        }
        #expect(layer.receive(try answer(effects, 180), from: flow(), at: milliseconds(6)).isEmpty)
        _ = layer.run(until: milliseconds(32_005))
        let stray = layer.receive(try answer(effects, 200), from: flow(), at: milliseconds(32_006))
        #expect(stray == [.dropped(.strayResponse)])
    }

    @Test func `ACK to a 2xx has its own branch and no transaction`() throws {
        var layer = TransactionLayer()
        let effects = layer.sendAck(try Self.outgoing(.ack), over: flow(), branch: "z9hG4bKa")
        #expect(effects.sentMethods == [.ack])
        #expect(try #require(effects.sentRequest).topVia().branch == "z9hG4bKa")
        #expect(layer.clientCount == 0)
    }

    @Test func `CANCEL waits for a provisional response`() throws {
        var layer = TransactionLayer()
        let (id, effects) = try Self.sending(.invite, &layer)
        #expect(layer.cancel(id, at: milliseconds(1)).isEmpty)
        #expect(layer.handleDeadline(at: milliseconds(500)) == effects)  // the INVITE still has to arrive
        let ringing = layer.receive(try answer(effects, 180), from: flow(), at: milliseconds(600))
        #expect(ringing.deliveredStatuses == [180])
        let cancel = try #require(ringing.sentRequest)
        let invite = try #require(effects.sentRequest)
        #expect(cancel.method == .cancel)
        #expect(try cancel.vias() == [try invite.topVia()])
        #expect(try cancel.cseq() == CSeq(number: 1, method: .cancel))
        #expect(cancel.headers[.to] == invite.headers[.to])
        #expect(cancel.headers[.route] == invite.headers[.route])
        #expect(!cancel.headers.contains(.require))
        #expect(layer.clientCount == 2)
        // Its answer stays inside, the INVITE ends by 487.
        #expect(layer.receive(try answer(ringing, 200), from: flow(), at: milliseconds(700)).isEmpty)
        let ended = layer.receive(try answer(effects, 487), from: flow(), at: milliseconds(710))
        #expect(ended.deliveredStatuses == [487])
        #expect(ended.sentMethods == [.ack])
        #expect(layer.cancel(id, at: milliseconds(720)).isEmpty)
        _ = layer.run(until: milliseconds(60_000))
        #expect(layer.clientCount == 0)
    }

    @Test func `a 2xx may cross the CANCEL`() throws {
        var layer = TransactionLayer()
        let (id, effects) = try Self.sending(.invite, &layer)
        _ = layer.receive(try answer(effects, 180), from: flow(), at: milliseconds(1))
        #expect(layer.cancel(id, at: milliseconds(2)).sentMethods == [.cancel])
        #expect(layer.cancel(id, at: milliseconds(3)).isEmpty)
        #expect(layer.receive(try answer(effects, 200), from: flow(), at: milliseconds(4)).deliveredStatuses == [200])
    }

    @Test func `a cancelled INVITE without final response is given up`() throws {
        var layer = TransactionLayer()
        let (id, effects) = try Self.sending(.invite, &layer, .tcp)
        _ = layer.receive(try answer(effects, 180), from: flow(.tcp), at: .origin)
        let cancel = layer.cancel(id, at: .origin)
        _ = layer.receive(try answer(cancel, 481), from: flow(.tcp), at: milliseconds(1))
        #expect(layer.clientCount == 1)
        #expect(layer.run(until: milliseconds(40_000)).flatMap(\.effects) == [.failed(id, .timedOut)])
        #expect(layer.clientCount == 0)
    }

    @Test func `a failed flow fails what waits on it, and nothing else`() throws {
        var layer = TransactionLayer()
        let (invite, _) = try Self.sending(.invite, &layer, .tcp, branch: "z9hG4bK-1")
        let (bye, _) = try Self.sending(.bye, &layer, .tcp, branch: "z9hG4bK-2")
        _ = try Self.sending(.bye, &layer, .udp, branch: "z9hG4bK-3")
        let effects = layer.flowFailed(flow(.tcp), at: milliseconds(5))
        #expect(effects == [.failed(invite, .transportFailed), .failed(bye, .transportFailed)])
        #expect(layer.clientCount == 1)
    }

    @Test func `stray and foreign responses are dropped`() throws {
        var layer = TransactionLayer()
        let (_, effects) = try Self.sending(.options, &layer)
        let sent = try #require(effects.sentRequest)
        var foreign = SIPResponse(to: sent, status: 200)
        foreign.headers.set(.via, "SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKours")
        #expect(layer.receive(.response(foreign), from: flow(), at: .origin) == [.dropped(.wrongHost)])
        var stray = SIPResponse(to: sent, status: 200)
        stray.headers.set(.via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnobody")
        #expect(layer.receive(.response(stray), from: flow(), at: .origin) == [.dropped(.strayResponse)])
        var method = SIPResponse(to: sent, status: 200)
        method.headers.set(.cseq, "1 INVITE")
        #expect(layer.receive(.response(method), from: flow(), at: .origin) == [.dropped(.strayResponse)])
        var double = SIPResponse(to: sent, status: 200)
        double.headers.append(.via, "SIP/2.0/UDP 203.0.113.7")
        #expect(layer.receive(.response(double), from: flow(), at: .origin) == [.dropped(.malformed)])
        var none = SIPResponse(to: sent, status: 200)
        none.headers.remove(.via)
        #expect(layer.receive(.response(none), from: flow(), at: .origin) == [.dropped(.malformed)])
        #expect(layer.clientCount == 1)
    }

    @Test func `over the limit nothing is sent`() throws {
        var limits = Limits()
        limits.clientTransactions = 2
        var layer = TransactionLayer(limits: limits)
        _ = try Self.sending(.invite, &layer, branch: "z9hG4bK-1")
        _ = try Self.sending(.bye, &layer, branch: "z9hG4bK-2")
        let (id, effects) = try Self.sending(.bye, &layer, branch: "z9hG4bK-3")
        #expect(effects == [.dropped(.overloaded), .failed(id, .transportFailed)])
        #expect(layer.clientCount == 2)
    }
}
