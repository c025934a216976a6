import Primitives
import SIPDialog
import Testing

struct OfferAnswerStateTests {
    typealias Carrier = OfferAnswerState.Carrier
    typealias Meaning = OfferAnswerState.Meaning
    typealias Side = OfferAnswerState.Side

    /// A message: from us (`>`) or the peer (`<`), with (`+`) or without (`-`) a description, and what it means.
    struct Step {
        let carrier: Carrier
        let side: Side
        let hasDescription: Bool
        let meaning: Meaning

        init(_ arrow: String, _ carrier: Carrier, _ meaning: Meaning) {
            self.carrier = carrier
            side = arrow.hasPrefix(">") ? .local : .remote
            hasDescription = arrow.hasSuffix("+")
            self.meaning = meaning
        }
    }
    struct Row: CustomTestStringConvertible {
        let name: String
        let steps: [Step]
        var end = OfferAnswerState.Phase.stable
        var testDescription: String { name }
    }

    // The six patterns of RFC 6337 table 1, as UAC and UAS, and what goes beside them.
    static let table: [Row] = [
        Row(name: "1, UAC", steps: [.init(">+", .invite, .offer), .init("<+", .inviteSuccess, .answer)]),
        Row(
            name: "1, UAS",
            steps: [.init("<+", .invite, .offer), .init(">+", .inviteSuccess, .answer), .init("<-", .ack, .none)]),
        Row(
            name: "2, UAC",
            steps: [.init(">-", .invite, .none), .init("<+", .inviteSuccess, .offer), .init(">+", .ack, .answer)]),
        Row(
            name: "2, UAS",
            steps: [.init("<-", .invite, .none), .init(">+", .inviteSuccess, .offer), .init("<+", .ack, .answer)]),
        Row(
            name: "3, UAC",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .reliableProvisional, .answer), .init(">-", .prack, .none),
                .init("<-", .prackSuccess, .none), .init("<-", .inviteSuccess, .none),
            ]),
        Row(
            name: "4, UAS",
            steps: [
                .init("<-", .invite, .none), .init(">+", .reliableProvisional, .offer), .init("<+", .prack, .answer),
                .init(">-", .prackSuccess, .none), .init(">-", .inviteSuccess, .none),
            ]),
        Row(
            name: "5, UAC",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .reliableProvisional, .answer), .init(">+", .prack, .offer),
                .init("<+", .prackSuccess, .answer),
            ]),
        Row(name: "6, UAC", steps: [.init(">+", .update, .offer), .init("<+", .updateSuccess, .answer)]),
        Row(name: "6, UAS", steps: [.init("<+", .update, .offer), .init(">+", .updateSuccess, .answer)]),
        Row(
            name: "UPDATE without description",
            steps: [.init("<-", .update, .none), .init(">-", .updateSuccess, .none)]),
        Row(
            name: "the preview counts, the 2xx is ignored",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .provisional, .answer), .init("<+", .provisional, .ignored),
                .init("<+", .inviteSuccess, .ignored),
            ]),
        Row(
            name: "a preview does not close the offer",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .provisional, .answer), .init("<+", .update, .requestPending),
            ],
            end: .offered(by: .local, in: .invite)),
        Row(
            name: "a preview, then a 2xx without",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .provisional, .answer), .init("<-", .inviteSuccess, .none),
            ]),
        Row(
            name: "an offer in an unreliable response has no place",
            steps: [.init(">-", .invite, .none), .init("<+", .provisional, .ignored)], end: .offerDue(from: .remote)),
        Row(
            name: "no answer in the 2xx",
            steps: [.init(">+", .invite, .offer), .init("<-", .inviteSuccess, .missingAnswer)]),
        Row(
            name: "no offer in the 2xx either",
            steps: [.init(">-", .invite, .none), .init("<-", .inviteSuccess, .missingAnswer)]),
        Row(
            name: "no answer in the ACK",
            steps: [
                .init("<-", .invite, .none), .init(">+", .inviteSuccess, .offer), .init("<-", .ack, .missingAnswer),
            ]),
        Row(
            name: "no answer in the PRACK",
            steps: [
                .init("<-", .invite, .none), .init(">+", .reliableProvisional, .offer),
                .init("<-", .prack, .missingAnswer),
            ]),
        Row(
            name: "a PRACK offer while something is open",
            steps: [.init("<+", .invite, .offer), .init("<+", .prack, .ignored)],
            end: .offered(by: .remote, in: .invite)),
        Row(
            name: "a 2xx that comes again",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .inviteSuccess, .answer),
                .init("<+", .inviteSuccess, .ignored),
            ]),
        Row(name: "a stray ACK", steps: [.init("<+", .ack, .ignored)]),
        Row(name: "a refused INVITE", steps: [.init(">+", .invite, .offer), .init("<-", .inviteFailure, .rolledBack)]),
        Row(
            name: "a refused INVITE without description",
            steps: [.init(">-", .invite, .none), .init("<-", .inviteFailure, .rolledBack)]),
        Row(
            name: "an INVITE refused after its answer",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .reliableProvisional, .answer),
                .init("<-", .inviteFailure, .none),
            ]),
        Row(
            name: "a refused offer of a UAS",
            steps: [
                .init("<-", .invite, .none), .init(">+", .reliableProvisional, .offer),
                .init(">-", .inviteFailure, .rolledBack),
            ]),
        Row(name: "a refused UPDATE", steps: [.init(">+", .update, .offer), .init("<-", .updateFailure, .rolledBack)]),
        Row(
            name: "a refused PRACK offer",
            steps: [.init(">+", .prack, .offer), .init("<-", .prackFailure, .rolledBack)]),
        // Glare.
        Row(
            name: "INVITE against our INVITE",
            steps: [.init(">+", .invite, .offer), .init("<+", .invite, .requestPending)],
            end: .offered(by: .local, in: .invite)),
        Row(
            name: "INVITE against our answered INVITE",
            steps: [
                .init(">+", .invite, .offer), .init("<+", .reliableProvisional, .answer),
                .init("<+", .invite, .requestPending),
            ]),
        Row(
            name: "a second INVITE of the peer", steps: [.init("<+", .invite, .offer), .init("<+", .invite, .tooSoon)],
            end: .offered(by: .remote, in: .invite)),
        Row(
            name: "INVITE against our UPDATE",
            steps: [.init(">+", .update, .offer), .init("<+", .invite, .requestPending)],
            end: .offered(by: .local, in: .update)),
        Row(
            name: "UPDATE against our UPDATE",
            steps: [.init(">+", .update, .offer), .init("<+", .update, .requestPending)],
            end: .offered(by: .local, in: .update)),
        Row(
            name: "a second UPDATE of the peer", steps: [.init("<+", .update, .offer), .init("<+", .update, .tooSoon)],
            end: .offered(by: .remote, in: .update)),
        Row(
            name: "UPDATE before we made the offer that is due",
            steps: [.init("<-", .invite, .none), .init("<+", .update, .tooSoon)], end: .offerDue(from: .local)),
        Row(
            name: "UPDATE before the peer made the offer that is due",
            steps: [.init(">-", .invite, .none), .init("<+", .update, .requestPending)], end: .offerDue(from: .remote)),
        Row(
            name: "INVITE before the ACK with the answer",
            steps: [
                .init("<-", .invite, .none), .init(">+", .inviteSuccess, .offer), .init("<+", .invite, .requestPending),
            ], end: .offered(by: .local, in: .inviteSuccess)),
        Row(
            name: "a new round after the first",
            steps: [
                .init("<+", .invite, .offer), .init(">+", .inviteSuccess, .answer), .init("<-", .ack, .none),
                .init(">+", .invite, .offer), .init("<+", .inviteSuccess, .answer), .init("<+", .update, .offer),
                .init(">+", .updateSuccess, .answer),
            ]),
    ]

    @Test(arguments: table)
    func `every message means what the tables say`(row: Row) {
        var state = OfferAnswerState()
        for step in row.steps {
            let meaning = state.take(step.carrier, from: step.side, hasDescription: step.hasDescription)
            #expect(meaning == step.meaning, "\(step.carrier) from \(step.side)")
        }
        #expect(state.phase == row.end)
    }

    @Test func `what we may offer depends on what is open`() {
        var state = OfferAnswerState()
        #expect(state.mayOffer(in: .invite) && state.mayOffer(in: .update))
        _ = state.take(.invite, from: .remote, hasDescription: false)
        #expect(!state.mayOffer(in: .invite) && !state.mayOffer(in: .update) && !state.mayOffer(in: .ack))
        #expect(state.mayOffer(in: .reliableProvisional) && state.mayOffer(in: .inviteSuccess))
        _ = state.take(.reliableProvisional, from: .local, hasDescription: true)
        #expect(!state.mayOffer(in: .inviteSuccess))
        _ = state.take(.prack, from: .remote, hasDescription: true)
        #expect(state.mayOffer(in: .update) && !state.mayOffer(in: .invite))  // the INVITE has no final response yet
        _ = state.take(.inviteSuccess, from: .local, hasDescription: false)
        #expect(state.mayOffer(in: .invite))
    }

    @Test func `no sequence of messages traps or leaves the diagram`() {
        var generator = SeededGenerator(seed: 4)
        var state = OfferAnswerState()
        for _ in 0..<5_000 {
            let bits = generator.next()
            let carrier = Carrier.allCases[Int(bits % UInt64(Carrier.allCases.count))]
            let before = state
            let side = bits & 256 == 0 ? Side.local : .remote
            let meaning = state.take(carrier, from: side, hasDescription: bits & 512 == 0)
            if [.requestPending, .tooSoon].contains(meaning) { #expect(state == before) }
            if meaning == .answer, carrier != .provisional { #expect(state.phase == .stable) }
        }
    }

    @Test(arguments: [(true, 2_100...4_000), (false, 0...2_000)] as [(Bool, ClosedRange<Int64>)])
    func `the wait after 491 depends on who made the Call-ID`(owns: Bool, range: ClosedRange<Int64>) {
        var entropy = Entropy(SeededGenerator(seed: 3))
        var seen: Set<Int64> = []
        for _ in 0..<2_000 {
            let delay = OfferAnswerState.glareDelay(ownsCallID: owns, entropy: &entropy).wholeMilliseconds
            #expect(range.contains(delay) && delay % 10 == 0)
            seen.insert(delay)
        }
        #expect(seen.contains(range.lowerBound) && seen.contains(range.upperBound))
        #expect((0..<200).allSatisfy { _ in (0...10).contains(OfferAnswerState.retryAfter(&entropy)) })
    }
}
