import CallControl
import CloudMessages
import Primitives
import SIPDialog
import SIPMessage
import Testing

/// Telephones that say anything at any time over a network that loses messages: whatever becomes of the call, nothing
/// of it may be left, and nothing may trap.
@Suite struct DisorderTests {
    /// Both telephones with dice.
    private final class Dice {
        let desk: Desk
        var entropy: Entropy
        var lines: [Line] = []
        var rseq: [String: Int] = [:]
        private var invite: SIPRequest?
        private var incoming: [SIPRequest] = []

        init(seed: UInt64) {
            desk = Desk()
            entropy = Entropy(SeededGenerator(seed: seed))
            let loss = below(4)
            desk.world.loses = { [unowned self] _, _ in below(10) < loss }
        }

        func below(_ count: Int) -> Int { Int(entropy.next() % UInt64(count)) }

        func one<Value>(of values: [Value]) -> Value { values[below(values.count)] }

        var body: [UInt8] {
            one(of: [
                [], sdp(["PCMU"], port: UInt16(30_000 + below(50) * 2)), sdp(["PCMA", "opus"], port: 31_000),
                sdp(["PCMU"], port: 31_000, direction: "sendonly"), sdp(["G729"], port: 31_000), Array("v=0".utf8),
            ])
        }

        func begin() {
            let supported = one(of: ["100rel, timer", "100rel", "timer", nil])
            let fields = one(of: [[], [.init(.require, "100rel")], [SIPHeaders.Field(.sessionExpires, "90")]])
            invite = desk.ada.invite(one(of: [[], sdp(["PCMU"], port: 30_000)]), supported: supported, fields: fields)
        }

        func step() {
            switch below(10) {
            case 0...5: react(one(of: [desk.ada, desk.bob]))
            case 6: desk.world.advance(by: .milliseconds(Int64(below(6) * below(6) * 100)))
            case 7: if below(12) == 0 { desk.world.advance(by: .seconds(Int64(below(80)))) }
            case 8: speak()
            default: decide()
            }
        }

        /// Answers what has come, or does not.
        private func react(_ peer: Peer) {
            guard !peer.inbox.isEmpty else { return }
            switch peer.inbox.remove(at: below(peer.inbox.count)) {
            case .request(let request): answer(request, peer)
            case .response(let response): take(response, peer)
            }
        }

        private func answer(_ request: SIPRequest, _ peer: Peer) {
            guard request.method != .ack else { return }
            if request.method == .invite {
                incoming.append(request)
                return
            }
            peer.respond(
                request, one(of: [200, 200, 200, 200, 481, 491, 500, 408, 422]), request.body.isEmpty ? [] : body)
        }

        private func take(_ response: SIPResponse, _ peer: Peer) {
            guard let invite, (try? response.cseq())?.method == .invite, response.status > 100 else { return }
            guard response.status < 300 else {
                peer.follow(invite, with: .ack, to: response)
                return
            }
            guard let number = (try? response.cseq())?.number, number == 1 else {
                lines.last?.ack(body)
                return
            }
            guard let dialog = try? Dialog(sent: invite, received: response) else { return }
            let line = lines.last { $0.peer === peer } ?? Line(peer, dialog)
            if !lines.contains(where: { $0 === line }) { lines.append(line) }
            if response.isProvisional {
                line.prack(response, body)
            } else {
                peer.send(dialog.makeAck(for: invite, contentType: "application/sdp", body: body))
            }
        }

        /// The callee comes to a decision on an INVITE, perhaps not its last.
        private func decide() {
            guard !incoming.isEmpty else { return }
            let request = one(of: incoming)
            let tag = one(of: ["x", "y"])
            let isRefusal = below(15) == 0
            let status = isRefusal ? one(of: [302, 422, 486, 491, 500, 603]) : one(of: [180, 183, 181, 199, 200, 200])
            let isInDialog = (try? request.to())?.tag != nil
            if status < 200, !isInDialog, below(2) == 0 {
                rseq[tag, default: 0] += one(of: [1, 1, 1, 2])
                desk.bob.respondReliably(request, status, body, rseq: rseq[tag] ?? 1, tag: tag)
                return
            }
            let fields: [SIPHeaders.Field] =
                status == 200
                ? one(of: [
                    [], [.init(.sessionExpires, "90;refresher=uac")], [.init(.sessionExpires, "90;refresher=uas")],
                ])
                : [.init(.minSE, "\(100 + below(2_000))"), .init(.retryAfter, "\(below(4))")]
            desk.bob.respond(request, status, status < 300 ? body : [], tag: tag, fields: fields)
            if status == 200, !isInDialog, let dialog = try? Dialog(received: request, localTag: tag, secure: false) {
                lines.append(Line(desk.bob, dialog))
            }
        }

        /// A request of one of the telephones, fitting or not.
        private func speak() {
            if below(12) == 0, let invite { desk.ada.follow(invite, with: .cancel) }
            guard !lines.isEmpty else { return }
            let line = one(of: lines)
            let method = one(of: [SIPMethod.invite, .invite, .update, .update, .info, .options, .prack, .bye, .refer])
            line.peer.send(
                line.make(
                    method, body, fields: one(of: [[], [.init(.sessionExpires, "95"), .init(.supported, "timer")]])))
        }
    }

    @Test func `whatever two telephones say, nothing is left of their call`() {
        var counts: [String] = []
        var answered = 0
        for seed in 1...25 as ClosedRange<UInt64> {
            let dice = Dice(seed: seed)
            dice.begin()
            for _ in 0..<120 { dice.step() }
            let world = dice.desk.world
            world.endAll()
            world.expectNothingLeft()
            if !world.control.isIdle { Issue.record("seed \(seed)") }
            counts += world.counts
            answered += world.records.filter(\.success).count
        }
        // The dice reach what they are to reach.
        #expect(answered > 3)
        #expect(counts.contains("calls.ack-missing"))
    }
}
