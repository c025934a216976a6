import Media
import Testing

/// The tables of ITU-T G.711 in their own terms, against which the arithmetic is held for every value there is.
private enum Definition {
    /// Decision values x1... of the positive half in the law's own units (mu: 14 bits, A: 13 bits), 128 intervals.
    static func decisions(firstStep: Int, steps: [Int]) -> [Int] {
        var values = [0]
        for (segment, step) in steps.enumerated() {
            for interval in 0..<16 {
                // The very first interval of mu-law is half as wide: x1 = 1, x2 = 3, ...
                values.append((values.last ?? 0) + (segment == 0 && interval == 0 ? firstStep : step))
            }
        }
        return values
    }
    /// Table 2a: steps double from segment to segment, 31 then 95, 223 ... 8159.
    static let mu = decisions(firstStep: 1, steps: [2, 4, 8, 16, 32, 64, 128, 256])
    /// Table 1a, in units of 1/4096 of the range: 32, 64, 128 ... 4096, two segments of equal step first.
    static let a = decisions(firstStep: 2, steps: [2, 2, 4, 8, 16, 32, 64, 128])

    /// The interval n of a magnitude: x(n) <= value < x(n+1), the last one open.
    static func interval(_ magnitude: Int, _ decisions: [Int], unit: Int) -> Int {
        var n = 0
        while n < 127, decisions[n + 1] * unit <= magnitude { n += 1 }
        return n
    }
    /// Negative samples mirror the positive ones about -1/2, so that both halves have as many codes.
    static func magnitude(_ sample: Int) -> Int { sample < 0 ? -sample - 1 : sample }
}

@Suite struct G711Tests {
    @Test func `the tables end where the recommendation says`() {
        #expect(Definition.mu[16] == 31 && Definition.mu[32] == 95 && Definition.mu[128] == 8_159)
        #expect(Definition.a[16] == 32 && Definition.a[32] == 64 && Definition.a[128] == 4_096)
    }

    @Test func `mu-law encodes each of 65536 samples as table 2a says`() {
        var wrong = 0
        for sample in Int(Int16.min)...Int(Int16.max) {
            let n = Definition.interval(Definition.magnitude(sample), Definition.mu, unit: 4)
            let code = UInt8(sample < 0 ? 127 - n : 255 - n)
            if G711.encodeMuLaw(Int16(sample)) != code { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test func `A-law encodes each of 65536 samples as table 1a says`() {
        var wrong = 0
        for sample in Int(Int16.min)...Int(Int16.max) {
            let n = Definition.interval(Definition.magnitude(sample), Definition.a, unit: 8)
            let code = UInt8(sample < 0 ? n : n + 128) ^ 0x55
            if G711.encodeALaw(Int16(sample)) != code { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test func `each of 256 codes decodes to the middle of its interval`() {
        for code in UInt8.min...UInt8.max {
            let mu = Int(code & 0x80 != 0 ? 255 - code : 127 - code)
            let muMiddle = mu == 0 ? 0 : (Definition.mu[mu] + Definition.mu[mu + 1]) * 4 / 2
            #expect(Int(G711.decodeMuLaw(code)) == (code & 0x80 != 0 ? muMiddle : -muMiddle))
            let plain = code ^ 0x55
            let a = Int(plain & 0x7F)
            let aMiddle = (Definition.a[a] + Definition.a[a + 1]) * 8 / 2
            #expect(Int(G711.decodeALaw(code)) == (plain & 0x80 != 0 ? aMiddle : -aMiddle))
        }
    }

    @Test func `every code survives decoding and encoding, but for mu-law's negative zero`() {
        for code in UInt8.min...UInt8.max {
            #expect(G711.encodeALaw(G711.decodeALaw(code)) == code)
            #expect(G711.encodeMuLaw(G711.decodeMuLaw(code)) == (code == 0x7F ? 0xFF : code))
        }
    }

    @Test(arguments: [AudioCodec.pcmu, .pcma])
    func `a lost frame of a tone is continued, a long gap fades out`(codec: AudioCodec) throws {
        let decoder = try BuiltInCodecs().makeDecoder(codec, rate: 8_000)
        let encoder = try BuiltInCodecs().makeEncoder(codec, rate: 8_000)
        var generator = ToneGenerator(frequency: 1_000)
        var pcm = [Int16](repeating: 0, count: 160)
        for _ in 0..<3 {
            let frame = generator.samples(160)
            var payload = [UInt8](repeating: 0, count: 160)
            _ = frame.withUnsafeBufferPointer { frame in
                payload.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
            }
            _ = payload.withUnsafeBytes { payload in
                pcm.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) }
            }
        }
        let truth = generator.samples(80)
        pcm.withUnsafeMutableBufferPointer { decoder.conceal(into: $0, next: nil) }
        let error = zip(truth, pcm).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(error < 700)
        for _ in 0..<4 { pcm.withUnsafeMutableBufferPointer { decoder.conceal(into: $0, next: nil) } }
        #expect(pcm.allSatisfy { $0 == 0 })
    }

    @Test func `the built-in factory says what it cannot make`() {
        #expect(throws: MediaFailure.codecUnavailable(.opus)) { try BuiltInCodecs().makeDecoder(.opus, rate: 8_000) }
        #expect(throws: MediaFailure.codecUnavailable(.pcmu)) { try BuiltInCodecs().makeEncoder(.pcmu, rate: 48_000) }
    }
}
