import Foundation
import Media
import Testing

/// What the other suites measure with must itself notice what it is there for.
@Suite struct MeasureTests {
    private let rate = 8_000
    private let said = SpeechMaterial.samples(rate: 8_000, isWide: false)

    private func compare(_ heard: [Int16]) -> Comparison { Comparison(heard: heard, said: said, rate: rate) }
    private func similarity(_ heard: [Int16]) -> Similarity { Similarity(heard: heard, said: said, rate: rate, lag: 0) }
    private let coded = SpeechMaterial.samples(rate: 8_000, isWide: false)
        .map { G711.decodeMuLaw(G711.encodeMuLaw($0)) }

    @Test func `the same is the same, and G 711 nearly`() {
        #expect(similarity(said).mean > 0.999)
        #expect(similarity(coded).mean > 0.99)
        #expect(abs(compare(coded).level) < 0.02)
        #expect(compare(coded).edges(packetSamples: 160) < 1.5)
    }

    @Test func `a decibel is heard`() {
        #expect(abs(compare(coded.map { Int16(Double($0) * 0.891) }).level + 1) < 0.05)
    }

    @Test(arguments: [120, 240, 480])
    func `a step of a hundredth of full scale where packets meet is heard`(packet: Int) {
        var heard = coded
        for start in stride(from: packet, to: heard.count, by: 2 * packet) {
            for index in start..<min(heard.count, start + packet) { heard[index] = max(-32_000, heard[index]) + 330 }
        }
        #expect(compare(heard).edges(packetSamples: packet) > 2)
    }

    @Test func `silence of five milliseconds in each packet is heard, and a packet that is missing`() {
        var heard = coded
        for start in stride(from: 0, to: heard.count, by: 240) { for index in start..<start + 40 { heard[index] = 0 } }
        #expect(similarity(heard).mean < 0.9)
        heard = coded
        for index in 2_400..<2_640 { heard[index] = 0 }
        #expect(similarity(heard).least < 0.9 && similarity(heard).mean < 0.98)
    }

    @Test func `something else is not speech, and speech that is stretched still is`() {
        var random = 1.0
        let noise = said.indices.map { _ in
            random = (random * 16_807).truncatingRemainder(dividingBy: 2_147_483_647)
            return Int16(random / 2_147_483_647 * 8_000 - 4_000)
        }
        #expect(similarity(noise).mean < 0.6)
        // 40 ms later from the middle on.
        let late = Array(said[..<2_600]) + [Int16](repeating: 0, count: 320) + Array(said[2_600...])
        let found = Similarity(heard: late, said: said, rate: rate, lag: 160, reach: 240)
        #expect(found.mean > 0.9)
        #expect(similarity(late).mean < 0.8)
    }
}
