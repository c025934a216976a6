import Foundation
import Media
import Primitives
import RTP
import Testing

@Suite struct ComfortNoiseTests {
    private func level(_ pcm: some Sequence<Int16>) -> Double {
        let (sum, count) = pcm.reduce((0.0, 0)) { ($0.0 + Double($1) * Double($1), $0.1 + 1) }
        return 10 * log10(max(1e-9, sum / Double(max(1, count))) / (32_768.0 * 32_768.0))
    }

    private func generated(_ noise: ComfortNoise, seed: UInt64 = 5) -> [Int16] {
        var generator = ComfortNoiseGenerator(rate: 8_000, seed: seed)
        generator.update(noise)
        var pcm = [Int16](repeating: 0, count: 16_000)
        pcm.withUnsafeMutableBufferPointer { generator.fill($0) }
        return pcm
    }

    @Test func `payloads are read and written, with and without a spectrum`() throws {
        let plain = try #require([UInt8](arrayLiteral: 0xB2).withUnsafeBytes { ComfortNoise(parsing: $0) })
        #expect(plain.levelBelowOverload == 50 && plain.coefficients.isEmpty && plain.payload == [50])
        let shaped = try #require([UInt8]([40, 200, 127, 30]).withUnsafeBytes { ComfortNoise(parsing: $0) })
        #expect(shaped.payload == [40, 200, 127, 30])
        #expect([UInt8]().withUnsafeBytes { ComfortNoise(parsing: $0) } == nil)
        let long = [UInt8](repeating: 255, count: 1_400)
        #expect(long.withUnsafeBytes { ComfortNoise(parsing: $0) }?.coefficients.count == 12)
    }

    @Test(arguments: [
        ComfortNoise(levelBelowOverload: 30), ComfortNoise(levelBelowOverload: 55),
        ComfortNoise(levelBelowOverload: 50, coefficients: [220]),
        ComfortNoise(levelBelowOverload: 40, coefficients: [30, 180, 120, 140]),
    ])
    func `the noise has the level that was asked for, whatever its spectrum`(noise: ComfortNoise) {
        let pcm = generated(noise)
        #expect(abs(level(pcm[1_600...]) + Double(noise.levelBelowOverload)) < 0.7)
        let measured = pcm[1_600...].withUnsafeBufferPointer { ComfortNoise(measuring: $0) }
        #expect(abs(measured.levelBelowOverload - noise.levelBelowOverload) <= 1)
        #expect(pcm == generated(noise) && pcm != generated(noise, seed: 7))
    }

    @Test func `one reflection colours the noise as its sign says`() {
        /// How alike neighbouring samples are, -1...1: minus the first reflection.
        func correlation(_ code: UInt8) -> Double {
            let pcm = generated(ComfortNoise(levelBelowOverload: 30, coefficients: [code])).map(Double.init)
            return zip(pcm[1_600...], pcm[1_601...]).map(*).reduce(0, +) / pcm[1_600...].map { $0 * $0 }.reduce(0, +)
        }
        #expect(abs(correlation(127)) < 0.05)
        #expect(abs(correlation(227) + 258 * 100 / 32_768.0) < 0.05)
        #expect(abs(correlation(27) - 258 * 100 / 32_768.0) < 0.05)
    }

