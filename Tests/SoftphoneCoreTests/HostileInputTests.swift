import Primitives
import SIPMessage
import SoftphoneCore
import Testing

@Suite struct HostileInputTests {
    /// Valid messages with a few bytes changed, cut or repeated, in every state of a call: nothing traps, and afterwards
    /// everything comes to rest.
    @Test(arguments: 1...8)
    func `mutated messages never trap and never leave anything behind`(seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        var bench = Bench(answersAfter: .milliseconds(100))
        try bench.register()
        for round in 0..<30 {
            bench.input(.command(.call("101")))
            let invite = bench.hasSent(.invite) ? try bench.sent(.invite) : nil
            for _ in 0..<4 {
                let incoming = Bench.invite(branch: "z9hG4bK\(round)", callID: "c\(round)")
                bench.input(.message(Self.mutated(SIPMessage.request(incoming).serialised(), &chance), Bench.flow))
                guard let invite else { continue }
                var response = SIPResponse(
                    to: invite, status: [100, 180, 200, 401, 486][Int(chance.next() % 5)], toTag: "p")
                response.headers.append(.contact, "<sip:101@192.0.2.10>")
                response.body = Bench.sdp()
                bench.input(.message(Self.mutated(SIPMessage.response(response).serialised(), &chance), Bench.flow))
            }
            bench.advance(.milliseconds(Int64(chance.next() % 2_000)))
            bench.input(.command(.hangUp))
            bench.advance(.seconds(40))
            bench.outbox = []
        }
        bench.advance(.seconds(120))
        bench.input(.command(.hangUp))
        bench.advance(.seconds(120))
        #expect(bench.openedCount == bench.closedCount, "media is left open")
    }

    private static func mutated(_ bytes: [UInt8], _ chance: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<chance.next() % 4 {
            let index = Int(chance.next() % UInt64(bytes.count))
            switch chance.next() % 4 {
            case 0: bytes[index] = UInt8(truncatingIfNeeded: chance.next())
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(bytes[index], at: index)
            default: bytes.removeLast(min(bytes.count - 1, Int(chance.next() % 20)))
            }
        }
        return bytes
    }
}
