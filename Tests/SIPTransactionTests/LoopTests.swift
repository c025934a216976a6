import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct LoopTests {
    /// A request that we sent, as a proxy sends it back: its Via above ours.
    static func returned(
        _ effects: [TransactionEffect], uri: String? = nil, viaOnTop: String? = "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKp"
    ) throws -> SIPMessage {
        var request = try #require(effects.sentRequest)
        if let viaOnTop { request.headers.prepend(.via, viaOnTop) }
        if let uri { request.uri = try SIPURI(parsing: uri) }
        request.headers.set(.maxForwards, "60")
        return .request(request)
    }

    @Test(arguments: [SIPMethod.invite, .message, .options])
    func `our own request that comes back unchanged is a loop`(method: SIPMethod) throws {
        var layer = TransactionLayer()
        let (_, sent) = try ClientLayerTests.sending(method, &layer)
        let effects = layer.receive(try Self.returned(sent), from: flow(), at: milliseconds(5))
        #expect(effects.sentStatuses == [482])
        #expect(effects.drops == [.looped])
        #expect(layer.serverCount == 0)
    }

    @Test func `with several Vias in one field, and with ours on top`() throws {
        var layer = TransactionLayer()
        let (_, sent) = try ClientLayerTests.sending(.invite, &layer)
        let own = try #require(sent.sentRequest).headers[.via]
        var joined = try #require(sent.sentRequest)
        joined.headers.set(.via, "SIP/2.0/UDP 192.0.2.98;branch=z9hG4bKq, SIP/2.0/UDP 192.0.2.99, \(own ?? "")")
        #expect(layer.receive(.request(joined), from: flow(), at: .origin).drops == [.looped])
        let ourselves = SIPFlow(transport: .udp, local: us, remote: us)
        let direct = layer.receive(try Self.returned(sent, viaOnTop: nil), from: ourselves, at: .origin)
        #expect(direct.drops == [.looped])
    }

    @Test func `with another Request-URI it is a spiral, and goes on`() throws {
        var layer = TransactionLayer()
        let (_, sent) = try ClientLayerTests.sending(.invite, &layer)
        let effects = layer.receive(try Self.returned(sent, uri: "sip:102@192.0.2.1"), from: flow(), at: .origin)
        #expect(effects.requestID != nil)
    }

    @Test func `a Via that only looks like ours is none`() throws {
        var layer = TransactionLayer()
        _ = try ClientLayerTests.sending(.invite, &layer)
        for (index, via) in [
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKours",
            "SIP/2.0/UDP 192.0.2.1:5061;branch=z9hG4bKours", "SIP/2.0/UDP 192.0.2.1:5060",
        ].enumerated() {
            var foreign = try request(Shape(branch: "z9hG4bK\(index)", callID: "c\(index)"))
            foreign.headers.append(.via, via)
            #expect(layer.receive(.request(foreign), from: flow(), at: .origin).requestID != nil, "\(via)")
        }
    }

    @Test func `once our transaction has ended Max-Forwards alone ends the loop`() throws {
        var layer = TransactionLayer()
        let (_, sent) = try ClientLayerTests.sending(.options, &layer)
        _ = layer.run(until: milliseconds(60_000))
        guard case .request(var late) = try Self.returned(sent) else { return }
        #expect(layer.receive(.request(late), from: flow(), at: milliseconds(60_001)).requestID != nil)
        late.method = .invite
        late.headers.set(.cseq, "1 INVITE")
        late.headers.set(.maxForwards, "0")
        #expect(layer.receive(.request(late), from: flow(), at: milliseconds(60_002)).sentStatuses == [483])
    }
}
