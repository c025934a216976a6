import Foundation
import Media
import Primitives
import RTP
import Testing

@Suite struct DigitTests {
    @Test func `characters, event codes and keys are one`() {
        for (code, character) in "0123456789*#ABCD".enumerated() {
            #expect(Digit(character)?.event == UInt8(code))
            #expect(Digit(event: UInt8(code))?.character == character)
            #expect(TelephoneEvent.event(of: character) == UInt8(code))
        }
        #expect(Digit("!") == .flash)
        #expect(Digit("c") == .c)
        #expect(Digit("x") == nil)
        #expect(Digit(event: 17) == nil)
        #expect([Digit](digits: "0a#")?.text == "0A#")
        #expect([Digit](digits: "0 1") == nil)
    }

    // MARK: Tones

    private func read(_ tones: inout DigitTones, in blocks: Int = 160) -> [Int16] {
        var pcm: [Int16] = []
        var block = [Int16](repeating: 0, count: blocks)
        while true {
            let count = block.withUnsafeMutableBufferPointer { tones.read(into: $0) }
            pcm += block[..<count]
            if count < blocks { return pcm }
        }
    }

    @Test(arguments: [8_000, 16_000, 48_000]) func `tones have their length, their level, and no edges`(rate: Int) {
        var tones = DigitTones(.five, rate: rate, length: .milliseconds(90))
        let pcm = read(&tones)
        #expect(pcm.count == rate * 90 / 1_000)
        #expect(tones.isFinished)
        // -10 and -8 dBm0 together are -5.9 dBm0.
        let middle = pcm[(rate / 100)..<(rate * 80 / 1_000)]
        let power = middle.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(middle.count)
        let level = 10 * log10(power / (22_301.0 * 22_301 / 2))
        #expect(abs(level + 5.9) < 0.3)
        let steps = zip(pcm, pcm.dropFirst()).map { abs(Int($1) - Int($0)) }
        #expect(abs(Int(pcm.first ?? 0)) < 1_000 && abs(Int(pcm.last ?? 0)) < 1_500)
        #expect((steps.first ?? 0) < 2_000)
    }

    @Test func `every key is recognised by its tones`() {
        let keys = Digit.allCases.filter { $0 != .flash }
        var tones = DigitTones(keys, rate: 8_000, length: .milliseconds(50), pause: .milliseconds(50))
        let pcm = read(&tones)
        #expect(pcm.count == 16 * 800)
        #expect(KeyMaterial.heard(pcm) == keys)
    }

    @Test func `a tone without a length sounds until it is stopped`() {
        var tones = DigitTones([.nine, .one], rate: 8_000, length: nil, pause: .zero)
        var block = [Int16](repeating: 0, count: 4_000)
        let count = block.withUnsafeMutableBufferPointer { tones.read(into: $0) }
        #expect(count == 4_000)
        #expect(KeyMaterial.heard(block) == [.nine])
        tones.stop()
        #expect(read(&tones).count == 16)
        #expect(tones.isFinished)
        var other = DigitTones(.nine, rate: 8_000, length: nil)
        other.stop(after: 333)
        #expect(read(&other).count == 333)
    }

    @Test func `a hook flash is silence, and no keys are nothing`() {
        var flash = DigitTones(.flash, rate: 8_000)
        #expect(read(&flash) == [Int16](repeating: 0, count: 800))
        var none = DigitTones([], rate: 8_000)
        #expect(none.isFinished)
        #expect(read(&none) == [])
    }

    // MARK: Collecting

    private let start = Instant.origin + .seconds(5)

    private func collect(_ text: String, _ rules: DigitRules) -> DigitCollector.Outcome? {
        var collector = DigitCollector(rules, at: start)
        for digit in [Digit](digits: text) ?? [] {
            if let outcome = collector.take(digit, at: start) {
                #expect(collector.nextDeadline == nil)
                #expect(collector.take(.one, at: start) == nil)
                #expect(collector.handleDeadline(at: start + .seconds(99)) == nil)
                return outcome
            }
        }
        return collector.nextDeadline.flatMap { collector.handleDeadline(at: $0) }
    }

    private static let cases: [(String, Int, [Digit], [Digit], String, DigitCollector.Reason)] = [
        ("1234", 4, [.pound], [], "1234", .complete),
        ("12#4", 4, [.pound], [], "12", .terminator), ("12#4", 4, [], [], "12#4", .complete),
        ("12", 4, [.pound], [], "12", .timeout), ("", 4, [.pound], [], "", .none),
        ("#", 4, [.pound], [], "", .terminator),
        ("0", 4, [.pound], [.zero], "0", .complete), ("10", 4, [.pound], [.zero], "10", .timeout),
        ("*", 4, [.pound, .star], [], "", .terminator), ("77", 0, [], [], "7", .complete),
    ]

    @Test(arguments: cases)
    func `digits are gathered by their rules`(
        _ rule: (String, Int, [Digit], [Digit], String, DigitCollector.Reason)
    ) {
        let (text, most, terminators, alone, digits, reason) = rule
        let outcome = collect(text, DigitRules(most: most, terminators: terminators, alone: alone))
        #expect(outcome?.digits.text == digits)
        #expect(outcome?.reason == reason)
    }

    @Test func `the first digit has its own time, and each further one begins its own`() {
        let rules = DigitRules(most: 9, first: .seconds(7), between: .seconds(3))
        var collector = DigitCollector(rules, at: start)
        #expect(collector.nextDeadline == start + .seconds(7))
        #expect(collector.handleDeadline(at: start + .milliseconds(6_999)) == nil)
        #expect(collector.take(.one, at: start + .seconds(6)) == nil)
        #expect(collector.nextDeadline == start + .seconds(9))
        #expect(collector.take(.two, at: start + .seconds(8)) == nil)
        #expect(collector.handleDeadline(at: start + .seconds(9)) == nil)
        #expect(collector.handleDeadline(at: start + .seconds(11)) == .init(digits: [.one, .two], reason: .timeout))
    }

    @Test func `no more than 64 digits are gathered, whatever is asked for`() {
        let outcome = collect(String(repeating: "1", count: 99), DigitRules(most: 99))
        #expect(outcome?.digits.count == DigitRules.mostAtAll)
        #expect(outcome?.reason == .complete)
        var rules = DigitRules()
        rules.most = -3
        #expect(rules.most == 1)
    }
}
