import Foundation
import Media
import Testing

@Suite struct WAVTests {
    /// A format chunk's body.
    private static func format(
        _ tag: UInt16 = 1, channels: UInt16 = 1, rate: UInt32 = 8_000, bits: UInt16 = 16, frame: UInt16? = nil
    ) -> [UInt8] {
        let frame = frame ?? channels * (bits / 8)
        return little(tag) + little(channels) + little(rate) + little(rate * UInt32(frame)) + little(frame)
            + little(bits)
    }

    private static func chunk(_ name: String, _ body: [UInt8], size: UInt32? = nil) -> [UInt8] {
        Array(name.utf8) + little(size ?? UInt32(body.count)) + body + (body.count % 2 == 1 && size == nil ? [0] : [])
    }

    private static func riff(_ chunks: [UInt8]...) -> [UInt8] {
        Array("RIFF".utf8) + little(UInt32(4 + chunks.joined().count)) + Array("WAVE".utf8) + chunks.joined()
    }

    private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value($0 * 8)) }
    }

    @Test(arguments: [(8_000, 1), (8_000, 2), (16_000, 1), (16_000, 2), (48_000, 1), (48_000, 2)])
    func `what is written is read`(rate: Int, channels: Int) throws {
        let samples: [Int16] = [0, 1, -1, 32_767, -32_768, 1_234, -4_321, 7]
        let file = WAVWriter.file(samples, rate: rate, channels: channels)
        #expect(file.count == WAVWriter.headerBytes + 16)
        let audio = try WAVReader.read(file)
        #expect(audio.samples == samples)
        #expect(audio.rate == rate)
        #expect(audio.channels == channels)
        #expect(audio.encoding == .pcm)
    }

    @Test func `the header is the one that everybody writes`() {
        let expected = Self.riff(
            Self.chunk("fmt ", Self.format(channels: 2, rate: 16_000)), Self.chunk("data", [1, 0, 2, 0]))
        #expect(WAVWriter.file([1, 2], rate: 16_000, channels: 2) == expected)
    }

    @Test func `a file that was cut off plays up to what its last header said`() throws {
        var writer = WAVWriter(rate: 8_000, channels: 1)
        let empty = writer.header
        var file = empty + writer.append([1, 2, 3])
        file.replaceSubrange(..<WAVWriter.headerBytes, with: writer.header)
        file += writer.append([4, 5])
        #expect(writer.dataBytes == 10)
        #expect(try WAVReader.read(file).samples == [1, 2, 3])
        #expect(try WAVReader.read(Array(file.prefix(48))).samples == [1, 2])
        #expect(throws: WAVError.damaged("it holds no sound")) { try WAVReader.read(empty) }
    }

    @Test func `the format's four gigabytes are not passed`() {
        var writer = WAVWriter(rate: 8_000, channels: 2, dataBytes: WAVWriter.dataBytesAtMost / 4 * 4 - 8)
        let last = writer.append([1, 2, 3, 4, 5, 6])
        #expect(last == [1, 0, 2, 0, 3, 0, 4, 0])
        #expect(writer.dataBytes + WAVWriter.headerBytes - 8 <= Int(UInt32.max))
        let none = writer.append([1, 2])
        #expect(none == [])
    }

    @Test(arguments: [(UInt16(6), WAVAudio.Encoding.aLaw), (7, .muLaw)])
    func `G 711 is read in every code`(tag: UInt16, encoding: WAVAudio.Encoding) throws {
        let codes = (0...255).map { UInt8($0) }
        // These encodings have a size of extension, and a fact chunk.
        let file = Self.riff(
            Self.chunk("fmt ", Self.format(tag, bits: 8) + [0, 0]), Self.chunk("fact", Self.little(UInt32(256))),
            Self.chunk("data", codes))
        let audio = try WAVReader.read(file)
        #expect(audio.encoding == encoding)
        #expect(audio.samples == codes.map { tag == 6 ? G711.decodeALaw($0) : G711.decodeMuLaw($0) })
    }

    @Test func `other chunks are passed over, odd ones with their padding`() throws {
        let file = Self.riff(
            Self.chunk("LIST", [1, 2, 3]), Self.chunk("fmt ", Self.format()), Self.chunk("junk", []),
            Self.chunk("data", [5, 0]), Self.chunk("id3 ", [9, 9, 9]))
        #expect(try WAVReader.read(file).samples == [5])
    }

    @Test func `the extensible form is read by its subformat`() throws {
        let body =
            Self.format(0xFFFE, channels: 2, rate: 48_000) + Self.little(UInt16(22)) + Self.little(UInt16(16))
            + Self.little(UInt32(3)) + Self.little(UInt16(1)) + [UInt8](repeating: 0, count: 14)
        let audio = try WAVReader.read(Self.riff(Self.chunk("fmt ", body), Self.chunk("data", [1, 0, 3, 0])))
        #expect(audio.mono == [2])
    }

    @Test func `sizes that a pipe left open mean as much as there is`() throws {
        for size in [UInt32.max, 0x7FFF_FFFF, 100] {
            let file = Self.riff(Self.chunk("fmt ", Self.format()), Self.chunk("data", [1, 0, 2, 0, 3], size: size))
            #expect(try WAVReader.read(file).samples == [1, 2])
        }
    }

    static let hostile: [(String, [UInt8], String)] = [
        ("nothing", [], "only 0 bytes"),
        ("short", Array("RIFF".utf8), "only 4 bytes"),
        ("text", Array("To whom it may concern".utf8), "something else"),
        ("Ogg", Array("OggS and so on, longer".utf8), "Ogg"),
        ("MP3", [0xFF, 0xFB] + [UInt8](repeating: 0, count: 30), "MP3"),
        ("big-endian", Array("RIFX".utf8) + [UInt8](repeating: 0, count: 30), "RIFX"),
        ("RF64", Array("RF64".utf8) + [UInt8](repeating: 0xFF, count: 30), "RF64"),
        ("a film", Array("RIFF".utf8) + little(UInt32(30)) + Array("AVI LIST".utf8), "another kind"),
        ("no chunk", riff(), "no format chunk"),
        ("half a chunk header", riff(Array("fmt ".utf8)), "no format chunk"),
        ("data first", riff(chunk("data", [1, 0]), chunk("fmt ", format())), "without a format chunk"),
        ("no data", riff(chunk("fmt ", format())), "no data chunk"),
        ("two formats", riff(chunk("fmt ", format()), chunk("fmt ", format())), "two format chunks"),
        ("a short format", riff(chunk("fmt ", Array(format().prefix(14))), chunk("data", [1, 0])), "14 bytes"),
        ("a cut format", Array(riff(chunk("fmt ", format())).prefix(30)), "10 bytes"),
        ("a huge chunk", riff(chunk("LIST", [1], size: .max)), "no format chunk"),
        ("no samples", riff(chunk("fmt ", format()), chunk("data", [])), "no sound"),
        ("half a sample", riff(chunk("fmt ", format()), chunk("data", [1])), "no sound"),
        ("half a frame", riff(chunk("fmt ", format(channels: 2)), chunk("data", [1, 0, 2])), "no sound"),
        ("no channel", riff(chunk("fmt ", format(channels: 0)), chunk("data", [1, 0])), "0 channels"),
        ("surround", riff(chunk("fmt ", format(channels: 6)), chunk("data", [1, 0])), "6 channels"),
        ("no rate", riff(chunk("fmt ", format(rate: 0)), chunk("data", [1, 0])), "0 Hz"),
        ("a CD", riff(chunk("fmt ", format(rate: 44_100)), chunk("data", [1, 0])), "44100 Hz"),
        ("24 bit", riff(chunk("fmt ", format(bits: 24)), chunk("data", [1, 0])), "24 bit"),
        ("8 bit", riff(chunk("fmt ", format(bits: 8)), chunk("data", [1, 0])), "PCM of 8 bit"),
        ("floats", riff(chunk("fmt ", format(3, bits: 32)), chunk("data", [1, 0])), "floating point"),
        ("ADPCM", riff(chunk("fmt ", format(0x11, bits: 4)), chunk("data", [1, 0])), "IMA ADPCM"),
        ("wide A-law", riff(chunk("fmt ", format(6, bits: 16)), chunk("data", [1, 0])), "A-law of 16 bit"),
        ("odd frames", riff(chunk("fmt ", format(frame: 3)), chunk("data", [1, 0])), "frames of 3 bytes"),
        ("no frames", riff(chunk("fmt ", format(frame: 0)), chunk("data", [1, 0])), "frames of 0 bytes"),
        ("a short extension", riff(chunk("fmt ", format(0xFFFE) + [22, 0]), chunk("data", [1, 0])), "18 bytes"),
    ]

    @Test(arguments: hostile)
    func `a file that is none is refused with what was found`(name: String, file: [UInt8], found: String) {
        do {
            _ = try WAVReader.read(file)
            Issue.record("\(name) was taken")
        } catch {
            #expect("\(error)".contains(found), "\(name): \(error)")
            #expect("\(error)".contains("sox"))
        }
    }

    @Test func `any prefix and any changed byte is answered, not trapped on`() {
        let file = Self.riff(
            Self.chunk("LIST", [1, 2, 3]), Self.chunk("fmt ", Self.format()), Self.chunk("data", [1, 0, 2, 0]))
        for count in 0...file.count { _ = try? WAVReader.read(Array(file.prefix(count))) }
        for place in file.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFE, 0xFF] as [UInt8] {
                var changed = file
                changed[place] = value
                _ = try? WAVReader.read(changed)
            }
        }
    }

    @Test func `bytes and seconds are limited`() {
        var limits = SoundLimits()
        limits.clipSeconds = 2
        #expect(throws: Never.self) {
            try WAVReader.read(WAVWriter.file(.init(repeating: 0, count: 16_000), rate: 8_000), limits: limits)
        }
        #expect(throws: WAVError.tooLong(seconds: 3, limit: 2)) {
            try WAVReader.read(WAVWriter.file(.init(repeating: 0, count: 16_001), rate: 8_000), limits: limits)
        }
        limits.clipFileBytes = 100
        #expect(throws: WAVError.tooManyBytes(101, limit: 100)) {
            try WAVReader.read([UInt8](repeating: 0, count: 101), limits: limits)
        }
    }
}

