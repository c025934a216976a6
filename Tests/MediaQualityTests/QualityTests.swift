import Media
import Testing

/// Each pair of codecs through a session, from the talker's samples to the listener's.
@Suite struct QualityTests {
    typealias Setting = AudioBench.Setting
    private static let ptimes = [10, 20, 30, 40, 60]

    /// What the worse of the two codecs leaves at least, and how far the level may be off, in decibels. Opus is no coder of
    /// waveforms: the figures say that nothing is broken, not how it sounds.
    private func demands(_ setting: Setting) -> (snr: Double, level: Double) {
        switch (setting.from, setting.to) {
        // In frames of 10 ms Opus spends on their beginnings what it would need for the sound.
        case (_, .opus): setting.toPtime == 10 ? (6.5, 1.7) : (7, 1)
        case (.opus, .g722): (11, 0.5)
        case (.opus, _): (7, 0.5)
        default: (32, 0.1)
        }
    }

    /// The packet time that is sent for a wish: Opus has no frame of 30 ms.
    private func sentPtime(_ setting: Setting) -> Int {
        setting.to == .opus && setting.toPtime == 30 ? 20 : setting.toPtime
    }

    private func compare(
        _ result: AudioBench.Result, _ setting: Setting, excluding: [Range<Int>] = []
    ) -> Comparison {
        let said = SpeechMaterial.samples(rate: result.rate, isWide: setting.isWide)
        return Comparison(heard: result.pcm, said: said, rate: result.rate, excluding: excluding)
    }

    /// Packets follow each other without a gap, and none is later than cutting packets anew asks for.
    private func checkOrder(_ result: AudioBench.Result, _ setting: Setting) {
        let first = result.packets[0]
        let ptime = sentPtime(setting)
        let ticks = ptime * setting.to.clockRate / 1_000
        for (index, packet) in result.packets.enumerated() {
            #expect(packet.sequence == first.sequence &+ UInt16(index), "\(setting)")
            #expect(packet.timestamp == first.timestamp &+ UInt32(index * ticks), "\(setting)")
            #expect(packet.marker == (index == 0), "\(setting)")
        }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }

    /// All packet times both ways for G.711; a third of them for what costs more.
    private static let settings: [Setting] = AudioCodec.allCases.flatMap { from in
        AudioCodec.allCases.flatMap { to -> [Setting] in
            // Opus and G.722 are relayed to their like; Opus has no packets of 30 ms.
            if from == to, from == .opus || from == .g722 { return [] }
            let isCostly = from.sampleRate > 8_000 || to.sampleRate > 8_000
            return ptimes.flatMap { fromPtime in
                ptimes.compactMap { toPtime in
                    if from == .opus, fromPtime == 30 { return nil }
                    if isCostly, (fromPtime + toPtime / 10) % 3 != 0, fromPtime != 20 || toPtime != 20 { return nil }
                    return Setting(from: from, to: to, fromPtime: fromPtime, toPtime: toPtime)
                }
            }
        }
    }

    @Test(arguments: settings)
    func `every pair of codecs and packet times keeps sound, level and pace`(setting: Setting) throws {
        let result = try AudioBench.run(setting)
        let comparison = compare(result, setting)
        let demands = demands(setting)
        #expect(comparison.segmentalSNR > demands.snr)
        #expect(abs(comparison.level) < demands.level)
        // A click where packets were cut would stand out.
        #expect(comparison.roughness < 1.2)
        // 6.5 ms of Opus, 1.4 of G.722's filters, 1.7 of the half-band's.
        #expect(comparison.lag * 1_000 / result.rate < 10)
        checkOrder(result, setting)
        // The first sample of a packet has waited for the talker's packet and for its own, less what both share.
        let ptime = sentPtime(setting)
        let most = setting.fromPtime + ptime - Self.greatestCommonDivisor(setting.fromPtime, ptime)
        for (index, departure) in result.departures.enumerated() {
            #expect(departure - index * ptime <= most)
        }
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
        #expect(abs(comparison.level) < demands.level + 0.5)
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
