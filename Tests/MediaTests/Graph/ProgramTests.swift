import Media
import Primitives
import RTP
import Testing

@Suite struct ProgramTests {
    private static func clip(_ hertz: Double, milliseconds: Int, amplitude: Double = 3_000) -> AudioClip {
        var tone = ToneGenerator(frequency: hertz, amplitude: amplitude)
        return AudioClip(name: "\(hertz) Hz", rate: 8_000, samples: tone.samples(8 * milliseconds))
    }

    /// A call between two telephones with tones of 500 Hz (a) and 800 Hz (b).
    private func call(_ codec: AudioCodec = .pcma, _ other: AudioCodec? = nil) throws -> GraphHarness {
        let harness = GraphHarness()
        try harness.phone(1, .a, codec, hertz: 500)
        try harness.phone(1, .b, other ?? codec, hertz: 800)
        return harness
    }

    @Test func `peers hear each other, and there are no ticks`() throws {
        let harness = try call()
        harness.run(500)
        #expect(harness.phones[0].amplitude(800) > 1_700 && harness.phones[1].amplitude(500) > 1_700)
        #expect(harness.graph.nextDeadline.map { $0 > harness.now } == true)
    }

    @Test func `silence sends nothing to one side and leaves the other alone`() throws {
        let harness = try call()
        harness.run(200)
        harness.hear(1, .b, .silence)
        harness.phones[1].forget()
        harness.run(500)
        #expect(harness.phones[1].headers.isEmpty)
        #expect(harness.phones[0].amplitude(800) > 1_700)
    }

    @Test func `a prompt is played once, told, and then the peer is heard`() throws {
        let harness = try call()
        harness.run(200)
        harness.hear(1, .b, .playing(Playlist([.clip(Self.clip(1_300, milliseconds: 405))]), then: .peer))
        harness.run(400)
        #expect(harness.phones[1].amplitude(1_300) > 2_500 && harness.phones[1].amplitude(500) < 30)
        #expect(harness.phones[0].amplitude(800) > 1_700)
        harness.run(400)
        #expect(harness.takeEvents() == [.played(MediaSessionID(1), .b)])
        #expect(harness.phones[1].amplitude(500) > 1_700 && harness.phones[1].amplitude(1_300) < 30)
        // Every sample of it was heard.
        #expect(harness.phones[1].heard.count { abs(Int($0)) > 2_200 } > 1_000)
    }

    @Test func `a prompt at whose end nothing follows leaves silence`() throws {
        let harness = try call()
        harness.hear(1, .a, .playing(Playlist([.clip(Self.clip(1_300, milliseconds: 100))]), then: .silence))
        harness.run(600)
        #expect(harness.takeEvents() == [.played(MediaSessionID(1), .a)])
        #expect(harness.phones[0].amplitude(800) < 30)
        harness.hear(1, .a, .peer)
        harness.run(400)
        #expect(harness.phones[0].amplitude(800) > 1_700)
        harness.close(1)
        #expect(harness.graph.nextDeadline == nil)
    }

    @Test(arguments: [(AudioCodec.pcma, AudioCodec.pcma), (.pcma, .g722), (.g722, .g722)])
    func `hold music and back goes on in sequence and timestamp`(codecs: (AudioCodec, AudioCodec)) throws {
        let harness = try call(codecs.0, codecs.1)
        harness.run(405)
        harness.hear(1, .b, .playing(.music(Self.clip(1_300, milliseconds: 200)), then: .peer))
        harness.run(505)
        harness.hear(1, .b, .peer)
        harness.run(500)
        harness.hear(1, .b, .playing(.music(Self.clip(1_300, milliseconds: 200)), then: .peer))
        harness.run(210)
        harness.hear(1, .b, .peer)
        harness.run(305)
        let headers = harness.phones[1].headers.map(\.header)
        #expect(Set(headers.map(\.ssrc)).count == 1)
        #expect(headers.count > 80)
        for (last, next) in zip(headers, headers.dropFirst()) {
            #expect(next.sequence == last.sequence &+ 1)
            let step = Int32(bitPattern: next.timestamp &- last.timestamp)
            #expect(next.marker ? (160...800).contains(step) : step == 160, "\(step) \(next.marker)")
        }
        // The first packet, and where what is heard changes.
        #expect((3...5).contains(headers.count(where: \.marker)))
        #expect(harness.phones[1].amplitude(500) > 1_700)
    }

