import Media
import Primitives
import RTP
import Testing

/// A stream whose packets overtake each other, decoded on arrival.
@Suite struct ReorderTests {
    private func frame(_ index: Int) -> [UInt8] {
        (0..<160).map { UInt8(truncatingIfNeeded: 0x80 | (index + $0) % 97) }
    }

    private func call(from: AudioCodec = .pcmu) throws -> SessionHarness {
        var harness = SessionHarness()
        try harness.configure(.a, from, events: 101)
        try harness.configure(.b, .pcma, events: 101)
        return harness
    }

    /// True when a packet is the one of that number, transcoded; behind a concealed one its beginning is blended.
    private func isTrue(_ payload: [UInt8]?, _ index: Int) -> Bool {
        payload?.suffix(80) == frame(index).suffix(80).map { G711.encodeALaw(G711.decodeMuLaw($0)) }[...]
    }

    /// Sends packets at the given milliseconds, with all deadlines between; what left when.
    private func play(
        _ harness: inout SessionHarness, _ arrivals: [(index: Int, at: Int)], until end: Int
    ) -> [(index: Int, at: Int, payload: [UInt8])] {
        let start = harness.now
        var out: [(Int, Int, [UInt8])] = []
        var waiting = arrivals[...]
        for millisecond in 0...end {
            harness.now = start + .milliseconds(millisecond)
            while let next = waiting.first, next.at <= millisecond {
                waiting.removeFirst()
                let packets = harness.receive(frame(next.index), sequence: next.index, timestamp: next.index * 160)
                out += packets.map { (Int($0.header.timestamp / 160), millisecond, $0.payload) }
            }
            if harness.session.isHoldingPackets, let due = harness.session.nextDeadline, due <= harness.now {
                var batch = PacketBatch()
                _ = harness.session.handleDeadline(at: harness.now, output: &batch)
                out += SessionHarness.packets(batch).map { (Int($0.header.timestamp / 160), millisecond, $0.payload) }
            }
        }
        let first = out.first?.0 ?? 0
        return out.map { ($0.0 - first, $0.1, $0.2) }
    }

    /// One late packet: the window knows the network then.
    private let lesson = [(index: 0, at: 0), (1, 20), (3, 60), (2, 70), (4, 80)]

    @Test func `a stream in order passes at once, with its losses`() throws {
        var harness = try call()
        let out = play(&harness, (0..<50).filter { $0 % 7 != 3 }.map { ($0, $0 * 20) }, until: 1_000)
        #expect(out.map(\.index) == Array(0..<50))
        #expect(out.allSatisfy { $0.at == ($0.index % 7 == 3 ? $0.index * 20 + 20 : $0.index * 20) })
        #expect(!isHolding(harness))
    }

