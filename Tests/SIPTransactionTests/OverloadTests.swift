import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct OverloadTests {
    static func shape(_ index: Int, method: String = "REGISTER", toTag: String? = nil) -> Shape {
        Shape(method: method, branch: "z9hG4bK-\(index)", toTag: toTag, callID: "c\(index)")
    }

    static func receive(_ layer: inout TransactionLayer, _ shape: Shape, at now: Instant) throws -> [TransactionEffect]
    {
        layer.receive(try message(shape), from: flow(), at: now)
    }

    /// Receives and answers; the effects of both.
    @discardableResult static func serve(
        _ layer: inout TransactionLayer, _ shape: Shape, at now: Instant = .origin, body: [UInt8] = []
    ) throws -> [TransactionEffect] {
        let first = try receive(&layer, shape, at: now)
        guard let id = first.requestID, let request = first.requestMessage else { return first }
        var answer = SIPResponse(to: request, status: 200, toTag: "t")
        answer.body = body
        return first + layer.respond(id, with: answer, at: now)
    }

    @Test func `when the table is full, the transactions completed longest ago give way`() throws {
        var limits = Limits()
        limits.serverTransactions = 16
        var layer = TransactionLayer(limits: limits)
        for index in 0..<100 {
            #expect(try Self.serve(&layer, Self.shape(index), at: milliseconds(Int64(index))).sentStatuses == [200])
            #expect(layer.serverCount <= 14)
        }
        // The youngest are still known, the oldest are new requests again.
        for index in 87..<100 {
            let again = try Self.receive(&layer, Self.shape(index), at: milliseconds(200))
            #expect(again.sentStatuses == [200] && again.requestID == nil)
        }
        #expect(try Self.receive(&layer, Self.shape(0), at: milliseconds(200)).requestID != nil)
    }

    @Test func `what waits for its answer never gives way`() throws {
        var limits = Limits()
        limits.serverTransactions = 16
        var layer = TransactionLayer(limits: limits)
        for index in 0..<10 { #expect(try Self.receive(&layer, Self.shape(index), at: .origin).requestID != nil) }
        for index in 10..<40 { try Self.serve(&layer, Self.shape(index)) }
        for index in 40..<44 { #expect(try Self.receive(&layer, Self.shape(index), at: .origin).requestID != nil) }
        let refused = try Self.receive(&layer, Self.shape(50), at: .origin)
        #expect(refused.sentStatuses == [503] && refused.drops == [.overloaded])
        #expect(refused.sentResponse?.headers[.retryAfter] == "30")
        // The reserve: requests inside dialogs.
        #expect(
            try Self.receive(&layer, Self.shape(51, method: "BYE", toTag: "ours"), at: .origin).requestID != nil)
        #expect(layer.serverCount == 15)
    }

    @Test func `memory is bounded in bytes as well`() throws {
        var limits = Limits()
        limits.serverTransactionBytes = 400_000
        var layer = TransactionLayer(limits: limits)
        for index in 0..<200 { try Self.serve(&layer, Self.shape(index), body: [UInt8](repeating: 0x61, count: 8_000)) }
        #expect(layer.serverBytes <= 400_000)
        #expect((30...50).contains(layer.serverCount))
        var invites = 0
        while try Self.receive(&layer, Self.shape(1_000 + invites, method: "INVITE"), at: .origin).requestID != nil {
            invites += 1
        }
        #expect(invites == 350_000 / 4_096 + 1)  // they push out what is completed, then are refused
        #expect(layer.serverCount == invites)
        _ = layer.flowFailed(flow(), at: .origin)
    }

    @Test func `what has ended takes no bytes`() throws {
        var layer = TransactionLayer()
        for index in 0..<20 { try Self.serve(&layer, Self.shape(index), at: milliseconds(Int64(index))) }
        for index in 20..<30 { _ = try Self.receive(&layer, Self.shape(index), at: .origin) }
        for index in 30..<40 { try Self.serve(&layer, Self.shape(index, method: "INVITE")) }
        #expect(layer.serverBytes > 0)
        _ = layer.run(until: milliseconds(40_000))
        #expect(layer.serverCount == 0 && layer.serverBytes == 0)
        #expect(layer.nextDeadline == nil)
    }

    @Test func `INVITEs without an answer are bounded per source`() throws {
        var limits = Limits()
        limits.pendingInvitesPerSource = 3
        var layer = TransactionLayer(limits: limits)
        var ids: [(ServerTransactionID, SIPRequest)] = []
        for index in 0..<3 {
            let first = try Self.receive(&layer, Self.shape(index, method: "INVITE"), at: .origin)
            ids.append((try #require(first.requestID), try #require(first.requestMessage)))
        }
        #expect(try Self.receive(&layer, Self.shape(3, method: "INVITE"), at: .origin).sentStatuses == [503])
        // Others are not concerned: another source, another method, a dialog.
        var other = flow()
        other.remote.address = .v4(0xC000_0238)
        #expect(
            layer.receive(try message(Self.shape(4, method: "INVITE")), from: other, at: .origin).requestID != nil)
        #expect(try Self.receive(&layer, Self.shape(5), at: .origin).requestID != nil)
        #expect(
            try Self.receive(&layer, Self.shape(6, method: "INVITE", toTag: "ours"), at: .origin).requestID != nil)
        // A provisional response frees no place, a final one does, whichever way it goes.
        _ = layer.respond(ids[0].0, with: SIPResponse(to: ids[0].1, status: 180, toTag: "t"), at: .origin)
        #expect(try Self.receive(&layer, Self.shape(7, method: "INVITE"), at: .origin).sentStatuses == [503])
        _ = layer.respond(ids[0].0, with: SIPResponse(to: ids[0].1, status: 200, toTag: "t"), at: .origin)
        _ = layer.respond(ids[1].0, with: SIPResponse(to: ids[1].1, status: 486, toTag: "t"), at: .origin)
        _ = layer.respondStatelessly(ids[2].0, with: SIPResponse(to: ids[2].1, status: 401, toTag: "t"))
        for index in 10..<13 {
            #expect(try Self.receive(&layer, Self.shape(index, method: "INVITE"), at: .origin).requestID != nil)
        }
        #expect(try Self.receive(&layer, Self.shape(13, method: "INVITE"), at: .origin).sentStatuses == [503])
    }

    @Test func `the table agrees with a plain list under random use`() throws {
        var generator = SeededGenerator(seed: 21)
        var layer = TransactionLayer()
        var known: [Int: Int64] = [:]  // index and, once answered, when it ends (-1 before)
        var ids: [Int: (ServerTransactionID, SIPRequest)] = [:]
        var now: Int64 = 0
        for _ in 0..<1_500 {
            now += Int64(generator.next() % 400)
            _ = layer.handleDeadline(at: milliseconds(now))
            for (index, end) in known where end >= 0 && end <= now { known[index] = nil }
            for (index, entry) in ids where entry.0.value != 0 && known[index] == nil { ids[index] = nil }
            let index = Int(generator.next() % 60)
            let effects = try Self.receive(&layer, Self.shape(index, method: "OPTIONS"), at: milliseconds(now))
            if let end = known[index] {
                #expect(effects.requestID == nil)
                #expect(effects.sentStatuses == (end >= 0 ? [200] : []))
            } else {
                ids[index] = (try #require(effects.requestID), try #require(effects.requestMessage))
                known[index] = -1
            }
            if let (id, request) = ids[index], known[index] == -1 {
                _ = layer.respond(id, with: SIPResponse(to: request, status: 200, toTag: "t"), at: milliseconds(now))
                known[index] = now + 32_000
            }
            #expect(layer.serverCount == known.count)
        }
    }
}
