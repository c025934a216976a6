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
        /// The most that a packet is late.
        var jitter = 0
        /// Packets overtake each other; otherwise order is kept, as in a queue.
        var reorders = false
        /// How often the material is said.
        var times = 1

        /// The telephone band has its end where one side is G.711.
        var isWide: Bool { min(from.sampleRate, to.sampleRate) > 8_000 }

        /// The packet time that is sent for a wish: Opus has no frame of 30 ms, and what is relayed stays as it is.
        var sentPtime: Int { isRelayed ? fromPtime : to == .opus && toPtime == 30 ? 20 : toPtime }

        /// Nothing is coded anew.
        var isRelayed: Bool {
            from == to && (from == .opus || from == .g722 || fromPtime == toPtime)
        }

        var description: String {
            "\(from.rawValue)/\(fromPtime) to \(to.rawValue)/\(toPtime), loss \(loss), jitter \(jitter)"
                + (reorders ? " out of order" : "")
        }
    }

    struct Packet: Equatable {
        var payload: [UInt8]
        var sequence: UInt16
        var timestamp: UInt32
        var marker: Bool
    }

    struct Result {
        /// What was said, packet by packet, before the network.
        var sent: [[UInt8]] = []
        var packets: [Packet] = []
        /// When each packet left, in milliseconds since the first sample was spoken, less what the network had held back.
        var departures: [Int] = []
        /// The same with it, and the datagrams.
        var datagrams: [(at: Int, bytes: [UInt8])] = []
        /// What reached the session.
        var arrivals: [(at: Int, bytes: [UInt8])] = []
        var pcm: [Int16] = []
        var rate = 8_000
        /// Packet times of the source that were lost, in milliseconds.
        var lost: [Range<Int>] = []
        var discarded: UInt64 = 0
    }

    /// A packet on its way through the network.
    struct Transit {
        var at: Int
        var delayed: Int
        var bytes: [UInt8]
    }

    private static let a = Endpoint(address: .loopbackV4, port: 4_000)
    private static let b = Endpoint(address: .loopbackV4, port: 5_000)
    /// The talker's and listener's own Opus is to be no bottleneck; the talker protects against loss.
    static let ends = LibraryCodecs(
        opus: OpusEncoder.Options(complexity: 3, bitrate: 96_000, expectedLossPercent: 5))

    /// What an end of that codec runs at.
    static func rate(_ codec: AudioCodec) -> Int { codec.sampleRate > 8_000 ? 16_000 : 8_000 }

    /// What is said, at the rate of the listener.
    static func said(_ setting: Setting, rate: Int) -> [Int16] {
        let once = SpeechMaterial.samples(rate: rate, isWide: setting.isWide)
        return (0..<setting.times).flatMap { _ in once }
    }

    static func run(_ setting: Setting, seed: UInt64 = 3) throws -> Result {
        var entropy = Entropy(SeededGenerator(seed: seed))
        var session = MediaSession(id: MediaSessionID(1), codecs: LibraryCodecs(), entropy: &entropy, at: .origin)
        func describe(_ codec: AudioCodec, _ remote: Endpoint, _ ptime: Int) -> MediaStreamDescription {
            MediaStreamDescription(
                remote: remote, codec: codec, payloadType: codec.staticPayloadType ?? 111,
                ptime: .milliseconds(ptime))
        }
        try session.configure(.a, describe(setting.from, a, setting.fromPtime), entropy: &entropy, at: .origin)
        try session.configure(.b, describe(setting.to, b, setting.toPtime), entropy: &entropy, at: .origin)
        var result = Result()
        result.rate = rate(setting.to)
        for transit in try transits(setting, seed: seed, &entropy, &result) {
            while session.isHoldingPackets, let due = session.nextDeadline,
                due <= .origin + .milliseconds(transit.at)
            {
                release(&session, at: due, &result)
            }
            receive(transit, into: &session, &result)
        }
        while session.isHoldingPackets, let due = session.nextDeadline { release(&session, at: due, &result) }
        result.discarded = session.statistics(of: .a).packetsDiscarded
        try listen(setting.to, &result)
        return result
    }

    /// What the talker sends, and when it arrives.
    static func transits(
        _ setting: Setting, seed: UInt64, _ entropy: inout Entropy, _ result: inout Result
    ) throws -> [Transit] {
        var network = SeededGenerator(seed: seed &* 977)
        let material = said(setting, rate: rate(setting.from))
        var talker = RTPSender(
            codec: setting.from, payloadType: setting.from.staticPayloadType ?? 111,
            ptime: .milliseconds(setting.fromPtime),
            encoder: try ends.makeEncoder(setting.from, rate: rate(setting.from)), entropy: &entropy)
        var transits: [Transit] = []
        var queue = 0
        for index in 0..<material.count / talker.frameSamples {
            let spoken = (index + 1) * setting.fromPtime
            let frame = Array(material[index * talker.frameSamples..<(index + 1) * talker.frameSamples])
            let packet = talker.packet(frame, at: .origin + .milliseconds(spoken)) ?? []
            result.sent.append(Array(packet.dropFirst(RTPHeader.sizeBytes)))
            let draw = network.next()
            let isHit = Int(draw % 1_000) < setting.loss || (spoken - setting.fromPtime..<spoken).contains(260)
            if index > 0, setting.loss > 0, isHit {
                result.lost.append(spoken - setting.fromPtime..<spoken)
                continue
            }
            let arrival = spoken + (setting.jitter == 0 ? 0 : Int(draw >> 32) % setting.jitter)
            // In a queue, never before one that was sent earlier; the first one is early, so that all are its followers.
            queue = index == 0 && setting.reorders ? spoken : setting.reorders ? arrival : max(queue, arrival)
            transits.append(Transit(at: queue, delayed: queue - spoken, bytes: packet))
        }
        return transits.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }

    private static func receive(_ transit: Transit, into session: inout MediaSession, _ result: inout Result) {
        var batch = PacketBatch()
        result.arrivals.append((transit.at, transit.bytes))
        transit.bytes.withUnsafeBytes {
            session.receiveRTP($0, from: a, on: .a, at: .origin + .milliseconds(transit.at), output: &batch)
        }
        keep(batch, at: transit.at, delayed: transit.delayed, &result)
    }

    private static func release(_ session: inout MediaSession, at due: Instant, _ result: inout Result) {
        var batch = PacketBatch()
        _ = session.handleDeadline(at: due, output: &batch)
        keep(batch, at: Int((due - .origin).wholeNanoseconds / 1_000_000), delayed: 0, &result)
    }

    private static func keep(
        _ batch: borrowing PacketBatch, at milliseconds: Int, delayed: Int, _ result: inout Result
    ) {
        for (entry, bytes) in batch.datagrams() where !entry.isRTCP {
            keep(bytes, at: milliseconds, delayed: delayed, &result)
        }
    }

    /// Takes down what the listener gets.
    static func keep(_ bytes: [UInt8], at milliseconds: Int, delayed: Int = 0, _ result: inout Result) {
        bytes.withUnsafeBytes { datagram in
            guard let header = try? RTPHeader(parsing: datagram) else { return }
            result.packets.append(
                Packet(
                    payload: Array(header.payload(of: datagram)), sequence: header.sequence,
                    timestamp: header.timestamp, marker: header.marker))
            result.departures.append(milliseconds - delayed)
            result.datagrams.append((milliseconds, bytes))
        }
    }

    /// Decodes every packet into its place by the timestamps.
    static func listen(_ codec: AudioCodec, _ result: inout Result) throws {
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

    /// What a telephone with an adaptive playout delay plays of these datagrams, from the first spoken sample on.
    static func play(
        _ datagrams: [(at: Int, bytes: [UInt8])], codec: AudioCodec, until end: Int
    ) throws -> [Int16] {
        let rate = rate(codec)
        var receiver = RTPReceiver(
            codec: codec, payloadType: codec.staticPayloadType ?? 111, decoder: try ends.makeDecoder(codec, rate: rate))
        var heard: [Int16] = []
        var waiting = datagrams[...]
        for now in stride(from: 0, to: end, by: 10) {
            while let next = waiting.first, next.at <= now {
                _ = receiver.receive(next.bytes, at: .origin + .milliseconds(next.at))
                waiting.removeFirst()
            }
            heard += receiver.read(rate / 100, at: .origin + .milliseconds(now)).pcm
        }
        return heard
    }
}