    @Test func `the first packet that comes late is lost, later ones are waited for`() throws {
        var harness = try call()
        let arrivals = lesson + [(6, 120), (5, 125), (7, 140), (9, 180), (10, 190), (8, 194), (11, 220)]
        let out = play(&harness, arrivals, until: 300)
        #expect(out.map(\.index) == Array(0...11))
        // Number 2 came too late the first time; 5 and 8 are themselves.
        for packet in out where packet.index != 2 { #expect(isTrue(packet.payload, packet.index), "\(packet.index)") }
        #expect(!isTrue(out[2].payload, 2))
        #expect(out.map(\.at) == [0, 20, 60, 60, 80, 125, 125, 140, 194, 194, 194, 220])
        #expect(harness.session.statistics(of: .a).packetsDiscarded == 1)
    }

    @Test func `what never comes is given up when it would be later than late packets were`() throws {
        var harness = try call()
        let out = play(&harness, lesson + [(6, 120), (7, 300)], until: 400)
        // Thirty milliseconds late it was, and five are the margin; number 5 was to come at 100.
        #expect(out.map(\.at) == [0, 20, 60, 60, 80, 135, 135, 300])
        #expect(out.map(\.index) == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test func `a packet that took its time waits for none before it`() throws {
        var harness = try call()
        // Number 6 comes 25 ms late: number 5 would be 45 late by then.
        let out = play(&harness, lesson + [(6, 145), (7, 150), (8, 160)], until: 400)
        #expect(out.map(\.at) == [0, 20, 60, 60, 80, 145, 145, 150, 160])
    }

    @Test func `ten seconds without a late packet close the window`() throws {
        var harness = try call()
        let calm = (5..<600).map { (index: $0, at: $0 * 20) }
        let out = play(&harness, lesson + calm + [(601, 12_020)], until: 12_100)
        #expect(out.last?.at == 12_020)
        #expect(out.count == 602)
    }

    @Test func `what is later than jitter makes it is not waited for`() throws {
        var harness = try call()
        let out = play(&harness, [(0, 0), (1, 20), (3, 60), (4, 80), (2, 101), (6, 120), (7, 140)], until: 300)
        #expect(out.map(\.at) == [0, 20, 60, 60, 80, 120, 120, 140])
        #expect(!isHolding(harness))
    }

    @Test func `a key does not wait behind what is held`() throws {
        var harness = try call()
        _ = play(&harness, lesson + [(6, 120)], until: 121)
        #expect(isHolding(harness))
        let out = harness.receive(SessionHarness.event(5, duration: 160), type: 101, sequence: 7, timestamp: 7 * 160)
        #expect(out.map(\.header.payloadType) == [8, 8, 101])
        #expect(!isHolding(harness))
    }

    @Test func `another source does not wait for the numbers of the one before`() throws {
        var harness = try call()
        _ = play(&harness, lesson + [(6, 120)], until: 121)
        let out = harness.receive(frame(9), sequence: 4_000, timestamp: 99, ssrc: 8)
        #expect(out.count == 3 && isTrue(out[2].payload, 9) && out[2].header.marker)
        #expect(harness.receive(frame(10), sequence: 4_001, timestamp: 259, ssrc: 8).count == 1)
    }

    @Test func `a jump beyond the window frees what is held`() throws {
        var harness = try call()
        _ = play(&harness, lesson + [(6, 120)], until: 121)
        let out = harness.receive(frame(40), sequence: 40, timestamp: 40 * 160)
        #expect(out.count > 2 && isTrue(out[1].payload, 6) && isTrue(out.last?.payload, 40))
        #expect(!isHolding(harness))
    }

    @Test func `numbers are put in order across their wrap`() throws {
        var harness = try call()
        var out: [SessionHarness.Packet] = []
        for number in [65_530, 65_531, 65_533, 65_532, 65_534, 0, 65_535, 2, 1, 3] {
            let index = number < 100 ? number + 6 : number - 65_530
            out += harness.receive(frame(index), sequence: number, timestamp: index * 160)
            harness.advance(2)
        }
        #expect(out.map { ($0.header.timestamp &- out[0].header.timestamp) / 160 } == Array(0...9))
        #expect(out.enumerated().allSatisfy { $0 == 2 || isTrue($1.payload, $0) })
    }

    @Test func `hostile numbers hold no more than the window, and nothing for long`() throws {
        var harness = try call()
        var random = SeededGenerator(seed: 4)
        for step in 0..<4_000 {
            let number = 100 + step / 4 + Int(random.next() % 24)
            _ = harness.receive(
                Array(frame(step).prefix(Int(random.next() % 160))), sequence: number,
                timestamp: number * 160 + Int(random.next() % 3) * 80)
            harness.advance(Int(random.next() % 12))
            if isHolding(harness), let due = harness.session.nextDeadline, due > harness.now + .milliseconds(50) {
                Issue.record("step \(step): held until \(due)")
            }
        }
    }

    private func isHolding(_ harness: borrowing SessionHarness) -> Bool { harness.session.isHoldingPackets }
}