    @Test func `a call being listened to is not told, and the listener is not heard`() throws {
        let harness = try call()
        let supervisor = try harness.phone(2, .a, hertz: 1_300)
        harness.hear(2, .a, .listening(Listening(to: MediaSessionID(1))))
        harness.run(600)
        #expect(supervisor.amplitude(500) > 1_700 && supervisor.amplitude(800) > 1_700)
        for phone in harness.phones[..<2] { #expect(phone.amplitude(1_300) < 30) }
        harness.hear(2, .a, .listening(Listening(to: MediaSessionID(1), said: [.b])))
        harness.run(400)
        #expect(supervisor.amplitude(500) < 30 && supervisor.amplitude(800) > 1_700)
        harness.close(1)
        #expect(harness.takeEvents().contains(.listeningEnded(MediaSessionID(2), .a)))
        supervisor.forget()
        harness.run(300)
        #expect(supervisor.headers.isEmpty)
    }

    @Test func `early media are what a side hears beside voices`() throws {
        let harness = GraphHarness()
        let caller = try harness.phone(1, .a, hertz: 500)
        harness.hear(1, .a, .playing(Playlist(.ringback, of: .germany), then: .peer))
        let supervisor = try harness.phone(2, .a, .g722)
        harness.hear(2, .a, .listening(Listening(to: MediaSessionID(1), said: [], heard: [.a])))
        harness.run(500)
        #expect(caller.amplitude(425) > 300)
        #expect(supervisor.amplitude(425) > 300 && supervisor.amplitude(500) < 30)
    }

    @Test func `nobody listens to what is not there, or to itself`() throws {
        let harness = try call()
        harness.hear(1, .a, .listening(Listening(to: MediaSessionID(7))))
        harness.hear(1, .a, .listening(Listening(to: MediaSessionID(1))))
        #expect(
            harness.takeEvents() == [
                .refused(MediaSessionID(1), .notToBeHeard(MediaSessionID(7))),
                .refused(MediaSessionID(1), .notToBeHeard(MediaSessionID(1))),
            ])
        harness.run(300)
        #expect(harness.phones[0].amplitude(800) > 1_700)
    }

    @Test(arguments: RecordingLayout.allCases, [AudioCodec.pcma, .g722])
    func `a recording has both sides, with their pitch`(layout: RecordingLayout, codec: AudioCodec) throws {
        let harness = try call(.pcma, codec)
        harness.run(100)
        harness.command(.record(MediaSessionID(1), RecordingID(9), layout))
        harness.run(1_500)
        harness.command(.record(MediaSessionID(1), RecordingID(10), layout))
        harness.command(.stopRecording(MediaSessionID(1), RecordingID(9)))
        let told = harness.takeEvents()
        var blocks: [RecordingBlock] = []
        for case .recorded(RecordingID(9), let block) in told { blocks.append(block) }
        #expect(told.contains(.refused(MediaSessionID(1), .alreadyRecorded(RecordingID(9)))))
        #expect(told.last == .recordingEnded(RecordingID(9)))
        #expect(blocks.count == 2 && blocks[0].channels == layout.channels)
        let rate = codec == .pcma ? 8_000 : 16_000
        #expect(blocks.allSatisfy { $0.rate == rate } && (blocks.first?.frames ?? 0) == rate)
        let frames = blocks.reduce(0) { $0 + $1.frames }
        #expect((rate * 14 / 10...rate * 15 / 10).contains(frames), "\(frames)")
        let samples = Array(blocks.map(\.samples).joined())
        let channels = (0..<layout.channels).map { channel in
            stride(from: channel, to: samples.count, by: layout.channels).map { samples[$0] }.suffix(rate / 5)
        }
        let a = Spectrum.amplitude(channels[0], 500, rate: rate)
        let b = Spectrum.amplitude(channels[layout.channels - 1], 800, rate: rate)
        #expect(a > 1_700 && b > 1_700)
        if layout == .perSide {
            #expect(Spectrum.amplitude(channels[0], 800, rate: rate) < 30)
        }
        harness.command(.stopRecording(MediaSessionID(1), RecordingID(9)))
        #expect(harness.takeEvents() == [.refused(MediaSessionID(1), .notRecorded(RecordingID(9)))])
        harness.run(300)
        #expect(harness.phones[0].amplitude(800) > 1_500)
    }

