import CSockets
import Media
import Primitives
import RTP

/// A relayed call over sockets of the loopback interface, packet by packet, to see what a packet costs.
final class LoopbackLine {
    private static let packetBytes = 172
    private let sender: Int32
    private let input: Int32
    private let sink: Int32
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var graph: MediaGraph
    private let slot: Int
    private var batch = PacketBatch(capacity: PacketBatch.roomForOneInput)
    private var bytes = [UInt8](repeating: 0x55, count: LoopbackLine.packetBytes)
    private let source: Endpoint
    private var sequence: UInt16 = 0

    /// Nil when there are no such sockets.
    init?() {
        let sockets = [Self.socket(), Self.socket(), Self.socket()]
        let batches = [
            csockets_batch_create(4, Self.packetBytes * 2),
            csockets_batch_create(Int32(PacketBatch.roomForOneInput), 0),
        ]
        guard sockets.allSatisfy({ $0 >= 0 }), let incoming = batches[0], let outgoing = batches[1] else {
            for socket in sockets where socket >= 0 { csockets_close(socket) }
            for case .some(let batch) in batches { csockets_batch_destroy(batch) }
            return nil
        }
        (sender, input, sink) = (sockets[0], sockets[1], sockets[2])
        self.incoming = incoming
        self.outgoing = outgoing
        source = Self.endpoint(sender)
        graph = MediaGraph(codecs: BuiltInCodecs(), entropy: Entropy(SeededGenerator(seed: 1)))
        let session = MediaSessionID(0)
        slot = graph.open(session, at: .origin)
        for (side, remote) in [(MediaSide.a, source), (.b, Self.endpoint(sink))] {
            let description = MediaStreamDescription(remote: remote, codec: .pcmu, payloadType: 0)
            graph.handle(.configure(session, side, description), at: .origin)
        }
    }

    deinit {
        for socket in [sender, input, sink] { csockets_close(socket) }
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(outgoing)
    }

    private static func socket() -> Int32 {
        var any = csockets_address(Endpoint(address: .loopbackV4, port: 0))
        return csockets_udp(&any, 0)
    }

    private static func endpoint(_ socket: Int32) -> Endpoint {
        Endpoint(address: .loopbackV4, port: UInt16(clamping: csockets_local_port(socket)))
    }

    /// A packet comes.
    func fill() {
        sequence += 1
        let header = RTPHeader(payloadType: 0, sequence: sequence, timestamp: UInt32(sequence) * 160, ssrc: 1)
        var destination = csockets_address(Self.endpoint(input))
        bytes.withUnsafeMutableBytes { bytes in
            try? header.write(into: bytes)
            csockets_set(outgoing, 0, bytes.baseAddress, bytes.count, &destination)
        }
        _ = csockets_send(sender, outgoing, 0, 1)
        _ = csockets_receive(sink, incoming)
    }

    /// It is received and sent on; false when it was not.
    func relay() -> Bool {
        guard csockets_receive(input, incoming) == 1 else { return false }
        let packet = UnsafeMutableRawBufferPointer(
            start: csockets_received_bytes(incoming, 0), count: csockets_received_size(incoming, 0))
        let now = Instant(nanoseconds: csockets_monotonic())
        graph.receiveRTP(packet, from: source, slot: slot, side: .a, at: now, output: &batch)
        defer { batch.removeAll() }
        guard batch.count == 1 else { return false }
        var destination = csockets_address(batch.entry(0).destination)
        csockets_set(outgoing, 0, batch.bytes(0).baseAddress, batch.entry(0).size, &destination)
        return csockets_send(sink, outgoing, 0, 1) == 1
    }
}
