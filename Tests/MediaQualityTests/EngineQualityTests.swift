import Media
import Testing

/// The same, through the engine's threads and real sockets of the loopback interface.
@Suite(.serialized) struct EngineQualityTests {
    /// Side by side in real time.
    @Test func `every pair of codecs over real sockets is to the byte what the bare codecs make`() throws {
        let pairs = AudioCodec.allCases.flatMap { from in AudioCodec.allCases.map { (from, $0) } }
        let bench = try EngineBench(host: 0x71, sessions: pairs.count)
        for (from, to) in pairs { #expect(try bench.add(AudioBench.Setting(from: from, to: to), seed: 3)) }
        bench.run()
        #expect(bench.shutdown() == 0)
        for call in bench.calls { try checkGood(call) }
        guard isPunctual(bench) else { return }
        // Packets of the same length: nothing waits in the engine, so all of this is threads and sockets.
        let delays = bench.calls.flatMap(\.delays).sorted()
        #expect(delays[delays.count / 2] < 20)
    }

    /// The same on a network that loses five percent, holds packets up by up to 40 ms and lets them overtake each other.
    @Test func `every pair of kinds of codecs over real sockets is heard through loss, jitter and disorder`() throws {
        let kinds = [(AudioCodec.pcmu, AudioCodec.pcma), (.g722, .g722), (.opus, .opus)]
        let bench = try EngineBench(host: 0x72, sessions: kinds.count * kinds.count)
        for (from, _) in kinds {
            for (_, to) in kinds {
                let setting = AudioBench.Setting(from: from, to: to, loss: 50, jitter: 40, reorders: true)
                #expect(try bench.add(setting, seed: 12))
            }
        }
        bench.run()
        #expect(bench.shutdown() == 0)
        for call in bench.calls where !call.setting.isRelayed {
            // In order, whatever the order in which they came.
            let first = try #require(call.result.packets.first).sequence
            for (index, packet) in call.result.packets.enumerated() {
                #expect(packet.sequence == first &+ UInt16(index), "\(call.setting)")
            }
            #expect(call.result.packets.count >= call.result.sent.count - 2, "\(call.setting)")
        }
        guard isPunctual(bench) else { return }
        for call in bench.calls {
            let heard = try AudioBench.play(call.result.datagrams, codec: call.setting.to, until: 910)
            let score = NetworkQualityTests.similarity(heard, call.setting, rate: call.result.rate)
            #expect(score.mean > NetworkQualityTests.demand(call.setting) - 0.06, "\(call.setting)")
        }
    }

    /// On a machine that is too busy to keep time, what is measured in time says nothing about the engine.
    private func isPunctual(_ bench: EngineBench) -> Bool {
        if !bench.isPunctual {
            print(
                "not judged by time: \(bench.latePackets) of \(bench.packets) packets were sent late, the machine is busy"
            )
        }
        return bench.isPunctual
    }

    /// To the byte what the bare codecs make, so to the decibel what a session without sockets does.
    private func checkGood(_ call: EngineBench.Call) throws {
        let setting = call.setting
        let bare = try BareCodecs.payloads(call.result.sent, setting)
        #expect(call.result.packets.map(\.payload) == bare, "\(setting)")
        var result = call.result
        guard !result.packets.isEmpty else { return }
        try AudioBench.listen(setting.to, &result)
        let said = AudioBench.said(setting, rate: result.rate)
        let comparison = Comparison(heard: result.pcm, said: said, rate: result.rate)
        #expect(abs(comparison.level) < 0.5, "\(setting)")
        #expect(
            Similarity(heard: result.pcm, said: said, rate: result.rate, lag: comparison.lag).mean > 0.94, "\(setting)")
    }
}
