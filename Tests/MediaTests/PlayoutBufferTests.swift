import Media
import Primitives
import Testing

/// Packets of 20 ms at 8 kHz whose only byte is their sequence number.
@Suite struct PlayoutBufferTests {
    private func insert(
        _ buffer: inout PlayoutBuffer, _ sequence: UInt16, at milliseconds: Int, timestamp: Int? = nil
    ) -> PlayoutBuffer.Insertion {
        [UInt8(truncatingIfNeeded: sequence)].withUnsafeBytes {
            buffer.insert(
                sequence: sequence,
                timestamp: UInt32(truncatingIfNeeded: timestamp ?? Int(Int16(bitPattern: sequence)) * 160),
                payload: $0, at: .origin + .milliseconds(1_000 + milliseconds))
        }
    }

    private func take(_ buffer: inout PlayoutBuffer, at milliseconds: Int) -> String {
        var ticks = 0
        let text = buffer.take(at: .origin + .milliseconds(1_000 + milliseconds)) { frame in
            switch frame {
            case .payload(let bytes):
                ticks = 160
                return "\(bytes[0])"
            case .lost(let next):
                ticks = 160
                return next.map { "lost before \($0[0])" } ?? "lost"
            case .pause(let ticks): return "pause \(ticks)"
            case .starved: return "dry"
            case .empty: return "-"
            }
        }
        if ticks > 0 { buffer.advance(ticks: ticks) }
        return text
    }

    @Test func `payloads play in order from forty milliseconds on`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        let arrived: [(UInt16, Int)] = [(1, 20), (0, 25), (3, 60), (2, 65)]
        for (sequence, time) in arrived { #expect(insert(&buffer, sequence, at: time) == .kept) }
        #expect(take(&buffer, at: 39) == "-")
        #expect((0..<5).map { take(&buffer, at: 65 + 20 * $0) } == ["0", "1", "2", "3", "dry"])
    }

