import Primitives
import SIPMessage
import SIPTransaction
import Testing

/// What crosses on the wire: CANCEL, ACK, final responses and failing flows.
struct RaceTests {
    static func invited(_ layer: inout TransactionLayer, _ shape: Shape = Shape()) throws -> (
        id: ServerTransactionID, request: SIPRequest
    ) {
        let first = layer.receive(try message(shape), from: flow(), at: .origin)
        return (try #require(first.requestID), try #require(first.requestMessage))
    }

    static func cancel(_ layer: inout TransactionLayer, _ change: (inout Shape) -> Void = { _ in }) throws
        -> [TransactionEffect]
    {
        var shape = Shape(method: "CANCEL")
        change(&shape)
        return layer.receive(try message(shape), from: flow(), at: milliseconds(10))
    }

    @Test func `CANCEL before the 100 is answered and told, and the 100 still goes out`() throws {
        var layer = TransactionLayer()
        let (id, _) = try Self.invited(&layer)
        let effects = try Self.cancel(&layer)
        #expect(effects.sentStatuses == [200] && effects.last == .cancelled(id))
        #expect(layer.handleDeadline(at: milliseconds(200)).sentStatuses == [100])
    }

    @Test(arguments: [200, 302, 486, 603])
    func `CANCEL after the final response is answered and nothing else`(status: Int) throws {
        var layer = TransactionLayer()
        let (id, request) = try Self.invited(&layer)
        _ = layer.respond(id, with: SIPResponse(to: request, status: status, toTag: "t"), at: .origin)
        let effects = try Self.cancel(&layer)
        #expect(effects.sentStatuses == [200] && effects.count == 1)
    }

    @Test func `CANCEL with another branch, sent-by or in RFC 2543 with another number finds nothing`() throws {
        var layer = TransactionLayer()
        _ = try Self.invited(&layer)
        #expect(try Self.cancel(&layer) { $0.branch = "z9hG4bKx" }.drops == [.strayCancel])
        #expect(try Self.cancel(&layer) { $0.via = "192.0.2.56:5060" }.drops == [.strayCancel])
        #expect(try Self.cancel(&layer) { $0.via = "192.0.2.55:5061" }.drops == [.strayCancel])
        var old = TransactionLayer()
        _ = try Self.invited(&old, Shape(branch: nil))
        #expect(try Self.cancel(&old) { ($0.branch, $0.number) = (nil, 2) }.sentStatuses == [481])
        #expect(try Self.cancel(&old) { $0.branch = nil }.sentStatuses == [200])
    }

    @Test func `the host of a Via compares without regard to case`() throws {
        var layer = TransactionLayer()
        _ = try Self.invited(&layer, Shape(via: "Phone.Example:5060"))
        #expect(try Self.cancel(&layer) { $0.via = "phone.example:5060" }.sentStatuses == [200])
    }

    @Test func `CANCEL for another method than INVITE gets 481`() throws {
        var layer = TransactionLayer()
        _ = layer.receive(try message(Shape(method: "OPTIONS")), from: flow(), at: .origin)
        #expect(try Self.cancel(&layer).sentStatuses == [481])
    }

    struct AckRow: CustomTestStringConvertible {
        let name: String
        let change: @Sendable (inout Shape) -> Void
        let isAbsorbed: Bool
        var testDescription: String { name }
    }

    @Test(arguments: [
        AckRow(name: "same branch", change: { _ in }, isAbsorbed: true),
        AckRow(name: "same branch, another Call-ID", change: { $0.callID = "else" }, isAbsorbed: true),
        AckRow(name: "another branch", change: { $0.branch = "z9hG4bKack" }, isAbsorbed: false),
        AckRow(name: "another sent-by", change: { $0.via = "192.0.2.56:5060" }, isAbsorbed: false),
        AckRow(name: "no branch", change: { $0.branch = nil }, isAbsorbed: false),
    ])
    func `an ACK to a refusal matches by branch and sent-by`(row: AckRow) throws {
        var layer = TransactionLayer()
        let (id, request) = try Self.invited(&layer)
        _ = layer.respond(id, with: SIPResponse(to: request, status: 486, toTag: "t"), at: .origin)
        var ack = Shape(method: "ACK", toTag: "t")
        row.change(&ack)
        let effects = layer.receive(try message(ack), from: flow(), at: milliseconds(1))
        #expect(effects.isEmpty == row.isAbsorbed)
        #expect(layer.nextDeadline == milliseconds(row.isAbsorbed ? 5_001 : 500))
    }

    @Test(arguments: [true, false])
    func `in RFC 2543 the ACK matches by number, tags, Call-ID, URI and Via`(isSame: Bool) throws {
        for change in [
            { $0.number = 2 }, { $0.fromTag = "other" }, { $0.callID = "other" }, { $0.viaParameters = ";x=1" },
            { $0.via = "192.0.2.55:5061" },
        ] as [@Sendable (inout Shape) -> Void] {
            var layer = TransactionLayer()
            let (id, request) = try Self.invited(&layer, Shape(branch: nil, viaParameters: ""))
            _ = layer.respond(id, with: SIPResponse(to: request, status: 486, toTag: "t"), at: .origin)
            var ack = Shape(method: "ACK", branch: nil, viaParameters: "", toTag: "t")
            if !isSame { change(&ack) }
            #expect(layer.receive(try message(ack), from: flow(), at: milliseconds(1)).isEmpty == isSame)
        }
    }

    @Test func `an ACK before any final response, or to nothing, is stray`() throws {
        var layer = TransactionLayer()
        _ = try Self.invited(&layer)
        let early = layer.receive(try message(Shape(method: "ACK", toTag: "t")), from: flow(), at: .origin)
        #expect(early == [.dropped(.strayAck)])
        let none = layer.receive(try message(Shape(method: "ACK", branch: "z9hG4bKx")), from: flow(), at: .origin)
        #expect(none == [.dropped(.strayAck)])
    }

    @Test func `late responses of the user find no transaction`() throws {
        var layer = TransactionLayer()
        let options = layer.receive(try message(Shape(method: "OPTIONS")), from: flow(), at: .origin)
        let id = try #require(options.requestID)
        let request = try #require(options.requestMessage)
        #expect(layer.respond(id, with: SIPResponse(to: request, status: 408, toTag: "t"), at: .origin).isEmpty)
        _ = layer.run(until: milliseconds(32_000))
        #expect(layer.serverCount == 0)
        let ok = SIPResponse(to: request, status: 200, toTag: "t")
        #expect(layer.respond(id, with: ok, at: milliseconds(32_001)).isEmpty)
        #expect(layer.respondStatelessly(id, with: ok).isEmpty)
        // Its place may be taken by another, which the old id does not name.
        let next = layer.receive(try message(Shape(method: "OPTIONS")), from: flow(), at: milliseconds(32_002))
        #expect(next.requestID != id && next.requestID != nil)
        #expect(layer.respond(id, with: ok, at: milliseconds(32_003)).isEmpty)
    }

    @Test func `a repeated 2xx of ours reaches the caller again, and each 2xx of theirs our user`() throws {
        var layer = TransactionLayer()
        let (id, request) = try Self.invited(&layer)
        let ok = SIPResponse(to: request, status: 200, toTag: "t")
        let sent = layer.respond(id, with: ok, at: .origin)
        #expect(layer.receive(try message(Shape()), from: flow(), at: milliseconds(1)).isEmpty)  // RFC 6026
        #expect(layer.respond(id, with: ok, at: milliseconds(2)) == sent)
    }

    @Test(arguments: SIPFlow.Transport.allCasesForTests)
    func `a flow that fails in each state of a client`(transport: SIPFlow.Transport) throws {
        // After how many responses of ours the flow fails, and what the user hears then.
        for (statuses, fails) in [
            ([], true), ([180], true), ([200], false), ([486], false), ([180, 200], false),
        ] as [([Int], Bool)] {
            for method in [SIPMethod.invite, .options] {
                var layer = TransactionLayer()
                let (id, effects) = try ClientLayerTests.sending(method, &layer, transport)
                for status in statuses {
                    _ = layer.receive(try answer(effects, status), from: flow(transport), at: milliseconds(1))
                }
                let failure = layer.flowFailed(flow(transport), at: milliseconds(2))
                #expect(failure == (fails ? [.failed(id, .transportFailed)] : []), "\(method) after \(statuses)")
                _ = layer.run(until: milliseconds(70_000))
                #expect(layer.clientCount == 0 && layer.nextDeadline == nil)
            }
        }
    }

    @Test(arguments: SIPFlow.Transport.allCasesForTests)
    func `a flow that fails in each state of a server`(transport: SIPFlow.Transport) throws {
        for (method, statuses, isTold) in [
            ("INVITE", [], true), ("INVITE", [180], true), ("INVITE", [486], false), ("INVITE", [200], false),
            ("OPTIONS", [], false), ("OPTIONS", [100], false), ("OPTIONS", [200], false),
        ] as [(String, [Int], Bool)] {
            var layer = TransactionLayer()
            let first = layer.receive(try message(Shape(method: method)), from: flow(transport), at: .origin)
            let id = try #require(first.requestID)
            let request = try #require(first.requestMessage)
            for status in statuses {
                _ = layer.respond(id, with: SIPResponse(to: request, status: status, toTag: "t"), at: .origin)
            }
            // Over a connection the last response is tried over another one first.
            if transport.isReliable, isTold {
                #expect(layer.flowFailed(flow(transport), at: milliseconds(1)).sentStatuses == [statuses.last ?? 100])
            }
            let failure = layer.flowFailed(flow(transport), at: milliseconds(2))
            #expect(failure == (isTold ? [.cancelled(id)] : []), "\(method) after \(statuses)")
            if isTold {
                _ = layer.respond(id, with: SIPResponse(to: request, status: 487, toTag: "t"), at: milliseconds(3))
            }
            _ = layer.run(until: milliseconds(70_000))
            #expect(layer.serverCount == 0 && layer.nextDeadline == nil)
        }
    }

    @Test func `the heads of the queues are not deadlines of what has gone`() throws {
        var layer = TransactionLayer()
        let (_, effects) = try ClientLayerTests.sending(.options, &layer)
        _ = layer.receive(try answer(effects, 200), from: flow(), at: .origin)
        #expect(layer.nextDeadline == milliseconds(5_000))  // timer K
        _ = layer.flowFailed(flow(), at: milliseconds(1))
        #expect(layer.clientCount == 0 && layer.nextDeadline == nil)
    }
}

extension SIPFlow.Transport {
    static let allCasesForTests: [Self] = [.udp, .tcp, .tls]
}

struct ConstantDelayQueueTests {
    @Test func `what is set first falls due first, and a step back waits`() {
        var queue = ConstantDelayQueue<Int>()
        for (key, due) in [(1, 10), (2, 20), (3, 15), (4, 30)] { queue.append(key, due: milliseconds(Int64(due))) }
        #expect(queue.first == milliseconds(10))
        #expect(queue.popDue(at: milliseconds(9)) == nil)
        #expect(queue.popDue(at: milliseconds(20)) == 1)
        #expect(queue.popDue(at: milliseconds(20)) == 2)
        #expect(queue.popDue(at: milliseconds(20)) == 3)
        #expect(queue.popDue(at: milliseconds(20)) == nil)
        queue.dropFirst { $0 == 4 }
        #expect(queue.count == 0 && queue.first == nil)
    }

    @Test func `it stays in order over many turns`() {
        var queue = ConstantDelayQueue<Int>()
        var taken = 0
        for key in 0..<20_000 {
            queue.append(key, due: milliseconds(Int64(key)))
            if key.isMultiple(of: 3) { continue }
            #expect(queue.popDue(at: .init(nanoseconds: .max)) == taken)
            taken += 1
        }
        while queue.popDue(at: .init(nanoseconds: .max)) == taken { taken += 1 }
        #expect(taken == 20_000 && queue.count == 0)
    }
}
