import Media
import Testing

/// The places that a worker's sessions stand in.
@Suite struct SlabTests {
    /// Says when it is gone.
    private final class Life {
        let ended: Witness
        init(_ ended: Witness) { self.ended = ended }
        deinit { ended.count += 1 }
    }
    private struct Kept {
        var value: Int
        let life: Life

        init(value: Int, ended: Witness) {
            self.value = value
            life = Life(ended)
        }
    }
    private final class Witness { var count = 0 }

    @Test func `a value is changed in its place, which stays while others come and go`() {
        let witness = Witness()
        var slab = Slab<Kept>()
        let expected = slab.next
        let first = slab.insert(Kept(value: 1, ended: witness))
        #expect(first == expected)
        for number in 0..<100 {
            let index = slab.insert(Kept(value: number, ended: witness))
            #expect(index == number + 1)
        }
        slab[first].value += 41
        let (value, count, bound) = (slab[first].value, slab.count, slab.bound)
        #expect(value == 42 && count == 101 && bound == 101 && witness.count == 0)
    }

    @Test func `a number that is free again is given out next`() {
        let witness = Witness()
        var slab = Slab<Kept>()
        for number in 0..<4 { _ = slab.insert(Kept(value: number, ended: witness)) }
        do {
            let removed = slab.remove(1)
            #expect(removed.value == 1)
        }
        let there = [slab.contains(-1), slab.contains(0), slab.contains(1), slab.contains(4)]
        #expect(witness.count == 1 && there == [false, true, false, false])
        let (next, count, bound) = (slab.next, slab.count, slab.bound)
        #expect(next == 1 && count == 3 && bound == 4)
        let again = slab.insert(Kept(value: 9, ended: witness))
        let value = slab[1].value
        #expect(again == 1 && value == 9)
    }

    @Test func `what is left ends with the slab`() {
        let witness = Witness()
        do {
            var slab = Slab<Kept>()
            for number in 0..<3 { _ = slab.insert(Kept(value: number, ended: witness)) }
            _ = slab.remove(2)
        }
        #expect(witness.count == 3)
    }
}
