import Foundation
import Media
import Testing

/// Each tone of each plan as it is heard: when it sounds, with which frequencies, how loud.
@Suite struct TonePlanTests {
    static let all = TonePlan.allCases.flatMap { plan in CallTone.allCases.map { (plan, $0) } }

    /// dBm0 of `hertz` alone, by Goertzel behind a Hann window.
    private func level(_ pcm: ArraySlice<Int16>, at hertz: Double) -> Double {
        var (last, older, weight) = (0.0, 0.0, 0.0)
        let coefficient = 2 * cos(2 * .pi * hertz / 8_000)
        for (index, sample) in pcm.enumerated() {
            let window = 0.5 - 0.5 * cos(2 * .pi * Double(index) / Double(pcm.count))
            weight += window
            (last, older) = (window * Double(sample) + coefficient * last - older, last)
        }
        let amplitude = 2 * (last * last + older * older - coefficient * last * older).squareRoot() / weight
        return SignalLevel.dBm0(effective: max(amplitude, 0.01) / 2.0.squareRoot())
    }

    @Test(arguments: all)
    func `a tone sounds when and as its cadence says`(plan: TonePlan, tone: CallTone) {
        let cadence = plan.cadence(of: tone)
        let pcm = played(Playlist(tone, of: plan), limit: 12_500)
        var start = 0
        var segments = cadence.lead + cadence.cycle
        if cadence.cycles == nil { segments += cadence.cycle }
        for segment in segments {
            let end =
                start + Int(segment.duration.components.seconds) * 8_000
                + Int(segment.duration.components.attoseconds / 1_000_000_000_000_000) * 8
            defer { start = end }
            guard start < pcm.count else { break }
            if segment.components.isEmpty {
                #expect(!pcm[start..<min(end, pcm.count)].contains { $0 != 0 }, "silence at \(start)")
                continue
            }
            guard end <= pcm.count else { break }
            // Behind the rise and before the fall.
            let middle = pcm[start + 40..<min(end - 40, start + 1_640)]
            for component in segment.components where middle.count >= 600 {
                let heard = level(middle, at: Double(component.hertz))
                #expect(abs(heard - component.level) < 0.2, "\(component.hertz) Hz has \(heard) dBm0")
                #expect(level(middle, at: Double(component.hertz) * 2) < component.level - 50)
            }
            let together = segment.components.reduce(0.0) { $0 + pow(10, $1.level / 10) }
            if middle.count >= 600 { #expect(abs(SignalLevel.dBm0(of: middle) - 10 * log10(together)) < 0.3) }
            #expect(pcm[end - 40..<end].contains { $0 != 0 })
        }
    }

    @Test(arguments: all)
    func `no edge of a tone is steeper than the tone`(plan: TonePlan, tone: CallTone) {
        let cadence = plan.cadence(of: tone)
        let pcm = played(Playlist(tone, of: plan), limit: 9_000)
        let steepest = (cadence.lead + cadence.cycle).map { segment in
            segment.components.reduce(0.0) {
                $0 + SignalLevel.sinePeak(dBm0: $1.level) * 2 * sin(.pi * Double($1.hertz) / 8_000)
            }
        }
        #expect(Double(largestStep([0] + pcm)) <= (steepest.max() ?? 0) * 1.02 + 2)
    }

    @Test(arguments: [(TonePlan.germany, 425.0), (.austria, 420), (.france, 440), (.itu, 425)])
    func `the detector hears the dial tone`(plan: TonePlan, hertz: Double) throws {
        var detector = ToneDetector()
        detector.process(played(Playlist(.dial, of: plan), limit: 3_200))
        let tone = try #require(detector.tone)
        #expect(tone.frequency == hertz)
        #expect(tone.share > 0.99)
        #expect(abs(SignalLevel.dBm0(effective: tone.level) + 10) < 0.05)
    }

    @Test func `the values that E.180's supplement gives for some countries`() {
        func milliseconds(_ plan: TonePlan, _ tone: CallTone) -> [Int] {
            plan.cadence(of: tone).cycle.map { Int($0.duration / .milliseconds(1)) }
        }
        func hertz(_ plan: TonePlan, _ tone: CallTone) -> [Int] {
            plan.cadence(of: tone).cycle[0].components.map(\.hertz)
        }
        #expect(milliseconds(.germany, .busy) == [480, 480])
        #expect(milliseconds(.germany, .ringback) == [1_000, 4_000])
        #expect(milliseconds(.austria, .ringback) == [1_000, 5_000])
        #expect(milliseconds(.unitedKingdom, .ringback) == [400, 200, 400, 2_000])
        #expect(milliseconds(.france, .ringback) == [1_500, 3_500])
        #expect(milliseconds(.spain, .congestion) == [200, 200, 200, 200, 200, 600])
        #expect(milliseconds(.italy, .dial) == [200, 200, 600, 1_000])
        #expect(milliseconds(.switzerland, .busy) == [500, 500])
        #expect(milliseconds(.netherlands, .callWaiting) == [500, 9_500])
        #expect(milliseconds(.unitedStates, .ringback) == [2_000, 4_000])
        #expect(hertz(.unitedStates, .busy) == [480, 620])
        #expect(hertz(.unitedKingdom, .dial) == [350, 440])
        #expect(hertz(.austria, .busy) == [420])
        #expect(hertz(.france, .busy) == [440])
        #expect(hertz(.itu, .recorderWarning) == [1_400])
    }

    @Test func `a plan is found by its country in either case, another is not`() {
        #expect(TonePlan(country: "de") == .germany)
        #expect(TonePlan(country: "US") == .unitedStates)
        #expect(TonePlan(country: "itu") == .itu)
        #expect(TonePlan(country: "XX") == nil)
        #expect(TonePlan(country: "") == nil)
    }

    @Test func `a confirmation is heard once`() {
        let pcm = played(Playlist(.confirmation, of: .germany), limit: 80_000)
        #expect(pcm.count == 6_400)
        #expect(TonePlan.germany.cadence(of: .confirmation).duration == .milliseconds(800))
        #expect(TonePlan.germany.cadence(of: .busy).duration == nil)
    }
}

@Suite struct ToneRendererTests {
    @Test(arguments: [8_000, 16_000])
    func `a continuous tone has no seam where its cycle begins anew`(rate: Int) {
        let pcm = played(Playlist(.dial, of: .austria), rate: rate, limit: 3 * rate)
        for index in rate / 100..<pcm.count {
            let ideal = SignalLevel.sinePeak(dBm0: -10) * sin(2 * .pi * 420 * Double(index) / Double(rate))
            #expect(abs(Double(pcm[index]) - ideal) < 1.5)
            if abs(Double(pcm[index]) - ideal) >= 1.5 { break }
        }
    }

