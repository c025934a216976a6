import Primitives
import SIPTransaction
import Testing

struct InviteServerTransactionTests {
    typealias Machine = InviteServerTransaction
    enum Start {
        case new, proceeding, reopened, reopenedTwice, accepted, acknowledged, completed, confirmed, terminated
    }

    struct Row: CustomTestStringConvertible {
        let start: Start
        let input: Machine.Input
        let at: Int64
        let effects: [Machine.Effect]
        let next: Int64?
        var isReliable = false
        var testDescription: String { "\(start) + \(input) at \(at) ms, reliable: \(isReliable)" }
    }

    static func machine(_ start: Start, isReliable: Bool) -> Machine {
        var machine = Machine(timers: TimerValues(), isReliable: isReliable, at: .origin)
        let inputs: [Machine.Input] =
            switch start {
            case .new: []
            case .proceeding: [.respond(status: 180)]
            case .reopened: [.transportFailed]
            case .reopenedTwice: [.respond(status: 180), .transportFailed, .respond(status: 183)]
            case .accepted: [.respond(status: 200)]
            case .acknowledged: [.respond(status: 200), .acknowledged]
            case .completed: [.respond(status: 486)]
            case .confirmed: [.respond(status: 486), .ack]
            case .terminated: [.respond(status: 486), .transportFailed]
            }
        for input in inputs { _ = machine.handle(input, at: .origin) }
        return machine
    }

