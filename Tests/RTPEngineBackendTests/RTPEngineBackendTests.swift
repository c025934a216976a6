import CSockets
import Media
import Primitives
import RTP
import RTPEngine
import RTPEngineBackend
import Synchronization
import Testing

/// A control port on loopback that a test answers by itself.
private final class ControlPort {
    let endpoint: Endpoint
    private let descriptor: Int32
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var source = csockets_address()

    init?() {
        var local = csockets_address(high: 0, low: 0x7F00_0001, port: 0, isV6: 0)
        descriptor = csockets_udp(&local, 0)
        guard descriptor >= 0, let incoming = csockets_batch_create(1, 65_535),
            let outgoing = csockets_batch_create(1, 0)
        else { return nil }
        self.incoming = incoming
        self.outgoing = outgoing
        endpoint = Endpoint(address: .loopbackV4, port: UInt16(csockets_local_port(descriptor)))
    }

    deinit {
        csockets_close(descriptor)
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(outgoing)
    }

    /// The next request's cookie and dictionary.
    func receive() -> (cookie: String, message: Bencode)? {
        guard csockets_poll2(descriptor, -1, 3_000) == 1, csockets_receive(descriptor, incoming) == 1 else {
            return nil
        }
        _ = csockets_received_source(incoming, 0, &source)
        let size = csockets_received_size(incoming, 0)
        let bytes = Array(UnsafeRawBufferPointer(start: csockets_received_bytes(incoming, 0), count: size))
        guard let space = bytes.firstIndex(of: 0x20), let message = try? BencodeReader.read(bytes, from: space + 1)
        else { return nil }
        return (String(decoding: bytes[..<space], as: UTF8.self), message)
    }

    func answer(_ cookie: String, _ text: String) {
        let bytes = Array("\(cookie) \(text)".utf8)
        bytes.withUnsafeBytes { datagram in
            csockets_set(outgoing, 0, datagram.baseAddress, datagram.count, &source)
            _ = csockets_send(descriptor, outgoing, 0, 1)
        }
    }

    /// Answers pings on the way to the next other request.
    func next() -> (cookie: String, message: Bencode)? {
        while let request = receive() {
            guard request.message["command"]?.text == "ping" else { return request }
            answer(request.cookie, "d6:result4:ponge")
        }
        return nil
    }
}

private final class EventLog: Sendable {
    private let events = Mutex<[MediaEvent]>([])
    private let signal = csockets_eventfd()

    deinit { csockets_close(signal) }

    func append(_ event: MediaEvent) {
        events.withLock { $0.append(event) }
        csockets_eventfd_signal(signal)
    }

    func next() -> MediaEvent? {
        while true {
            if let event = events.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return event }
            guard csockets_poll2(signal, -1, 5_000) == 1 else { return nil }
            csockets_eventfd_drain(signal)
        }
    }
}

@Suite struct RTPEngineBackendTests {
    private let id = MediaSessionID(3)

    private func description(port: Int) -> String {
        let sdp =
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio \(port) RTP/AVP 0\r\n"
        return "d6:result2:ok3:sdp\(sdp.utf8.count):\(sdp)e"
    }

    private func backend(_ port: ControlPort, _ log: EventLog) throws -> RTPEngineBackend {
        let options = RTPEngineBackend.Options(control: port.endpoint, address: .loopbackV4, sessionsLimit: 4)
        return try RTPEngineBackend(options, entropy: Entropy(SeededGenerator(seed: 9))) { log.append($0) }
    }

    @Test func `a session is opened and closed over a socket`() throws {
        let control = try #require(ControlPort())
        let log = EventLog()
        let backend: any MediaBackend = try backend(control, log)
        backend.submit(.open(id))
        let offer = try #require(control.next())
        #expect(offer.message["command"]?.text == "offer")
        control.answer(offer.cookie, description(port: 40_000))
        let answer = try #require(control.next())
        control.answer(answer.cookie, description(port: 40_002))
        #expect(log.next() == .opened(id, portA: 40_002, portB: 40_000))
        backend.submit(.close(id))
        let delete = try #require(control.next())
        #expect(delete.message["command"]?.text == "delete")
        control.answer(delete.cookie, "d6:result2:oke")
        #expect(log.next() == .closed(id, a: StreamStatistics(), b: StreamStatistics()))
        backend.shutdown()
        #expect(backend.troubles.allSatisfy { $0.count == 0 })
    }

    @Test func `shutting down closes what is open, and then takes nothing more`() throws {
        let control = try #require(ControlPort())
        let log = EventLog()
        let backend = try backend(control, log)
        backend.submit(.open(id))
        _ = try #require(control.next())
        backend.shutdown()
        #expect(log.next() == .closed(id, a: StreamStatistics(), b: StreamStatistics()))
        backend.submit(.open(MediaSessionID(4)))
        guard case .failed(MediaSessionID(4), .socket)? = log.next() else {
            Issue.record("not refused")
            return
        }
        #expect(backend.troubles.first { $0.name == "media.relay-refused-commands" }?.count == 1)
    }
}
