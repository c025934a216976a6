import Primitives
import SIPTransaction
import Testing

struct DeadlineQueueTests {
    @Test func `agrees with a sorted list under random changes`() {
        var generator = SeededGenerator(seed: 11)
        var queue = DeadlineQueue<Int>()
        var list: [Int: Int64] = [:]
        for _ in 0..<5_000 {
            let key = Int(generator.next() % 60)
            switch generator.next() % 4 {
            case 0:
                queue.remove(key)
                list[key] = nil
            case 1:
                let now = Int64(generator.next() % 100)
                let due = list.filter { $0.value <= now }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
                #expect(queue.popDue(at: Instant(nanoseconds: now)) == due)
                for key in due { list[key] = nil }
            default:
                let value = Int64(generator.next() % 1_000)
                queue.set(key, to: Instant(nanoseconds: value))
                list[key] = value
            }
            #expect(queue.first?.nanoseconds == list.values.min())
            #expect(queue.count == list.count)
        }
    }
}