    @Test func `the extremes of the format neither trap nor ring`() {
        var dice = SeededGenerator(seed: 4)
        for _ in 0..<50 {
            let coefficients = (0..<12).map { _ in dice.next() & 1 == 0 ? UInt8(0) : 255 }
            _ = generated(ComfortNoise(levelBelowOverload: 0, coefficients: coefficients)).prefix(10)
        }
        #expect(generated(ComfortNoise(levelBelowOverload: 127)).allSatisfy { $0 == 0 })
        #expect(
            [Int16](repeating: 0, count: 160).withUnsafeBufferPointer { ComfortNoise(measuring: $0) }
                .levelBelowOverload == 127)
        #expect([Int16]().withUnsafeBufferPointer { ComfortNoise(measuring: $0) }.levelBelowOverload == 127)
    }

    // MARK: On the way

    @Test func `an endpoint hears the noise between two spurts of speech, and no concealment`() throws {
        var receiver = RTPReceiver(
            codec: .pcmu, payloadType: 0, decoder: try BuiltInCodecs().makeDecoder(.pcmu, rate: 8_000))
        var tone = ToneGenerator(frequency: 500)
        var heard: [[Int16]] = []
        for index in 0..<100 {
            let now = Instant.origin + .milliseconds(20 * index)
            switch index {
            case 0..<20, 60...:
                let codes = tone.samples(160).map { G711.encodeMuLaw($0) }
                // The numbers of three lost packets lie in the pause.
                let datagram = SessionHarness.datagram(
                    codes, sequence: index < 20 ? index : index - 35, timestamp: 160 * index)
                #expect(receiver.receive(datagram, at: now) == .audio)
            case 20, 40:
                let datagram = SessionHarness.datagram(
                    [index == 20 ? 40 : 60], type: 13, sequence: index / 20 + 19, timestamp: 160 * index)
                #expect(receiver.receive(datagram, at: now) == .comfortNoise)
            default: break
            }
            heard.append(receiver.read(160, at: now).pcm)
        }
        #expect(receiver.concealedFrames == 0)
        #expect(level(heard[10..<20].joined()) > -17)
        #expect(abs(level(heard[26..<40].joined()) + 40) < 1.5)
        #expect(abs(level(heard[46..<60].joined()) + 60) < 1.5)
        #expect(level(heard[70...].joined()) > -17)
    }

    @Test func `a pause that was announced is passed on as one`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcma, ptime: 40)
        let speech = [UInt8](repeating: 0x90, count: 160)
        func send(_ payload: [UInt8], type: UInt8 = 0, _ sequence: Int, at packet: Int) -> [SessionHarness.Packet] {
            harness.receive(payload, type: type, sequence: sequence, timestamp: 160 * packet)
        }
        _ = send(speech, 0, at: 0)
        let first = send(speech, 1, at: 1)
        _ = send(speech, 2, at: 2)
        let rest = send([50], type: 13, 3, at: 3)
        // What was begun goes out, filled up with silence.
        #expect(rest.count == 1 && rest[0].payload[160...].allSatisfy { abs(G711.decodeALaw($0)) <= 8 })
        #expect(send([52], type: 13, 4, at: 20).isEmpty)
        // Two packets lost in silence are not made up for with speech.
        #expect(send(speech, 7, at: 52).isEmpty)
        let resumed = send(speech, 8, at: 53)
        #expect(resumed.count == 1 && resumed[0].header.marker)
        #expect(resumed[0].header.timestamp &- first[0].header.timestamp == 52 * 160)
        #expect(resumed[0].header.sequence == rest[0].header.sequence &+ 1)
        #expect(harness.session.statistics(of: .a).packetsDropped == 0)
    }

    @Test func `a relay leaves it out and closes the gap; under another clock it is no comfort noise`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .g722)
        try harness.configure(.b, .g722)
        let before = harness.receive([1, 2], type: 9, sequence: 5, timestamp: 0)
        #expect(harness.receive([50], type: 13, sequence: 6, timestamp: 160).isEmpty)
        let after = harness.receive([1, 2], type: 9, sequence: 7, timestamp: 320)
        #expect(after[0].header.sequence == before[0].header.sequence &+ 1)
        #expect(after[0].header.timestamp == before[0].header.timestamp &+ 320)
        #expect(harness.session.statistics(of: .a).packetsDropped == 0)
        var wide = SessionHarness()
        try wide.configure(.a, .opus)
        try wide.configure(.b, .opus)
        #expect(wide.receive([50], type: 13, sequence: 6, timestamp: 160).isEmpty)
        #expect(wide.session.statistics(of: .a).packetsDropped == 1)
    }
}
