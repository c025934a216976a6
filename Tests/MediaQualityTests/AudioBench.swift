import Foundation
import Media
import OpusCodec
import Primitives
import RTP

/// A talker, a media session and a listener under virtual time; what the listener hears is held against what was said.
struct AudioBench {
    struct Setting: CustomStringConvertible {
        var from: AudioCodec
        var to: AudioCodec
        var fromPtime = 20
        var toPtime = 20
        /// Of a thousand packets; with any, that of the 260th millisecond for sure.
        var loss = 0
        /// The most that a packet is late; order is kept, as in a queue.
        var jitter = 0

        /// The telephone band has its end where one side is G.711.
        var isWide: Bool { min(from.sampleRate, to.sampleRate) > 8_000 }

        var description: String {
            "\(from.rawValue)/\(fromPtime) to \(to.rawValue)/\(toPtime), loss \(loss), jitter \(jitter)"
        }
    }

    struct Packet: Equatable {
        var payload: [UInt8]
        var sequence: UInt16
        var timestamp: UInt32
        var marker: Bool
    }

    struct Result {
        var packets: [Packet] = []
        /// When each packet left, in milliseconds since the first sample was spoken, less what the network had held back.
        var departures: [Int] = []
        var pcm: [Int16] = []
        var rate = 8_000
        /// Packet times of the source that were lost, in milliseconds.
        var lost: [Range<Int>] = []
    }

    private static let a = Endpoint(address: .loopbackV4, port: 4_000)
    private static let b = Endpoint(address: .loopbackV4, port: 5_000)
    /// The talker's and listener's own Opus is to be no bottleneck.
    private static let ends = LibraryCodecs(opus: OpusEncoder.Options(complexity: 3, bitrate: 96_000))

    /// What an end of that codec runs at.
    static func rate(_ codec: AudioCodec) -> Int { codec.sampleRate > 8_000 ? 16_000 : 8_000 }

    static func run(_ setting: Setting, seed: UInt64 = 3) throws -> Result {
        var entropy = Entropy(SeededGenerator(seed: seed))
        var network = SeededGenerator(seed: seed &* 977)
        var session = MediaSession(id: MediaSessionID(1), codecs: LibraryCodecs(), entropy: &entropy, at: .origin)
        func describe(_ codec: AudioCodec, _ remote: Endpoint, _ ptime: Int) -> MediaStreamDescription {
            MediaStreamDescription(
                remote: remote, codec: codec, payloadType: codec.staticPayloadType ?? 111,
                ptime: .milliseconds(ptime))
        }
        try session.configure(.a, describe(setting.from, a, setting.fromPtime), entropy: &entropy, at: .origin)
        try session.configure(.b, describe(setting.to, b, setting.toPtime), entropy: &entropy, at: .origin)
        let material = SpeechMaterial.samples(rate: rate(setting.from), isWide: setting.isWide)
        var talker = RTPSender(
            codec: setting.from, payloadType: setting.from.staticPayloadType ?? 111,
            ptime: .milliseconds(setting.fromPtime),
            encoder: try ends.makeEncoder(setting.from, rate: rate(setting.from)), entropy: &entropy)
        var result = Result()
        result.rate = rate(setting.to)
        var queue = 0
        for index in 0..<material.count / talker.frameSamples {
            let spoken = (index + 1) * setting.fromPtime
            let frame = Array(material[index * talker.frameSamples..<(index + 1) * talker.frameSamples])
            let packet = talker.packet(frame, at: .origin + .milliseconds(spoken)) ?? []
            let draw = network.next()
            let isHit = Int(draw % 1_000) < setting.loss || (spoken - setting.fromPtime..<spoken).contains(260)
            if index > 0, setting.loss > 0, isHit {
                result.lost.append(spoken - setting.fromPtime..<spoken)
                continue
            }
            // Never before one that was sent earlier.
            queue = max(queue, spoken + (setting.jitter == 0 ? 0 : Int(draw >> 32) % setting.jitter))
            receive(packet, into: &session, at: queue, delayed: queue - spoken, &result)
        }
        try listen(setting.to, &result)
        return result
    }

