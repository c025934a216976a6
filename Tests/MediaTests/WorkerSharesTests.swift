import Media
import Testing

/// Which worker takes a new session.
@Suite struct WorkerSharesTests {
    @Test func `workers are filled one after the other, then evenly`() {
        var shares = WorkerShares(workers: 3, sessionsEach: 100)
        var order: [Int] = []
        for _ in 0..<9 {
            order.append(shares.next)
            shares.enter(.milliseconds(250), to: shares.next)
        }
        #expect(order == [0, 0, 1, 1, 2, 2, 0, 1, 2])
    }

    @Test func `a worker keeps half of its ports, and none gets what it has no ports for`() {
        var shares = WorkerShares(workers: 2, sessionsEach: 4)
        var order: [Int] = []
        for _ in 0..<10 {
            order.append(shares.next)
            shares.enter(.milliseconds(order.last == 0 ? 1 : 2), to: shares.next)
        }
        #expect(order == [0, 0, 1, 1, 0, 0, 1, 1, 0, 1])
    }

    @Test func `what has ended makes room where it was, and what has become lighter too`() {
        var shares = WorkerShares(workers: 2, sessionsEach: 100)
        shares.enter(.milliseconds(500), to: 0)
        #expect(shares.next == 1)
        shares.change(by: .milliseconds(-1), of: 0)
        #expect(shares.next == 0)
        shares.enter(.milliseconds(300), to: 0)
        #expect(shares.next == 1)
        shares.leave(.milliseconds(300), from: 0)
        #expect(shares.next == 0)
        #expect(WorkerShares(workers: 0, sessionsEach: 0).next == 0)
    }
}