    @Test func `a gap is named with the payload behind it, and its late filler is told`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        for (index, sequence): (Int, UInt16) in [(0, 65_534), (2, 0), (5, 3)] {
            #expect(insert(&buffer, sequence, at: 20 * index) == .kept)
        }
        #expect(
            (0..<6).map { take(&buffer, at: 40 + 20 * $0) } == [
                "254", "lost before 0", "0", "lost", "lost before 3", "3",
            ])
        #expect(buffer.lostCount == 3)
        #expect(insert(&buffer, 1, at: 160) == .late)
        #expect(buffer.lateCount == 1 && buffer.count == 0)
    }

    @Test func `a dry buffer waits for what is missing, with something in its stead for a while`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        _ = insert(&buffer, 0, at: 0)
        #expect(take(&buffer, at: 40) == "0")
        #expect((0..<7).map { take(&buffer, at: 60 + 20 * $0) } == ["dry", "dry", "dry", "dry", "dry", "-", "-"])
        #expect(buffer.underruns == 1)
        // Held up by 150 ms, not lost: nothing is.
        _ = insert(&buffer, 1, at: 190)
        _ = insert(&buffer, 2, at: 190)
        #expect(take(&buffer, at: 200) == "1")
        #expect(take(&buffer, at: 220) == "2")
        #expect(buffer.lostCount == 0 && buffer.lateCount == 0)
    }

    @Test func `what stood in for a lost packet is not played twice`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        _ = insert(&buffer, 0, at: 0)
        #expect(take(&buffer, at: 40) == "0")
        #expect(take(&buffer, at: 60) == "dry")
        // 1 never comes; 2 comes when it is due.
        _ = insert(&buffer, 2, at: 75)
        #expect(take(&buffer, at: 80) == "2")
        #expect(buffer.lostCount == 1)
    }

    @Test func `a pause of the sender is silence up to its next words, and no loss`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        _ = insert(&buffer, 0, at: 0)
        #expect(take(&buffer, at: 40) == "0")
        _ = insert(&buffer, 1, at: 1_030, timestamp: 8_160)  // spoken at 1020, 10 ms late
        #expect(take(&buffer, at: 1_040) == "pause 160")
        #expect(take(&buffer, at: 1_055) == "pause 40")
        #expect(take(&buffer, at: 1_060) == "1")
        #expect(buffer.lostCount == 0)
    }

    @Test func `marks hold their place and take no time`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        #expect(buffer.insert(.event, sequence: 9) == .kept)
        _ = insert(&buffer, 0, at: 0)
        for sequence: UInt16 in [1, 2, 4] { #expect(buffer.insert(.event, sequence: sequence) == .kept) }
        _ = insert(&buffer, 5, at: 100)
        #expect(take(&buffer, at: 40) == "0")
        // 3 is lost between marks: whatever it was, it made no sound that goes on.
        #expect(take(&buffer, at: 60).hasPrefix("pause"))
        #expect(take(&buffer, at: 140) == "5")
    }

    @Test func `duplicates and oversize are told`() {
        var buffer = PlayoutBuffer(clockRate: 8_000, capacity: 8, payloadBytes: 4)
        #expect(insert(&buffer, 1, at: 0) == .kept)
        #expect(insert(&buffer, 1, at: 0) == .duplicate)
        let tooBig = [UInt8](repeating: 0, count: 5).withUnsafeBytes {
            buffer.insert(sequence: 2, timestamp: 0, payload: $0, at: .origin)
        }
        #expect(tooBig == .tooBig)
        for sequence: UInt16 in 2..<9 { #expect(insert(&buffer, sequence, at: 20) == .kept) }
        #expect(buffer.count == 8)
    }

    @Test func `a jump beyond the slots starts anew`() {
        var buffer = PlayoutBuffer(clockRate: 8_000, capacity: 8)
        _ = insert(&buffer, 0, at: 0)
        _ = insert(&buffer, 100, at: 2_000)
        #expect(buffer.count == 1 && buffer.skippedCount == 1)
        #expect(take(&buffer, at: 2_010) == "-")
        #expect(take(&buffer, at: 2_040) == "100")
    }

    @Test func `a sender that stopped its clock is played with the usual delay`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        for sequence: UInt16 in 0..<5 {
            _ = insert(&buffer, sequence, at: 20 * Int(sequence))
            _ = take(&buffer, at: 20 * Int(sequence))
        }
        for time in stride(from: 100, to: 10_000, by: 20) { _ = take(&buffer, at: time) }
        _ = insert(&buffer, 5, at: 10_000)
        _ = insert(&buffer, 6, at: 10_020)
        #expect(take(&buffer, at: 10_020) == "-")
        #expect(take(&buffer, at: 10_040) == "5")
        #expect(take(&buffer, at: 10_060) == "6")
    }

    @Test func `what waits far too long is skipped`() {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        for sequence: UInt16 in 0..<3 { _ = insert(&buffer, sequence, at: 20 * Int(sequence)) }
        // Nobody took anything for 800 ms.
        for sequence: UInt16 in 3..<40 { _ = insert(&buffer, sequence, at: 20 * Int(sequence)) }
        _ = take(&buffer, at: 60)
        _ = take(&buffer, at: 820)
        #expect(buffer.skippedCount > 10)
        #expect(buffer.count < 25)
    }

    @Test func `no order of arrivals traps it`() {
        var random = SeededGenerator(seed: 9)
        var buffer = PlayoutBuffer(clockRate: 8_000, capacity: 16)
        var base: UInt16 = 65_000
        for step in 0..<20_000 {
            base &+= UInt16.random(in: 0...2, using: &random)
            let wild = Int.random(in: 0..<50, using: &random) == 0
            let sequence =
                wild ? UInt16.random(in: 0...65_535, using: &random) : base &- UInt16.random(in: 0...6, using: &random)
            let timestamp = wild ? Int.random(in: 0..<1 << 32, using: &random) : Int(sequence) * 160
            if Int.random(in: 0..<20, using: &random) == 0 {
                _ = buffer.insert(wild ? .event : .comfortNoise, sequence: sequence)
            } else {
                _ = insert(&buffer, sequence, at: step * 10, timestamp: timestamp)
            }
            if Bool.random(using: &random) {
                _ = take(&buffer, at: step * 10)
                _ = (buffer.surplus, buffer.depth)
            }
            #expect(buffer.count <= 16)
        }
    }

    @Test(arguments: [1 << 31, (1 << 31) - 1, (1 << 31) + 1, (1 << 31) - 320, (1 << 31) + 320, 1 << 30])
    func `a timestamp half the world away from what waits does no harm`(jump: Int) {
        var buffer = PlayoutBuffer(clockRate: 8_000)
        for sequence in 0..<4 { _ = insert(&buffer, UInt16(sequence), at: 20 * sequence) }
        #expect(take(&buffer, at: 60) == "0")
        #expect(insert(&buffer, 4, at: 80, timestamp: jump) == .kept)
        for index in 0..<20 {
            _ = take(&buffer, at: 80 + 20 * index)
            #expect(buffer.depth < .seconds(3 * 24 * 3_600))
            _ = buffer.surplus
        }
    }

    @Test func `timestamps that run away from the clock packet by packet do no harm`() {
        var buffer = PlayoutBuffer(clockRate: 48_000)
        for index in 0..<30_000 {
            // Just near enough to the last one to be of the same timeline.
            _ = insert(&buffer, UInt16(truncatingIfNeeded: index), at: 20 * index, timestamp: -90_000 * index)
            _ = take(&buffer, at: 20 * index + 10)
            _ = buffer.surplus
        }
    }

    @Test func `no timestamps and sequence numbers whatever do any harm`() {
        var entropy = Entropy(SeededGenerator(seed: 7))
        for _ in 0..<40 {
            var buffer = PlayoutBuffer(clockRate: 48_000)
            var (sequence, timestamp): (UInt16, Int) = (0, 0)
            for index in 0..<200 {
                let random = entropy.next()
                sequence &+= random & 7 == 0 ? UInt16(truncatingIfNeeded: random >> 8) : 1
                timestamp = random & 0x70 == 0 ? Int(random >> 32) : timestamp + 960
                _ = insert(&buffer, sequence, at: 20 * index, timestamp: timestamp)
                _ = take(&buffer, at: 20 * index + 40)
                _ = (buffer.surplus, buffer.depth)
            }
        }
    }
}
