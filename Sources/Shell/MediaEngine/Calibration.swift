import CSockets
import Glibc
package import Media
import Primitives
package import RTP

/// Measures, when the engine starts, what media cost on this machine: a packet through two sockets, a frame of each codec,
/// a packet of SRTP. Takes a few hundredths of a second of processor time, however slow the machine.
package struct Calibration {
    /// Nanoseconds; of the thread's processor time, so that others on the machine do not count.
    package typealias Clock = () -> Int64
    /// All in all.
    package static let limit = Duration.milliseconds(50)
    /// What a transcoded call may cost for a complexity to be chosen: so many of them fit into the budget.
    package static let transcodedCalls = 48
    /// Better ones first.
    package static let complexities = [10, 8, 5, 3, 1, 0]

    private static let rounds = 3
    /// What is measured here runs in one go. In a call each packet wakes a thread and finds the caches cold: a packet then
    /// takes three times as long, and a frame a quarter more (docs/PERFORMANCE.md).
    private static let wakingPacket: Int64 = 3
    private static func cold(_ frames: Int64) -> Int64 { frames * 5 / 4 }

    private static let frame = 160

    private let clock: Clock
    private let end: Int64

    package init(clock: @escaping Clock = csockets_thread_time) {
        self.clock = clock
        end = clock() + Self.limit.wholeNanoseconds
    }

    /// `codecs` as calls use them.
    package func costs(codecs: any CodecFactory, protection: any PacketProtection) -> MediaCosts {
        var decode = MediaCosts.PerCodec(g711: .zero, g722: .zero, opus: .zero)
        var encode = decode
        (decode.g711, encode.g711) = coding(.pcmu, by: codecs, frames: 5)
        (decode.g722, encode.g722) = coding(.g722, by: codecs, frames: 5)
        let packet = relaying() ?? Self.usualPacket
        let protected = protecting(protection) ?? .zero
        (decode.opus, encode.opus) = coding(.opus, by: codecs, frames: 10)
        return MediaCosts(packet: packet, protectedPacket: protected, decode: decode, encode: encode)
    }

    /// The best complexity with which `transcodedCalls` fit into `capacity`, given what they cost beside Opus encoding, and
    /// what a second of it takes. When time runs out, the cheapest, taken for what the last one cost.
    package func complexity(
        for capacity: Duration, beside costs: MediaCosts, codecs: (Int) -> any CodecFactory
    ) -> (complexity: Int, encode: Duration) {
        var rest = costs
        rest.encode.opus = .zero
        let most = capacity / Self.transcodedCalls - rest.time(of: .transcoded)
        var last = costs.encode.opus
        for complexity in Self.complexities {
            guard clock() < end else { break }
            last = coding(.opus, by: codecs(complexity), frames: 4).encode
            if last <= most { return (complexity, last) }
        }
        return (Self.complexities.last ?? 0, last)
    }

    /// Where sockets of the loopback interface are not to be had.
    private static let usualPacket = Duration.microseconds(20)

    // MARK: Codecs

    /// What a second costs, by the cheapest of a few rounds of frames of 20 ms; zero for a codec that is not there.
    private func coding(
        _ codec: AudioCodec, by codecs: any CodecFactory, frames: Int
    ) -> (decode: Duration, encode: Duration) {
        guard let encoder = try? codecs.makeEncoder(codec, rate: 8_000),
            let decoder = try? codecs.makeDecoder(codec, rate: 8_000)
        else { return (.zero, .zero) }
        var best: (decode: Int64, encode: Int64)?
        var pcm = [Int16](repeating: 0, count: 960)
        var payloads = [[UInt8]](repeating: [], count: frames)
        for round in 0..<Self.rounds {
            // The first round warms up, and is all there is when time is over.
            if round > 0, clock() >= end { break }
            let speech = (0..<frames).map { Self.speech(from: (round * frames + $0) * Self.frame) }
            let began = clock()
            for index in 0..<frames { payloads[index] = Self.encode(speech[index], by: encoder) }
            let encoded = clock()
            for payload in payloads {
                payload.withUnsafeBytes { bytes in
                    pcm.withUnsafeMutableBufferPointer { _ = decoder.decode(bytes, into: $0) }
                }
            }
            let decoded = clock()
            best = (
                min(best?.decode ?? .max, decoded - encoded), min(best?.encode ?? .max, encoded - began)
            )
        }
        func second(_ time: Int64) -> Duration { .nanoseconds(Self.cold(max(0, time) * 50 / Int64(frames))) }
        return (second(best?.decode ?? 0), second(best?.encode ?? 0))
    }

    private static func encode(_ samples: [Int16], by encoder: any AudioEncoder) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1_275) { bytes, count in
            count = samples.withUnsafeBufferPointer {
                encoder.encode($0, into: UnsafeMutableRawBufferPointer(bytes)) ?? 0
            }
        }
    }

    /// 20 ms at 8 kHz of what a codec of speech has work with: a voice's overtones, which move from frame to frame, and breath.
    /// An oscillator takes a multiplication each sample, not a sine: on a slow processor the sines would take all the time.
    private static func speech(from start: Int) -> [Int16] {
        let time = Double(start) / 8_000
        let pitch = 130 + 20 * sin(2 * .pi * 3 * time)
        let formant = 600 + 200 * sin(2 * .pi * 2 * time)
        var voice = [Double](repeating: 0, count: frame)
        for overtone in 1...12 {
            let frequency = pitch * Double(overtone)
            let near = (frequency - formant) / 400
            let loudness = 4_000 * exp(-near * near)
            let (turn, phase) = (2 * .pi * frequency / 8_000, 2 * .pi * frequency * time)
            let step = (x: cos(turn), y: sin(turn))
            var now = (x: loudness * cos(phase), y: loudness * sin(phase))
            for index in voice.indices {
                voice[index] += now.y
                now = (now.x * step.x - now.y * step.y, now.y * step.x + now.x * step.y)
            }
        }
        return voice.indices.map { index in
            let noise = (start + index) &* 1_103_515_245 &+ 12_345
            let breath = Double(noise >> 16 & 0x7FFF) / 0x7FFF - 0.5
            return Int16(max(-30_000, min(30_000, voice[index] + 600 * breath)))
        }
    }

    // MARK: Packets

    /// A relayed packet: received from a socket, through a session, sent by another; nil without sockets.
    private func relaying() -> Duration? {
        guard let line = LoopbackLine() else { return nil }
        var times: [Int64] = []
        for round in 0..<20 {
            if round > 3, clock() >= end { break }
            line.fill()
            let began = clock()
            guard line.relay() else { return nil }
            times.append(clock() - began)
        }
        return .nanoseconds(times.sorted()[times.count / 2] * Self.wakingPacket)
    }

    /// A packet encrypted, and one decrypted, of which the mean is taken; nil when there is no SRTP.
    private func protecting(_ protection: any PacketProtection) -> Duration? {
        let suite = SRTPSuite.aesCM128HMACSHA1Tag80
        let secret = Secret((0..<UInt8(clamping: suite.masterBytes)).map { $0 })
        guard let key = SRTPMasterKey(suite: suite, keyAndSalt: secret),
            let protector = try? protection.makeProtector(key), let unprotector = try? protection.makeUnprotector(key)
        else { return nil }
        var packet = [UInt8](repeating: 0x55, count: RTPHeader.sizeBytes + Self.frame + suite.rtpTagBytes)
        var best = Int64.max
        var sequence: UInt16 = 0
        for round in 0..<Self.rounds {
            if round > 0, clock() >= end { break }
            let began = clock()
            for _ in 0..<10 {
                sequence += 1
                let header = RTPHeader(payloadType: 0, sequence: sequence, timestamp: 0, ssrc: 1)
                packet.withUnsafeMutableBytes { bytes in
                    try? header.write(into: bytes)
                    let size = try? protector.protectRTP(bytes, size: RTPHeader.sizeBytes + Self.frame)
                    _ = try? unprotector.unprotectRTP(UnsafeMutableRawBufferPointer(rebasing: bytes[..<(size ?? 0)]))
                }
            }
            best = min(best, (clock() - began) / 20)
        }
        return .nanoseconds(best)
    }
}
