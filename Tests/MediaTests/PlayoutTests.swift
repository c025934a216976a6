import Media
import Primitives
import RTP
import Testing

/// A telephone that speaks over a bad network to an endpoint that listens, in virtual time.
private struct Line {
    /// What the network does to packet `index`: nil loses it, else so long on its way.
    typealias Network = (_ index: Int, _ random: inout SeededGenerator) -> Duration?

    /// The sender's clock against the listener's, in millionths.
    var partsPerMillion = 0.0
    var seed: UInt64 = 1
    var speaks: (Int) -> Bool = { _ in true }
    var payload: (Int) -> [UInt8] = { Line.buzz[$0 % 2] }

    struct Outcome {
        var receiver: RTPReceiver
        var pcm: [Int16] = []
        /// The depth of the buffer after every second.
        var depths: [Double] = []
        /// Reads that were not filled, after the first word was heard.
        var gaps = 0
    }

    /// Encoded once: the same comes again after 320 samples.
    private static let buzz = [voice(0).map(G711.encodeALaw), voice(1).map(G711.encodeALaw)]

    /// A buzz of 125 Hz with harmonics, as a voice's vowel: 64 samples long.
    static func voice(_ index: Int) -> [Int16] {
        (0..<160).map { offset in
            let phase = (index * 160 + offset) % 64
            return Int16((phase < 12 ? 6_000 - phase * 300 : -600) + (phase % 16) * 120)
        }
    }

    func run(packets: Int, records: Bool = false, network: Network) throws -> Outcome {
        var random = SeededGenerator(seed: seed)
        var outcome = Outcome(
            receiver: RTPReceiver(
                codec: .pcma, payloadType: 8, decoder: try BuiltInCodecs().makeDecoder(.pcma, rate: 8_000)))
        let frame = Int64(20_000_000 / (1 + partsPerMillion / 1e6))
        var onTheWay: [(at: Instant, bytes: [UInt8])] = []
        var sequence = 0
        var index = 0
        let start = Instant.origin + .seconds(50)
        var heard = false
        for tick in 0..<packets {
            // Read at an odd phase of the sender's clock.
            let now = start + .milliseconds(20 * tick) + .microseconds(7_300)
            while start + .nanoseconds(frame * Int64(index)) <= now {
                let sent = start + .nanoseconds(frame * Int64(index))
                if speaks(index) {
                    let bytes = SessionHarness.datagram(
                        payload(index), type: 8, sequence: sequence, timestamp: index * 160,
                        marker: index == 0 || !speaks(index - 1))
                    sequence += 1
                    if let delay = network(index, &random) { onTheWay.append((sent + delay, bytes)) }
                }
                index += 1
            }
            onTheWay.sort { $0.at < $1.at }
            let arrived = onTheWay.prefix { $0.at <= now }
            for packet in arrived { _ = outcome.receiver.receive(packet.bytes, at: packet.at) }
            onTheWay.removeFirst(arrived.count)
            let (pcm, count) = outcome.receiver.read(160, at: now)
            if count > 0 { heard = true }
            if heard, count < 160, tick < packets - 2 { outcome.gaps += 1 }
            if records { outcome.pcm += pcm }
            if tick % 50 == 49 { outcome.depths.append(outcome.receiver.playout.depth.inSeconds * 1_000) }
        }
        return outcome
    }
}

@Suite struct PlayoutTests {
    private static func jitter(_ milliseconds: Int, loss perMille: Int = 0) -> Line.Network {
        { _, random in
            let delay = Duration.microseconds(Int.random(in: 0...milliseconds * 1_000, using: &random))
            return Int.random(in: 0..<1_000, using: &random) < perMille ? nil : .milliseconds(30) + delay
        }
    }

