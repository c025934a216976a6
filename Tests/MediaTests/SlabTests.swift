import Media
import Testing

/// The places that a worker's sessions stand in.
@Suite struct SlabTests {
    private struct Kept {
        var value: Int
        let token: Token
    }
    /// Says when the last copy of what holds it is gone.
    private final class Token {
        let witness: Witness
        init(_ witness: Witness) { self.witness = witness }
        deinit { witness.count += 1 }
    }
    private final class Witness { var count = 0 }

    private func kept(_ value: Int, _ witness: Witness) -> Kept { Kept(value: value, token: Token(witness)) }

    @Test func `a value is changed in its place, which stays while others come and go`() {
        let witness = Witness()
        var slab = Slab<Kept>()
        #expect(slab.next == 0)
        let first = slab.insert(kept(1, witness))
        let place = withUnsafePointer(to: &slab[first].value) { UInt(bitPattern: $0) }
        for number in 0..<100 { #expect(slab.insert(kept(number, witness)) == number + 1) }
        slab[first].value += 41
        #expect(place == withUnsafePointer(to: &slab[first].value) { UInt(bitPattern: $0) })
        #expect(slab[first].value == 42 && slab.count == 101 && slab.bound == 101 && witness.count == 0)
    }

    @Test func `a number that is free again is given out next`() {
        let witness = Witness()
        var slab = Slab<Kept>()
        for number in 0..<4 { _ = slab.insert(kept(number, witness)) }
        #expect(slab.remove(1).value == 1)
        #expect(witness.count == 1)
        #expect(slab.contains(0) && ![1, 4, -1].contains { slab.contains($0) })
        #expect(slab.next == 1 && slab.count == 3 && slab.bound == 4)
        #expect(slab.insert(kept(9, witness)) == 1)
        #expect(slab[1].value == 9)
    }

    @Test func `what is left ends with the slab`() {
        let witness = Witness()
        do {
            var slab = Slab<Kept>()
            for number in 0..<3 { _ = slab.insert(kept(number, witness)) }
            _ = slab.remove(2)
        }
        #expect(witness.count == 3)
    }
}
