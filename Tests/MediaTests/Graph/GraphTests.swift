import Media
import Primitives
import RTP
import Testing

@Suite struct GraphTests {
    @Test func `a session moves to another graph with all that it does`() throws {
        let first = GraphHarness(seed: 1)
        let second = GraphHarness(seed: 2)
        try first.phone(1, .a, hertz: 500)
        first.hear(1, .a, .room(RoomID(1), RoomParticipation()))
        first.run(300)
        let listener = try second.phone(2, .a, hertz: 900)
        second.hear(2, .a, .room(RoomID(1), RoomParticipation()))
        second.now = first.now
        #expect(first.move(1, to: second) == 1)
        #expect(first.graph.roomCount == 0 && first.graph.nextDeadline == nil && first.graph.sessionCount == 0)
        #expect(second.graph.roomCount == 1)
        try second.phone(1, .a, hertz: 500)
        listener.due = second.now
        second.run(500)
        #expect(listener.amplitude(500) > 1_700)
        #expect(second.phones[1].amplitude(900) > 1_700)
        #expect(second.close(1) == 1)
    }

    @Test func `a room without a place refuses who is adopted`() throws {
        var limits = Limits()
        limits.roomParticipants = 1
        let first = GraphHarness(seed: 1)
        let second = GraphHarness(limits: limits, seed: 2)
        try first.phone(1)
        first.hear(1, .a, .room(RoomID(1), RoomParticipation()))
        try second.phone(2)
        second.hear(2, .a, .room(RoomID(1), RoomParticipation()))
        #expect(first.move(1, to: second) == 1)
        #expect(second.takeEvents() == [.refused(MediaSessionID(1), .roomFull(RoomID(1), limit: 1))])
    }

    @Test func `a worker that is held up leaves ticks out and goes on`() throws {
        let harness = GraphHarness()
        let phone = try harness.phone(1)
        harness.hear(1, .a, .playing(.music(MusicOnHold.builtIn), then: .peer))
        harness.run(200)
        let before = harness.packetsSent
        harness.now = harness.now + .seconds(3)
        harness.runDeadlines()
        #expect(harness.packetsSent - before <= 2)
        phone.due = harness.now
        harness.run(200)
        let headers = phone.headers.map(\.header)
        for (last, next) in zip(headers, headers.dropFirst()) { #expect(next.sequence == last.sequence &+ 1) }
        let jumps = zip(headers, headers.dropFirst()).filter { $1.timestamp &- $0.timestamp != 160 }
        #expect(jumps.count == 1 && jumps.allSatisfy(\.1.marker))
        #expect(jumps.allSatisfy { (23_000...25_000).contains($1.timestamp &- $0.timestamp) })
    }

    @Test func `a batch that is full is flushed in the middle of a tick`() throws {
        let harness = GraphHarness()
        for id: UInt64 in 1...90 {
            try harness.phone(id, .a, ptime: 10)
            harness.hear(id, .a, .room(RoomID((id - 1) / 10), RoomParticipation()))
        }
        harness.run(50)
        // Everybody got a packet a tick.
        let counts = Set(harness.phones.map(\.headers.count))
        #expect(counts.count == 1 && (4...5).contains(counts.first ?? 0), "\(counts)")
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `whatever is commanded, nothing is left behind`(seed: UInt64) throws {
        var limits = Limits()
        limits.rooms = 3
        limits.roomParticipants = 4
        let harness = GraphHarness(limits: limits, seed: seed)
        var random = SeededGenerator(seed: seed)
        let clip = AudioClip(name: "c", rate: 16_000, samples: [Int16](repeating: 500, count: 1_600))
        func roll(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
        for _ in 0..<120 {
            let id = UInt64(roll(8) + 1)
            let session = MediaSessionID(id)
            let side: MediaSide = roll(2) == 0 ? .a : .b
            switch roll(13) {
            case 0, 1: if harness.graph.slot(of: session) == nil { harness.open(id) }
            case 2: if harness.graph.slot(of: session) != nil { harness.close(id) }
            case 3, 4:
                guard harness.graph.slot(of: session) != nil else { continue }
                try harness.phone(
                    id, side, [.pcma, .pcmu, .g722][roll(3)], hertz: 400, ptime: [10, 20, 30, 60][roll(4)],
                    events: roll(2) == 0 ? 101 : nil)
            case 5, 6:
                harness.hear(
                    id, side,
                    .room(
                        RoomID(UInt64(roll(4))),
                        RoomParticipation(mayTalk: roll(4) > 0, mayHear: roll(4) > 0, gainDecibels: roll(100) - 50)))
            case 7: harness.hear(id, side, .playing(Playlist([.clip(clip)], repeats: roll(3)), then: .peer))
            case 8: harness.hear(id, side, [.peer, .silence][roll(2)])
            case 9:
                harness.hear(
                    id, side, .listening(Listening(to: MediaSessionID(UInt64(roll(8) + 1)), heard: [.a, .b])))
            case 10: harness.command(.record(session, RecordingID(id), .mixed))
            case 11: harness.command(.collect(session, side, DigitRules(most: 3)))
            default: harness.command(.sendDigits(session, side, [1, 2, 3]))
            }
            harness.run(10 * roll(8))
        }
        for id: UInt64 in 1...8 where harness.graph.slot(of: MediaSessionID(id)) != nil { harness.close(id) }
        #expect(harness.graph.sessionCount == 0 && harness.graph.roomCount == 0)
        #expect(harness.graph.nextDeadline == nil)
        var begun = 0
        var ended = 0
        for event in harness.takeEvents() {
            if case .recordingEnded = event { ended += 1 }
            if case .closed = event { begun += 1 }
        }
        #expect(ended <= begun)
    }

    @Test func `commands to nobody are counted`() {
        let harness = GraphHarness()
        harness.hear(5, .a, .silence)
        harness.command(.sendDigits(MediaSessionID(5), .a, [1]))
        #expect(harness.graph.refusedCommands == 2 && harness.graph.nextDeadline == nil)
        harness.close(5)
        #expect(harness.takeEvents() == [.closed(MediaSessionID(5), a: StreamStatistics(), b: StreamStatistics())])
    }

    @Test(arguments: [AudioCodec.pcmu, .pcma])
    func `companded audio meets wideband at sixteen kilohertz`(codec: AudioCodec) throws {
        let encoder = try BuiltInCodecs().makeEncoder(codec, rate: 16_000)
        let decoder = try BuiltInCodecs().makeDecoder(codec, rate: 16_000)
        var tone = ToneGenerator(frequency: 1_000, amplitude: 8_000, rate: 16_000)
        var heard: [Int16] = []
        for _ in 0..<30 {
            var bytes = [UInt8](repeating: 0, count: 200)
            let pcm = tone.samples(320)
            let size = pcm.withUnsafeBufferPointer { samples in
                bytes.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            #expect(size == 160)
            var output = [Int16](repeating: 0, count: 320)
            let count = bytes[..<160].withUnsafeBytes { payload in
                output.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) }
            }
            #expect(count == 320)
            heard += output
        }
        #expect((7_700...8_300).contains(Spectrum.amplitude(heard.suffix(3_200), 1_000, rate: 16_000)))
    }
}
