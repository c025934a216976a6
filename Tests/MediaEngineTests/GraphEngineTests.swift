import Media
import MediaEngine
import Primitives
import RTP
import Testing

/// What the graph makes, over real sockets and in real time.
@Suite struct GraphEngineTests {
    /// The largest dominating tone in what a peer gets within `packets`.
    private func tone(_ peer: UDPPeer, _ codec: AudioCodec, packets: Int) throws -> ToneDetector.Tone? {
        var detector = ToneDetector()
        for _ in 0..<packets {
            let datagram = try #require(peer.receive()).bytes
            guard datagram.count == 172 else { continue }
            detector.process(datagram[12...].map { codec == .pcma ? G711.decodeALaw($0) : G711.decodeMuLaw($0) })
        }
        return detector.tone
    }

    @Test(arguments: [1, 2])
    func `a prompt is played in time, told, and followed by silence`(workers: Int) throws {
        let harness = try EngineHarness(60 + UInt32(workers), workers: workers)
        let session = MediaSessionID(1)
        let ports = try #require(harness.open(1))
        let peer = try #require(UDPPeer(harness.address))
        harness.configure(1, .a, .pcma, peer)
        var generator = ToneGenerator(frequency: 1_300, amplitude: 6_000)
        let clip = AudioClip(name: "tone", rate: 8_000, samples: generator.samples(8 * 500))
        harness.engine.submit(.hear(session, .a, .playing(Playlist([.clip(clip)]), then: .silence)))
        let heard = try #require(try tone(peer, .pcma, packets: 25))
        #expect(abs(heard.frequency - 1_300) <= 5 && heard.share > 0.9)
        #expect(harness.log.next() == .played(session, .a))
        harness.engine.submit(.close(session))
        guard case .closed(_, let a, _) = harness.log.next() else {
            Issue.record("not closed")
            return
        }
        #expect((25...26).contains(a.packetsSent))
        #expect(ports.a != ports.b)
    }

    @Test func `two sessions meet in a room`() throws {
        let harness = try EngineHarness(63)
        var peers: [UDPPeer] = []
        var ports: [UInt16] = []
        for id: UInt64 in 1...2 {
            ports.append(try #require(harness.open(id)).a)
            let peer = try #require(UDPPeer(harness.address))
            peers.append(peer)
            harness.configure(id, .a, .pcmu, peer)
            harness.engine.submit(.hear(MediaSessionID(id), .a, .room(RoomID(1), RoomParticipation())))
        }
        var generator = ToneGenerator(frequency: 900, amplitude: 6_000)
        var detector = ToneDetector()
        // What the room sends sets the pace: a packet comes every 20 ms.
        for index in 0..<60 {
            let payload = generator.samples(160).map(G711.encodeMuLaw)
            peers[0].send(EngineHarness.packet(payload, index: index), to: ports[0], of: harness.address)
            let datagram = try #require(peers[1].receive()).bytes
            _ = try #require(peers[0].receive())
            if index >= 20, datagram.count == 172 { detector.process(datagram[12...].map(G711.decodeMuLaw)) }
        }
        let heard = try #require(detector.tone)
        #expect(abs(heard.frequency - 900) <= 10 && heard.share > 0.8)
        harness.engine.submit(.gate(RoomID(2), loudest: 1))
        for id: UInt64 in 1...2 { harness.engine.submit(.close(MediaSessionID(id))) }
        harness.engine.shutdown()
        #expect(harness.engine.counters.refusedCommands == 1)
    }
}
