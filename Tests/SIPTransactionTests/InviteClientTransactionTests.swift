import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct InviteClientTransactionTests {
    typealias Machine = InviteClientTransaction
    enum Start: CaseIterable { case calling, cancelWanted, proceeding, cancelled, accepted, completed, terminated }

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
            case .calling: []
            case .cancelWanted: [.cancel]
            case .proceeding: [.response(response(180))]
            case .cancelled: [.response(response(180)), .cancel]
            case .accepted: [.response(response(200))]
            case .completed: [.response(response(486))]
            case .terminated: [.transportFailed]
            }
        for input in inputs { _ = machine.handle(input, at: .origin) }
        return machine
    }

    static let ring = response(180)
    static let ok = response(200)
    static let busy = response(486)
    static let refused: [Machine.Effect] = [.acknowledge(busy), .deliver(busy)]

    static let table: [Row] = [
        Row(start: .calling, input: .response(ring), at: 1, effects: [.deliver(ring)], next: nil),
        Row(start: .calling, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 32_001),
        Row(
            start: .calling, input: .response(busy), at: 1, effects: refused, next: 32_001),
        Row(start: .calling, input: .cancel, at: 1, effects: [], next: 500),
        Row(start: .calling, input: .deadline, at: 499, effects: [], next: 500),
        Row(start: .calling, input: .deadline, at: 500, effects: [.transmit], next: 1_500),
        Row(start: .calling, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil),
        Row(start: .calling, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .cancelWanted, input: .response(ring), at: 1, effects: [.deliver(ring), .sendCancel], next: 32_001),
        Row(start: .cancelWanted, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 32_001),
        Row(
            start: .cancelWanted, input: .response(busy), at: 1, effects: [.acknowledge(busy), .deliver(busy)],
            next: 32_001),
        Row(start: .cancelWanted, input: .cancel, at: 1, effects: [], next: 500),
        Row(start: .cancelWanted, input: .deadline, at: 500, effects: [.transmit], next: 1_500),
        Row(start: .cancelWanted, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil),
        Row(start: .cancelWanted, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .proceeding, input: .response(ring), at: 1, effects: [.deliver(ring)], next: nil),
        Row(start: .proceeding, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 32_001),
        Row(
            start: .proceeding, input: .response(busy), at: 1, effects: [.acknowledge(busy), .deliver(busy)],
            next: 32_001),
        Row(start: .proceeding, input: .cancel, at: 1, effects: [.sendCancel], next: 32_001),
        Row(start: .proceeding, input: .deadline, at: 600_000, effects: [], next: nil),
        Row(start: .proceeding, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .cancelled, input: .response(ring), at: 1, effects: [.deliver(ring)], next: 32_000),
        Row(start: .cancelled, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 32_001),
        Row(
            start: .cancelled, input: .response(busy), at: 1, effects: [.acknowledge(busy), .deliver(busy)],
            next: 32_001),
        Row(start: .cancelled, input: .cancel, at: 1, effects: [], next: 32_000),
        Row(start: .cancelled, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .cancelled, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil),
        Row(start: .cancelled, input: .transportFailed, at: 1, effects: [.finish(.transportFailed)], next: nil),

        Row(start: .accepted, input: .response(ring), at: 1, effects: [], next: 32_000),
        Row(start: .accepted, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 32_000),
        Row(start: .accepted, input: .response(busy), at: 1, effects: [], next: 32_000),
        Row(start: .accepted, input: .cancel, at: 1, effects: [], next: 32_000),
        Row(start: .accepted, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .accepted, input: .deadline, at: 32_000, effects: [.finish(.answered)], next: nil),
        Row(start: .accepted, input: .transportFailed, at: 1, effects: [], next: 32_000),

        Row(start: .completed, input: .response(ring), at: 1, effects: [], next: 32_000),
        Row(start: .completed, input: .response(ok), at: 1, effects: [], next: 32_000),
        Row(start: .completed, input: .response(busy), at: 1, effects: [.acknowledge(busy)], next: 32_000),
        Row(start: .completed, input: .cancel, at: 1, effects: [], next: 32_000),
        Row(start: .completed, input: .deadline, at: 31_999, effects: [], next: 32_000),
        Row(start: .completed, input: .deadline, at: 32_000, effects: [.finish(.answered)], next: nil),
        Row(start: .completed, input: .transportFailed, at: 1, effects: [.finish(.answered)], next: nil),

        Row(start: .terminated, input: .response(ring), at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .response(ok), at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .response(busy), at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .cancel, at: 1, effects: [], next: nil),
        Row(start: .terminated, input: .deadline, at: 99_000, effects: [], next: nil),
        Row(start: .terminated, input: .transportFailed, at: 1, effects: [], next: nil),

        // Over a reliable transport there is no timer A, and timer D is zero; timer M stays.
        Row(start: .calling, input: .deadline, at: 500, effects: [], next: 32_000, isReliable: true),
        Row(start: .calling, input: .deadline, at: 32_000, effects: [.finish(.timedOut)], next: nil, isReliable: true),
        Row(start: .proceeding, input: .response(ok), at: 1, effects: [.deliver(ok)], next: 32_001, isReliable: true),
        Row(
            start: .proceeding, input: .response(busy), at: 1,
            effects: [.acknowledge(busy), .deliver(busy), .finish(.answered)], next: nil, isReliable: true),
    ]

    @Test(arguments: table)
    func `every state answers every input`(row: Row) {
        var machine = Self.machine(row.start, isReliable: row.isReliable)
        #expect(machine.handle(row.input, at: milliseconds(row.at)) == row.effects)
        #expect(machine.nextDeadline == row.next.map(milliseconds))
    }

    @Test func `timer A doubles without limit until timer B ends it`() {
        var machine = Machine(timers: TimerValues(), isReliable: false, at: .origin)
        var sentAt: [Int64] = []
        var outcome: [Machine.Effect] = []
        while let due = machine.nextDeadline {
            let effects = machine.handle(.deadline, at: due)
            if effects == [.transmit] { sentAt.append(due.nanoseconds / 1_000_000) } else { outcome += effects }
        }
        #expect(sentAt == [500, 1_500, 3_500, 7_500, 15_500, 31_500])
        #expect(outcome == [.finish(.timedOut)])
    }

    @Test func `a late wake-up sends once, not once per missed interval`() {
        var machine = Machine(timers: TimerValues(), isReliable: false, at: .origin)
        #expect(machine.handle(.deadline, at: milliseconds(9_000)) == [.transmit])
        #expect(machine.nextDeadline == milliseconds(10_000))
    }
}
