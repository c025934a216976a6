import Media
import Primitives
import RTP
import Testing

/// Whose packets are believed, and where packets go.
@Suite struct LatchingTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)
    private let signalled = SessionHarness.peer(.a)
    private let otherPort = Endpoint("192.0.2.1:31000")!
    private let translated = Endpoint("203.0.113.5:31000")!
    private let stranger = Endpoint("198.51.100.66:6666")!

    private func call(signalling: String? = nil) throws -> SessionHarness {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, signalling: signalling.flatMap { IPAddress($0) })
        try harness.configure(.b, .pcmu)
        return harness
    }

    /// Feeds packets of one source; how many were passed on.
    private func speak(
        _ harness: inout SessionHarness, from source: Endpoint, ssrc: UInt32 = 7, sequences: ClosedRange<Int>,
        skipping: Int? = nil
    ) -> Int {
        var passed = 0
        for sequence in sequences where sequence != skipping {
            harness.advance(20)
            passed +=
                harness.receive(voice, sequence: sequence, timestamp: sequence * 160, ssrc: ssrc, from: source).count
        }
        return passed
    }

    /// Where what b says goes.
    private func destination(_ harness: inout SessionHarness) -> Endpoint? {
        harness.advance(20)
        let sequence = Int(harness.now.nanoseconds / 20_000_000)
        return harness.receive(voice, sequence: sequence, timestamp: sequence * 160, on: .b).first?.destination
    }

    @Test func `the signalled endpoint is believed at once, and alone`() throws {
        var harness = try call()
        #expect(destination(&harness) == signalled)
        #expect(speak(&harness, from: signalled, sequences: 1...10) == 10)
        #expect(speak(&harness, from: otherPort, ssrc: 8, sequences: 1...50) == 0)
        #expect(destination(&harness) == signalled)
        #expect(harness.session.statistics(of: .a).packetsFromStrangers == 50)
    }

    @Test func `who sprays the port from the first millisecond is neither heard nor sent anything`() throws {
        for signalling in [nil, "192.0.2.1", "203.0.113.5"] {
            var harness = try call(signalling: signalling)
            for index in 0..<500 {
                let attacker = Endpoint(address: .v4(0xC633_6400 + UInt32(index % 7)), port: UInt16(2_000 + index % 3))
                #expect(
                    harness.receive(voice, sequence: index, timestamp: index * 160, ssrc: 666, from: attacker).isEmpty)
                #expect(
                    harness.receive(voice, sequence: index, timestamp: index * 160, on: .b).first?.destination
                        == signalled)
                harness.advance(1)
            }
            let statistics = harness.session.statistics(of: .a)
            #expect(statistics.packetsFromStrangers == 500 && statistics.packetsDropped == 500)
            #expect(statistics.packetsReceived == 0 && statistics.packetsLost == 0)
            #expect(speak(&harness, from: signalled, sequences: 1...3) == 3)
        }
    }

    @Test func `another port of the signalled address is believed after five packets in sequence`() throws {
        var harness = try call()
        #expect(speak(&harness, from: otherPort, sequences: 1...4) == 0)
        #expect(destination(&harness) == signalled)
        #expect(speak(&harness, from: otherPort, sequences: 5...20) == 16)
        #expect(destination(&harness) == otherPort)
    }

    @Test func `the signalled endpoint proves itself against another port that was believed before it`() throws {
        var harness = try call()
        #expect(speak(&harness, from: otherPort, sequences: 1...20) == 16)
        // A stream that has outlived its call goes on, while the one that was agreed on begins.
        for sequence in 1...20 {
            #expect(speak(&harness, from: signalled, ssrc: 8, sequences: sequence...sequence) == (sequence < 5 ? 0 : 1))
            #expect(
                speak(&harness, from: otherPort, sequences: 20 + sequence...20 + sequence) == (sequence < 5 ? 1 : 0))
        }
        #expect(destination(&harness) == signalled)
    }

    @Test func `a gap or another source begins the proof anew`() throws {
        var harness = try call()
        #expect(speak(&harness, from: otherPort, sequences: 1...8, skipping: 4) == 0)
        #expect(speak(&harness, from: otherPort, ssrc: 8, sequences: 9...12) == 0)
        #expect(speak(&harness, from: otherPort, ssrc: 8, sequences: 13...13) == 1)
    }

    @Test func `the signalled endpoint wins over a source on probation`() throws {
        var harness = try call()
        #expect(speak(&harness, from: otherPort, sequences: 1...4) == 0)
        #expect(speak(&harness, from: signalled, ssrc: 8, sequences: 1...1) == 1)
        #expect(speak(&harness, from: otherPort, sequences: 5...30) == 0)
    }

    @Test func `one source is on probation at a time`() throws {
        var harness = try call(signalling: "203.0.113.5")
        for sequence in 1...4 {
            #expect(speak(&harness, from: translated, sequences: sequence...sequence) == 0)
            #expect(speak(&harness, from: otherPort, ssrc: 9, sequences: sequence...sequence) == 0)
        }
        #expect(speak(&harness, from: translated, sequences: 5...5) == 1)
        #expect(speak(&harness, from: otherPort, ssrc: 9, sequences: 5...9) == 0)
    }

    @Test func `behind an address translator the signalling's address is believed, no other`() throws {
        var harness = try call(signalling: "203.0.113.5")
        #expect(speak(&harness, from: stranger, sequences: 1...20) == 0)
        #expect(speak(&harness, from: translated, sequences: 1...10) == 6)
        #expect(destination(&harness) == translated)
        #expect(speak(&harness, from: stranger, sequences: 1...20) == 0)
        var plain = try call()
        #expect(speak(&plain, from: translated, sequences: 1...20) == 0)
    }

    @Test func `a long silence opens the latch for those who may prove themselves`() throws {
        var harness = try call()
        #expect(speak(&harness, from: signalled, sequences: 1...5) == 5)
        harness.advance(9_000)
        #expect(speak(&harness, from: otherPort, ssrc: 8, sequences: 1...10) == 0)
        harness.advance(1_000)
        #expect(speak(&harness, from: stranger, ssrc: 9, sequences: 1...10) == 0)
        #expect(destination(&harness) == signalled)
        #expect(speak(&harness, from: otherPort, ssrc: 8, sequences: 11...20) == 6)
        #expect(destination(&harness) == otherPort)
    }

    @Test func `another signalled endpoint opens the latch, the same one and hold do not`() throws {
        var harness = try call()
        #expect(speak(&harness, from: otherPort, sequences: 1...6) == 2)
        try harness.configure(.a, .pcmu)
        #expect(destination(&harness) == otherPort)
        let held = MediaStreamDescription(remote: nil, codec: .pcmu, payloadType: 0, sends: false)
        try harness.session.configure(.a, held, entropy: &harness.entropy, at: harness.now)
        #expect(destination(&harness) == nil)
        try harness.configure(.a, .pcmu)
        #expect(destination(&harness) == otherPort)
        #expect(speak(&harness, from: otherPort, sequences: 7...8) == 2)
        let moved = Endpoint("192.0.2.9:4000")!
        try harness.configure(.a, .pcmu, remote: moved)
        #expect(destination(&harness) == moved)
        #expect(speak(&harness, from: otherPort, sequences: 9...20) == 0)
        #expect(speak(&harness, from: moved, ssrc: 8, sequences: 1...2) == 2)
    }

    @Test func `garbage and unexpected types prove nothing`() throws {
        var harness = try call()
        for sequence in 1...20 {
            #expect(harness.receive([0x80], from: otherPort).isEmpty)
            #expect(harness.receive(voice, type: 18, sequence: sequence, timestamp: 0, from: otherPort).isEmpty)
        }
        #expect(speak(&harness, from: signalled, ssrc: 8, sequences: 1...1) == 1)
        #expect(harness.session.statistics(of: .a).packetsDropped == 40)
    }

    @Test func `reports from another host are counted and change nothing`() throws {
        var harness = try call()
        for _ in 0..<3 {
            [UInt8](repeating: 0x80, count: 40).withUnsafeBytes {
                harness.session.receiveRTCP($0, from: stranger, on: .a, at: harness.now)
            }
        }
        #expect(harness.session.statistics(of: .a).packetsFromStrangers == 3)
    }
}
