import CSockets
import Media
import MediaEngine
import Primitives
import Synchronization

/// Talkers and listeners with real sockets on loopback, side by side in real time, around a `MediaEngine`.
final class EngineBench {
    /// One call: what is said, and what the listener's socket got.
    struct Call {
        let setting: AudioBench.Setting
        var result: AudioBench.Result
        fileprivate var transits: [AudioBench.Transit]
        fileprivate let talker: Line
        fileprivate let listener: Line
        fileprivate let port: UInt16
        /// Milliseconds from sending a packet to the arrival of what it caused, where that is one packet.
        var delays: [Double] = []
        fileprivate var lastSent: Int64 = 0
    }

    /// A UDP socket that sends to one address.
    fileprivate final class Line {
        let descriptor: Int32
        private let incoming: OpaquePointer
        private let outgoing: OpaquePointer

        init?(_ address: IPAddress) {
            var local = EngineBench.socketAddress(address, 0)
            descriptor = csockets_udp(&local, 0)
            guard descriptor >= 0, let incoming = csockets_batch_create(16, 2_000),
                let outgoing = csockets_batch_create(1, 0)
            else { return nil }
            self.incoming = incoming
            self.outgoing = outgoing
        }

        deinit {
            csockets_close(descriptor)
            csockets_batch_destroy(incoming)
            csockets_batch_destroy(outgoing)
        }

        var port: UInt16 { UInt16(csockets_local_port(descriptor)) }

        func send(_ bytes: [UInt8], to port: UInt16, of address: IPAddress) {
            var destination = EngineBench.socketAddress(address, port)
            bytes.withUnsafeBytes {
                csockets_set(outgoing, 0, $0.baseAddress, $0.count, &destination)
                _ = csockets_send(descriptor, outgoing, 0, 1)
            }
        }

        func receive() -> [[UInt8]] {
            let count = csockets_receive(descriptor, incoming)
            return (0..<max(0, count)).map { index in
                Array(
                    UnsafeRawBufferPointer(
                        start: csockets_received_bytes(incoming, index), count: csockets_received_size(incoming, index))
                )
            }
        }
    }

    /// The engine's events: tests wait for them by polling.
    private final class Log: Sendable {
        let events = Mutex<[MediaEvent]>([])
        let signal = csockets_eventfd()
        deinit { csockets_close(signal) }

        func next() -> MediaEvent? {
            while true {
                if let event = events.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return event }
                guard csockets_poll2(signal, -1, 5_000) == 1 else { return nil }
                csockets_eventfd_drain(signal)
            }
        }
    }

    private let address: IPAddress
    private let engine: MediaEngine
    private let log = Log()
    private(set) var calls: [Call] = []
    /// Packets that this end sent more than 10 ms after their time, of all: the machine had no time for it.
    private(set) var latePackets = 0
    private(set) var packets = 0

    init(host: UInt32, sessions: Int) throws {
        let log = log
        address = .v4(0x7F53_0000 | host)
        engine = try MediaEngine(
            address: address, ports: 20_000...20_511, sessionsLimit: sessions, workers: 2,
            entropy: Entropy(SeededGenerator(seed: 6))
        ) { event in
            log.events.withLock { $0.append(event) }
            csockets_eventfd_signal(log.signal)
        }
    }

    fileprivate static func socketAddress(_ address: IPAddress, _ port: UInt16) -> csockets_address {
        guard case .v4(let bits) = address else { return csockets_address() }
        return csockets_address(high: 0, low: UInt64(bits), port: port, isV6: 0)
    }

    /// Opens a session for a setting; false when a step of it failed.
    func add(_ setting: AudioBench.Setting, seed: UInt64) throws -> Bool {
        let id = MediaSessionID(UInt64(calls.count + 1))
        engine.submit(.open(id))
        guard case .opened(id, let port, _) = log.next(), let talker = Line(address), let listener = Line(address)
        else { return false }
        let ends = [
            (MediaSide.a, setting.from, setting.fromPtime, talker), (.b, setting.to, setting.toPtime, listener),
        ]
        for (side, codec, ptime, line) in ends {
            engine.submit(
                .configure(
                    id, side,
                    MediaStreamDescription(
                        remote: Endpoint(address: address, port: line.port), codec: codec,
                        payloadType: codec.staticPayloadType ?? 111, ptime: .milliseconds(ptime))))
        }
        // The mailbox keeps order: this answer means that the descriptions are in force.
        engine.submit(.open(id))
        guard case .opened = log.next() else { return false }
        var entropy = Entropy(SeededGenerator(seed: seed))
        var result = AudioBench.Result()
        result.rate = AudioBench.rate(setting.to)
        let transits = try AudioBench.transits(setting, seed: seed, &entropy, &result)
        calls.append(
            Call(
                setting: setting, result: result, transits: transits, talker: talker, listener: listener, port: port))
        return true
    }

    /// Speaks and listens until all is said and 200 ms have passed.
    func run() {
        let epoll = csockets_epoll()
        defer { csockets_close(epoll) }
        for (index, call) in calls.enumerated() {
            csockets_epoll_add(epoll, call.listener.descriptor, UInt64(index))
        }
        let schedule = calls.enumerated().flatMap { call in
            call.element.transits.enumerated().map { (at: $0.element.at, call: call.offset, packet: $0.offset) }
        }.sorted { ($0.at, $0.call, $0.packet) < ($1.at, $1.call, $1.packet) }
        let end = (schedule.last?.at ?? 0) + 200
        let start = csockets_monotonic()
        var next = schedule[...]
        var tokens = [UInt64](repeating: 0, count: 64)
        while true {
            let elapsed = Int((csockets_monotonic() - start) / 1_000_000)
            if elapsed >= end { break }
            while let due = next.first, due.at <= elapsed {
                next.removeFirst()
                packets += 1
                if elapsed > due.at + 10 { latePackets += 1 }
                calls[due.call].lastSent = csockets_monotonic()
                calls[due.call].talker.send(
                    calls[due.call].transits[due.packet].bytes, to: calls[due.call].port, of: address)
            }
            let wait = max(1, (next.first?.at ?? end) - elapsed)
            let count = csockets_epoll_wait(epoll, &tokens, Int32(tokens.count), Int32(wait))
            for token in tokens[..<Int(max(0, count))] { listen(Int(token), since: start) }
        }
    }

    private func listen(_ index: Int, since start: Int64) {
        let now = csockets_monotonic()
        for bytes in calls[index].listener.receive() {
            calls[index].delays.append(Double(now - calls[index].lastSent) / 1e6)
            AudioBench.keep(bytes, at: Int((now - start) / 1_000_000), &calls[index].result)
        }
    }

    /// What was measured in real time means something.
    var isPunctual: Bool { latePackets * 50 <= packets }

    /// Ends the engine; datagrams that it could not send.
    func shutdown() -> UInt64 {
        engine.shutdown()
        return engine.counters.unsent
    }
}
