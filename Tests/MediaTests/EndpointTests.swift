import Media
import Primitives
import RTP
import Testing

/// Sender and receiver of an endpoint against each other.
@Suite struct EndpointTests {
    private func pair(_ codec: AudioCodec = .pcma) throws -> (RTPSender, RTPReceiver) {
        var entropy = Entropy(SeededGenerator(seed: 12))
        let factory = BuiltInCodecs()
        let type = try #require(codec.staticPayloadType)
        return (
            RTPSender(
                codec: codec, payloadType: type, telephoneEventPayloadType: 101,
                encoder: try factory.makeEncoder(codec, rate: 8_000), entropy: &entropy),
            RTPReceiver(
                codec: codec, payloadType: type, telephoneEventPayloadType: 101,
                decoder: try factory.makeDecoder(codec, rate: 8_000))
        )
    }

    private func play(
        _ sender: inout RTPSender, _ receiver: inout RTPReceiver, frames: Int, losing: (Int) -> Bool
    ) -> (pcm: [Int16], events: [UInt8]) {
        var generator = ToneGenerator(frequency: 1_000)
        var pcm: [Int16] = []
        var events: [UInt8] = []
        for index in 0..<frames {
            let now = Instant.origin + .milliseconds(20 * index)
            if let packet = sender.packet(generator.samples(160), at: now), !losing(index),
                case .event(let event) = receiver.receive(packet, at: now)
            {
                events.append(event)
            }
            pcm += receiver.read(160, at: now).pcm
        }
        return (pcm, events)
    }

    @Test(arguments: [0, 20, 10])
    func `a tone arrives after the playout delay, lossy or not`(lossEvery: Int) throws {
        var (sender, receiver) = try pair()
        let (pcm, _) = play(&sender, &receiver, frames: 100) { lossEvery > 0 && $0 % lossEvery == 7 }
        #expect(pcm[..<320].allSatisfy { $0 == 0 })
        var detector = ToneDetector()
        detector.process(Array(pcm[320...]))
        let tone = try #require(detector.tone)
        #expect(abs(tone.frequency - 1_000) <= 5)
        #expect(tone.share > 0.9)
        #expect(receiver.concealedFrames == UInt64(lossEvery > 0 ? 100 / lossEvery : 0))
    }

    @Test func `pressed keys arrive once each and in order`() throws {
        var (sender, receiver) = try pair()
        for key in "12#" { #expect(sender.press(TelephoneEvent.event(of: key) ?? 255) == true) }
        #expect(sender.isSendingEvents)
        let (_, events) = play(&sender, &receiver, frames: 60) { $0 % 5 == 3 }
        #expect(events == [1, 2, 11])
        #expect(!sender.isSendingEvents)
    }

    @Test func `more keys than the queue holds are refused`() throws {
        var (sender, _) = try pair()
        for _ in 0..<RTPSender.queuedEvents { #expect(sender.press(1) == true) }
        #expect(sender.press(1) == false)
    }

    @Test func `a frame of the wrong length is not sent`() throws {
        var (sender, _) = try pair()
        #expect(sender.packet([Int16](repeating: 0, count: 100), at: .origin) == nil)
        let packet = sender.packet([Int16](repeating: 0, count: 160), at: .origin)
        let next = try #require(packet)
        #expect(next.count == 172)
        #expect(next[1] == 0x88)
    }

    @Test func `an endpoint reports on both directions`() throws {
        var (sender, receiver) = try pair()
        _ = play(&sender, &receiver, frames: 50) { $0 == 20 }
        var entropy = Entropy(SeededGenerator(seed: 1))
        var rtcp = RTCPSession(entropy: &entropy)
        var bytes = [UInt8](repeating: 0, count: 200)
        let size = bytes.withUnsafeMutableBytes {
            receiver.writeReport(&rtcp, sender: &sender, into: $0, at: .origin + .seconds(1))
        }
        try bytes[..<(size ?? 0)].withUnsafeBytes { datagram in
            var reader = try RTCPReader(datagram)
            guard case .senderReport(let ssrc, let info, let blocks) = reader.next() else {
                Issue.record("no SR")
                return
            }
            #expect(ssrc == sender.stream.ssrc && info.packets == 50)
            #expect(blocks.count == 1 && blocks[0].cumulativeLost == 1)
            _ = reader.next()
            guard case .extendedReport(_, var extended) = reader.next(),
                case .voipMetrics(let metrics) = extended.next()
            else {
                Issue.record("no VoIP metrics")
                return
            }
            #expect(metrics.lossRate == 5 && metrics.receiverConfiguration == 0xF0)
            #expect((40...60).contains(metrics.bufferNominal) && metrics.bufferAbsoluteMaximum == 400)
            #expect((35...44).contains(metrics.mosListening))
        }
    }

    @Test func `foreign packets are dropped`() throws {
        var (_, receiver) = try pair()
        #expect(receiver.receive([1, 2, 3], at: .origin) == .dropped)
        #expect(
            receiver.receive(SessionHarness.datagram([1], type: 50, sequence: 1, timestamp: 1), at: .origin) == .dropped
        )
        #expect(receiver.dropped == 2)
        #expect(receiver.read(160, at: .origin + .seconds(1)).heard == 0)
    }
}
