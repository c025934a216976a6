import Media
import Primitives
import RTP
import Testing

@Suite struct TranscodeTests {
    private func frame(_ index: Int, _ size: Int = 160) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: 0x80 | (index * size + $0) % 97) }
    }

    private func decoded(_ codes: [UInt8], _ codec: AudioCodec) -> [Int16] {
        codes.map { codec == .pcmu ? G711.decodeMuLaw($0) : G711.decodeALaw($0) }
    }

    @Test func `mu-law becomes A-law sample by sample`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        let codes = frame(0)
        let out = harness.receive(codes, sequence: 1, timestamp: 5)
        #expect(out.count == 1)
        #expect(out[0].header.payloadType == 8)
        #expect(out[0].payload == codes.map { G711.encodeALaw(G711.decodeMuLaw($0)) })
        let back = harness.receive(codes, type: 8, sequence: 1, timestamp: 5, on: .b)
        #expect(back[0].payload == codes.map { G711.encodeMuLaw(G711.decodeALaw($0)) })
    }

    @Test(arguments: [(20, 40), (40, 20), (20, 30), (30, 20), (10, 60), (20, 100)])
    func `packets are cut anew without loss of a sample`(from: Int, to: Int) throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, ptime: from)
        try harness.configure(.b, .pcmu, ptime: to)
        let size = from * 8
        var fed: [UInt8] = []
        var out: [SessionHarness.Packet] = []
        for index in 0..<60 {
            let codes = frame(index, size)
            fed += codes
            out += harness.receive(codes, sequence: index, timestamp: index * size)
            harness.advance(from)
        }
        #expect(out.count == 60 * from / to)
        #expect(out.allSatisfy { $0.payload.count == to * 8 })
        #expect(out.flatMap(\.payload) == Array(fed[..<(out.count * to * 8)]))
        for (index, packet) in out.enumerated() {
            #expect(packet.header.sequence == out[0].header.sequence &+ UInt16(index))
            #expect(packet.header.timestamp == out[0].header.timestamp &+ UInt32(index * to * 8))
            #expect(packet.header.marker == (index == 0))
        }
    }

    @Test func `a lost packet is concealed in its place, its late arrival ignored`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        var generator = ToneGenerator(frequency: 800)
        let frames = (0..<6).map { _ in generator.samples(160).map { G711.encodeMuLaw($0) } }
        var out: [SessionHarness.Packet] = []
        for index in [0, 1, 2, 4, 5] { out += harness.receive(frames[index], sequence: index, timestamp: index * 160) }
        #expect(harness.receive(frames[3], sequence: 3, timestamp: 480).isEmpty)
        #expect(out.count == 6)
        #expect(out.map { $0.header.timestamp &- out[0].header.timestamp } == [0, 160, 320, 480, 640, 800])
        let truth = decoded(frames[3], .pcmu)
        let guess = decoded(out[3].payload, .pcma)
        // Half of the frame lies in the held part: the tone must go on there.
        #expect(zip(truth[..<80], guess[..<80]).allSatisfy { abs(Int($0) - Int($1)) < 800 })
    }

    @Test func `a long loss is concealed for 120 ms and then becomes a pause`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        let first = harness.receive(frame(0), sequence: 0, timestamp: 0)
        let out = harness.receive(frame(1), sequence: 51, timestamp: 51 * 160)
        #expect(out.count == 7)
        #expect(out.last?.header.timestamp == first[0].header.timestamp &+ 51 * 160)
        #expect(out.last?.header.sequence == first[0].header.sequence &+ 7)
        #expect(out.map(\.header.marker) == [false, false, false, false, false, false, true])
    }

    @Test func `a pause of the sender is passed on with a marker and no filling`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma, ptime: 40)
        _ = harness.receive(frame(0), sequence: 0, timestamp: 0)
        let second = harness.receive(frame(1), sequence: 1, timestamp: 160)
        _ = harness.receive(frame(2), sequence: 2, timestamp: 320)
        let flushed = harness.receive(frame(3), sequence: 3, timestamp: 8_000)
        #expect(flushed.count == 1)
        #expect(decoded(Array(flushed[0].payload[160...]), .pcma).allSatisfy { abs($0) <= 8 })
        let next = harness.receive(frame(4), sequence: 4, timestamp: 8_160)
        #expect(next.first?.header.marker == true)
        #expect(next.first?.header.timestamp == second[0].header.timestamp &+ 8_000)
        #expect(next.first?.header.sequence == second[0].header.sequence &+ 2)
    }

    @Test func `a timestamp that leaps or runs backwards starts the timeline anew`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        var last: UInt32?
        for (index, timestamp) in [0, 160, 3_000_000_000, 3_000_000_160, 50, 210].enumerated() {
            let out = harness.receive(frame(index), sequence: index, timestamp: timestamp)
            #expect(out.count == 1)
            if let last { #expect(out[0].header.timestamp &- last == 160) }
            last = out[0].header.timestamp
            harness.advance(20)
        }
    }

    @Test func `a broken frame size is dropped and counted`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma)
        #expect(harness.receive([], sequence: 0, timestamp: 0).isEmpty)
        #expect(harness.receive([UInt8](repeating: 1, count: 4_000), sequence: 1, timestamp: 0).isEmpty)
        #expect(harness.session.statistics(of: .a).packetsDropped == 2)
    }

    @Test func `a codec that is not there leaves the session as it was`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        #expect(throws: MediaFailure.codecUnavailable(.opus)) { try harness.configure(.b, .opus) }
        #expect(harness.receive(frame(0), sequence: 0, timestamp: 0).first?.header.payloadType == 0)
    }

    @Test func `keys pass between laws under one start and in sequence`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .pcma, events: 96)
        let before = harness.receive(frame(0), sequence: 0, timestamp: 0)[0].header
        var events: [SessionHarness.Packet] = []
        for (index, duration) in [160, 320, 480, 480, 480].enumerated() {
            let payload = SessionHarness.event(7, end: index > 1, duration: duration)
            events += harness.receive(payload, type: 101, sequence: 1 + index, timestamp: 160, marker: index == 0)
        }
        #expect(events.map(\.header.payloadType) == [96, 96, 96, 96, 96])
        #expect(events.map { $0.header.sequence &- before.sequence } == [1, 2, 3, 4, 5])
        #expect(Set(events.map { $0.header.timestamp &- before.timestamp }) == [160])
        #expect(events.map(\.header.marker) == [true, false, false, false, false])
        #expect(events.map { Array($0.payload[2...]) } == [[0, 160], [1, 64], [1, 224], [1, 224], [1, 224]])
        let after = harness.receive(frame(1), sequence: 6, timestamp: 640)[0].header
        #expect(after.sequence == before.sequence &+ 6)
        #expect(after.timestamp == before.timestamp &+ 640)
        #expect(after.marker)
    }

    @Test func `key durations change with the clock, and long ones come in segments`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .opus, events: 102)
        let before = harness.receive(frame(0), sequence: 0, timestamp: 0)[0].header
        var out: [(UInt32, Int)] = []
        for (index, duration) in [160, 10_922, 10_923, 20_000].enumerated() {
            let payload = SessionHarness.event(1, duration: duration)
            let packet = harness.receive(payload, type: 101, sequence: 1 + index, timestamp: 160)[0]
            #expect(packet.header.payloadType == 102)
            out.append(
                (
                    packet.header.timestamp &- before.timestamp, Int(packet.payload[2]) << 8 | Int(packet.payload[3])
                ))
        }
        #expect(out.map(\.0) == [960, 960, 960 + 65_535, 960 + 65_535])
        #expect(out.map(\.1) == [960, 65_532, 3, 54_465])
    }

    @Test func `segments of a long key are joined under the slower clock`() throws {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, .opus, events: 102)
        try harness.configure(.b, .pcmu, events: 101)
        let before = harness.receive(frame(0), type: 111, sequence: 0, timestamp: 0)[0].header
        var out: [(UInt32, Int)] = []
        for (index, (timestamp, duration)) in [(960, 65_535), (66_495, 960), (132_030, 6_000), (140_000, 960)]
            .enumerated()
        {
            let payload = SessionHarness.event(1, duration: duration)
            let packet = harness.receive(payload, type: 102, sequence: 1 + index, timestamp: timestamp)[0]
            out.append(
                (
                    packet.header.timestamp &- before.timestamp, Int(packet.payload[2]) << 8 | Int(packet.payload[3])
                ))
        }
        #expect(out.map(\.0) == [160, 160, 160, 23_333])
        #expect(out.map(\.1) == [10_922, 11_082, 22_845, 160])
    }

    @Test func `keys leave the timeline where it is, however often a frame is filled up for one`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, events: 101)
        try harness.configure(.b, .pcma, events: 101, ptime: 60)
        var sequence = 0
        var audio: [RTPHeader] = []
        // 20 ms packets; every 200 ms a key of 100 ms.
        for index in 0..<100 {
            let timestamp = 160 * index
            if index % 10 >= 5 {
                let start = 160 * (index / 10 * 10 + 5)
                let payload = SessionHarness.event(1, end: index % 10 == 9, duration: timestamp + 160 - start)
                let out = harness.receive(payload, type: 101, sequence: sequence, timestamp: start)
                #expect(out.last?.header.payloadType == 101)
                let first = try #require(audio.first)
                #expect(try #require(out.last).header.timestamp == first.timestamp &+ UInt32(start))
            } else {
                audio += harness.receive(frame(index), sequence: sequence, timestamp: timestamp).map(\.header)
            }
            sequence += 1
            harness.advance(20)
        }
        let first = try #require(audio.first)
        // The last spurt begins at 1.8 s.
        #expect(audio.contains { $0.timestamp == first.timestamp &+ 1_800 * 8 })
    }

    @Test func `G 722 keeps its two clocks apart`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .g722)
        try harness.configure(.b, .pcmu, ptime: 30)
        var tone = ToneGenerator(frequency: 1_000, rate: 16_000)
        let encoder = try BuiltInCodecs().makeEncoder(.g722, rate: 16_000)
        var out: [SessionHarness.Packet] = []
        var detector = ToneDetector()
        for index in 0..<50 {
            var payload = [UInt8](repeating: 0, count: 160)
            _ = tone.samples(320).withUnsafeBufferPointer { samples in
                payload.withUnsafeMutableBytes { encoder.encode(samples, into: $0) }
            }
            let packets = harness.receive(payload, type: 9, sequence: index, timestamp: 160 * index)
            out += packets
            harness.advance(20)
        }
        #expect(out.count == 33 && out.allSatisfy { $0.payload.count == 240 && $0.header.payloadType == 0 })
        #expect(zip(out, out.dropFirst()).allSatisfy { $1.header.timestamp &- $0.header.timestamp == 240 })
        detector.process(decoded(out.flatMap(\.payload), .pcmu))
        #expect(abs(try #require(detector.tone).frequency - 1_000) < 5)
        #expect(try #require(detector.tone).share > 0.95)
        let back = harness.receive(frame(0), type: 0, sequence: 0, timestamp: 0, on: .b)
        #expect(back.first?.payload.count == 160 && back.first?.header.payloadType == 9)
    }

    @Test func `G 722 of another packet time is relayed as it is`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .g722, ptime: 20)
        try harness.configure(.b, .g722, ptime: 30)
        let out = harness.receive(frame(0), type: 9, sequence: 0, timestamp: 0)
        #expect(out.first?.payload == frame(0))
    }
}
