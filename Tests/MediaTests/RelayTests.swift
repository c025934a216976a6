import Media
import Primitives
import RTP
import Testing

@Suite struct RelayTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    private func relay(_ codec: AudioCodec = .pcmu) throws -> SessionHarness {
        var harness = SessionHarness()
        try harness.configure(.a, codec)
        try harness.configure(.b, codec)
        return harness
    }

    @Test func `a relayed packet keeps its payload and gets our own source, type and destination`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .opus, type: 96)
        try harness.configure(.b, .opus, type: 111)
        let forth = harness.receive([1, 2, 3], type: 96, sequence: 10, timestamp: 960)
        #expect(forth.count == 1)
        #expect(forth[0].payload == [1, 2, 3])
        #expect(forth[0].header.payloadType == 111)
        #expect(forth[0].header.ssrc != 7)
        #expect(forth[0].header.marker)
        #expect(forth[0].side == .b)
        #expect(forth[0].destination == SessionHarness.peer(.b))
        let back = harness.receive([4], type: 111, sequence: 1, timestamp: 0, on: .b)
        #expect(back.first?.header.payloadType == 96)
        #expect(back.first?.destination == SessionHarness.peer(.a))
        #expect(back.first?.header.ssrc != forth[0].header.ssrc)
    }

    @Test func `gaps, order and timestamps of the source stay as they are`() throws {
        var harness = try relay()
        var out: [RTPHeader] = []
        for sequence in [65_534, 65_535, 65_537, 65_536, 65_540] {
            harness.advance(20)
            out += harness.receive(voice, sequence: sequence, timestamp: sequence * 160).map(\.header)
        }
        let first = try #require(out.first)
        #expect(out.map { $0.sequence &- first.sequence } == [0, 1, 3, 2, 6])
        #expect(out.map { $0.timestamp &- first.timestamp } == [0, 160, 480, 320, 960])
        #expect(out.map(\.marker) == [true, false, false, false, false])
    }

    @Test func `a duplicate is not forwarded`() throws {
        var harness = try relay()
        #expect(harness.receive(voice, sequence: 1, timestamp: 0).count == 1)
        #expect(harness.receive(voice, sequence: 1, timestamp: 0).isEmpty)
    }

    @Test func `a new source continues the outgoing stream without a break`() throws {
        var harness = try relay()
        let last = harness.receive(voice, sequence: 500, timestamp: 1_000)
        harness.advance(60)
        let next = harness.receive(voice, sequence: 40_000, timestamp: 77, ssrc: 8)
        #expect(next.first?.header.sequence == last[0].header.sequence &+ 1)
        #expect(next.first?.header.timestamp == last[0].header.timestamp &+ 480)
        #expect(next.first?.header.ssrc == last[0].header.ssrc)
        #expect(next.first?.header.marker == true)
    }

    @Test func `hold sends nothing, and what follows continues without a gap`() throws {
        var harness = try relay()
        let before = harness.receive(voice, sequence: 1, timestamp: 160)
        try harness.configure(.b, .pcmu, sends: false)
        for index in 2..<52 {
            harness.advance(20)
            #expect(harness.receive(voice, sequence: index, timestamp: index * 160).isEmpty)
        }
        try harness.configure(.b, .pcmu)
        harness.advance(20)
        let after = harness.receive(voice, sequence: 52, timestamp: 52 * 160)
        #expect(after.first?.header.sequence == before[0].header.sequence &+ 1)
        #expect(after.first?.header.timestamp == before[0].header.timestamp &+ 51 * 160)
        #expect(after.first?.header.marker == true)
    }

    @Test func `what a side shall not say is counted and kept back`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, receives: false)
        try harness.configure(.b, .pcmu)
        #expect(harness.receive(voice, sequence: 1, timestamp: 0).isEmpty)
        #expect(harness.session.statistics(of: .a).packetsReceived == 1)
    }

    @Test func `events change their payload type and nothing else`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .pcmu, events: 97)
        _ = harness.receive(voice, sequence: 1, timestamp: 160)
        let event = SessionHarness.event(5, duration: 160)
        let out = harness.receive(event, type: 101, sequence: 2, timestamp: 320, marker: true)
        #expect(out.first?.header.payloadType == 97)
        #expect(out.first?.payload == event)
        #expect(out.first?.header.marker == true)
    }

    @Test func `a renumbered type is sent under the peer's number and taken under ours`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .opus, type: 120, receiveType: 96, events: 121, receiveEvents: 101)
        try harness.configure(.b, .opus, type: 111, events: 97)
        #expect(harness.receive([1], type: 96, sequence: 1, timestamp: 0).first?.header.payloadType == 111)
        let event = SessionHarness.event(5, duration: 960)
        #expect(harness.receive(event, type: 101, sequence: 2, timestamp: 960).first?.header.payloadType == 97)
        #expect(harness.receive([1], type: 120, sequence: 3, timestamp: 1_920).isEmpty)
        #expect(harness.receive(event, type: 121, sequence: 4, timestamp: 1_920).isEmpty)
        #expect(harness.session.statistics(of: .a).packetsDropped == 2)
        #expect(harness.receive([1], type: 111, sequence: 1, timestamp: 0, on: .b).first?.header.payloadType == 120)
        let back = harness.receive(event, type: 97, sequence: 2, timestamp: 960, on: .b)
        #expect(back.first?.header.payloadType == 121)
        try harness.configure(.b, .pcma, events: 97)
        #expect(harness.receive(event, type: 101, sequence: 5, timestamp: 960).first?.header.payloadType == 97)
    }

    @Test func `events that are no keys, to a peer without events, leave no gap`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .pcmu)
        let before = harness.receive(voice, sequence: 1, timestamp: 160)
        for index in 2..<7 {
            let event = SessionHarness.event(66, duration: 160)
            #expect(harness.receive(event, type: 101, sequence: index, timestamp: 320).isEmpty)
        }
        let after = harness.receive(voice, sequence: 7, timestamp: 7 * 160)
        #expect(after.first?.header.sequence == before[0].header.sequence &+ 1)
    }

    @Test func `echo sends a side what it says, under our source`() throws {
        var harness = SessionHarness()
        try harness.session.setEcho()
        try harness.configure(.a, .opus, type: 96, events: 101)
        let out = harness.receive([9, 9], type: 96, sequence: 1, timestamp: 0)
        #expect(out.first?.payload == [9, 9])
        #expect(out.first?.destination == SessionHarness.peer(.a))
        #expect(out.first?.side == .a)
        #expect(out.first?.header.ssrc != 7)
        let event = SessionHarness.event(1, duration: 960)
        #expect(harness.receive(event, type: 101, sequence: 2, timestamp: 960).first?.payload == event)
    }

    @Test func `nothing flows before both sides are configured`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        #expect(harness.receive(voice, sequence: 1, timestamp: 0).isEmpty)
        #expect(harness.receive(voice, sequence: 1, timestamp: 0, on: .b).isEmpty)
        #expect(harness.session.statistics(of: .b).packetsDropped == 1)
    }

    @Test func `a side without an address is sent to once it has spoken`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        let unknown = MediaStreamDescription(
            remote: nil, codec: .pcmu, payloadType: 0, signallingAddress: SessionHarness.peer(.b).address)
        try harness.session.configure(.b, unknown, entropy: &harness.entropy, at: harness.now)
        #expect(harness.receive(voice, sequence: 1, timestamp: 0).isEmpty)
        for sequence in 1...4 {
            #expect(harness.receive(voice, sequence: sequence, timestamp: sequence * 160, on: .b).isEmpty)
        }
        #expect(harness.receive(voice, sequence: 5, timestamp: 800, on: .b).count == 1)
        #expect(harness.receive(voice, sequence: 2, timestamp: 160).first?.destination == SessionHarness.peer(.b))
    }

    @Test func `a changed codec clock gets another source`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        let before = harness.receive(voice, sequence: 1, timestamp: 0)
        try harness.configure(.a, .opus)
        try harness.configure(.b, .opus)
        let after = harness.receive([1], type: 111, sequence: 2, timestamp: 0)
        #expect(after.first.map { $0.header.ssrc != before[0].header.ssrc } == true)
        #expect(harness.session.statistics(of: .b).packetsSent == 2)
    }
}

@Suite struct HostileMediaTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    @Test func `no mutation of a packet traps a session`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .pcma, events: 101, ptime: 30)
        var random = SeededGenerator(seed: 21)
        var batch = PacketBatch()
        for index in 0..<20_000 {
            let isEvent = index % 10 == 0
            var bytes = SessionHarness.datagram(
                isEvent ? SessionHarness.event(3, duration: 1_600) : voice, type: isEvent ? 101 : 0, sequence: index,
                timestamp: index * 160)
            if index % 3 != 0 {
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    bytes[Int.random(in: 0..<min(16, bytes.count), using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                }
            }
            if index % 7 == 0 { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            bytes.withUnsafeBytes {
                harness.session.receiveRTP($0, from: SessionHarness.peer(.a), on: .a, at: harness.now, output: &batch)
                harness.session.receiveRTCP($0, from: SessionHarness.peer(.a), on: .a, at: harness.now)
            }
            batch.removeAll()
            harness.advance(20)
        }
        #expect(batch.overflowCount == 0)
        #expect(harness.session.statistics(of: .b).packetsSent > 5_000)
    }
}
