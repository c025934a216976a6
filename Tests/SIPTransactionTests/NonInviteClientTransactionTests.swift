import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct NonInviteClientTransactionTests {
    typealias Machine = NonInviteClientTransaction
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
        case .proceeding: _ = machine.handle(.response(response(100)), at: .origin)
        case .completed: _ = machine.handle(.response(response(200)), at: .origin)
        case .terminated: _ = machine.handle(.transportFailed, at: .origin)
        }
        return machine
    }

    static let trying = response(100)
    static let ok = response(200)

    static let table: [Row] = [
        Row(start: .trying, input: .response(trying), at: 1, effects: [.deliver(trying)], next: 500),
        Row(start: .trying, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 5_001),
        Row(start: .trying, input: .deadline, at: 499, effects: [], next: 500),
        Row(start: .trying, input: .deadline, at: 500, effects: [.transmit], next: 1_500),
        Row(start: .trying, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil),
        Row(start: .trying, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .proceeding, input: .response(trying), at: 1, effects: [.deliver(trying)], next: 500),
        Row(start: .proceeding, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 5_001),
        Row(start: .proceeding, input: .deadline, at: 499, effects: [], next: 500),
        Row(start: .proceeding, input: .deadline, at: 500, effects: [.transmit], next: 4_500),
        Row(start: .proceeding, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil),
        Row(start: .proceeding, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .completed, input: .response(trying), at: 1, effects: [], next: 5_000),
        Row(start: .completed, input: .response(ok), at: 1, effects: [], next: 5_000),
        Row(start: .completed, input: .deadline, at: 4_999, effects: [], next: 5_000),
        Row(start: .completed, input: .deadline, at: 5_000, effects: [.finish(.answered)], next: nil),
        Row(start: .completed, input: .transportFailed, at: 1, effects: [.finish(.answered)], next: nil),

        Row(start: .terminated, input: .response(ok), at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .deadline, at: 99_000, effects: [], next: nil),
        Row(start: .terminated, input: .transportFailed, at: 1, effects: [], next: nil),

        Row(start: .trying, input: .deadline, at: 500, effects: [], next: 32_000, isReliable: true),
        Row(
            start: .trying, input: .response(ok), at: 1, effects: [.deliver(ok), .finish(.answered)], next: nil,
            isReliable: true),
        Row(start: .proceeding, input: .deadline, at: 500, effects: [], next: 32_000, isReliable: true),
        Row(
            start: .proceeding, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil, isReliable: true
        ),
    ]

    @Test(arguments: table)
    func `every state answers every input`(row: Row) {
        var machine = Self.machine(row.start, isReliable: row.isReliable)
        #expect(machine.handle(row.input, at: milliseconds(row.at)) == row.effects)
        #expect(machine.nextDeadline == row.next.map(milliseconds))
    }

    @Test func `timer E doubles up to T2 until timer F ends it`() {
        var machine = Machine(timers: TimerValues(), isReliable: false, at: .origin)
        var sentAt: [Int64] = []
        while let due = machine.nextDeadline {
            if machine.handle(.deadline, at: due) == [.transmit] { sentAt.append(due.nanoseconds / 1_000_000) }
        }
        #expect(sentAt == [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
    }
}
