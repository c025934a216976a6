import Media
import Testing

/// The places that a worker's sessions stand in.
@Suite struct SlabTests {
    /// Cannot be copied, and says when it is gone.
    private struct Kept: ~Copyable {
        var value: Int
        let ended: Witness
        deinit { ended.count += 1 }
    }
    private final class Witness { var count = 0 }

    @Test func `a value is changed in its place, which stays while others come and go`() {
        let witness = Witness()
        var slab = Slab<Kept>()
        #expect(slab.next == 0)
        let first = slab.insert(Kept(value: 1, ended: witness))
        let place = slab[first]
        for number in 0..<100 { #expect(slab.insert(Kept(value: number, ended: witness)) == number + 1) }
        slab[first]?.pointee.value += 41
        #expect(place == slab[first] && place?.pointee.value == 42)
        #expect(slab.count == 101 && slab.bound == 101 && witness.count == 0)
    }

    @Test func `a number that is free again is given out next`() {
        let witness = Witness()
        var slab = Slab<Kept>()
        for number in 0..<4 { _ = slab.insert(Kept(value: number, ended: witness)) }
        do {
            let removed = slab.remove(1)
            #expect(removed.value == 1)
        }
        #expect(witness.count == 1 && slab[1] == nil && slab[0] != nil && slab[4] == nil && slab[-1] == nil)
        #expect(slab.next == 1 && slab.count == 3 && slab.bound == 4)
        #expect(slab.insert(Kept(value: 9, ended: witness)) == 1)
        #expect(slab[1]?.pointee.value == 9)
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