    @Test(arguments: [0, 1, 39, 1_000, 3_839, 3_840, 7_679, 7_680, 100_001])
    func `going on amid a tone sounds as if it had played all along`(start: Int) {
        let cadence = TonePlan.germany.cadence(of: .busy)
        var straight = ToneRenderer(cadence, rate: 8_000)
        var all = [Int16](repeating: 0, count: start + 8_000)
        let count = all.withUnsafeMutableBufferPointer { straight.render(into: $0) }
        #expect(count == all.count)
        var late = ToneRenderer(cadence, rate: 8_000)
        late.seek(to: start)
        var rest = [Int16](repeating: 0, count: 8_000)
        _ = rest.withUnsafeMutableBufferPointer { late.render(into: $0) }
        #expect(rest == Array(all[start...]))
    }

    @Test func `cadences without sound or time end at once`() {
        for cadence in [
            ToneCadence(cycle: []), ToneCadence(cycle: [.silence(.zero)]),
            ToneCadence(cycle: [.silence(.seconds(1))], cycles: 0), ToneCadence(cycle: [.silence(.seconds(-1))]),
        ] {
            #expect(played(Playlist([.tone(cadence)], repeats: nil), limit: 8_000) == [])
        }
    }

    @Test func `a burst that leads into a continuous tone joins it without a dip`() {
        let tone = ToneCadence.shared([425], -10)
        let cadence = ToneCadence(
            lead: [.init(tone, .milliseconds(300))], cycle: [.init(tone, .milliseconds(300))], cycles: 2)
        let pcm = played(Playlist([.tone(cadence)]), limit: 80_000)
        #expect(pcm.count == 7_200)
        for place in [2_400, 4_800] {
            #expect((pcm[place - 20..<place + 20].map { abs(Int($0)) }.max() ?? 0) > 7_000)
        }
        #expect(abs(Int(pcm[7_199])) < 100)
    }

    @Test func `components are kept within a telephone channel`() {
        let component = ToneCadence.Component(hertz: 20_000, level: 40)
        #expect(component.hertz == 3_800)
        #expect(component.level == 3)
        #expect(ToneCadence.Segment(ToneCadence.shared([1, 2, 3, 4, 5], 0), .zero).components.count == 4)
    }
}
