import Media
import OpusCodec
import Primitives
import RTP

/// One direction of a call: packets of one codec from side a, what comes out for side b in another.
struct Feed: ~Copyable {
    let from: AudioCodec
    let to: AudioCodec
    private let source = Endpoint(address: .v4(0xC000_0201), port: 4_000)
    private var session: MediaSession
    /// One packet each of a second of tone, to be numbered anew every time round.
    private(set) var packets: [[UInt8]] = []
    private var batch = PacketBatch()
    private var fed = 0

    init(from: AudioCodec, to: AudioCodec) throws {
        self.from = from
        self.to = to
        var entropy = Entropy(SeededGenerator(seed: 1))
        let codecs = LibraryCodecs()
        session = MediaSession(id: MediaSessionID(1), codecs: codecs, entropy: &entropy, at: .origin)
        let sink = Endpoint(address: .v4(0xC000_0202), port: 4_000)
        for (side, codec, remote) in [(MediaSide.a, from, source), (.b, to, sink)] {
            let description = MediaStreamDescription(
                remote: remote, codec: codec, payloadType: Self.payloadType(codec), telephoneEventPayloadType: 101)
            try session.configure(side, description, entropy: &entropy, at: .origin)
        }
        var sender = RTPSender(
            codec: from, payloadType: Self.payloadType(from), encoder: try codecs.makeEncoder(from, rate: 8_000),
            entropy: &entropy)
        var tone = ToneGenerator(frequency: 700)
        for _ in 0..<50 {
            if let packet = sender.packet(tone.samples(160), at: .origin) { packets.append(packet) }
        }
    }

    private static func payloadType(_ codec: AudioCodec) -> UInt8 { codec.staticPayloadType ?? 111 }

    /// Packets that went out to side b so far.
    var sent: UInt64 { session.statistics(of: .b).packetsSent }

    /// Feeds `count` packets, 20 ms apart in virtual time.
    mutating func run(_ count: Int) {
        let type = Self.payloadType(from)
        let ticks = from.clockRate / 50
        for index in fed..<fed + count {
            let slot = index % packets.count
            packets[slot].withUnsafeMutableBytes { bytes in
                let header = RTPHeader(
                    payloadType: type, sequence: UInt16(truncatingIfNeeded: index),
                    timestamp: UInt32(truncatingIfNeeded: index * ticks), ssrc: 7)
                try? header.write(into: bytes)
                session.receiveRTP(
                    UnsafeRawBufferPointer(bytes), from: source, on: .a,
                    at: Instant(nanoseconds: Int64(index) * 20_000_000), output: &batch)
            }
            if !batch.hasRoomForOneInput { batch.removeAll() }
        }
        fed += count
    }
}
