import Media
import Primitives
import RTP
import Testing

/// Keys between a side that has telephone events and one that has none, relayed and transcoded.
@Suite struct KeyCrossingTests {
    struct Pair: CustomTestStringConvertible, Sendable {
        var from: AudioCodec
        var to: AudioCodec
        var ptime = 20
        var eventClock: Int?
        var testDescription: String { "\(from.rawValue) to \(to.rawValue), \(ptime) ms" }
    }
    private static let pairs = [
        Pair(from: .pcmu, to: .pcmu), Pair(from: .pcma, to: .pcma), Pair(from: .g722, to: .g722),
        Pair(from: .opus, to: .opus), Pair(from: .opus, to: .opus, eventClock: 8_000), Pair(from: .pcmu, to: .pcma),
        Pair(from: .pcma, to: .g722), Pair(from: .g722, to: .pcmu), Pair(from: .opus, to: .pcmu),
        Pair(from: .pcmu, to: .opus), Pair(from: .opus, to: .pcma, eventClock: 8_000),
        Pair(from: .pcmu, to: .pcmu, ptime: 30), Pair(from: .pcmu, to: .pcma, ptime: 60),
        Pair(from: .g722, to: .pcmu, ptime: 10),
    ]
    static let source: UInt8 = 100
    static let sink: UInt8 = 120

    /// Something that sends in 20 ms packets, and what came of it.
    private struct Call {
        let pair: Pair
        var harness: SessionHarness
        var encoder: any AudioEncoder
        var decoder: any AudioDecoder
        var sequence = 65_530
        var timestamp = 1 << 32 - 800
        var out: [SessionHarness.Packet] = []

        init(_ pair: Pair, sourceEvents: Bool, sinkEvents: Bool) throws {
            self.pair = pair
            let codecs = PretendedOpus()
            harness = SessionHarness(codecs: codecs)
            try harness.configure(
                .a, pair.from, events: sourceEvents ? KeyCrossingTests.source : nil, eventClock: pair.eventClock)
            try harness.configure(.b, pair.to, events: sinkEvents ? KeyCrossingTests.sink : nil, ptime: pair.ptime)
            encoder = try codecs.makeEncoder(pair.from, rate: 8_000)
            decoder = try codecs.makeDecoder(pair.to, rate: 8_000)
        }

        /// The clock of the source: Opus is pretended with the bytes of mu-law.
        var ticks: Int { pair.from.clockRate / 50 }

        mutating func send(_ payload: [UInt8], event: Bool = false, timestamp: Int? = nil, marker: Bool = false) {
            let type = event ? KeyCrossingTests.source : pair.from.staticPayloadType ?? 111
            out += harness.receive(
                payload, type: type, sequence: sequence, timestamp: timestamp ?? self.timestamp, marker: marker)
            sequence += 1
        }

        mutating func pass() {
            timestamp += ticks
            harness.advance(20)
        }

        mutating func speak(_ pcm: [Int16]) {
            var bytes = [UInt8](repeating: 0, count: 320)
            for start in stride(from: 0, through: pcm.count - 160, by: 160) {
                let size = pcm.withUnsafeBufferPointer { samples in
                    bytes.withUnsafeMutableBytes {
                        encoder.encode(UnsafeBufferPointer(rebasing: samples[start..<start + 160]), into: $0) ?? 0
                    }
                }
                send(Array(bytes[..<size]))
                pass()
            }
        }

        mutating func speak(frames: Int) {
            var generator = ToneGenerator(frequency: 300, amplitude: 3_000)
            speak(generator.samples(160 * frames))
        }

        /// Presses a key for so many packet times; `lost` names packets of it that do not arrive.
        mutating func press(
            _ digit: Digit, frames: Int, lost: Set<Int> = [], besides: Bool = false, endsAtOnce: Bool = false
        ) {
            let start = timestamp
            let perFrame = (pair.eventClock ?? pair.from.clockRate) / 50
            for index in 0..<frames + 2 {
                let payload = SessionHarness.event(
                    digit.event, end: index >= frames - 1, duration: min(index + 1, frames) * perFrame)
                if lost.contains(index) {
                    sequence += 1
                } else {
                    send(payload, event: true, timestamp: start, marker: index == 0)
                }
                if besides { send([UInt8](repeating: 0xFF, count: 160)) }
                if !endsAtOnce || index < frames - 1 { pass() }
            }
            if endsAtOnce { pass() }
        }

        /// All that is audio, decoded, with silence where timestamps leave room.
        mutating func heard() -> [Int16] {
            var pcm: [Int16] = []
            var expected: UInt32?
            var decoded = [Int16](repeating: 0, count: 1_600)
            for packet in out where packet.header.payloadType != KeyCrossingTests.sink {
                if let expected {
                    let gap = Int(Int32(bitPattern: packet.header.timestamp &- expected)) * 8_000 / pair.to.clockRate
                    #expect(gap >= 0, "audio twice at \(packet.header.timestamp)")
                    pcm += [Int16](repeating: 0, count: max(0, min(8_000, gap)))
                }
                let count = decoded.withUnsafeMutableBufferPointer { output in
                    packet.payload.withUnsafeBytes { decoder.decode($0, into: output) ?? 0 }
                }
                pcm += decoded[..<count]
                expected = packet.header.timestamp &+ UInt32(count * pair.to.clockRate / 8_000)
            }
            return pcm
        }