    @Test(arguments: [0, 10, 50, 200], [1, 2] as [UInt64])
    func `with forty milliseconds of jitter only what was lost is concealed`(perMille: Int, seed: UInt64) throws {
        let packets = 2_000
        let outcome = try Line(seed: seed).run(packets: packets, network: Self.jitter(40, loss: perMille))
        let receiver = outcome.receiver
        let lost = Double(receiver.reception.cumulativeLost)
        #expect(abs(lost / Double(packets) - Double(perMille) / 1_000) < 0.02)
        // At most one packet in fifty comes late, as the percentile allows; runs dry only where losses meet.
        #expect(Double(receiver.reception.cumulativeDiscarded) <= 0.02 * Double(packets))
        #expect(
            Double(receiver.concealedFrames)
                <= lost + Double(receiver.reception.cumulativeDiscarded) + 0.02 * Double(packets))
        #expect(Double(outcome.gaps) <= 0.01 * Double(packets))
        let settled = outcome.depths.dropFirst(10)
        #expect(settled.allSatisfy { (30...95).contains($0) }, "\(settled)")
        #expect(receiver.playout.skippedCount == 0)
    }

    @Test func `without jitter the delay is a packet and a block`() throws {
        let outcome = try Line().run(packets: 1_000, network: { _, _ in .milliseconds(30) })
        #expect(outcome.receiver.concealedFrames == 0 && outcome.gaps == 0)
        #expect((39...50).contains(outcome.depths.last ?? 0))
    }

    @Test func `a network that becomes worse and better again is followed`() throws {
        var line = Line()
        line.seed = 5
        let outcome = try line.run(packets: 2_500) { index, random in
            let worst = (600..<1_200).contains(index) ? 90 : 10
            return .milliseconds(20) + .microseconds(Int.random(in: 0...worst * 1_000, using: &random))
        }
        #expect(outcome.depths[10] < 50)
        #expect((85...130).contains(outcome.depths[22]))
        #expect((outcome.depths.last ?? 0) < 50)
        // Down again by cutting; up also by what stood in while the buffer was dry.
        #expect(outcome.receiver.samplesCut > 300 && outcome.receiver.samplesAdded > 0)
        #expect(outcome.receiver.concealedFrames < 40)
    }

    /// Clocks that differ by 200 millionths drift by 120 ms in ten minutes, each way.
    @Test(arguments: [-200.0, 200])
    func `a sender with another clock is followed for ten minutes`(partsPerMillion: Double) throws {
        var line = Line()
        line.partsPerMillion = partsPerMillion
        let outcome = try line.run(packets: 30_000, network: Self.jitter(5))
        let receiver = outcome.receiver
        let settled = outcome.depths.dropFirst(20)
        #expect(settled.allSatisfy { (20...60).contains($0) }, "\(settled.min() ?? 0) \(settled.max() ?? 0)")
        #expect(receiver.concealedFrames == 0 && receiver.playout.underruns <= 1 && outcome.gaps == 0)
        #expect(receiver.playout.skippedCount == 0 && receiver.playout.lostCount == 0)
        let drift = Int(600 * partsPerMillion * 8_000 / 1e6)
        let changed = Int(receiver.samplesCut) - Int(receiver.samplesAdded)
        // Cut what it sends too much, added what it sends too little, give or take the delay's own settling.
        #expect(abs(changed - drift) < 300, "\(changed) of \(drift)")
        #expect(Int(receiver.samplesCut + receiver.samplesAdded) < abs(drift) + 900)
    }

    @Test func `a hold-up of half a second loses nothing and is caught up with`() throws {
        let outcome = try Line().run(packets: 1_000) { index, _ in
            // Packets 400 to 424 come all at once.
            (400..<425).contains(index) ? .milliseconds(30 + 20 * (425 - index)) : .milliseconds(30)
        }
        let receiver = outcome.receiver
        #expect(receiver.reception.cumulativeDiscarded == 0 && receiver.playout.lostCount == 0)
        #expect(receiver.playout.skippedCount <= 8)
        #expect(receiver.playout.underruns == 1)
        #expect(outcome.depths[8...9].contains { $0 > 200 })
        #expect(outcome.depths[13...].allSatisfy { $0 < 60 }, "\(outcome.depths)")
    }

    @Test func `pauses are silence, not loss`() throws {
        var line = Line()
        line.speaks = { $0 % 100 < 40 }
        let outcome = try line.run(packets: 2_000, records: true, network: Self.jitter(15))
        let receiver = outcome.receiver
        #expect(receiver.reception.cumulativeLost == 0 && receiver.playout.lostCount == 0)
        #expect(receiver.reception.cumulativeDiscarded == 0)
        // The last word of a spurt rings on for at most 100 ms.
        #expect(receiver.concealedFrames <= 6 * 20)
        let loud = outcome.pcm.count { abs(Int($0)) > 100 }
        #expect((0.35...0.5).contains(Double(loud) / Double(outcome.pcm.count)))
    }

    @Test func `a sender that begins anew is heard at once`() throws {
        var receiver = RTPReceiver(
            codec: .pcma, payloadType: 8, decoder: try BuiltInCodecs().makeDecoder(.pcma, rate: 8_000))
        var heardAfter: [Int] = []
        for tick in 0..<200 {
            let now = Instant.origin + .milliseconds(20 * tick)
            // At tick 100 another source, sequence and timestamp.
            let base = tick < 100 ? 0 : 30_000
            let packet = SessionHarness.datagram(
                Line.voice(tick).map(G711.encodeALaw), type: 8, sequence: base + tick,
                timestamp: base * 77 + tick * 160,
                ssrc: tick < 100 ? 1 : 2)
            _ = receiver.receive(packet, at: now)
            if receiver.read(160, at: now).heard == 160 { heardAfter.append(tick) }
        }
        #expect(heardAfter.first == 2)
        #expect(heardAfter.filter { $0 >= 100 }.first.map { $0 <= 102 } == true)
        #expect(heardAfter.count > 190)
    }

    /// A steady tone goes through cuts and insertions without a click: no step is larger than the tone's own.
    @Test(arguments: [-2_000.0, 2_000])
    func `cuts and insertions are not heard`(partsPerMillion: Double) throws {
        var line = Line()
        line.partsPerMillion = partsPerMillion
        line.payload = { index in
            var tone = ToneGenerator(frequency: 200, amplitude: 8_000)
            let before = index * 160 % 40  // 200 Hz: 40 samples
            return tone.samples(before + 160).suffix(160).map(G711.encodeALaw)
        }
        let outcome = try line.run(packets: 3_000, records: true, network: { _, _ in .milliseconds(30) })
        #expect(outcome.receiver.samplesCut + outcome.receiver.samplesAdded > 500)
        #expect(outcome.receiver.concealedFrames == 0)
        let played = outcome.pcm.drop { $0 == 0 }
        let largest = zip(played, played.dropFirst()).map { abs(Int($0) - Int($1)) }.max() ?? 0
        // The steepest step of the tone is amplitude * 2 pi * 200 / 8000 = 1257; companding adds its part.
        #expect(largest < 1_700, "\(largest)")
    }

    /// A decoder that tells whether the lost frame came from the packet behind it.
    private final class Protected: AudioDecoder {
        let rate = 8_000
        var recovered = 0
        var concealed = 0
        func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
            pcm[..<160].update(repeating: 1_000)
            return 160
        }
        func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
            if next == nil { concealed += 1 } else { recovered += 1 }
            pcm.update(repeating: 1_000)
        }
    }

    @Test func `a single loss is recovered from the packet behind it, of two the second`() throws {
        let decoder = Protected()
        var receiver = RTPReceiver(codec: .opus, payloadType: 111, decoder: decoder)
        for tick in 0..<500 {
            let now = Instant.origin + .milliseconds(20 * tick)
            if ![150, 250, 350, 351].contains(tick) {
                _ = receiver.receive(
                    SessionHarness.datagram([1, 2, 3], type: 111, sequence: tick, timestamp: tick * 960), at: now)
            }
            _ = receiver.read(160, at: now)
        }
        #expect(decoder.recovered == 3)
        #expect(decoder.concealed == 1)
        #expect(receiver.playout.lostCount == 4)
    }
}
