import Media
import Primitives
import RTP

/// A media session with two peers at fixed addresses, under virtual time.
struct SessionHarness {
    struct Packet: Equatable {
        var header: RTPHeader
        var payload: [UInt8]
        var side: MediaSide
        var destination: Endpoint
    }
    static let peers = [Endpoint("192.0.2.1:4000")!, Endpoint("192.0.2.2:5000")!]

    var session: MediaSession
    var entropy: Entropy
    var now = Instant.origin + .seconds(1_000)
    private let codecs: any CodecFactory

    init(
        codecs: any CodecFactory = BuiltInCodecs(), protection: (any PacketProtection)? = nil,
        limits: Limits = Limits(), seed: UInt64 = 1
    ) {
        entropy = Entropy(SeededGenerator(seed: seed))
        self.codecs = codecs
        session = MediaSession(
            id: MediaSessionID(1), codecs: codecs, protection: protection, limits: limits, entropy: &entropy, at: now)
    }

    static func peer(_ side: MediaSide) -> Endpoint { peers[side.rawValue] }

    mutating func configure(
        _ side: MediaSide, _ codec: AudioCodec, type: UInt8? = nil, receiveType: UInt8? = nil, events: UInt8? = nil,
        receiveEvents: UInt8? = nil, eventClock: Int? = nil, ptime: Int = 20, sends: Bool = true,
        receives: Bool = true, remote: Endpoint? = nil, signalling: IPAddress? = nil, sendKey: SRTPMasterKey? = nil,
        receiveKey: SRTPMasterKey? = nil, isRTCPMultiplexed: Bool = false
    ) throws {
        var description = MediaStreamDescription(
            remote: remote ?? Self.peer(side), codec: codec, payloadType: type ?? codec.staticPayloadType ?? 111,
            receivePayloadType: receiveType, telephoneEventPayloadType: events,
            telephoneEventReceivePayloadType: receiveEvents, telephoneEventClockRate: eventClock,
            ptime: .milliseconds(ptime), sends: sends, receives: receives,
            signallingAddress: signalling, sendKey: sendKey, receiveKey: receiveKey)
        if isRTCPMultiplexed { description.isRTCPMultiplexed = true }
        try session.configure(side, description, entropy: &entropy, at: now)
    }

    /// Feeds a datagram; what came out as RTP.
    mutating func receive(_ datagram: [UInt8], on side: MediaSide = .a, from source: Endpoint? = nil) -> [Packet] {
        var batch = PacketBatch()
        datagram.withUnsafeBytes {
            session.receiveRTP($0, from: source ?? Self.peer(side), on: side, at: now, output: &batch)
        }
        return Self.packets(batch)
    }

    mutating func receive(
        _ payload: [UInt8], type: UInt8 = 0, sequence: Int, timestamp: Int, marker: Bool = false, ssrc: UInt32 = 7,
        on side: MediaSide = .a, from source: Endpoint? = nil
    ) -> [Packet] {
        receive(
            Self.datagram(payload, type: type, sequence: sequence, timestamp: timestamp, marker: marker, ssrc: ssrc),
            on: side, from: source)
    }

    mutating func advance(_ milliseconds: Int) { now = now + .milliseconds(milliseconds) }

    /// Runs a deadline at `now`: the sides fallen silent, and the RTCP datagrams with their destinations.
    mutating func deadline() -> (silent: [MediaSide], reports: [(bytes: [UInt8], to: Endpoint, side: MediaSide)]) {
        var batch = PacketBatch()
        let silent = session.handleDeadline(at: now, output: &batch)
        return (
            silent, batch.datagrams().filter(\.entry.isRTCP).map { ($0.bytes, $0.entry.destination, $0.entry.side) }
        )
    }

    /// Lets time pass second by second, running what is due; the changes of audio paths told.
    mutating func watch(seconds: Int, _ eachSecond: (inout Self) -> Void = { _ in }) -> [MediaEvent] {
        var told: [MediaEvent] = []
        for _ in 0..<seconds {
            eachSecond(&self)
            advance(1_000)
            _ = deadline()
            for event in session.takeEvents(at: now) { if case .audioPath = event { told.append(event) } }
        }
        return told
    }

    static func packets(_ batch: borrowing PacketBatch) -> [Packet] {
        batch.datagrams().compactMap { entry, bytes in
            bytes.withUnsafeBytes { datagram in
                guard !entry.isRTCP, let header = try? RTPHeader(parsing: datagram) else { return nil }
                return Packet(
                    header: header, payload: Array(header.payload(of: datagram)), side: entry.side,
                    destination: entry.destination)
            }
        }
    }

    static func datagram(
        _ payload: [UInt8], type: UInt8 = 0, sequence: Int, timestamp: Int, marker: Bool = false, ssrc: UInt32 = 7
    ) -> [UInt8] {
        let header = RTPHeader(
            marker: marker, payloadType: type, sequence: UInt16(truncatingIfNeeded: sequence),
            timestamp: UInt32(truncatingIfNeeded: timestamp), ssrc: ssrc)
        var bytes = [UInt8](repeating: 0, count: 12)
        bytes.withUnsafeMutableBytes { try? header.write(into: $0) }
        return bytes + payload
    }

    static func event(_ event: UInt8, end: Bool = false, duration: Int) -> [UInt8] {
        let value = TelephoneEvent(event: event, isEnd: end, duration: UInt16(duration))
        var bytes = [UInt8](repeating: 0, count: 4)
        bytes.withUnsafeMutableBytes { try? value.write(into: $0) }
        return bytes
    }
}

/// Opus by name, mu-law by bytes: for tests of what happens around a codec.
struct PretendedOpus: CodecFactory {
    func makeDecoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioDecoder {
        try BuiltInCodecs().makeDecoder(codec == .opus ? .pcmu : codec, rate: rate)
    }

    func makeEncoder(_ codec: AudioCodec, rate: Int) throws(MediaFailure) -> any AudioEncoder {
        try BuiltInCodecs().makeEncoder(codec == .opus ? .pcmu : codec, rate: rate)
    }
}
