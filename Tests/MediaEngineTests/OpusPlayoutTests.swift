import Media
import OpusCodec
import Primitives
import RTP
import Testing

/// The receiving half of an endpoint with the real Opus: lost frames come from the packets behind them.
@Suite struct OpusPlayoutTests {
    /// libopus without its forward error correction.
    private final class Unprotected: AudioDecoder {
        let inner: any AudioDecoder
        var rate: Int { inner.rate }
        init(_ inner: any AudioDecoder) { self.inner = inner }
        func decode(_ payload: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>) -> Int? {
            inner.decode(payload, into: pcm)
        }
        func conceal(into pcm: UnsafeMutableBufferPointer<Int16>, next: UnsafeRawBufferPointer?) {
            inner.conceal(into: pcm, next: nil)
        }
    }

    /// Tones that change every 20 ms, which no concealment can guess.
    private func play(losing: (Int) -> Bool, protected: Bool) throws -> [Int16] {
        let codecs = LibraryCodecs(opus: OpusEncoder.Options(expectedLossPercent: 20))
        var entropy = Entropy(SeededGenerator(seed: 12))
        var sender = RTPSender(
            codec: .opus, payloadType: 111, encoder: try codecs.makeEncoder(.opus, rate: 8_000), entropy: &entropy)
        let decoder = try codecs.makeDecoder(.opus, rate: 8_000)
        var receiver = RTPReceiver(
            codec: .opus, payloadType: 111, decoder: protected ? decoder : Unprotected(decoder))
        var random = SeededGenerator(seed: 3)
        var played: [Int16] = []
        for index in 0..<300 {
            let now = Instant.origin + .milliseconds(20 * index)
            var tone = ToneGenerator(frequency: Double(Int.random(in: 200...900, using: &random)), amplitude: 6_000)
            let packet = sender.packet(tone.samples(160), at: now)
            if let packet, !losing(index) { _ = receiver.receive(packet, at: now) }
            played += receiver.read(160, at: now).pcm
        }
        #expect(receiver.samplesCut == 0 && receiver.samplesAdded == 0)
        return played
    }

    @Test func `a lost frame is nearer to what was said than any guess`() throws {
        let whole = try play(losing: { _ in false }, protected: true)
        let losing: (Int) -> Bool = { $0 % 10 == 7 }
        func distance(_ pcm: [Int16]) -> Double {
            zip(whole, pcm).reduce(0) { $0 + Double((Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1))) }
        }
        let recovered = distance(try play(losing: losing, protected: true))
        let guessed = distance(try play(losing: losing, protected: false))
        #expect(recovered < 0.6 * guessed, "\(recovered) \(guessed)")
    }
}