        var isNumberedOn: Bool {
            zip(out, out.dropFirst()).allSatisfy { $1.header.sequence == $0.header.sequence &+ 1 }
        }
    }

    // MARK: Events become tones

    @Test(arguments: pairs) func `a side without events hears tones in their place`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: true, sinkEvents: false)
        call.speak(frames: 6)
        for digit in [Digit.one, .one, .nine, .pound, .d] {
            call.press(digit, frames: 5)
            call.speak(frames: 5)
        }
        #expect(call.isNumberedOn)
        #expect(Set(call.out.map(\.header.payloadType)) == [pair.to.staticPayloadType ?? 111])
        #expect(KeyMaterial.heard(call.heard()) == [.one, .one, .nine, .pound, .d])
    }

    /// From the first packet to the last the timeline is that of the source.
    @Test func `tones are as long as their events, and the audio behind them keeps its place`() throws {
        var call = try Call(Pair(from: .pcmu, to: .pcmu), sourceEvents: true, sinkEvents: false)
        call.speak(frames: 3)
        call.press(.seven, frames: 8)
        call.speak(frames: 3)
        let first = call.out[0].header.timestamp
        #expect(call.out.map { Int($0.header.timestamp &- first) / 160 } == Array(0..<11) + [13, 14, 15])
        #expect(call.out.filter { $0.payload.count != 160 }.isEmpty)
    }

    @Test(arguments: [Pair(from: .pcmu, to: .pcmu), Pair(from: .pcmu, to: .pcma), Pair(from: .g722, to: .g722)])
    func `lost packets of an event neither hide nor double its tone`(pair: Pair) throws {
        let losses: [Set<Int>] = [[0], [0, 1, 2, 3], [2], [4, 5, 6], [4, 5], [0, 2, 4, 6]]
        for lost in losses {
            var call = try Call(pair, sourceEvents: true, sinkEvents: false)
            call.speak(frames: 5)
            call.press(.three, frames: 5, lost: lost)
            call.speak(frames: 10)
            #expect(call.isNumberedOn || lost.contains(6), "\(lost.sorted())")
            #expect(KeyMaterial.heard(call.heard()) == [.three], "\(lost.sorted())")
        }
    }

    @Test(arguments: [Pair(from: .pcmu, to: .pcmu), Pair(from: .pcmu, to: .pcma)])
    func `audio that a telephone sends beside its events gives way`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: true, sinkEvents: false)
        call.speak(frames: 5)
        call.press(.eight, frames: 6, besides: true)
        call.speak(frames: 8)
        #expect(call.isNumberedOn)
        #expect(KeyMaterial.heard(call.heard()) == [.eight])
    }

    @Test(arguments: [Pair(from: .pcmu, to: .pcmu), Pair(from: .pcmu, to: .pcma), Pair(from: .opus, to: .pcmu)])
    func `ends that come all at once, and keys too short, still make a tone`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: true, sinkEvents: false)
        call.speak(frames: 5)
        call.press(.four, frames: 5, endsAtOnce: true)
        call.speak(frames: 5)
        call.press(.five, frames: 1)
        call.speak(frames: 5)
        #expect(call.isNumberedOn)
        #expect(KeyMaterial.heard(call.heard()) == [.four, .five])
    }

    @Test(arguments: [Pair(from: .pcmu, to: .pcmu, ptime: 20), Pair(from: .pcmu, to: .pcma, ptime: 10)])
    func `a peer that says a key lasts eight seconds already makes no flood`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: true, sinkEvents: false)
        call.speak(frames: 2)
        for index in 0..<3 {
            let before = call.out.count
            call.send(
                SessionHarness.event(UInt8(index), end: index == 2, duration: 65_535), event: true,
                timestamp: call.timestamp + 100_000 * index)
            #expect(call.out.count - before <= 21)
        }
        call.send([1, 2], event: true)
        call.send(SessionHarness.event(16, duration: 160), event: true, timestamp: 7)
        call.send(SessionHarness.event(99, duration: 160), event: true, timestamp: 9)
        call.speak(frames: 3)
        #expect(call.isNumberedOn)
    }

    // MARK: Tones become events

    private func read(_ call: Call) -> (keys: [Digit], isWhole: Bool) {
        var reader = TelephoneEventReader(clockRate: call.pair.to.clockRate)
        var keys: [Digit] = []
        var ended = 0
        for packet in call.out where packet.header.payloadType == Self.sink {
            guard let event = packet.payload.withUnsafeBytes({ try? TelephoneEvent(parsing: $0) }) else { continue }
            let reading = reader.read(event, packet.header)
            if reading.isNew, let digit = reading.digit { keys.append(digit) }
            if reading.hasEnded { ended += 1 }
        }
        return (keys, ended == keys.count)
    }

    private func dialled(_ keys: [Digit], length: Double = 80) -> [Int16] {
        var material = KeyMaterial()
        material.tone(300, 60, dBm0: -20)
        for key in keys {
            material.key(key, length)
            material.pause(80)
        }
        material.tone(300, 200, dBm0: -20)
        return material.pcm
    }

    @Test(arguments: pairs) func `a side that takes events gets them for tones`(pair: Pair) throws {
        let keys: [Digit] = [.two, .two, .zero, .star, .a]
        var call = try Call(pair, sourceEvents: false, sinkEvents: true)
        call.speak(dialled(keys))
        call.speak(frames: 60)  // packets of 60 ms take their time over three ends
        let (heard, isWhole) = read(call)
        #expect(heard == keys)
        #expect(isWhole)
        #expect(call.isNumberedOn)
        // What is left of the tones does not make digits of its own.
        #expect(call.out.contains { $0.header.payloadType != Self.sink })
    }

    @Test(arguments: [Pair(from: .pcmu, to: .pcmu), Pair(from: .pcmu, to: .pcma)])
    func `a held key is one event as long as its tone, without audio beside it`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: false, sinkEvents: true)
        call.speak(dialled([.six], length: 600))
        let events = call.out.filter { $0.header.payloadType == Self.sink }
        let durations = events.map { Int($0.payload[2]) << 8 | Int($0.payload[3]) }
        #expect((540 * 8...660 * 8).contains(durations.last ?? 0))
        #expect(Set(events.map(\.header.timestamp)).count == 1)
        #expect(events.map(\.header.marker) == [true] + [Bool](repeating: false, count: events.count - 1))
        let first = call.out.firstIndex { $0.header.payloadType == Self.sink } ?? 0
        #expect(call.out[first..<first + events.count].allSatisfy { $0.header.payloadType == Self.sink })
        // After it, audio goes on at its place.
        #expect(call.out.last?.header.timestamp == call.out[0].header.timestamp &+ UInt32(160 * (call.out.count - 1)))
    }

    @Test(arguments: [Pair(from: .pcmu, to: .pcmu), Pair(from: .pcmu, to: .pcma)])
    func `speech makes no events, and is passed whole`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: false, sinkEvents: true)
        call.speak(VoiceMaterial.speech(seconds: 2, voice: 3))
        #expect(call.out.count == 100)
        #expect(call.out.allSatisfy { $0.header.payloadType == pair.to.staticPayloadType })
    }

    @Test func `a key whose audio pauses is ended before the pause`() throws {
        var call = try Call(Pair(from: .pcmu, to: .pcmu), sourceEvents: false, sinkEvents: true)
        call.speak(Array(dialled([.five], length: 300)[..<(160 * 10)]))
        call.out += call.harness.receive([60], type: 13, sequence: call.sequence, timestamp: call.timestamp)
        call.sequence += 1
        let (heard, isWhole) = read(call)
        #expect(heard == [.five])
        #expect(isWhole)
        call.pass()
        call.speak(frames: 3)
        #expect(call.isNumberedOn)
        #expect(read(call).keys == [.five])
    }

    @Test func `a lost packet amid a tone does not double its event`() throws {
        var call = try Call(Pair(from: .pcmu, to: .pcmu), sourceEvents: false, sinkEvents: true)
        let pcm = dialled([.five, .six], length: 140)
        for start in stride(from: 0, through: pcm.count - 160, by: 160) {
            if start / 160 % 6 == 5 {
                call.sequence += 1
                call.pass()
            } else {
                call.speak(Array(pcm[start..<start + 160]))
            }
        }
        #expect(read(call).keys == [.five, .six])
    }

    // MARK: Nothing to cross

    @Test(arguments: pairs) func `between sides that both have events, keys stay events`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: true, sinkEvents: true)
        call.speak(frames: 5)
        for digit in [Digit.one, .one, .b] {
            call.press(digit, frames: 5)
            call.speak(frames: 5)
        }
        let (heard, isWhole) = read(call)
        #expect(heard == [.one, .one, .b])
        #expect(isWhole)
        #expect(call.isNumberedOn)
        #expect(KeyMaterial.heard(call.heard()) == [])
    }

    @Test(arguments: pairs) func `between sides that both have none, tones stay tones`(pair: Pair) throws {
        var call = try Call(pair, sourceEvents: false, sinkEvents: false)
        call.speak(dialled([.one, .five, .five]))
        #expect(call.out.allSatisfy { $0.header.payloadType != Self.sink })
        #expect(KeyMaterial.heard(call.heard()) == [.one, .five, .five])
    }

    @Test func `what is agreed on later decides anew`() throws {
        var call = try Call(Pair(from: .pcmu, to: .pcmu), sourceEvents: true, sinkEvents: false)
        call.speak(frames: 5)
        call.press(.one, frames: 5)
        #expect(call.out.allSatisfy { $0.header.payloadType == 0 })
        try call.harness.configure(.b, .pcmu, events: Self.sink)
        call.press(.two, frames: 5)
        #expect(read(call).keys == [.two])
        #expect(call.isNumberedOn)
    }
}
