import CSockets
import Glibc
import Media
import Primitives
import RTP
import RTPEngine
import RTPEngineBackend
import Synchronization
import Testing

/// Every pair of formats through a real rtpengine, whose control address is in PBX_RTPENGINE; skipped without.
/// `scripts/rtpengine.py --pairs` sets it.
private let control = getenv("PBX_RTPENGINE").map { String(cString: $0) }.flatMap { Endpoint($0) }

private struct Format: CustomStringConvertible, Sendable {
    let codec: AudioCodec
    let type: UInt8
    let events: UInt8
    let rate: Int
    var description: String { "\(codec.rawValue)/\(type), events \(events) at \(rate)" }

    static let all = [
        Format(codec: .pcmu, type: 0, events: 101, rate: 8_000), Format(codec: .pcmu, type: 0, events: 96, rate: 8_000),
        Format(codec: .pcma, type: 8, events: 101, rate: 8_000),
        Format(codec: .g722, type: 9, events: 101, rate: 8_000),
        Format(codec: .opus, type: 107, events: 101, rate: 8_000),
        Format(codec: .opus, type: 96, events: 101, rate: 8_000),
        Format(codec: .opus, type: 107, events: 102, rate: 48_000),
        Format(codec: .opus, type: 96, events: 102, rate: 48_000),
    ]
    /// Where speech passes, but keys do not arrive as telephone events; see `ExchangePlan`.
    static func losesEvents(_ a: Format, _ b: Format) -> Bool {
        if a.codec == .opus, b.codec == .opus, a.rate != b.rate { return true }
        if a.codec == .opus, b.codec == .opus { return a.type == 96 && b.type == 96 && a.rate == 48_000 }
        let (fixed, opus) = a.codec == .opus ? (b, a) : (a, b)
        return opus.codec == .opus && fixed.events == 96 && !(opus.type == 107 && opus.rate == 48_000)
    }
}

private final class Phone {
    let endpoint: Endpoint
    let format: Format
    private let descriptor: Int32
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private var sequence: UInt16 = 1

    init?(_ format: Format) {
        self.format = format
        var local = csockets_address(high: 0, low: 0x7F00_0001, port: 0, isV6: 0)
        descriptor = csockets_udp(&local, 0)
        guard descriptor >= 0, let incoming = csockets_batch_create(1, 2_000),
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

    func send(_ type: UInt8, _ payload: [UInt8], time: UInt32, to port: UInt16) {
        let bytes =
            [0x80, type, UInt8(sequence >> 8), UInt8(truncatingIfNeeded: sequence)]
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: time >> $0) } + [
                1, 2, 3, UInt8(truncatingIfNeeded: endpoint.port),
            ]
            + payload
        sequence &+= 1
        var destination = csockets_address(high: 0, low: 0x7F00_0001, port: port, isV6: 0)
        bytes.withUnsafeBytes { datagram in
            csockets_set(outgoing, 0, datagram.baseAddress, datagram.count, &destination)
            _ = csockets_send(descriptor, outgoing, 0, 1)
        }
    }

    func speak(_ index: Int, to port: UInt16) {
        let isOpus = format.codec == .opus
        let payload: [UInt8] =
            isOpus ? [0xF8, 0xFF, 0xFE] + [UInt8](repeating: 0, count: 20) : .init(repeating: 0xD5, count: 160)
        send(format.type, payload, time: UInt32(index * (isOpus ? 960 : 160)), to: port)
    }

    func press(_ index: Int, to port: UInt16) {
        let time = UInt32(index * (format.codec == .opus ? 960 : 160))
        for step in 1...3 {
            let duration = UInt16(step * format.rate / 50)
            let payload = [5, step == 3 ? 0x8A : 0x0A, UInt8(duration >> 8), UInt8(truncatingIfNeeded: duration)]
            send(format.events | (step == 1 ? 0x80 : 0), payload, time: time, to: port)
        }
    }

    /// Payload types of all that has come, until nothing more comes.
    func receive() -> (speech: Set<UInt8>, events: Set<UInt8>) {
        var result: (speech: Set<UInt8>, events: Set<UInt8>) = ([], [])
        while csockets_poll2(descriptor, -1, 60) == 1, csockets_receive(descriptor, incoming) == 1 {
            let size = csockets_received_size(incoming, 0)
            let bytes = UnsafeRawBufferPointer(start: csockets_received_bytes(incoming, 0), count: size)
            guard size > 12 else { continue }
            if size == 16 { result.events.insert(bytes[1] & 0x7F) } else { result.speech.insert(bytes[1] & 0x7F) }
        }
        return result
    }
}

@Suite(.serialized, .enabled(if: control != nil, "PBX_RTPENGINE is not set")) struct LiveRTPEngineTests {
    private final class Log: Sendable {
        let events = Mutex<[MediaEvent]>([])
        let signal = csockets_eventfd()
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

    private static func stream(_ phone: Phone) -> MediaStreamDescription {
        MediaStreamDescription(
            remote: phone.endpoint, codec: phone.format.codec, payloadType: phone.format.type,
            telephoneEventPayloadType: phone.format.events, telephoneEventClockRate: phone.format.rate)
    }

    @Test(arguments: Format.all) private func `every format speaks with every other`(first: Format) throws {
        let log = Log()
        let options = RTPEngineBackend.Options(control: try #require(control), address: .loopbackV4, sessionsLimit: 20)
        let backend = try RTPEngineBackend(options, entropy: Entropy(SystemRandomNumberGenerator())) { log.append($0) }
        defer { backend.shutdown() }
        for (index, second) in Format.all.enumerated() {
            let id = MediaSessionID(UInt64(index))
            backend.submit(.open(id))
            let start = log.next()
            guard case .opened(id, let portA, let portB)? = start else {
                Issue.record("not opened but \(start.map { "\($0)" } ?? "nothing")")
                return
            }
            let (a, b) = (try #require(Phone(first)), try #require(Phone(second)))
            backend.submit(.configure(id, .a, Self.stream(a)))
            backend.submit(.configure(id, .b, Self.stream(b)))
            _ = a.receive()  // while the exchange goes on
            for index in 0..<6 {
                a.speak(index, to: portA)
                b.speak(index, to: portB)
                _ = csockets_poll2(-1, -1, 20)
            }
            a.press(6, to: portA)
            b.press(6, to: portB)
            let (toA, toB) = (a.receive(), b.receive())
            #expect(
                toA.speech == [first.type] && toB.speech == [second.type], "\(first) with \(second): \(toA), \(toB)")
            if !Format.losesEvents(first, second) {
                #expect(
                    toA.events == [first.events] && toB.events == [second.events],
                    "\(first) with \(second): \(toA), \(toB)")
            }
            backend.submit(.close(id))
            let end = log.next()
            guard case .closed(id, let figuresA, let figuresB)? = end else {
                Issue.record("not closed but \(end.map { "\($0)" } ?? "nothing"): \(first) with \(second)")
                return
            }
            #expect(figuresA.packetsReceived == 9 && figuresB.packetsReceived == 9)
        }
    }
}
