import Media
import RTP
import Testing

/// What a telephone with an adaptive playout delay hears behind a session, when the network before it loses packets, holds
/// them up by up to 40 ms, and lets them overtake each other.
@Suite struct NetworkQualityTests {
    typealias Setting = AudioBench.Setting
    private static let codecs = [(AudioCodec.pcmu, AudioCodec.pcma), (.g722, .g722), (.opus, .opus)]

    /// Nine pairs; with packets of 20 ms all losses (in thousandths), with others five percent.
    private static let settings: [Setting] = codecs.flatMap { from, _ in
        codecs.flatMap { _, to -> [Setting] in
            let worse = [0, 10, 50, 200].map { (20, $0) } + [10, 30, 40, 60].map { ($0, 50) }
            return worse.compactMap { ptime, loss in
                if from == .opus, ptime == 30 { return nil }
                return Setting(
                    from: from, to: to, fromPtime: ptime, toPtime: ptime, loss: loss, jitter: 40, reorders: true,
                    times: ptime == 20 ? 2 : 1)
            }
        }
    }

    /// The least similarity. Of 20 percent, G.722 takes the most harm: it has no pitch to go on with, and its predictors
    /// remember what was never said.
    static func demand(_ setting: Setting) -> Double {
        switch setting.loss {
        case 0: 0.88
        case ...10: 0.86
        case ...50: setting.from == .g722 ? 0.82 : 0.84
        default: setting.from == .g722 ? 0.68 : 0.78
        }
    }

    /// Similarity of what is heard, wherever within 210 ms it is heard.
    static func similarity(
        _ heard: [Int16], _ setting: Setting, rate: Int, times: Int? = nil
    ) -> Similarity {
        let said = AudioBench.said(setting, rate: rate)
        return Similarity(heard: heard, said: said, rate: rate, lag: rate * 110 / 1_000, reach: rate / 10)
    }

    @Test(arguments: settings)
    func `loss, jitter and disorder leave speech, hardly worse than without us between`(setting: Setting) throws {
        let result = try AudioBench.run(setting, seed: 12)
        let end = setting.times * 660 + 250
        let heard = try AudioBench.play(result.datagrams, codec: setting.to, until: end)
        let score = Self.similarity(heard, setting, rate: result.rate)
        #expect(score.mean > Self.demand(setting))
        let direct = try AudioBench.play(result.arrivals, codec: setting.from, until: end)
        let reference = Self.similarity(direct, setting, rate: AudioBench.rate(setting.from))
        #expect(score.mean > reference.mean - 0.1)
    }

    /// Packets that come behind a later one.
    private func disorder(_ result: AudioBench.Result) -> Int {
        var (highest, count) = (Int.min, 0)
        for (_, bytes) in result.arrivals {
            guard let header = try? bytes.withUnsafeBytes({ try RTPHeader(parsing: $0) }) else { continue }
            if Int(header.timestamp) < highest { count += 1 }
            highest = max(highest, Int(header.timestamp))
        }
        return count
    }

    @Test(arguments: [(AudioCodec.pcmu, 10), (.pcmu, 20), (.opus, 10), (.opus, 20), (.g722, 20)], [0, 50])
    func `of packets in disorder only the first few are lost`(stream: (AudioCodec, Int), loss: Int) throws {
        let (codec, ptime) = stream
        let setting = Setting(
            from: codec, to: .pcma, fromPtime: ptime, toPtime: ptime, loss: loss, jitter: 40, reorders: true, times: 2)
        let result = try AudioBench.run(setting, seed: 12)
        #expect(disorder(result) >= 8)
        #expect(result.discarded <= 3)
        // And what leaves is in order.
        let first = result.packets[0].sequence
        for (index, packet) in result.packets.enumerated() { #expect(packet.sequence == first &+ UInt16(index)) }
    }
}
