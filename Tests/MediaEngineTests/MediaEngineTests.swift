import CSockets
import Media
import MediaEngine
import OpusCodec
import Primitives
import RTP
import Testing

/// The engine over real sockets of the loopback interface.
@Suite struct MediaEngineTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    @Test func `speech is relayed both ways, and closing tells the statistics`() throws {
        let harness = try EngineHarness(1)
        let ports = try #require(harness.open(1))
        #expect(ports.a.isMultiple(of: 2) && ports.b.isMultiple(of: 2) && ports.a != ports.b)
        let a = try #require(UDPPeer(harness.address))
        let b = try #require(UDPPeer(harness.address))
        harness.configure(1, .a, .pcmu, a)
        harness.configure(1, .b, .pcmu, b)
        // The mailbox keeps order: this answer means that the descriptions are in force.
        harness.engine.submit(.open(MediaSessionID(1)))
        #expect(harness.log.next() == .opened(MediaSessionID(1), portA: ports.a, portB: ports.b))
        for index in 0..<50 {
            a.send(EngineHarness.packet(voice, index: index), to: ports.a, of: harness.address)
            let forth = try #require(b.receive())
            #expect(forth.from == ports.b)
            #expect(Array(forth.bytes[12...]) == voice)
            b.send(EngineHarness.packet(voice, index: index), to: ports.b, of: harness.address)
            #expect(try #require(a.receive()).from == ports.a)
        }
        harness.engine.submit(.close(MediaSessionID(1)))
        guard case .closed(_, let sideA, let sideB) = harness.log.next() else {
            Issue.record("not closed")
            return
        }
        #expect(sideA.packetsReceived == 50 && sideA.packetsSent == 50)
        #expect(sideB.packetsReceived == 50 && sideB.bytesSent == 50 * 172)
        #expect(sideA.packetsLost == 0 && sideA.packetsDropped == 0)
        harness.engine.shutdown()
        #expect(harness.engine.counters.unsent == 0)
    }

    @Test(arguments: [(AudioCodec.opus, AudioCodec.pcmu, UInt32(2)), (.pcma, .opus, 3)])
    func `a tone is transcoded between real sockets`(from: AudioCodec, to: AudioCodec, host: UInt32) throws {
        let harness = try EngineHarness(host)
        let ports = try #require(harness.open(1))
        let a = try #require(UDPPeer(harness.address))
        let b = try #require(UDPPeer(harness.address))
        harness.configure(1, .a, from, a)
        harness.configure(1, .b, to, b)
        harness.engine.submit(.open(MediaSessionID(1)))
        _ = harness.log.next()
        var entropy = Entropy(SeededGenerator(seed: 1))
        let codecs = LibraryCodecs()
        var sender = RTPSender(
            codec: from, payloadType: from.staticPayloadType ?? 111, encoder: try codecs.makeEncoder(from, rate: 8_000),
            entropy: &entropy)
        var receiver = RTPReceiver(
            codec: to, payloadType: to.staticPayloadType ?? 111, decoder: try codecs.makeDecoder(to, rate: 8_000))
        var generator = ToneGenerator(frequency: 1_000)
        var detector = ToneDetector()
        for index in 0..<50 {
            let now = Instant.origin + .milliseconds(20 * index)
            a.send(sender.packet(generator.samples(160), at: now) ?? [], to: ports.a, of: harness.address)
            #expect(receiver.receive(try #require(b.receive()).bytes, at: now) == .audio)
            detector.process(receiver.read(160, at: now).pcm)
        }
        let tone = try #require(detector.tone)
        #expect(abs(tone.frequency - 1_000) <= 10)
        #expect(tone.share > 0.9)
    }

    @Test func `echo plays back what a side says`() throws {
        let harness = try EngineHarness(4)
        let ports = try #require(harness.open(1))
        let a = try #require(UDPPeer(harness.address))
        harness.engine.submit(.setEcho(MediaSessionID(1)))
        harness.configure(1, .a, .opus, a)
        harness.engine.submit(.open(MediaSessionID(1)))
        _ = harness.log.next()
        a.send(EngineHarness.packet([1, 2, 3], type: 111, index: 1), to: ports.a, of: harness.address)
        let echo = try #require(a.receive())
        #expect(Array(echo.bytes[12...]) == [1, 2, 3])
        #expect(echo.from == ports.a)
    }

    @Test func `a stranger's packets are dropped and counted`() throws {
        let harness = try EngineHarness(5)
        let ports = try #require(harness.open(1))
        let a = try #require(UDPPeer(harness.address))
        let b = try #require(UDPPeer(harness.address))
        let stranger = try #require(UDPPeer(harness.address))
        harness.configure(1, .a, .pcmu, a)
        harness.configure(1, .b, .pcmu, b)
        harness.engine.submit(.open(MediaSessionID(1)))
        _ = harness.log.next()
        a.send(EngineHarness.packet(voice, index: 1), to: ports.a, of: harness.address)
        _ = try #require(b.receive())
        for index in 2..<12 {
            stranger.send(EngineHarness.packet(voice, index: index), to: ports.a, of: harness.address)
        }
        a.send(EngineHarness.packet([9], index: 2), to: ports.a, of: harness.address)
        #expect(try #require(b.receive()).bytes.count == 13)
        harness.engine.submit(.close(MediaSessionID(1)))
        guard case .closed(_, let sideA, _) = harness.log.next() else {
            Issue.record("not closed")
            return
        }
        #expect(sideA.packetsDropped == 10)
        #expect(sideA.packetsReceived == 2)
    }

    @Test func `when the ports are used up a session fails, and closed ones serve again before one has to`() throws {
        let harness = try EngineHarness(6, ports: 21_000...21_007)
        #expect(harness.open(1) != nil)
        #expect(harness.open(2) != nil)
        harness.engine.submit(.open(MediaSessionID(3)))
        #expect(harness.log.next() == .failed(MediaSessionID(3), .noPortFree))
        harness.engine.submit(.close(MediaSessionID(1)))
        #expect(harness.log.next() == .closed(MediaSessionID(1), a: StreamStatistics(), b: StreamStatistics()))
        #expect(harness.open(4) != nil, "a port at rest is better than no call")
    }

    @Test func `ports that others hold are passed over`() throws {
        let address = IPAddress.v4(0x7F53_0007)
        var busy = csockets_address(high: 0, low: address.bitsV4, port: 22_001, isV6: 0)
        let holder = csockets_udp(&busy, 0)
        defer { csockets_close(holder) }
        #expect(holder >= 0)
        let harness = try EngineHarness(7, ports: 22_000...22_005)
        let ports = try #require(harness.open(1))
        #expect(ports == (22_002, 22_004))
    }

    @Test func `more sessions than the limit are refused, and a close makes room`() throws {
        let harness = try EngineHarness(8, sessions: 2, workers: 2)
        #expect(harness.open(1) != nil)
        #expect(harness.open(2) != nil)
        harness.engine.submit(.open(MediaSessionID(3)))
        #expect(harness.log.next() == .failed(MediaSessionID(3), .tooManySessions(limit: 2)))
        harness.engine.submit(.close(MediaSessionID(2)))
        _ = harness.log.next()
        #expect(harness.open(3) != nil)
    }

    @Test func `silence is reported from the worker's own clock`() throws {
        var limits = Limits()
        limits.mediaSilence = .milliseconds(60)
        let harness = try EngineHarness(9, limits: limits)
        _ = try #require(harness.open(1))
        let a = try #require(UDPPeer(harness.address))
        harness.configure(1, .a, .pcmu, a)
        #expect(harness.log.next() == .silent(MediaSessionID(1), .a))
        #expect(harness.log.next(within: 150) == nil)
    }

    @Test func `shutdown closes what is open and answers later commands with a failure`() throws {
        let harness = try EngineHarness(10)
        #expect(harness.open(1) != nil)
        harness.engine.shutdown()
        #expect(harness.log.next() == .closed(MediaSessionID(1), a: StreamStatistics(), b: StreamStatistics()))
        harness.engine.submit(.open(MediaSessionID(2)))
        guard case .failed(MediaSessionID(2), .socket) = harness.log.next() else {
            Issue.record("not refused")
            return
        }
        harness.engine.shutdown()
    }

    @Test func `commands for sessions that are not there do no harm`() throws {
        let harness = try EngineHarness(11)
        let a = try #require(UDPPeer(harness.address))
        harness.configure(77, .a, .pcmu, a)
        harness.engine.submit(.setEcho(MediaSessionID(77)))
        harness.engine.submit(.close(MediaSessionID(77)))
        #expect(harness.log.next() == .closed(MediaSessionID(77), a: StreamStatistics(), b: StreamStatistics()))
        #expect(harness.engine.counters.refusedCommands == 2)
    }

    @Test func `a full mailbox refuses at once, but never a close`() throws {
        let gate = csockets_eventfd()
        defer { csockets_close(gate) }
        let log = EventLog()
        let engine = try MediaEngine(
            address: .v4(0x7F53_000C), ports: 20_000...20_003, sessionsLimit: 1, costs: EngineHarness.free,
            entropy: Entropy(SeededGenerator(seed: 1))
        ) { event in
            log.append(event)
            // The first answer holds the worker up until the mailbox was filled.
            if case .opened = event { _ = csockets_poll2(gate, -1, 5_000) }
        }
        engine.submit(.open(MediaSessionID(0)))
        guard case .opened = log.next() else {
            Issue.record("not opened")
            return
        }
        let limit = UInt64(MediaEngine.waitingCommands)
        for id in 1...limit + 3 { engine.submit(.open(MediaSessionID(id))) }
        for id in limit + 1...limit + 3 {
            #expect(log.next() == .failed(MediaSessionID(id), .socket(errno: 105)))
        }
        engine.submit(.close(MediaSessionID(0)))
        csockets_eventfd_signal(gate)
        for id in 1...limit {
            #expect(log.next() == .failed(MediaSessionID(id), .tooManySessions(limit: 1)))
        }
        #expect(log.next() == .closed(MediaSessionID(0), a: StreamStatistics(), b: StreamStatistics()))
        #expect(engine.counters.refusedCommands == 3)
    }

    @Test func `a range without a pair is refused with its reason`() {
        let error = MediaEngineError.noPortPair(9_001...9_001, workers: 1)
        #expect(throws: error) { try EngineHarness(13, ports: 9_001...9_001) }
        #expect(error.description.contains("9001"))
    }
}