    @Test func `a recording ends with its session`() throws {
        let harness = try call()
        harness.command(.record(MediaSessionID(1), RecordingID(9), .mixed))
        harness.run(300)
        harness.close(1)
        let told = harness.takeEvents()
        #expect(told.contains { if case .recorded(RecordingID(9), _) = $0 { true } else { false } })
        #expect(told.dropLast().last == .recordingEnded(RecordingID(9)))
    }

    @Test func `keys are told and collected, from events and from tones`() throws {
        let harness = GraphHarness()
        let modern = try harness.phone(1, .a, events: 101)
        let old = try harness.phone(1, .b)
        let session = MediaSessionID(1)
        harness.command(.collect(session, .a, DigitRules(most: 2)))
        harness.command(.collect(session, .b, DigitRules(most: 4)))
        harness.run(100)
        for key in [UInt8(4), 11] { _ = modern.sender.press(key) }
        var tones = DigitTones([.seven, .star], rate: 8_000)
        var script = [Int16](repeating: 0, count: 4_000)
        let count = script.withUnsafeMutableBufferPointer { tones.read(into: $0) }
        old.script = Array(script[..<count])
        harness.run(1_000)
        let told = harness.takeEvents()
        #expect(told.filter { if case .digit(_, .a, _, how: .event) = $0 { true } else { false } }.count == 2)
        #expect(told.contains(.collected(session, .a, DigitCollector.Outcome(digits: [.four], reason: .terminator))))
        #expect(told.contains(.digit(session, .b, .seven, how: .inBand)))
        #expect(told.contains(.digit(session, .b, .star, how: .inBand)))
        harness.run(5_000)
        let outcome = DigitCollector.Outcome(digits: [.seven, .star], reason: .timeout)
        #expect(harness.takeEvents().contains(.collected(session, .b, outcome)))
        harness.command(.collect(session, .b, DigitRules(most: 4)))
        harness.command(.stopCollecting(session, .b))
        harness.run(12_000)
        #expect(!harness.takeEvents().contains { if case .collected = $0 { true } else { false } })
    }

    @Test func `keys are pressed towards a side as events`() throws {
        let harness = GraphHarness()
        let phone = try harness.phone(1, .a, events: 101)
        try harness.phone(1, .b, hertz: 800, events: 101)
        harness.run(200)
        harness.command(.sendDigits(MediaSessionID(1), .a, [1, 2, 11]))
        harness.run(1_500)
        #expect(phone.keys == [1, 2, 11])
        #expect(phone.amplitude(800) > 1_700)
        for (last, next) in zip(phone.headers, phone.headers.dropFirst()) {
            #expect(next.header.sequence == last.header.sequence &+ 1)
        }
    }

    @Test func `keys are pressed as tones towards a side that takes no events`() throws {
        let harness = GraphHarness()
        let phone = try harness.phone(1, .a)
        harness.hear(1, .a, .room(RoomID(1), RoomParticipation()))
        harness.run(100)
        harness.command(.sendDigits(MediaSessionID(1), .a, [1, 2, 11]))
        harness.run(1_000)
        var detector = InBandDigitDetector(rate: 8_000)
        var found: [Digit] = []
        for start in stride(from: 0, to: phone.heard.count - 80, by: 80) {
            if let digit = detector.process(Array(phone.heard[start..<start + 80])) { found.append(digit) }
        }
        #expect(found == [.one, .two, .pound])
        harness.command(.sendDigits(MediaSessionID(1), .a, [UInt8](repeating: 1, count: 33)))
        harness.command(.sendDigits(MediaSessionID(1), .a, [17]))
        let refused = MediaEvent.refused(MediaSessionID(1), .keysRefused(limit: 32))
        #expect(harness.takeEvents().filter { $0 == refused }.count == 2)
    }
}
