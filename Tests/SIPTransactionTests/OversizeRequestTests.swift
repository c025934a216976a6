import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct OversizeRequestTests {
    static let stream = SIPFlow(transport: .tcp, local: us, remote: phone)

    static func outgoing(_ method: SIPMethod = .invite, bodyBytes: Int = 1_400) throws -> SIPRequest {
        var request = try ClientLayerTests.outgoing(method)
        request.body = [UInt8](repeating: 0x61, count: bodyBytes)
        return request
    }

    static func sending(
        _ layer: inout TransactionLayer, _ method: SIPMethod = .invite, mayChangeTransport: Bool = true
    ) throws -> (id: ClientTransactionID, effects: [TransactionEffect]) {
        layer.send(
            try outgoing(method), over: flow(), branch: "z9hG4bKours", mayChangeTransport: mayChangeTransport,
            at: .origin)
    }

    @Test func `a request over the limit goes over TCP, and its Via says so`() throws {
        var layer = TransactionLayer()
        let (_, effects) = try Self.sending(&layer)
        #expect(effects.destination == Self.stream)
        let via = try #require(effects.sentRequest).topVia()
        #expect(via.transport == "TCP" && via.branch == "z9hG4bKours" && !via.parameters.contains("rport"))
        #expect(layer.run(until: milliseconds(31_999)).isEmpty)  // a reliable transport repeats nothing
    }

    @Test func `the limit is in bytes of the whole request, and applies to UDP alone`() throws {
        var limits = Limits()
        let small = try Self.outgoing(bodyBytes: 100)
        var layer = TransactionLayer(limits: limits)
        let sent = layer.send(small, over: flow(), branch: "z9hG4bK1", at: .origin).effects
        guard case .transmit(let bytes, flow())? = sent.first else {
            Issue.record("not over UDP")
            return
        }
        limits.sipDatagramBytes = bytes.count
        layer = TransactionLayer(limits: limits)
        #expect(layer.send(small, over: flow(), branch: "z9hG4bK1", at: .origin).effects.destination == flow())
        limits.sipDatagramBytes -= 1
        layer = TransactionLayer(limits: limits)
        #expect(layer.send(small, over: flow(), branch: "z9hG4bK1", at: .origin).effects.destination == Self.stream)
        #expect(layer.send(small, over: flow(.tls), branch: "z9hG4bK2", at: .origin).effects.destination == flow(.tls))
    }

    @Test func `the caller may forbid it`() throws {
        var layer = TransactionLayer()
        #expect(try Self.sending(&layer, mayChangeTransport: false).effects.destination == flow())
    }

    @Test(arguments: [nil, 12] as [UInt64?])
    func `when TCP fails before any response it goes over UDP, as one transaction`(connection: UInt64?) throws {
        var layer = TransactionLayer()
        let (id, _) = try Self.sending(&layer)
        var failed = Self.stream
        failed.connection = connection
        failed.local.port = 41_000
        let effects = layer.flowFailed(failed, at: milliseconds(100))
        #expect(effects.destination == flow())
        let via = try #require(effects.sentRequest).topVia()
        #expect(via.transport == "UDP" && via.branch == "z9hG4bKoursu")
        #expect(layer.clientCount == 1)
        #expect(layer.handleDeadline(at: milliseconds(600)) == effects)  // timer A, from the second attempt on
        let answered = layer.receive(try answer(effects, 486), from: flow(), at: milliseconds(700))
        #expect(answered.deliveredStatuses == [486])
        guard case .response(id, _, _)? = answered.last else {
            Issue.record("another id")
            return
        }
        #expect(answered.destination == flow())  // its ACK
    }

    @Test func `a failure of UDP after that is final`() throws {
        var layer = TransactionLayer()
        let (id, _) = try Self.sending(&layer, .message)
        _ = layer.flowFailed(Self.stream, at: milliseconds(100))
        #expect(layer.flowFailed(flow(), at: milliseconds(200)) == [.failed(id, .transportFailed)])
        #expect(layer.clientCount == 0 && layer.nextDeadline == nil)
    }

    @Test func `after a response or a CANCEL there is no second attempt`() throws {
        var layer = TransactionLayer()
        let (id, effects) = try Self.sending(&layer)
        _ = layer.receive(try answer(effects, 100, toTag: nil), from: flow(.tcp), at: milliseconds(1))
        #expect(layer.flowFailed(Self.stream, at: milliseconds(2)) == [.failed(id, .transportFailed)])
        var other = TransactionLayer()
        let (cancelled, _) = try Self.sending(&other)
        _ = other.cancel(cancelled, at: milliseconds(1))
        #expect(other.flowFailed(Self.stream, at: milliseconds(2)) == [.failed(cancelled, .transportFailed)])
    }

    @Test func `a connection elsewhere that fails is another matter`() throws {
        var layer = TransactionLayer()
        _ = try Self.sending(&layer)
        var other = Self.stream
        other.remote.port = 5061
        #expect(layer.flowFailed(other, at: .origin).isEmpty)
        #expect(layer.flowFailed(flow(), at: .origin).isEmpty)
        #expect(layer.clientCount == 1)
    }
}
