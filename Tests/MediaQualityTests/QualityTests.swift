import Media
import Testing

/// Each pair of codecs through a session, from the talker's samples to the listener's.
@Suite struct QualityTests {
    typealias Setting = AudioBench.Setting
    private static let ptimes = [10, 20, 30, 40, 60]

    /// What the worse of the two codecs leaves at least: signal to noise in decibels, and similarity.
    ///
    /// Opus is no coder of waveforms: its high-pass filter for speech turns the phases of what it lets through, which alone
    /// leaves 12 dB (bare libopus: 22 to 30 dB with the filter off). What is told apart by similarity. Behind G.711 there is
    /// nothing above 3.4 kHz, where the noise of G.722 stands out.
    private func demands(_ setting: Setting) -> (snr: Double, similarity: Double) {
        switch (setting.from, setting.to) {
        case (.opus, .opus): (13, 0.985)
        case (_, .opus): (9, 0.97)
        case (.opus, .g722): (12, 0.98)
        case (.opus, _): (8, 0.985)
        case (.pcmu, .g722), (.pcma, .g722): (32, 0.95)
        default: (32, 0.985)
        }
    }

    private func compare(_ result: AudioBench.Result, _ setting: Setting, excluding: [Range<Int>] = []) -> Comparison {
        Comparison(
            heard: result.pcm, said: AudioBench.said(setting, rate: result.rate), rate: result.rate,
            excluding: excluding)
    }

    /// Packets follow each other without a gap, and none is later than cutting packets anew asks for.
    private func checkOrder(_ result: AudioBench.Result, _ setting: Setting) {
        let first = result.packets[0]
        let ticks = setting.sentPtime * setting.to.clockRate / 1_000
        for (index, packet) in result.packets.enumerated() {
            #expect(packet.sequence == first.sequence &+ UInt16(index), "\(setting)")
            #expect(packet.timestamp == first.timestamp &+ UInt32(index * ticks), "\(setting)")
            #expect(packet.marker == (index == 0), "\(setting)")
        }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }

    /// All packet times both ways for G.711; a third of them for what costs more, and each packet time to itself.
    private static let settings: [Setting] = AudioCodec.allCases.flatMap { from in
        AudioCodec.allCases.flatMap { to -> [Setting] in
            let isCostly = from.sampleRate > 8_000 || to.sampleRate > 8_000
            return ptimes.flatMap { fromPtime in
                ptimes.compactMap { toPtime in
                    if from == .opus, fromPtime == 30 { return nil }
                    if isCostly, fromPtime != toPtime, (fromPtime + toPtime / 10) % 3 != 0 { return nil }
                    return Setting(from: from, to: to, fromPtime: fromPtime, toPtime: toPtime)
                }
            }
        }
    }

    @Test(arguments: settings)
    func `every pair of codecs and packet times keeps sound, level and pace`(setting: Setting) throws {
        let result = try AudioBench.run(setting)
        // To the byte what the bare codecs make of the same frames: a session adds nothing and takes nothing.
        #expect(try BareCodecs.payloads(result.sent, setting) == result.packets.map(\.payload))
        let comparison = compare(result, setting)
        let demands = demands(setting)
        #expect(comparison.segmentalSNR > demands.snr)
        #expect(abs(comparison.level) < 0.5)
        let said = AudioBench.said(setting, rate: result.rate)
        let similarity = Similarity(heard: result.pcm, said: said, rate: result.rate, lag: comparison.lag)
        #expect(similarity.mean > demands.similarity)
        // A click where packets were cut would stand out.
        #expect(comparison.roughness < 1.2)
        for ptime in [setting.fromPtime, setting.sentPtime] {
            #expect(comparison.edges(packetSamples: ptime * result.rate / 1_000) < 2)
        }
        checkOrder(result, setting)
        checkDelay(result, setting, lag: comparison.lag)
    }

    /// From the microphone to the ear there is the talker's packet, and at most one packet time more: for cutting anew,
    /// and for the filters of all codecs on the way (6.5 ms of Opus, 1.4 of G.722's, 1.7 of the half-band's).
    private func checkDelay(_ result: AudioBench.Result, _ setting: Setting, lag: Int) {
        let ptime = setting.sentPtime
        let waits = result.departures.enumerated().map { $1 - $0 * ptime }
        let most = setting.fromPtime + ptime - Self.greatestCommonDivisor(setting.fromPtime, ptime)
        #expect(waits.allSatisfy { $0 <= most })
        let whole = Double(waits.max() ?? 0) + Double(lag) * 1_000 / Double(result.rate)
        #expect(whole - Double(setting.fromPtime) <= Double(ptime))
    }

    private static let lossy: [Setting] = [
        (AudioCodec.pcma, AudioCodec.pcmu), (.pcmu, .g722), (.g722, .pcma), (.g722, .opus), (.opus, .g722),
        (.opus, .pcmu),
        (.pcma, .opus),
    ].flatMap { from, to in
        [(20, 30), (40, 10)].flatMap { fromPtime, toPtime in
            [10, 50, 200].map { Setting(from: from, to: to, fromPtime: fromPtime, toPtime: toPtime, loss: $0) }
        }
    }

    /// One, five and twenty percent; always the packet between hiss and vowel, where it hurts the most.
    @Test(arguments: lossy)
    func `loss is made up for in its place, and soon forgotten`(setting: Setting) throws {
        let result = try AudioBench.run(setting, seed: 11)
        let touched = result.lost.map { $0.lowerBound..<$0.upperBound + 60 }
        let comparison = compare(result, setting, excluding: touched)
        let demands = demands(setting)
        #expect(!result.lost.isEmpty)
        // The predictors of G.722 take longer to forget than the 60 ms that are left out here. Its scales are still those of
        // the hiss when the vowel behind the lost packet begins: that is too loud for a moment, in any decoder that does
        // not know what was lost.
        #expect(comparison.segmentalSNR > demands.snr - (setting.from == .g722 ? 14 : 2))
        #expect(abs(comparison.level) < 1)
        #expect(comparison.roughness < (setting.from == .g722 ? 4.5 : 1.3))
        checkOrder(result, setting)
    }

    @Test(arguments: [
        Setting(from: .pcmu, to: .pcma, fromPtime: 20, toPtime: 30, jitter: 40),
        Setting(from: .g722, to: .pcmu, fromPtime: 10, toPtime: 20, jitter: 40),
        Setting(from: .pcmu, to: .opus, fromPtime: 20, toPtime: 60, jitter: 40),
        Setting(from: .opus, to: .g722, fromPtime: 20, toPtime: 20, loss: 50, jitter: 40),
    ])
    func `forty milliseconds of jitter change nothing but the time of departure`(setting: Setting) throws {
        let result = try AudioBench.run(setting)
        var calm = setting
        calm.jitter = 0
        let reference = try AudioBench.run(calm)
        #expect(result.packets == reference.packets)
        #expect(result.departures == reference.departures)
    }
}
