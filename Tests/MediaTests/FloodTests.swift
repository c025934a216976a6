import Media
import Primitives
import RTP
import Testing

/// Peers that send more than a call is, and packets that run in a circle.
@Suite struct FloodTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    @Test func `of a flood a thousand packets a second are passed on, and of a telephone all`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        var passed: [Int] = []
        var sequence = 0
        for _ in 0..<3 {
            var count = 0
            for _ in 0..<2_500 {
                count += harness.receive(voice, sequence: sequence, timestamp: sequence * 160).count
                sequence += 1
            }
            passed.append(count)
            harness.advance(1_000)
        }
        #expect(passed == [1_000, 1_000, 1_000])
        #expect(harness.session.statistics(of: .a).packetsDropped == 4_500)
        for _ in 0..<500 {
            #expect(harness.receive(voice, sequence: sequence, timestamp: sequence * 160).count == 1)
            sequence += 1
            harness.advance(20)
        }
    }

    /// Each side's peer named the port here that the other side sends from.
    @Test func `a packet that runs in a circle is stopped within its second`() throws {
        var harness = SessionHarness()
        let ports = [Endpoint("192.0.2.100:16384")!, Endpoint("192.0.2.100:16386")!]
        try harness.configure(.a, .pcmu, remote: ports[1])
        try harness.configure(.b, .pcmu, remote: ports[0])
        var circling = harness.receive(voice, sequence: 1, timestamp: 160, from: ports[1])
        var turns = 0
        while let packet = circling.first, turns < 5_000 {
            turns += 1
            #expect(packet.destination == ports[0])
            let datagram = SessionHarness.datagram(
                packet.payload, sequence: Int(packet.header.sequence), timestamp: Int(packet.header.timestamp),
                ssrc: packet.header.ssrc)
            circling = harness.receive(datagram, from: ports[1])
        }
        #expect(turns < 1_500)
        // The port hears others again, a second later.
        harness.advance(1_000)
        #expect(harness.receive(voice, sequence: 9, timestamp: 160, ssrc: 5, from: ports[1]).count == 1)
    }

    @Test func `more audio than time has passed is not decoded`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        // 120 ms in each packet, a packet a millisecond.
        let long = [UInt8](repeating: 0x55, count: 960)
        var made = 0
        for sequence in 0..<900 {
            made += harness.receive(long, sequence: sequence, timestamp: sequence * 960).count
            harness.advance(1)
        }
        // 3 s ahead of the 0.9 s that have passed, in packets of 20 ms.
        #expect((190...205).contains(made))
        #expect(harness.session.statistics(of: .a).packetsDropped > 800)
    }

    @Test(arguments: [AudioCodec.pcma, .pcmu])
    func `keys without number ask for no more tones than time allows`(codec: AudioCodec) throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, codec)
        var made = 0
        for sequence in 0..<900 {
            let key = SessionHarness.event(UInt8(sequence % 12), duration: 65_535)
            made += harness.receive(key, type: 101, sequence: sequence, timestamp: sequence * 160).count
            harness.advance(1)
        }
        #expect((100...215).contains(made))
    }
}
