import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct HostileInputTests {
    static let delimiters = Array(",;<>\"=:\\ \r\n".utf8)

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mutated messages never trap, and state stays bounded`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var limits = Limits()
        limits.serverTransactions = 40
        limits.clientTransactions = 40
        var layer = TransactionLayer(limits: limits)
        let shapes = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"].map { Array(text(Shape(method: $0)).utf8) }
        var seeds = shapes
        var now = Instant.origin
        for round in 0..<1_000 {
            if round.isMultiple(of: 20) {
                let method: SIPMethod = round.isMultiple(of: 40) ? .invite : .bye
                let sent = try layer.send(
                    ClientLayerTests.outgoing(method), over: flow(), branch: "z9hG4bK\(round)", at: now)
                if let request = sent.effects.sentRequest, seeds.count < 60 {
                    seeds.append(SIPResponse(to: request, status: 180 + 10 * (round % 40), toTag: "x").serialised())
                }
                if round.isMultiple(of: 60) { _ = layer.cancel(sent.id, at: now) }
            }
            var bytes = seeds[Int(generator.next() % UInt64(seeds.count))]
            for _ in 0..<(generator.next() % 4) {
                let index = Int(generator.next() % UInt64(bytes.count))
                switch generator.next() % 3 {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: generator.next())
                case 1: bytes.remove(at: index)
                default: bytes.insert(Self.delimiters[Int(generator.next() % UInt64(Self.delimiters.count))], at: index)
                }
            }
            guard let message = try? SIPParser.parse(bytes) else { continue }
            for effect in layer.receive(message, from: flow(), at: now) {
                if case .request(let id, let request, _) = effect {
                    let status = [180, 200, 401, 486][Int(generator.next() % 4)]
                    _ = layer.respond(id, with: SIPResponse(to: request, status: status, toTag: "y"), at: now)
                }
            }
            now = now + .milliseconds(Int64(generator.next() % 400))
            if let due = layer.nextDeadline, due <= now { _ = layer.handleDeadline(at: now) }
            #expect(layer.serverCount <= 40)
            #expect(layer.clientCount <= 60)  // our CANCELs are not held to the limit
        }
        // INVITEs that nobody answered or cancelled wait for their users, all else has ended by itself.
        _ = layer.run(until: now + .seconds(200))
        let left = layer.clientCount
        #expect(layer.nextDeadline == nil)
        #expect(left <= 40)
    }

    @Test func `the same inputs give the same effects`() throws {
        func run() throws -> [TransactionEffect] {
            var layer = TransactionLayer()
            var effects: [TransactionEffect] = []
            for index in 0..<50 {
                let shape = Shape(branch: "z9hG4bK-\(index)", callID: "c\(index)")
                effects += layer.receive(try message(shape), from: flow(.tcp), at: .origin)
                effects += try layer.send(
                    ClientLayerTests.outgoing(.bye), over: flow(.tcp), branch: "z9hG4bK\(index)", at: .origin
                ).effects
            }
            effects += layer.handleDeadline(at: milliseconds(200))
            return effects + layer.flowFailed(flow(.tcp), at: milliseconds(300))
        }
        #expect(try run() == run())
    }
}