    static let table: [Row] = [
        Row(start: .new, input: .respond(status: 180), at: 1, effects: [.send], next: nil),
        Row(start: .new, input: .respond(status: 200), at: 1, effects: [.send], next: 501),
        Row(start: .new, input: .respond(status: 486), at: 1, effects: [.send], next: 501),
        Row(start: .new, input: .retransmission, at: 1, effects: [.sendTrying], next: nil),
        Row(start: .new, input: .ack, at: 1, effects: [.strayAck], next: 200),
        Row(start: .new, input: .acknowledged, at: 1, effects: [], next: 200),
        Row(start: .new, input: .deadline, at: 199, effects: [], next: 200),
        Row(start: .new, input: .deadline, at: 200, effects: [.sendTrying], next: nil),
        Row(start: .new, input: .transportFailed, at: 1, effects: [.abandoned], next: 200),
        Row(start: .new, input: .transportFailed, at: 1, effects: [.sendTrying], next: nil, isReliable: true),

        Row(start: .proceeding, input: .respond(status: 183), at: 1, effects: [.send], next: nil),
        Row(start: .proceeding, input: .respond(status: 200), at: 1, effects: [.send], next: 501),
        Row(start: .proceeding, input: .respond(status: 603), at: 1, effects: [.send], next: 501),
        Row(start: .proceeding, input: .retransmission, at: 1, effects: [.sendAgain], next: nil),
        Row(start: .proceeding, input: .ack, at: 1, effects: [.strayAck], next: nil),
        Row(start: .proceeding, input: .acknowledged, at: 1, effects: [], next: nil),
        Row(start: .proceeding, input: .deadline, at: 999_000, effects: [], next: nil),
        Row(start: .proceeding, input: .transportFailed, at: 1, effects: [.abandoned], next: nil),
        Row(start: .proceeding, input: .transportFailed, at: 1, effects: [.sendAgain], next: nil, isReliable: true),
        Row(start: .reopened, input: .transportFailed, at: 1, effects: [.abandoned], next: nil, isReliable: true),
        Row(start: .reopened, input: .respond(status: 183), at: 1, effects: [.send], next: nil, isReliable: true),
        Row(start: .reopened, input: .respond(status: 200), at: 1, effects: [.send], next: 501, isReliable: true),
        Row(start: .reopened, input: .retransmission, at: 1, effects: [.sendAgain], next: nil, isReliable: true),
        Row(start: .reopened, input: .deadline, at: 200, effects: [], next: nil, isReliable: true),
        Row(start: .reopenedTwice, input: .transportFailed, at: 1, effects: [.abandoned], next: nil, isReliable: true),

        Row(start: .accepted, input: .respond(status: 180), at: 1, effects: [], next: 500),
        Row(start: .accepted, input: .respond(status: 200), at: 1, effects: [.send], next: 500),
        Row(start: .accepted, input: .respond(status: 486), at: 1, effects: [], next: 500),
        Row(start: .accepted, input: .retransmission, at: 1, effects: [], next: 500),
        Row(start: .accepted, input: .ack, at: 1, effects: [.deliverAck], next: 500),
        Row(start: .accepted, input: .acknowledged, at: 1, effects: [], next: 32_000),
        Row(start: .accepted, input: .deadline, at: 499, effects: [], next: 500),
        Row(start: .accepted, input: .deadline, at: 500, effects: [.sendAgain], next: 1_500),
        Row(start: .accepted, input: .deadline, at: 32_000, effects: [.finish(.successUnacknowledged)], next: nil),
        Row(start: .accepted, input: .transportFailed, at: 1, effects: [], next: 500),

        Row(start: .acknowledged, input: .respond(status: 200), at: 1, effects: [.send], next: 32_000),
        Row(start: .acknowledged, input: .retransmission, at: 1, effects: [], next: 32_000),
        Row(start: .acknowledged, input: .ack, at: 1, effects: [.deliverAck], next: 32_000),
        Row(start: .acknowledged, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .acknowledged, input: .deadline, at: 32_000, effects: [.finish(.acknowledged)], next: nil),
        Row(start: .acknowledged, input: .transportFailed, at: 1, effects: [], next: 32_000),

        Row(start: .completed, input: .respond(status: 200), at: 1, effects: [], next: 500),
        Row(start: .completed, input: .retransmission, at: 1, effects: [.sendAgain], next: 500),
        Row(start: .completed, input: .ack, at: 1, effects: [], next: 5_001),
        Row(start: .completed, input: .acknowledged, at: 1, effects: [], next: 500),
        Row(start: .completed, input: .deadline, at: 500, effects: [.sendAgain], next: 1_500),
        Row(start: .completed, input: .deadline, at: 32_000, effects: [.finish(.refusalUnacknowledged)], next: nil),
        Row(start: .completed, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .confirmed, input: .respond(status: 200), at: 1, effects: [], next: 5_000),
        Row(start: .confirmed, input: .retransmission, at: 1, effects: [], next: 5_000),
        Row(start: .confirmed, input: .ack, at: 1, effects: [], next: 5_000),
        Row(start: .confirmed, input: .acknowledged, at: 1, effects: [], next: 5_000),
        Row(start: .confirmed, input: .deadline, at: 4_999, effects: [], next: 5_000),
        Row(start: .confirmed, input: .deadline, at: 5_000, effects: [.finish(.acknowledged)], next: nil),
        Row(start: .confirmed, input: .transportFailed, at: 1, effects: [], next: 5_000),

        Row(start: .terminated, input: .respond(status: 200), at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .retransmission, at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .ack, at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .acknowledged, at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .deadline, at: 99_000, effects: [], next: nil),
        Row(start: .terminated, input: .transportFailed, at: 1, effects: [], next: nil),

        // Over a reliable transport a refusal is not repeated and timer I is zero; the 2xx is repeated all the same.
        Row(start: .completed, input: .deadline, at: 500, effects: [], next: 32_000, isReliable: true),
        Row(start: .completed, input: .ack, at: 1, effects: [.finish(.acknowledged)], next: nil, isReliable: true),
        Row(start: .accepted, input: .deadline, at: 500, effects: [.sendAgain], next: 1_500, isReliable: true),
    ]

    @Test(arguments: table)
    func `every state answers every input`(row: Row) {
        var machine = Self.machine(row.start, isReliable: row.isReliable)
        #expect(machine.handle(row.input, at: milliseconds(row.at)) == row.effects)
        #expect(machine.nextDeadline == row.next.map(milliseconds))
    }

    @Test(arguments: [200, 486])
    func `a final response is repeated at intervals up to T2 for 64 times T1`(status: Int) {
        var machine = Machine(timers: TimerValues(), isReliable: false, at: .origin)
        _ = machine.handle(.respond(status: status), at: .origin)
        var sentAt: [Int64] = []
        while let due = machine.nextDeadline {
            if machine.handle(.deadline, at: due) == [.sendAgain] { sentAt.append(due.nanoseconds / 1_000_000) }
        }
        #expect(sentAt == [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
    }
}
