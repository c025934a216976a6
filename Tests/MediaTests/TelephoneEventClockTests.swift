import Media
import Primitives
import RTP
import Testing

/// Telephone events whose clock is not their codec's: timestamps stay in the audio's clock, durations count in theirs.
@Suite struct TelephoneEventClockTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    /// Packets of an event as (timestamp since the audio packet `before`, duration).
    private func offsets(_ packets: [SessionHarness.Packet], since before: RTPHeader) -> [[Int]] {
        packets.map {
            [Int($0.header.timestamp &- before.timestamp), Int($0.payload[2]) << 8 | Int($0.payload[3])]
        }
    }

    @Test func `keys beside Opus with an 8000 Hz event clock reach G.711 at their place and length`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .opus, type: 96, events: 101, eventClock: 8_000)
        try harness.configure(.b, .pcmu, events: 97)
        let before = harness.receive(voice, type: 96, sequence: 0, timestamp: 0)[0].header
        var out: [SessionHarness.Packet] = []
        for (index, duration) in [160, 320, 480, 480].enumerated() {
            let payload = SessionHarness.event(3, end: index > 1, duration: duration)
            out += harness.receive(payload, type: 101, sequence: 1 + index, timestamp: 960, marker: index == 0)
        }
        #expect(offsets(out, since: before) == [[160, 160], [160, 320], [160, 480], [160, 480]])
        #expect(out.map(\.header.payloadType) == [97, 97, 97, 97])
        let after = harness.receive(voice, type: 96, sequence: 5, timestamp: 2_880 + 960)[0].header
        #expect(after.timestamp &- before.timestamp == 640)
    }

    @Test func `keys from G.711 are sent beside Opus in the clock that its peer knows`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .opus, events: 97, eventClock: 8_000)
        let before = harness.receive(voice, sequence: 0, timestamp: 0)[0].header
        var out: [SessionHarness.Packet] = []
        for (index, duration) in [160, 320, 320].enumerated() {
            let payload = SessionHarness.event(3, end: index > 0, duration: duration)
            out += harness.receive(payload, type: 101, sequence: 1 + index, timestamp: 160)
        }
        #expect(offsets(out, since: before) == [[960, 160], [960, 320], [960, 320]])
    }

    @Test(arguments: [(8_000, 48_000, 320, 1_920), (48_000, 8_000, 1_920, 320), (8_000, 8_000, 320, 320)])
    func `relayed Opus keeps timestamps and converts durations`(from: Int, to: Int, duration: Int, sent: Int) throws {
        var harness = SessionHarness()
        try harness.configure(.a, .opus, type: 96, events: 101, eventClock: from)
        try harness.configure(.b, .opus, type: 111, events: 97, eventClock: to)
        let before = harness.receive(voice, type: 96, sequence: 0, timestamp: 5_000)[0].header
        let first = harness.receive(
            SessionHarness.event(3, duration: duration / 2), type: 101, sequence: 1, timestamp: 5_960, marker: true)
        let lost = harness.receive(
            SessionHarness.event(3, end: true, duration: duration), type: 101, sequence: 3, timestamp: 5_960)
        #expect(offsets(first + lost, since: before) == [[960, sent / 2], [960, sent]])
        #expect((first + lost).map { $0.header.sequence &- before.sequence } == [1, 3])
        #expect(first.first?.header.marker == true)
        let after = harness.receive(voice, type: 96, sequence: 4, timestamp: 5_000 + 2_880)[0].header
        #expect(after.sequence == before.sequence &+ 4)
        #expect(after.timestamp == before.timestamp &+ 2_880)
    }

    @Test func `a relayed key too long for the faster clock comes in segments, and is joined on its way back`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .opus, type: 96, events: 101, eventClock: 8_000)
        try harness.configure(.b, .opus, type: 111, events: 97)
        let before = harness.receive(voice, type: 96, sequence: 0, timestamp: 0)[0].header
        var out: [SessionHarness.Packet] = []
        for (index, duration) in [10_922, 10_923].enumerated() {
            out += harness.receive(
                SessionHarness.event(1, duration: duration), type: 101, sequence: 1 + index, timestamp: 960)
        }
        #expect(offsets(out, since: before) == [[960, 65_532], [960 + 65_535, 3]])
        let answer = harness.receive(voice, type: 111, sequence: 0, timestamp: 0, on: .b)[0].header
        var back: [SessionHarness.Packet] = []
        for (index, (timestamp, duration)) in [(960, 65_535), (66_495, 960)].enumerated() {
            back += harness.receive(
                SessionHarness.event(1, duration: duration), type: 97, sequence: 1 + index, timestamp: timestamp, on: .b
            )
        }
        #expect(offsets(back, since: answer) == [[960, 10_922], [960, 11_082]])
    }

    @Test func `segments in the slower clock are as far apart as the audio went on meanwhile`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .opus, type: 96, events: 101, eventClock: 8_000)
        try harness.configure(.b, .pcmu, events: 97)
        let before = harness.receive(voice, type: 96, sequence: 0, timestamp: 0)[0].header
        var out: [SessionHarness.Packet] = []
        for (index, (timestamp, duration)) in [(960, 65_535), (960 + 393_210, 160)].enumerated() {
            out += harness.receive(
                SessionHarness.event(1, duration: duration), type: 101, sequence: 1 + index, timestamp: timestamp)
        }
        #expect(offsets(out, since: before) == [[160, 65_535], [160 + 65_535, 160]])
    }

    @Test func `an event that counts apart from the audio is placed by its arrival`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .opus, type: 96, events: 101, eventClock: 8_000)
        try harness.configure(.b, .pcmu, events: 97)
        let before = harness.receive(voice, type: 96, sequence: 0, timestamp: 0)[0].header
        harness.advance(20)
        let out = harness.receive(
            SessionHarness.event(9, duration: 160), type: 101, sequence: 1, timestamp: 2_000_000)
        #expect(offsets(out, since: before) == [[160, 160]])
    }

    @Test func `a relayed event that is too short is dropped and counted`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .opus, type: 96, events: 101, eventClock: 8_000)
        try harness.configure(.b, .opus, type: 111, events: 97)
        #expect(harness.receive([1, 2], type: 101, sequence: 0, timestamp: 0).isEmpty)
        #expect(harness.session.statistics(of: .a).packetsDropped == 1)
    }

    @Test func `an endpoint begins a key in the audio's clock and counts it in the event's`() throws {
        var entropy = Entropy(SeededGenerator(seed: 12))
        var sender = RTPSender(
            codec: .opus, payloadType: 96, telephoneEventPayloadType: 101, telephoneEventClockRate: 8_000,
            encoder: try PretendedOpus().makeEncoder(.opus, rate: 8_000), entropy: &entropy)
        let silence = [Int16](repeating: 0, count: 160)
        let packet = sender.packet(silence, at: .origin)
        let audio = try RTPHeader(parsing: try #require(packet))
        #expect(sender.press(5, for: .milliseconds(60)) == true)
        for duration in [160, 320, 480, 480, 480] {
            let packet = sender.packet(silence, at: .origin)
            let event = try #require(packet)
            #expect(try RTPHeader(parsing: event).timestamp == audio.timestamp &+ 960)
            #expect(Int(event[14]) << 8 | Int(event[15]) == duration)
        }
    }
}

extension RTPHeader {
    fileprivate init(parsing bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBytes { (datagram) throws(RTPError) in try RTPHeader(parsing: datagram) }
    }
}
