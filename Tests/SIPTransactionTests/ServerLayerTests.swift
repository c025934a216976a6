import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct ServerLayerTests {
    @Test func `a repeated request is absorbed and its last response sent again`() throws {
        var layer = TransactionLayer()
        let options = try message(Shape(method: "OPTIONS"))
        let first = layer.receive(options, from: flow(), at: .origin)
        let id = try #require(first.requestID)
        #expect(layer.receive(options, from: flow(), at: milliseconds(500)).isEmpty)  // nothing to repeat yet
        let answer = SIPResponse(to: try #require(first.requestMessage), status: 200, toTag: "t")
        let sent = layer.respond(id, with: answer, at: milliseconds(600))
        #expect(sent.sentStatuses == [200])
        #expect(layer.receive(options, from: flow(), at: milliseconds(1_500)) == sent)
        #expect(layer.respond(id, with: answer, at: milliseconds(1_600)).isEmpty)  // a second final response
        _ = layer.run(until: milliseconds(40_000))
        #expect(layer.serverCount == 0)
        #expect(layer.nextDeadline == nil)
    }

    @Test func `100 goes out after 200 ms of silence, and at once when the INVITE comes again`() throws {
        var layer = TransactionLayer()
        let invite = try message(Shape(extra: "Timestamp: 54"))
        _ = layer.receive(invite, from: flow(), at: .origin)
        #expect(layer.nextDeadline == milliseconds(200))
        let trying = layer.handleDeadline(at: milliseconds(200))
        #expect(trying.sentStatuses == [100])
        #expect(try #require(trying.sentResponse).to().tag == nil)
        #expect(trying.sentResponse?.headers[.timestamp] == "54")
        #expect(layer.receive(invite, from: flow(), at: milliseconds(500)) == trying)

        var other = TransactionLayer()
        _ = other.receive(invite, from: flow(), at: .origin)
        #expect(other.receive(invite, from: flow(), at: milliseconds(100)).sentStatuses == [100])
        #expect(other.nextDeadline == nil)
    }

    @Test func `a refusal is repeated until its ACK, which stays inside`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let busy = SIPResponse(to: try #require(first.requestMessage), status: 486, toTag: "t")
        _ = layer.respond(try #require(first.requestID), with: busy, at: .origin)
        let trace = layer.run(until: milliseconds(4_000))
        #expect(trace.map(\.at) == [500, 1_500, 3_500])
        #expect(trace.allSatisfy { $0.effects.sentStatuses == [486] })
        let ack = try message(Shape(method: "ACK", toTag: "t"))
        #expect(layer.receive(ack, from: flow(), at: milliseconds(4_000)).isEmpty)
        #expect(layer.receive(ack, from: flow(), at: milliseconds(4_100)).isEmpty)
        #expect(layer.nextDeadline == milliseconds(9_000))
        #expect(layer.handleDeadline(at: milliseconds(9_000)).isEmpty)
        #expect(layer.serverCount == 0)
    }

    @Test func `an acknowledged 2xx is repeated no more`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let id = try #require(first.requestID)
        let ok = SIPResponse(to: try #require(first.requestMessage), status: 200, toTag: "t")
        _ = layer.respond(id, with: ok, at: .origin)
        #expect(layer.handleDeadline(at: milliseconds(500)).sentStatuses == [200])
        // The ACK has its own branch; the layer hands it over, the dialog's owner finds the INVITE.
        let ack = try message(Shape(method: "ACK", branch: "z9hG4bKack", toTag: "t"))
        guard case .ack(let request, _) = layer.receive(ack, from: flow(), at: milliseconds(600)).first else {
            Issue.record("no .ack")
            return
        }
        #expect(request.method == .ack)
        layer.acknowledge(id)
        #expect(layer.run(until: milliseconds(40_000)).flatMap(\.effects).isEmpty)
        #expect(layer.serverCount == 0)
    }

    @Test func `an ACK to a 2xx that wrongly keeps the branch is handed over too`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let ok = SIPResponse(to: try #require(first.requestMessage), status: 200, toTag: "t")
        _ = layer.respond(try #require(first.requestID), with: ok, at: .origin)
        let effects = layer.receive(try message(Shape(method: "ACK", toTag: "t")), from: flow(), at: milliseconds(1))
        guard case .ack = effects.first else {
            Issue.record("no .ack")
            return
        }
    }

    @Test func `a 2xx without ACK ends in ackMissing`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(.tcp), at: .origin)
        let id = try #require(first.requestID)
        let ok = SIPResponse(to: try #require(first.requestMessage), status: 200, toTag: "t")
        _ = layer.respond(id, with: ok, at: .origin)
        let trace = layer.run(until: milliseconds(40_000))
        #expect(trace.count == 11)
        #expect(trace.last?.at == 32_000)
        #expect(trace.last?.effects == [.ackMissing(id)])
        #expect(layer.serverCount == 0)
    }

    @Test func `CANCEL is answered, told once, and the 487 completes the INVITE`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let id = try #require(first.requestID)
        let invite = try #require(first.requestMessage)
        _ = layer.respond(id, with: SIPResponse(to: invite, status: 180, toTag: "mine"), at: .origin)
        let cancel = try message(Shape(method: "CANCEL"))
        let effects = layer.receive(cancel, from: flow(), at: milliseconds(10))
        #expect(effects.sentStatuses == [200])
        #expect(try #require(effects.sentResponse).to().tag == "mine")
        #expect(effects.last == .cancelled(id))
        let again = layer.receive(cancel, from: flow(), at: milliseconds(20))
        #expect(again.sentStatuses == [200])
        #expect(again.count == 1)
        #expect(
            layer.respond(id, with: SIPResponse(to: invite, status: 487, toTag: "mine"), at: milliseconds(30))
                .sentStatuses == [487])
    }

    @Test func `CANCEL after the 2xx is answered and changes nothing`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let ok = SIPResponse(to: try #require(first.requestMessage), status: 200, toTag: "t")
        _ = layer.respond(try #require(first.requestID), with: ok, at: .origin)
        let effects = layer.receive(try message(Shape(method: "CANCEL")), from: flow(), at: milliseconds(1))
        #expect(effects.count == 1)
        #expect(effects.sentStatuses == [200])
    }

    @Test func `CANCEL without an INVITE gets 481, the same each time`() throws {
        var layer = TransactionLayer()
        let cancel = try message(Shape(method: "CANCEL"))
        let effects = layer.receive(cancel, from: flow(), at: .origin)
        #expect(effects.sentStatuses == [481])
        #expect(effects.drops == [.strayCancel])
        #expect(try #require(effects.sentResponse).to().tag != nil)
        #expect(layer.receive(cancel, from: flow(), at: milliseconds(9)) == effects)
        #expect(layer.serverCount == 0)
    }

    @Test(arguments: [SIPFlow.Transport.tcp, .tls])
    func `a caller's connection that is gone counts as CANCEL once a response cannot take another`(
        transport: SIPFlow.Transport
    ) throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape()), from: flow(transport), at: .origin)
        let id = try #require(first.requestID)
        let request = try #require(first.requestMessage)
        let ringing = layer.respond(id, with: SIPResponse(to: request, status: 180, toTag: "t"), at: .origin)
        let other: SIPFlow.Transport = transport == .tcp ? .tls : .tcp
        #expect(layer.flowFailed(flow(other), at: milliseconds(1)).isEmpty)
        #expect(layer.flowFailed(flow(transport), at: milliseconds(2)) == ringing, "the transport opens another for it")
        #expect(layer.flowFailed(flow(transport), at: milliseconds(3)) == [.cancelled(id)])
        #expect(layer.flowFailed(flow(transport), at: milliseconds(4)).isEmpty)
        #expect(
            layer.respond(id, with: SIPResponse(to: request, status: 487, toTag: "t"), at: milliseconds(5)).count == 1)
        #expect(layer.flowFailed(flow(transport), at: milliseconds(6)).isEmpty)
        #expect(layer.serverCount == 0)
    }

    @Test func `before the first response it is 100 Trying that asks whether the caller is still there`() throws {
        var layer = TransactionLayer()
        _ = layer.receive(try message(Shape()), from: flow(.tcp), at: .origin)
        #expect(layer.flowFailed(flow(.tcp), at: milliseconds(1)).sentStatuses == [100])
        #expect(layer.handleDeadline(at: milliseconds(200)).isEmpty)
    }

    @Test func `what is answered after its connection is gone is sent all the same`() throws {
        for (method, status) in [("INVITE", 200), ("INVITE", 486), ("OPTIONS", 200)] {
            var layer = TransactionLayer()
            let first = layer.receive(try message(Shape(method: method)), from: flow(.tcp), at: .origin)
            let id = try #require(first.requestID)
            _ = layer.flowFailed(flow(.tcp), at: milliseconds(1))
            let answer = SIPResponse(to: try #require(first.requestMessage), status: status, toTag: "t")
            let effects = layer.respond(id, with: answer, at: milliseconds(2))
            #expect(effects == [.transmit(answer.serialised(), flow(.tcp))])
            _ = layer.run(until: milliseconds(70_000))
            #expect(layer.serverCount == 0)
        }
    }

    @Test func `a request by another path is a merged one`() throws {
        var layer = TransactionLayer()
        _ = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let effects = layer.receive(try message(Shape(branch: "z9hG4bKother")), from: flow(), at: .origin)
        #expect(effects.sentStatuses == [482])
        #expect(effects.drops == [.merged])
        // Another CSeq, as after a challenge, is another request.
        #expect(
            layer.receive(try message(Shape(branch: "z9hG4bK3", number: 2)), from: flow(), at: .origin).requestID != nil
        )
    }

    @Test(arguments: [("INVITE", 483), ("REGISTER", 483), ("OPTIONS", nil)] as [(String, Int?)])
    func `Max-Forwards 0 ends a request, but OPTIONS may ask the last hop`(method: String, status: Int?) throws {
        var layer = TransactionLayer()
        let effects = layer.receive(try message(Shape(method: method, maxForwards: 0)), from: flow(), at: .origin)
        #expect(effects.sentStatuses.first == status)
        #expect((effects.requestID != nil) == (status == nil))
    }

    @Test(arguments: ["From", "To", "Call-ID", "CSeq"])
    func `a request without a mandatory field gets 400, an ACK silence`(name: String) throws {
        var layer = TransactionLayer()
        for method in ["INVITE", "ACK"] {
            let lines = text(Shape(method: method)).split(separator: "\r\n", omittingEmptySubsequences: false)
            let bad = lines.filter { !$0.hasPrefix("\(name):") }.joined(separator: "\r\n")
            let effects = layer.receive(try parsed(bad), from: flow(), at: .origin)
            #expect(effects.drops == [.malformed])
            #expect(effects.sentStatuses == (method == "ACK" ? [] : [400]))
        }
        #expect(layer.serverCount == 0)
    }

    @Test func `a request whose CSeq names another method gets 400`() throws {
        var layer = TransactionLayer()
        let effects = layer.receive(try message(Shape(cseqMethod: "BYE")), from: flow(), at: .origin)
        #expect(effects.sentStatuses == [400])
    }

    @Test func `a request without a readable Via is dropped`() throws {
        var layer = TransactionLayer()
        let effects = layer.receive(try message(Shape(via: "???")), from: flow(), at: .origin)
        #expect(effects == [.dropped(.malformed)])
    }

    @Test func `an ACK out of the blue is told, or dropped without a To tag`() throws {
        var layer = TransactionLayer()
        #expect(layer.receive(try message(Shape(method: "ACK")), from: flow(), at: .origin) == [.dropped(.strayAck)])
        let known = layer.receive(try message(Shape(method: "ACK", toTag: "t")), from: flow(), at: .origin)
        guard case .ack = known.first else {
            Issue.record("no .ack")
            return
        }
        _ = layer.receive(try message(Shape()), from: flow(), at: .origin)
        let early = layer.receive(try message(Shape(method: "ACK", toTag: "t")), from: flow(), at: .origin)
        #expect(early == [.dropped(.strayAck)])
    }

    @Test func `RFC 2543 requests match by their fields`() throws {
        var layer = TransactionLayer()
        for branch in [nil, "1"] as [String?] {
            let shape = Shape(branch: branch, callID: "old-\(branch ?? "none")")
            let first = layer.receive(try message(shape), from: flow(), at: .origin)
            let id = try #require(first.requestID)
            #expect(layer.receive(try message(shape), from: flow(), at: milliseconds(1)).sentStatuses == [100])
            var cancel = shape
            cancel.method = "CANCEL"
            #expect(layer.receive(try message(cancel), from: flow(), at: milliseconds(2)).last == .cancelled(id))
            let invite = try #require(first.requestMessage)
            _ = layer.respond(id, with: SIPResponse(to: invite, status: 487, toTag: "t"), at: milliseconds(3))
            var ack = shape
            ack.method = "ACK"
            ack.toTag = "t"
            #expect(layer.receive(try message(ack), from: flow(), at: milliseconds(4)).isEmpty)
        }
        #expect(layer.serverCount == 2)
        _ = layer.run(until: milliseconds(6_000))
        #expect(layer.serverCount == 0)
    }

    @Test(
        arguments: [
            (";rport", "192.0.2.55", 40_000, "40000", "192.0.2.55"),
            (";rport", "10.0.0.9", 40_000, "40000", "192.0.2.55"),
            (";rport=1;received=203.0.113.9", "10.0.0.9:5070", 40_000, "40000", "192.0.2.55"),
            ("", "10.0.0.9:5070", 5070, nil, "192.0.2.55"),
            ("", "phone.example", 5060, nil, "192.0.2.55"),
            ("", "192.0.2.55:5062", 5062, nil, nil),
            (";maddr=203.0.113.1", "192.0.2.55:5062", 5062, nil, nil),
        ] as [(String, String, UInt16, String?, String?)])
    func `responses over UDP go to the source, at the port that RFC 3581 or sent-by names`(
        parameters: String, sentBy: String, port: UInt16, rport: String?, received: String?
    ) throws {
        var layer = TransactionLayer()
        let shape = Shape(method: "OPTIONS", via: sentBy, viaParameters: parameters)
        let first = layer.receive(try message(shape), from: flow(), at: .origin)
        let request = try #require(first.requestMessage)
        let via = try request.topVia()
        #expect(via.parameters["rport"] == rport)
        #expect(via.parameters["received"] == received)
        let sent = layer.respond(
            try #require(first.requestID), with: SIPResponse(to: request, status: 200, toTag: "t"), at: .origin)
        #expect(sent.destination?.remote == Endpoint(address: phone.address, port: port))
        #expect(sent.destination?.local == us)
    }

    @Test func `only the top Via is completed when one field holds several`() throws {
        var layer = TransactionLayer()
        let shape = Shape(
            method: "OPTIONS", via: "10.0.0.1", viaParameters: ";rport;x=\"a,b\", SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK0")
        let first = layer.receive(try message(shape), from: flow(), at: .origin)
        let vias = try #require(first.requestMessage).vias()
        #expect(vias.count == 2)
        #expect(vias[0].parameters["received"] == "192.0.2.55")
        #expect(vias[1].host == "10.0.0.2")
        #expect(vias[1].parameters["received"] == nil)
    }

    @Test func `responses over a connection go back the same way`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(
            try message(Shape(method: "OPTIONS", viaParameters: "")), from: flow(.tls), at: .origin)
        let ok = SIPResponse(to: try #require(first.requestMessage), status: 200, toTag: "t")
        #expect(layer.respond(try #require(first.requestID), with: ok, at: .origin).destination == flow(.tls))
        #expect(layer.serverCount == 0)  // timer J is zero
    }

    @Test func `a stateless refusal leaves nothing behind`() throws {
        var layer = TransactionLayer()
        let first = layer.receive(try message(Shape(method: "REGISTER")), from: flow(), at: .origin)
        let response = SIPResponse(to: try #require(first.requestMessage), status: 401, toTag: "t")
        #expect(layer.respondStatelessly(try #require(first.requestID), with: response).sentStatuses == [401])
        #expect(layer.serverCount == 0)
        #expect(layer.nextDeadline == nil)
    }

    @Test func `over the limit requests get 503, in dialogs last, and CANCEL still works`() throws {
        var limits = Limits()
        limits.serverTransactions = 16
        var layer = TransactionLayer(limits: limits)
        func fill(_ index: Int, toTag: String?) throws -> [TransactionEffect] {
            let shape = Shape(branch: "z9hG4bK-\(index)", toTag: toTag, callID: "c\(index)")
            return layer.receive(try message(shape), from: flow(), at: .origin)
        }
        for index in 0..<14 { #expect(try fill(index, toTag: nil).requestID != nil) }
        let refused = try fill(14, toTag: nil)
        #expect(refused.sentStatuses == [503])
        #expect(refused.drops == [.overloaded])
        #expect(refused.sentResponse?.headers[.retryAfter] == "30")
        for index in 14..<16 { #expect(try fill(index, toTag: "ours").requestID != nil) }
        #expect(try fill(16, toTag: "ours").sentStatuses == [503])
        #expect(layer.serverCount == 16)
        let cancel = try message(Shape(method: "CANCEL", branch: "z9hG4bK-3", callID: "c3"))
        #expect(layer.receive(cancel, from: flow(), at: .origin).sentStatuses == [200])
        #expect(layer.serverCount == 16)
    }
}
