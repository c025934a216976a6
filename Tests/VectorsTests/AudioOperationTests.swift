import Primitives
import Testing
import Vectors

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

struct AudioOperationTests {
    /// A sine of `hertz` at 48 kHz, the second channel an octave higher.
    private func tone(_ hertz: Double, frames: Int, channels: Int) -> [Int16] {
        (0..<frames * channels).map { index in
            let pitch = hertz * Double(index % channels + 1)
            return Int16(8_000 * sin(2 * .pi * pitch * Double(index / channels) / 48_000))
        }
    }

    /// How much of a channel's power is at `hertz`, 0 to 1.
    private func share(of hertz: Double, in pcm: [Int16], channel: Int, channels: Int) -> Double {
        let mono = stride(from: channel, to: pcm.count, by: channels).map { Double(pcm[$0]) }
        var (real, imaginary, power) = (0.0, 0.0, 0.0)
        for (index, sample) in mono.enumerated() {
            let angle = 2 * .pi * hertz * Double(index) / 48_000
            real += sample * cos(angle)
            imaginary += sample * sin(angle)
            power += sample * sample
        }
        return 2 * (real * real + imaginary * imaginary) / (Double(mono.count) * max(power, 1))
    }

    @Test(arguments: ["a", "u"])
    func `every G711 code survives decoding and encoding`(law: String) throws {
        let codes = (0...255).map { UInt8($0) }
        let pcm = try #require(ask("g711_decode", ["law": .text(law), "codes": .text(Hex.encode(codes))])["pcm"])
        let again = try #require(ask("g711_encode", ["law": .text(law), "pcm": pcm]).bytes("codes"))
        // Mu-law has two zeros, which linear samples cannot tell apart.
        let same = zip(codes, again).filter { $0 == $1 }.count
        #expect(same == (law == "a" ? 256 : 255))
    }

    @Test(arguments: [
        ("a", "d5", "0800"), ("a", "55", "f8ff"), ("a", "aa", "007e"), ("u", "ff", "0000"), ("u", "80", "7c7d"),
        ("u", "00", "8482"),
    ])
    func `G711 samples are little-endian and those of the tables`(law: String, code: String, pcm: String) {
        #expect(ask("g711_decode", ["law": .text(law), "codes": .text(code)])["pcm"] == .text(pcm))
    }

    @Test func `G722 codes are those of the reference's speech, and mode 1 is the only one`() throws {
        let speech = Array(try vectorFile("MediaTests/Vectors/itu-t-g191/inpsp.bin")[..<32_000])
        // The bytes of each word stand turned round in the file.
        let swapped = try vectorFile("MediaTests/Vectors/itu-t-g191/codsp.cod")
        let codes = (0..<8_000).map { swapped[$0 ^ 1] }
        let coded = ask("g722_encode", ["mode": .integer(1), "pcm": .text(Hex.encode(speech))])
        #expect(coded.bytes("codes") == codes)
        let back = ask("g722_decode", ["mode": .integer(1), "codes": .text(Hex.encode(codes))])
        #expect(back.bytes("pcm") == Array(try vectorFile("MediaTests/Vectors/itu-t-g191/outsp1.bin")[..<32_000]))
        #expect(ask("g722_decode", ["mode": .integer(2), "codes": .text("00")]).isUnsupported)
        #expect(ask("g722_encode", ["pcm": .text("000000000000")]).isMalformed)
        #expect(ask("g722_decode", ["codes": .text("")]).bytes("pcm") == [])
    }

    @Test(arguments: [1, 2])
    func `a tone survives Opus on each channel`(channels: Int) throws {
        let pcm = tone(440, frames: 48_000, channels: channels)
        let shape: [String: JSONValue] = ["channels": .integer(channels), "frame": .integer(960)]
        let encoded = ask(
            "opus_encode", shape.merging(["bitrate": .integer(64_000), "pcm": hex(pcm)]) { _, new in new })
        let packets = try #require(encoded["packets"]?.list)
        #expect(packets.count == 50)
        let decoded = ask("opus_decode", shape.merging(["packets": .list(packets)]) { _, new in new })
        let heard = samples(try #require(decoded.bytes("pcm")))
        #expect(heard.count == pcm.count)
        for channel in 0..<channels {
            #expect(share(of: 440 * Double(channel + 1), in: heard, channel: channel, channels: channels) > 0.9)
        }
    }

    @Test func `a lost packet is filled, and the rest goes on`() throws {
        let pcm = tone(440, frames: 48_000, channels: 1)
        let encoded = ask(
            "opus_encode",
            ["channels": .integer(1), "frame": .integer(960), "bitrate": .integer(32_000), "pcm": hex(pcm)])
        var packets = try #require(encoded["packets"]?.list)
        packets[20] = .text("")
        packets[49] = .text("")
        let decoded = ask(
            "opus_decode", ["channels": .integer(1), "frame": .integer(960), "packets": .list(packets)])
        let heard = samples(try #require(decoded.bytes("pcm")))
        #expect(heard.count == 48_000)
        #expect(heard[20 * 960..<21 * 960].contains { abs(Int($0)) > 1_000 })
        #expect(share(of: 440, in: heard, channel: 0, channels: 1) > 0.9)
    }

    @Test(
        arguments: [
            ["packets": .list([.text("ff")])], ["channels": .integer(3), "packets": .list([])],
            ["channels": .integer(0), "packets": .list([])], ["frame": .integer(0), "packets": .list([])],
            ["frame": .integer(5_761), "packets": .list([.text("")])],
        ] as [[String: JSONValue]])
    func `packets and shapes that Opus does not have are refused`(fields: [String: JSONValue]) {
        #expect(ask("opus_decode", fields).isRefused)
    }

    @Test func `a frame length that Opus does not have is refused, half a frame is malformed`() {
        var fields: [String: JSONValue] = [
            "channels": .integer(1), "frame": .integer(100), "bitrate": .integer(32_000),
            "pcm": hex([Int16](repeating: 0, count: 100)),
        ]
        #expect(ask("opus_encode", fields).isRefused)
        fields["frame"] = .integer(960)
        #expect(ask("opus_encode", fields).isMalformed)
    }

    @Test func `Opus packets unfold up to the limit and no further`() {
        var limits = VectorLimits()
        limits.pcmBytes = 2 * 960 * 2
        let lost = [JSONValue](repeating: .text(""), count: 3)
        #expect(ask("opus_decode", ["packets": .list(Array(lost[..<2]))], limits: limits).isOK)
        #expect(ask("opus_decode", ["packets": .list(lost)], limits: limits).isRefused)
    }
}
