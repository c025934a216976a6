import CSockets
import Media
import MediaEngine
import Primitives
import RTP
import Synchronization

/// A peer with a real UDP socket on the loopback interface. Waits are polls with a deadline.
final class UDPPeer {
    let endpoint: Endpoint
    private let descriptor: Int32
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    init?(_ address: IPAddress) {
        var local = csockets_address(high: 0, low: address.bitsV4, port: 0, isV6: 0)
        descriptor = csockets_udp(&local, 0)
        guard descriptor >= 0, let incoming = csockets_batch_create(1, 2_000),
            let outgoing = csockets_batch_create(1, 0)
        else { return nil }
        self.incoming = incoming
        self.outgoing = outgoing
        endpoint = Endpoint(address: address, port: UInt16(csockets_local_port(descriptor)))
    }

    deinit {
        csockets_close(descriptor)
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(outgoing)
    }

    func send(_ bytes: [UInt8], to port: UInt16, of address: IPAddress) {
        var destination = csockets_address(high: 0, low: address.bitsV4, port: port, isV6: 0)
        bytes.withUnsafeBytes { datagram in
            csockets_set(outgoing, 0, datagram.baseAddress, datagram.count, &destination)
            _ = csockets_send(descriptor, outgoing, 0, 1)
        }
    }

    /// The next datagram within `milliseconds`, with the port it came from.
    func receive(within milliseconds: Int32 = 2_000) -> (bytes: [UInt8], from: UInt16)? {
        guard csockets_poll2(descriptor, -1, milliseconds) == 1, csockets_receive(descriptor, incoming) == 1 else {
            return nil
        }
        var source = csockets_address()
        _ = csockets_received_source(incoming, 0, &source)
        let size = csockets_received_size(incoming, 0)
        return (Array(UnsafeRawBufferPointer(start: csockets_received_bytes(incoming, 0), count: size)), source.port)
    }
}

extension IPAddress {
    var bitsV4: UInt64 { if case .v4(let bits) = self { UInt64(bits) } else { 0 } }
}

/// Collects an engine's events; a test waits for the next one by polling a descriptor.
final class EventLog: Sendable {
    private let events = Mutex<[MediaEvent]>([])
    private let signal = csockets_eventfd()

    deinit { csockets_close(signal) }

    func append(_ event: MediaEvent) {
        events.withLock { $0.append(event) }
        csockets_eventfd_signal(signal)
    }

    func next(within milliseconds: Int32 = 2_000) -> MediaEvent? {
        // The signal may be an old one, of an event that was taken without waiting.
        while true {
            if let event = take() { return event }
            guard csockets_poll2(signal, -1, milliseconds) == 1 else { return nil }
            csockets_eventfd_drain(signal)
        }
    }

    private func take() -> MediaEvent? { events.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}

/// An engine on a loopback address of its own, so that suites that run side by side do not meet.
struct EngineHarness {
    let address: IPAddress
    let engine: MediaEngine
    let log = EventLog()

    init(
        _ host: UInt32, ports: ClosedRange<UInt16> = 20_000...20_063, sessions: Int = 8, workers: Int = 1,
        keying: (any KeyAgreementFactory)? = nil, limits: Limits = Limits(), share: Int = 70,
        costs: MediaCosts? = EngineHarness.free
    ) throws {
        address = .v4(0x7F53_0000 | host)
        let log = log
        engine = try MediaEngine(
            address: address, ports: ports, sessionsLimit: sessions, share: share, costs: costs, keying: keying,
            limits: limits, workers: workers,
            entropy: Entropy(SeededGenerator(seed: UInt64(host)))
        ) { log.append($0) }
    }

    /// Media that cost nothing: nothing is measured, and nobody refused.
    static let free = MediaCosts(
        packet: .zero, protectedPacket: .zero, decode: .init(g711: .zero, g722: .zero, opus: .zero),
        encode: .init(g711: .zero, g722: .zero, opus: .zero))

    /// Opens a session; its ports, nil when it failed.
    func open(_ id: UInt64) -> (a: UInt16, b: UInt16)? {
        engine.submit(.open(MediaSessionID(id)))
        guard case .opened(MediaSessionID(id), let a, let b) = log.next() else { return nil }
        return (a, b)
    }

    func configure(_ id: UInt64, _ side: MediaSide, _ codec: AudioCodec, _ peer: UDPPeer) {
        let description = MediaStreamDescription(
            remote: peer.endpoint, codec: codec, payloadType: codec.staticPayloadType ?? 111,
            telephoneEventPayloadType: 101)
        engine.submit(.configure(MediaSessionID(id), side, description))
    }

    static func packet(_ payload: [UInt8], type: UInt8 = 0, index: Int) -> [UInt8] {
        let header = RTPHeader(
            payloadType: type, sequence: UInt16(truncatingIfNeeded: index), timestamp: UInt32(index * 160), ssrc: 7)
        var bytes = [UInt8](repeating: 0, count: 12)
        bytes.withUnsafeMutableBytes { try? header.write(into: $0) }
        return bytes + payload
    }
}
