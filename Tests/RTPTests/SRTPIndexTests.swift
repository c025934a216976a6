import Primitives
import RTP
import Testing

/// Replay window and rollover estimation of SRTP (RFC 3711 section 3.3).
@Suite struct SRTPIndexTests {
    @Test func `the window knows the last 128 indices`() {
        var window = SRTPReplayWindow()
        #expect(window.admits(0))
        window.mark(1_000)
        #expect(!window.admits(1_000) && window.admits(999) && window.admits(873))
        #expect(!window.admits(872))
        window.mark(900)
        #expect(!window.admits(900))
        window.mark(1_001)
        #expect(!window.admits(1_000) && !window.admits(900) && !window.admits(873) && window.admits(874))
        window.mark(1_065)
        #expect(!window.admits(1_000) && !window.admits(1_001) && window.admits(1_002) && window.admits(938))
        window.mark(5_000)
        #expect(window.admits(4_999) && window.admits(4_873) && !window.admits(4_872))
    }

    @Test func `the window agrees with a list of what was seen`() {
        var random = SeededGenerator(seed: 3)
        var window = SRTPReplayWindow()
        var seen: Set<UInt64> = []
        var highest: UInt64 = 300
        for _ in 0..<20_000 {
            let index = highest + UInt64.random(in: 0...3, using: &random) - UInt64.random(in: 0...140, using: &random)
            let expected =
                index > (seen.max() ?? 0) || seen.isEmpty || ((seen.max() ?? 0) - index < 128 && !seen.contains(index))
            #expect(window.admits(index) == expected)
            if expected {
                window.mark(index)
                seen.insert(index)
                seen = seen.filter { $0 + 200 > index }
            }
            highest = max(highest, index)
        }
    }

    /// The cases of RFC 3711 appendix A.
    @Test(arguments: [
        (0x0_0064, 101, 0x0_0065), (0x0_FFFF, 0, 0x1_0000), (0x1_0001, 0xFFFF, 0x0_FFFF), (0x1_8000, 0, 0x1_0000),
        (0x1_8001, 0, 0x2_0000), (0x1_7FFF, 0xFFFF, 0x1_FFFF), (0x1_0000, 0x8000, 0x1_8000),
    ])
    func `the index nearest to the highest is taken`(highest: Int, sequence: Int, expected: Int) {
        var streams = SRTPStreams()
        streams.accept(ssrc: 1, index: UInt64(highest))
        #expect(
            streams.index(ssrc: 1, sequence: UInt16(sequence)) == (expected > highest - 128 ? UInt64(expected) : nil))
    }

    @Test func `nothing lies before the first index or beyond the last`() {
        var streams = SRTPStreams()
        streams.accept(ssrc: 1, index: 3)
        #expect(streams.index(ssrc: 1, sequence: 0xFFFF) == nil)
        streams.accept(ssrc: 2, index: 0xFFFF_FFFF_FFFF)
        #expect(streams.index(ssrc: 2, sequence: 0) == nil)
    }

    @Test func `a ninth source takes the place of the first`() {
        var streams = SRTPStreams()
        for ssrc in 1...UInt32(SRTPStreams.capacity) { streams.accept(ssrc: ssrc, index: 10) }
        #expect(streams.index(ssrc: 1, sequence: 10) == nil)
        streams.accept(ssrc: 99, index: 10)
        #expect(streams.index(ssrc: 1, sequence: 10) == 10)
        #expect(streams.index(ssrc: 2, sequence: 10) == nil)
        #expect(streams.index(ssrc: 99, sequence: 10) == nil)
        var indices = SRTPIndices()
        for ssrc in 1...UInt32(SRTPStreams.capacity + 1) { indices.accept(ssrc: ssrc, index: 0) }
        #expect(indices.admits(ssrc: 1, index: 0) && !indices.admits(ssrc: 2, index: 0))
    }
}