@Suite struct WAVRateTests {
    private func tone(_ hertz: Double, rate: Int) -> [Int16] {
        (0..<rate / 2).map { Int16((16_000 * sin(2 * .pi * hertz * Double($0) / Double(rate))).rounded()) }
    }

    /// The effective value against that of the input, in decibels, over the settled part.
    private func level(_ pcm: [Int16]) -> Double {
        let settled = pcm[pcm.count / 4..<pcm.count * 3 / 4]
        return SignalLevel.dBm0(of: settled) - SignalLevel.dBm0(effective: 16_000 / 2.0.squareRoot())
    }

    @Test(arguments: [200.0, 1_000, 3_400, 5_000, 6_900])
    func `48 kHz becomes 16 kHz with the band of wideband speech as it was`(hertz: Double) {
        let audio = WAVAudio(encoding: .pcm, rate: 48_000, channels: 1, samples: tone(hertz, rate: 48_000))
        let clip = audio.clip(name: "x")
        #expect(clip.rate == 16_000)
        #expect(clip.samples.count == 8_000)
        #expect(abs(level(clip.samples)) < 0.03)
        // No delay: every third sample where it was.
        let difference = zip(clip.samples, tone(hertz, rate: 16_000)).map { abs(Int($0) - Int($1)) }
        #expect((difference[100..<7_900].max() ?? 0) < 30)
    }

    @Test(arguments: [9_100.0, 11_000, 15_000, 20_000, 23_900])
    func `what 16 kHz cannot carry is gone`(hertz: Double) {
        let audio = WAVAudio(encoding: .pcm, rate: 48_000, channels: 1, samples: tone(hertz, rate: 48_000))
        #expect(level(audio.clip(name: "x").samples) < -65)
    }

    @Test(arguments: [8_000, 16_000, 48_000])
    func `every rate becomes 8 kHz with its tone and level`(rate: Int) throws {
        let audio = WAVAudio(encoding: .pcm, rate: rate, channels: 1, samples: tone(1_000, rate: rate))
        let pcm = audio.mono(rate: 8_000)
        #expect(pcm.count == 4_000)
        #expect(abs(level(pcm)) < 0.05)
        var detector = ToneDetector()
        detector.process(pcm)
        #expect(try #require(detector.tone).frequency == 1_000)
        #expect(audio.mono(rate: 16_000).count == 8_000)
    }
}
