import CallControl
import Primitives
import Testing

@Suite struct ProtectionRefusalsTests {
    @Test func `at the limit the oldest gives way, and one that is noted anew is the youngest`() {
        var refusals = ProtectionRefusals(limit: 3)
        for name in ["a", "b", "c", "a", "d"] { refusals.note(name, at: .origin) }
        #expect(refusals.count == 3)
        #expect(["a", "b", "c", "d"].map { refusals.contains($0, at: .origin) } == [true, false, true, true])
        refusals.forget("c")
        refusals.forget("x")
        #expect(refusals.count == 2 && !refusals.contains("c", at: .origin))
    }

    @Test func `it ends after its time, and nameless or long-named telephones are not kept`() {
        var refusals = ProtectionRefusals(limit: 3)
        refusals.note("a", at: .origin)
        let end = Instant.origin + ProtectionRefusals.lifetime
        #expect(refusals.contains("a", at: end + .nanoseconds(-1)) && !refusals.contains("a", at: end))
        refusals.note(nil, at: .origin)
        refusals.note(String(repeating: "x", count: ProtectionRefusals.nameBytes + 1), at: .origin)
        #expect(refusals.count == 1 && !refusals.contains(nil, at: .origin))
        var none = ProtectionRefusals(limit: 0)
        none.note("a", at: .origin)
        #expect(none.count == 0)
    }
}
