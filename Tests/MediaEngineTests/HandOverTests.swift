import Media
import MediaEngine
import Primitives
import RTP
import Testing

/// Sessions that go from worker to worker, because those that hear each other must be on one.
@Suite struct HandOverTests {
    private let room = RoomID(7)

    private func join(_ id: UInt64, _ harness: EngineHarness) {
        harness.engine.submit(.hear(MediaSessionID(id), .a, .room(room, RoomParticipation())))
    }

    /// Sends a tone from one peer and reads it at another; the frequency that dominates there.
    private func tone(
        from: (peer: UDPPeer, port: UInt16), to: UDPPeer, _ frequency: Double, _ harness: EngineHarness
    ) throws -> Double {
        var generator = ToneGenerator(frequency: frequency, amplitude: 6_000)
        var detector = ToneDetector()
        while to.receive(within: 0) != nil {}
        for index in 0..<60 {
            let payload = generator.samples(160).map(G711.encodeMuLaw)
            from.peer.send(EngineHarness.packet(payload, index: index), to: from.port, of: harness.address)
            let datagram = try #require(to.receive()).bytes
            if index >= 20, datagram.count == 172 { detector.process(datagram[12...].map(G711.decodeMuLaw)) }
        }
        return try #require(detector.tone).frequency
    }

    @Test(arguments: [2, 4])
    func `sessions of different workers meet in a room, by the ports that they had`(workers: Int) throws {
        let harness = try EngineHarness(80 + UInt32(workers), workers: workers)
        var peers: [(peer: UDPPeer, port: UInt16)] = []
        for id: UInt64 in 1...4 {
            let peer = try #require(UDPPeer(harness.address))
            peers.append((peer, try #require(harness.open(id)).a))
            harness.configure(id, .a, .pcmu, peer)
            join(id, harness)
        }
        #expect(abs(try tone(from: peers[0], to: peers[1].peer, 900, harness) - 900) <= 10)
        #expect(abs(try tone(from: peers[3], to: peers[2].peer, 1_300, harness) - 1_300) <= 10)
        for id: UInt64 in 1...4 {
            harness.engine.submit(.close(MediaSessionID(id)))
            // Who speaks is told on the way.
            var sent: UInt64?
            while sent == nil, let event = harness.log.next() {
                if case .closed(MediaSessionID(id), let a, _) = event { sent = a.packetsSent }
            }
            #expect(try #require(sent) > 0)
        }
        harness.engine.shutdown()
        #expect(harness.engine.counters.unsent == 0 && harness.engine.counters.sessions == 0)
    }

    @Test func `what is asked of a session on its way is done when it has arrived, in its order`() throws {
        let harness = try EngineHarness(85, workers: 2)
        let peer = try #require(UDPPeer(harness.address))
        _ = try #require(harness.open(2))
        join(2, harness)
        for round: UInt64 in 0..<50 {
            let id = MediaSessionID(101 + 2 * round)
            harness.engine.submit(.open(id))
            join(id.value, harness)
            harness.configure(id.value, .a, .pcma, peer)
            harness.engine.submit(.open(id))
            harness.engine.submit(.close(id))
            guard case .opened(id, let first, _) = harness.log.next(),
                case .opened(id, let again, _) = harness.log.next(), case .closed(id, _, _) = harness.log.next()
            else {
                Issue.record("another order")
                return
            }
            #expect(first == again)
        }
        harness.engine.submit(.close(MediaSessionID(2)))
        guard case .closed = harness.log.next() else {
            Issue.record("not closed")
            return
        }
        #expect(harness.engine.counters.refusedCommands == 0 && harness.engine.counters.charged == .zero)
    }

    @Test func `ports go back to the worker that they belong to`() throws {
        // Two pairs of ports for each of two workers: one session.
        let harness = try EngineHarness(86, ports: 20_000...20_007, workers: 2)
        let first = try #require(harness.open(2))
        join(2, harness)
        let second = try #require(harness.open(3))
        join(3, harness)
        harness.engine.submit(.open(MediaSessionID(5)))
        #expect(harness.log.next() == .failed(MediaSessionID(5), .noPortFree))
        for id: UInt64 in [3, 2] {
            harness.engine.submit(.close(MediaSessionID(id)))
            guard case .closed = harness.log.next() else {
                Issue.record("not closed")
                return
            }
        }
        // The first answer may come while the ports are on their way; the second command comes behind them.
        harness.engine.submit(.open(MediaSessionID(7)))
        var third = harness.log.next()
        if third == .failed(MediaSessionID(7), .noPortFree) {
            harness.engine.submit(.open(MediaSessionID(7)))
            third = harness.log.next()
        }
        guard case .opened(_, let a, let b) = third else {
            Issue.record("the ports are lost")
            return
        }
        #expect(Set([a, b]) == Set([second.a, second.b]))
        let fourth = try #require(harness.open(4))
        #expect(Set([fourth.a, fourth.b]) == Set([first.a, first.b]))
    }

    @Test func `an engine that ends closes sessions wherever they are, once each`() throws {
        for host: UInt32 in 87..<92 {
            let harness = try EngineHarness(host, sessions: 40, workers: 3)
            for id: UInt64 in 1...12 { _ = try #require(harness.open(id)) }
            for id: UInt64 in 1...12 { join(id, harness) }
            harness.engine.shutdown()
            var closed: [UInt64] = []
            while let event = harness.log.next(within: 0) {
                if case .closed(let id, _, _) = event { closed.append(id.value) }
            }
            #expect(closed.sorted() == Array(1...12))
        }
    }

    @Test func `a side that is bound elsewhere is not torn away`() throws {
        let harness = try EngineHarness(93, workers: 2)
        for id: UInt64 in 2...3 { _ = try #require(harness.open(id)) }
        join(2, harness)
        harness.engine.submit(.hear(MediaSessionID(3), .a, .room(RoomID(8), RoomParticipation())))
        harness.engine.submit(.hear(MediaSessionID(3), .b, .room(room, RoomParticipation())))
        #expect(harness.log.next() == .refused(MediaSessionID(3), .otherSideElsewhere))
    }
}
