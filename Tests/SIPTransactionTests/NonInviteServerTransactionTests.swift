import Primitives
import SIPTransaction
import Testing

struct NonInviteServerTransactionTests {
    typealias Machine = NonInviteServerTransaction
    enum Start { case trying, proceeding, completed, terminated }

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
        switch start {
        case .trying: break
        case .proceeding: _ = machine.handle(.respond(status: 100), at: .origin)
        case .completed: _ = machine.handle(.respond(status: 200), at: .origin)
        case .terminated: _ = machine.handle(.deadline, at: .origin + .seconds(32))
        }
        return machine
    }

    static let table: [Row] = [
        Row(start: .trying, input: .respond(status: 100), at: 1, effects: [.send], next: 32_000),
        Row(start: .trying, input: .respond(status: 200), at: 1, effects: [.send], next: 32_001),
        Row(start: .trying, input: .retransmission, at: 1, effects: [], next: 32_000),
        Row(start: .trying, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .trying, input: .deadline, at: 32_000, effects: [.finish(.unanswered)], next: nil),

        Row(start: .proceeding, input: .respond(status: 100), at: 1, effects: [.send], next: 32_000),
        Row(start: .proceeding, input: .respond(status: 404), at: 1, effects: [.send], next: 32_001),
        Row(start: .proceeding, input: .retransmission, at: 1, effects: [.sendAgain], next: 32_000),
        Row(start: .proceeding, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .proceeding, input: .deadline, at: 32_000, effects: [.finish(.unanswered)], next: nil),

        Row(start: .completed, input: .respond(status: 404), at: 1, effects: [], next: 32_000),
        Row(start: .completed, input: .retransmission, at: 1, effects: [.sendAgain], next: 32_000),
        Row(start: .completed, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .completed, input: .deadline, at: 32_000, effects: [.finish(.answered)], next: nil),

        Row(start: .terminated, input: .respond(status: 200), at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .retransmission, at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .deadline, at: 99_000, effects: [], next: nil),

        Row(
            start: .trying, input: .respond(status: 200), at: 1, effects: [.send, .finish(.answered)], next: nil,
            isReliable: true),
        Row(
            start: .proceeding, input: .respond(status: 200), at: 1, effects: [.send, .finish(.answered)], next: nil,
            isReliable: true),
    ]

    @Test(arguments: table)
    func `every state answers every input`(row: Row) {
        var machine = Self.machine(row.start, isReliable: row.isReliable)
        #expect(machine.handle(row.input, at: milliseconds(row.at)) == row.effects)
        #expect(machine.nextDeadline == row.next.map(milliseconds))
    }
}
