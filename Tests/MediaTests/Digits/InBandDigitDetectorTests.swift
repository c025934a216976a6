import Foundation
import Media
import Testing

/// The receiving characteristics of ITU-T Q.24 (table A.1).
@Suite struct InBandDigitDetectorTests {
    private static let keys = Digit.allCases.filter { $0 != .flash }

    @Test(arguments: [8_000, 16_000]) func `each key is heard once`(rate: Int) {
        var material = KeyMaterial(rate: rate)
        material.pause(30)
        for key in Self.keys {
            material.key(key, 60)
            material.pause(60)
        }
        #expect(material.heard == Self.keys)
    }

    @Test(arguments: [(8_000, 10), (8_000, 30), (16_000, 20), (16_000, 60)])
    func `the frames that audio comes in make no difference`(rate: Int, frame: Int) {
        var material = KeyMaterial(rate: rate)
        for key in [Digit.one, .nine, .nine, .pound] {
            material.key(key, 45)
            material.pause(45)
        }
        #expect(KeyMaterial.heard(material.pcm, rate: rate, frame: frame) == [.one, .nine, .nine, .pound])
        #expect(
            KeyMaterial.heard(Array(material.pcm.dropLast()), rate: rate, frame: 1) == [.one, .nine, .nine, .pound])
    }

    @Test(arguments: [-0.015, 0.015], [-0.015, 0, 0.015])
    func `frequencies that are off by one and a half per cent are taken`(low: Double, high: Double) {
        for key in Self.keys {
            var material = KeyMaterial()
            material.pause(17)
            material.key(key, 45, detuned: (low, high))
            material.pause(50)
            #expect(material.heard == [key], "\(key)")
        }
    }

    @Test(arguments: [(-0.035, 0.0), (0.035, 0), (0, -0.035), (0, 0.035), (0.035, -0.035), (0.05, 0.0)])
    func `frequencies that are off by three and a half per cent are refused`(low: Double, high: Double) {
        for key in Self.keys {
            var material = KeyMaterial()
            material.key(key, 200, detuned: (low, high))
            material.pause(50)
            #expect(material.heard == [], "\(key)")
        }
    }

    /// Forty milliseconds at any place relative to the windows, and pauses of the same length.
    @Test(arguments: 0..<8) func `forty milliseconds are enough, wherever they begin`(offset: Int) {
        var material = KeyMaterial()
        material.pause(Double(offset) * 1.03)
        for key in [Digit.four, .four, .d, .zero] {
            material.key(key, 40)
            material.pause(40)
        }
        #expect(material.heard == [.four, .four, .d, .zero])
    }

    @Test(arguments: 0..<8) func `twenty-three milliseconds are none`(offset: Int) {
        var material = KeyMaterial()
        material.pause(Double(offset) * 1.03)
        material.key(.five, 23)
        material.pause(60)
        #expect(material.heard == [])
    }

    @Test(arguments: 0..<8) func `an interruption of ten milliseconds does not make two of one`(offset: Int) {
        var material = KeyMaterial()
        material.pause(Double(offset) * 1.03)
        material.key(.eight, 60)
        material.pause(10)
        material.key(.eight, 60)
        material.pause(60)
        #expect(material.heard == [.eight])
    }

    @Test(arguments: [(-25.0, -25.0), (-3, -3), (-4, -12), (-12, -8), (-17, -25), (-25, -21), (-3, -11)])
    func `levels and twist within the limits are taken`(low: Double, high: Double) {
        for key in Self.keys {
            var material = KeyMaterial()
            material.key(key, 45, low: low, high: high)
            material.pause(50)
            #expect(material.heard == [key], "\(key)")
        }
    }

    @Test(arguments: [(-32.0, -32.0), (-55, -55), (-5, -17), (-17, -8), (-60, -5)])
    func `what is too quiet or too uneven is refused`(low: Double, high: Double) {
        var material = KeyMaterial()
        material.key(.six, 200, low: low, high: high)
        material.pause(50)
        #expect(material.heard == [])
    }

    @Test(arguments: [-22.0, -25.0]) func `noise fifteen decibels below does not hide keys`(noise: Double) {
        var material = KeyMaterial()
        material.pause(30)
        for key in Self.keys {
            material.key(key, 50, low: -10, high: -10)
            material.pause(50)
        }
        material.addNoise(dBm0: noise)
        #expect(material.heard == Self.keys)
    }

    @Test func `a key that is held is one key, and sounds until it is let go`() {
        var material = KeyMaterial()
        material.key(.seven, 3_000)
        var detector = InBandDigitDetector(rate: 8_000)
        #expect(detector.process(material.pcm) == .seven)
        #expect(detector.sounding == .seven)
        #expect(detector.process([Int16](repeating: 0, count: 240)) == nil)
        #expect(detector.sounding == .seven)
        #expect(detector.process([Int16](repeating: 0, count: 320)) == nil)
        #expect(detector.sounding == nil)
    }

    @Test func `several digits in one buffer are told one after the other`() {
        var material = KeyMaterial()
        for key in [Digit.one, .two, .three] {
            material.key(key, 50)
            material.pause(50)
        }
        var detector = InBandDigitDetector(rate: 8_000)
        #expect(detector.process(material.pcm) == .one)
        #expect(detector.process([]) == .two)
        #expect(detector.process([]) == .three)
        #expect(detector.process([]) == nil)
    }

    @Test func `another key right behind the first is heard without a pause`() {
        var material = KeyMaterial()
        material.key(.one, 80)
        material.key(.nine, 80)
        material.pause(50)
        #expect(material.heard == [.one, .nine])
    }

    @Test func `after a reset nothing of before counts`() {
        var material = KeyMaterial()
        material.key(.two, 38)
        var detector = InBandDigitDetector(rate: 8_000)
        #expect(detector.process(Array(material.pcm[..<260])) == nil)
        detector.reset()
        #expect(detector.process(Array(material.pcm[260...]) + [Int16](repeating: 0, count: 400)) == nil)
    }

    // MARK: Talk-off

    /// Voices with gliding pitch, in every place of the windows: half a minute.
    @Test func `speech is no key`() {
        var heard: [Digit] = []
        for voice in 0..<6 {
            heard += KeyMaterial.heard(VoiceMaterial.speech(seconds: 3, voice: voice))
        }
        #expect(heard == [])
    }

    /// Vowels whose harmonics fall on the tones of a key: 1209 Hz is nearly the third of 403 Hz.
    @Test func `sung tones are no keys`() {
        var heard: [Digit] = []
        for pitch in stride(from: 90.0, through: 950, by: 9.1) {
            heard += KeyMaterial.heard(VoiceMaterial.vowel(pitch: pitch, milliseconds: 120))
        }
        #expect(heard == [])
    }

    @Test(arguments: [-40.0, -20, -10]) func `noise is no key`(dBm0: Double) {
        var material = KeyMaterial()
        material.pause(2_000)
        material.addNoise(dBm0: dBm0)
        #expect(material.heard == [])
    }

    @Test func `call progress tones and single tones are no keys`() {
        var material = KeyMaterial()
        for hertz in [425.0, 440, 697, 941, 1_209, 1_633, 2_100] { material.tone(hertz, 300) }
        material.append(zip(Self.wave(350), Self.wave(440)).map { $0 + $1 })
        material.append(zip(Self.wave(697), Self.wave(770)).map { $0 + $1 })
        material.append(zip(Self.wave(1_209), Self.wave(1_477)).map { $0 + $1 })
        #expect(material.heard == [])
    }

    private static func wave(_ hertz: Double) -> [Int16] {
        var generator = ToneGenerator(frequency: hertz, amplitude: 7_000)
        return generator.samples(2_400)
    }

    // MARK: Through codecs and losses

    @Test(arguments: [AudioCodec.pcmu, .pcma, .g722]) func `keys outlive the codecs`(codec: AudioCodec) throws {
        let rate = codec.sampleRate
        let material = Self.allKeys(rate: rate)
        let encoder = try BuiltInCodecs().makeEncoder(codec, rate: rate)
        let decoder = try BuiltInCodecs().makeDecoder(codec, rate: rate)
        let heard = Self.passed(material, rate: rate, encoder: encoder, decoder: decoder) { _ in false }
        #expect(KeyMaterial.heard(heard, rate: rate) == Self.keys)
    }

    /// Every seventh packet of 20 ms is lost and concealed: of tones of 100 ms, each loses at most one. In G.722 the frames
    /// after a loss are distorted, too, and a key now and then is lost with them (1 of 16 here); none is doubled or mistaken.
    @Test(arguments: [(AudioCodec.pcmu, 16), (.pcma, 16), (.g722, 14)], 0..<7)
    func `a concealed packet neither hides a key nor doubles it`(_ codec: (AudioCodec, least: Int), phase: Int) throws {
        let rate = codec.0.sampleRate
        let material = Self.allKeys(rate: rate, length: 100)
        let encoder = try BuiltInCodecs().makeEncoder(codec.0, rate: rate)
        let decoder = try BuiltInCodecs().makeDecoder(codec.0, rate: rate)
        let passed = Self.passed(material, rate: rate, encoder: encoder, decoder: decoder) { $0 % 7 == phase }
        let heard = KeyMaterial.heard(passed, rate: rate)
        #expect(heard == Self.keys.filter(heard.contains))
        #expect(heard.count >= codec.least)
    }

    @Test(arguments: 0..<5) func `a packet replaced by silence does not double a key`(phase: Int) {
        var material = KeyMaterial()
        material.key(.three, 140)
        material.pause(60)
        var pcm = material.pcm
        for index in (160 * (phase + 1))..<(160 * (phase + 2)) { pcm[index] = 0 }
        #expect(KeyMaterial.heard(pcm) == [.three])
    }

    private static func allKeys(rate: Int, length: Double = 50) -> [Int16] {
        var material = KeyMaterial(rate: rate)
        material.pause(40)
        for key in keys {
            material.key(key, length)
            material.pause(length)
        }
        material.pause(40)
        return material.pcm
    }

    private static func passed(
        _ pcm: [Int16], rate: Int, encoder: any AudioEncoder, decoder: any AudioDecoder, isLost: (Int) -> Bool
    ) -> [Int16] {
        let frame = rate / 50
        var heard: [Int16] = []
        var bytes = [UInt8](repeating: 0, count: 400)
        var decoded = [Int16](repeating: 0, count: frame)
        for (index, start) in stride(from: 0, through: pcm.count - frame, by: frame).enumerated() {
            let size = pcm.withUnsafeBufferPointer { samples in
                bytes.withUnsafeMutableBytes {
                    encoder.encode(UnsafeBufferPointer(rebasing: samples[start..<start + frame]), into: $0) ?? 0
                }
            }
            decoded.withUnsafeMutableBufferPointer { output in
                if isLost(index) {
                    decoder.conceal(into: output, next: nil)
                } else {
                    bytes.withUnsafeBytes {
                        _ = decoder.decode(UnsafeRawBufferPointer(rebasing: $0[..<size]), into: output)
                    }
                }
            }
            heard += decoded
        }
        return heard
    }
}