    private static func receive(
        _ packet: [UInt8], into session: inout MediaSession, at milliseconds: Int, delayed: Int, _ result: inout Result
    ) {
        var batch = PacketBatch()
        packet.withUnsafeBytes {
            session.receiveRTP($0, from: a, on: .a, at: .origin + .milliseconds(milliseconds), output: &batch)
        }
        for (_, bytes) in batch.datagrams() {
            bytes.withUnsafeBytes { datagram in
                guard let header = try? RTPHeader(parsing: datagram) else { return }
                result.packets.append(
                    Packet(
                        payload: Array(header.payload(of: datagram)), sequence: header.sequence,
                        timestamp: header.timestamp, marker: header.marker))
                result.departures.append(milliseconds - delayed)
            }
        }
    }

    /// Decodes every packet into its place by the timestamps.
    private static func listen(_ codec: AudioCodec, _ result: inout Result) throws {
        let decoder = try ends.makeDecoder(codec, rate: result.rate)
        var frame = [Int16](repeating: 0, count: result.rate / 8)
        for packet in result.packets {
            let count = packet.payload.withUnsafeBytes { payload in
                frame.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) ?? 0 }
            }
            let place = Int(packet.timestamp &- result.packets[0].timestamp) * result.rate / codec.clockRate
            while result.pcm.count < place { result.pcm.append(0) }
            result.pcm += frame[..<count]
        }
    }
}

/// How a signal compares with what it came from.
struct Comparison {
    /// How far the heard lags behind the said, in samples.
    let lag: Int
    /// Signal to noise in decibels, by segments of 20 ms in which something is said, each taken as -10...40.
    let segmentalSNR: Double
    /// How much louder than said, in decibels.
    let level: Double
    /// The largest second difference, as a multiple of the largest one that was said.
    let roughness: Double

    /// Segments that touch one of the excluded ranges, in milliseconds of the said, do not count for the noise.
    init(heard: [Int16], said: [Int16], rate: Int, excluding: [Range<Int>] = []) {
        let heard = heard.map(Double.init)
        let said = said.map(Double.init)
        let lag = Self.lag(heard, said, most: rate / 50)
        self.lag = lag
        let count = min(said.count, heard.count - lag)
        let segment = rate / 50
        var (sum, segments) = (0.0, 0)
        var (loud, loudHeard) = (0.0, 0.0)
        for start in stride(from: 0, to: count - segment, by: segment) {
            var (signal, noise, power) = (0.0, 0.0, 0.0)
            for index in start..<start + segment {
                signal += said[index] * said[index]
                power += heard[index + lag] * heard[index + lag]
                noise += (heard[index + lag] - said[index]) * (heard[index + lag] - said[index])
            }
            guard signal / Double(segment) > 200 * 200 else { continue }
            let span = start * 1_000 / rate..<(start + segment) * 1_000 / rate
            guard !excluding.contains(where: { $0.overlaps(span) }) else { continue }
            loud += signal
            loudHeard += power
            sum += max(-10, min(40, 10 * log10(signal / max(1, noise))))
            segments += 1
        }
        segmentalSNR = sum / Double(max(1, segments))
        level = 10 * log10(max(1, loudHeard) / max(1, loud))
        roughness = Self.roughness(heard) / max(1, Self.roughness(said))
    }

    private static func lag(_ heard: [Double], _ said: [Double], most: Int) -> Int {
        var best = (lag: 0, score: -Double.infinity)
        let step = 3
        for lag in 0...most {
            var score = 0.0
            var index = 0
            while index < said.count, index + lag < heard.count {
                score += said[index] * heard[index + lag]
                index += step
            }
            if score > best.score { best = (lag, score) }
        }
        return best.lag
    }

    private static func roughness(_ pcm: [Double]) -> Double {
        var most = 0.0
        var index = 1
        while index + 1 < pcm.count {
            most = max(most, abs(pcm[index - 1] - 2 * pcm[index] + pcm[index + 1]))
            index += 1
        }
        return most
    }
}
