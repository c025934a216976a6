import Media
import Primitives
import RTP
import RTPEngine
import SDP
import Testing

@Suite struct RelayControllerTests {
    private let id = MediaSessionID(7)
    private let pcmu = MediaStreamDescription(
        remote: Endpoint("192.0.2.1:4000"), codec: .pcmu, payloadType: 0, telephoneEventPayloadType: 101)
    private let other = MediaStreamDescription(
        remote: Endpoint("192.0.2.2:5000"), codec: .pcmu, payloadType: 0, telephoneEventPayloadType: 101)

    private func talking() -> RelayPair {
        var pair = RelayPair()
        pair.submit(.open(id))
        pair.submit(.configure(id, .a, pcmu))
        pair.submit(.configure(id, .b, other))
        pair.peer.packets = (100, 90)
        return pair
    }

    @Test func `a call is opened, led from one telephone to the other, and closed with figures`() {
        var pair = RelayPair()
        pair.submit(.open(id))
        #expect(pair.takeEvents() == [.opened(id, portA: 30_002, portB: 30_000)])
        pair.submit(.open(id))
        #expect(pair.takeEvents() == [.opened(id, portA: 30_002, portB: 30_000)])
        pair.submit(.configure(id, .a, pcmu))
        #expect(pair.commands == ["offer", "answer"])
        pair.submit(.configure(id, .b, other))
        #expect(pair.commands == ["offer", "answer", "offer", "answer"])
        let offer = pair.peer.requests[2]
        #expect(offer.sdp?.connection == Endpoint("192.0.2.1:4000")?.address && offer.sdp?.media.first?.port == 4_000)
        #expect(offer.from == "a" && offer.flags.contains("port-latching") && offer.flags.contains("strict-source"))
        #expect(!offer.flags.contains { $0.hasPrefix("codec-") })
        #expect(pair.peer.requests[3].sdp?.media.first?.port == 5_000)
        pair.peer.packets = (120, 119)
        pair.submit(.close(id))
        guard case .closed(id, let a, let b)? = pair.takeEvents().first else {
            Issue.record("not closed")
            return
        }
        #expect(a.packetsReceived == 120 && a.bytesReceived == 120 * 172 && a.packetsDropped == 1)
        #expect(b.packetsReceived == 119 && b.packetsSent == 119 && a.packetsSent == 118)
        #expect(pair.controller.sessionCount == 0 && pair.commands.last == "delete")
        #expect(pair.peer.requests.last?.message["delete delay"]?.integer == 0)
        #expect(pair.healths == [.reachable])
    }

    @Test func `a description as before asks for nothing, and several while one is under way become one exchange`() {
        var pair = talking()
        pair.submit(.configure(id, .a, pcmu))
        #expect(pair.commands.count == 4)
        pair.peer.isDead = true
        var moved = pcmu
        moved.remote = Endpoint("192.0.2.9:4000")
        pair.submit(.configure(id, .a, moved))
        for port in UInt16(6_000)..<6_010 {
            moved.remote = Endpoint(address: .v4(0xC000_0209), port: port)
            pair.submit(.configure(id, .a, moved))
        }
        pair.peer.isDead = false
        pair.pass(.seconds(1))
        #expect(pair.commands.count == 8)
        #expect(pair.peer.requests.last { $0.command == "offer" }?.sdp?.media.first?.port == 6_009)
    }

    @Test func `hold blocks the directions that it stops, and only those`() {
        var pair = talking()
        var held = other
        held.sends = false
        pair.submit(.configure(id, .b, held))
        #expect(pair.commands.suffix(3) == ["offer", "answer", "block media"])
        #expect(pair.peer.requests.last?.from == "a")
        held.receives = false
        pair.submit(.configure(id, .b, held))
        #expect(pair.commands.suffix(3) == ["offer", "answer", "block media"])
        #expect(pair.peer.requests.last?.from == "b")
        pair.submit(.configure(id, .b, other))
        #expect(pair.commands.suffix(4) == ["offer", "answer", "unblock media", "unblock media"])
        pair.submit(.hear(id, .a, .silence))
        #expect(pair.commands.last == "block media" && pair.peer.requests.last?.from == "b")
        pair.submit(.hear(id, .a, .peer))
        #expect(pair.commands.last == "unblock media")
    }

    @Test func `an echo has one side, and everybody hears what they say`() {
        var pair = RelayPair()
        pair.submit(.open(id))
        pair.submit(.configure(id, .a, pcmu))
        pair.submit(.setEcho(id))
        #expect(pair.commands == ["offer", "answer", "offer", "answer"])
        #expect(pair.peer.requests.suffix(2).allSatisfy { $0.message["media echo"]?.text == "both" })
    }

    @Test func `keys are pressed one after the other, as the other side`() {
        var pair = talking()
        pair.submit(.sendDigits(id, .b, [5, 11]))
        #expect(pair.commands.suffix(3) == ["offer", "answer", "play DTMF"])
        #expect(pair.peer.requests[pair.peer.requests.count - 3].flags.contains("inject-DTMF"))
        #expect(pair.peer.requests.last?.message["code"]?.text == "5" && pair.peer.requests.last?.from == "a")
        pair.pass(.milliseconds(300))
        #expect(pair.peer.requests.last { $0.command == "play DTMF" }?.message["code"]?.text == "#")
        #expect(pair.commands.count { $0 == "play DTMF" } == 2)
        #expect(pair.takeEvents().count == 1)
        for keys in [[], [16], [UInt8](repeating: 1, count: 33)] {
            pair.submit(.sendDigits(id, .b, keys))
            #expect(pair.takeEvents() == [.refused(id, .keysRefused(limit: 32))])
        }
    }

    @Test func `what it cannot do is refused, and the session goes on`() {
        var pair = talking()
        _ = pair.takeEvents()
        pair.submit(.stopRecording(id, RecordingID(4)))
        #expect(pair.takeEvents() == [.refused(id, .notRecorded(RecordingID(4)))])
        pair.submit(.collect(id, .a, DigitRules(most: 1)))
        #expect(pair.takeEvents() == [.refused(id, .unavailable)])
        pair.submit(.gate(RoomID(1), loudest: 3))
        pair.submit(.stopCollecting(id, .a))
        #expect(pair.takeEvents() == [] && pair.commands.count == 4)
    }

    @Test func `keys by DTLS, half protected streams and keys over a network are refused`() throws {
        var entropy = Entropy(SeededGenerator(seed: 1))
        let key = SRTPMasterKey(suite: .aesCM128HMACSHA1Tag80, entropy: &entropy)
        var half = pcmu
        half.sendKey = key
        var whole = half
        whole.receiveKey = key
        var pair = RelayPair(mayCarryKeys: false)
        pair.submit(.open(id))
        _ = pair.takeEvents()
        pair.submit(.configure(id, .a, whole))
        #expect(pair.takeEvents() == [.failed(id, .protectionUnavailable(.aesCM128HMACSHA1Tag80))])
        var near = RelayPair()
        near.submit(.open(id))
        _ = near.takeEvents()
        near.submit(.configure(id, .a, half))
        #expect(near.takeEvents() == [.failed(id, .protectionUnavailable(.aesCM128HMACSHA1Tag80))])
        near.submit(.configure(id, .a, whole))
        #expect(near.takeEvents() == [])
    }

    @Test func `a lost request or answer is made good by repetition`() {
        var pair = RelayPair()
        pair.peer.isDead = true
        pair.submit(.open(id))
        #expect(pair.events.isEmpty && pair.transmitted == 1)
        pair.pass(.milliseconds(500))
        pair.peer.isDead = false
        pair.pass(.seconds(1))
        #expect(pair.takeEvents() == [.opened(id, portA: 30_002, portB: 30_000)])
        #expect(Set(pair.peer.requests.filter { $0.command == "offer" }.map(\.cookie)).count == 1)
    }

    @Test func `a dead rtpengine fails the calls, then new ones at once, and is taken back when it answers`() {
        var pair = talking()
        _ = pair.takeEvents()
        pair.peer.isDead = true
        pair.pass(.seconds(6))
        #expect(pair.takeEvents() == [.failed(id, .relayUnreachable)])
        guard case .unreachable? = pair.healths.last else {
            Issue.record("no state")
            return
        }
        #expect(pair.healths.count == 2 && "\(pair.controller.health)".contains("media.rtpengine.address"))
        pair.submit(.close(id))
        guard case .closed(id, _, _)? = pair.takeEvents().last else {
            Issue.record("not closed")
            return
        }
        pair.submit(.open(MediaSessionID(8)))
        #expect(pair.takeEvents() == [.failed(MediaSessionID(8), .relayUnreachable)])
        pair.pass(.seconds(60))
        pair.peer.isDead = false
        pair.pass(.seconds(6))
        #expect(pair.healths.last == .reachable && pair.commands.last == "delete")
        pair.submit(.open(MediaSessionID(9)))
        #expect(pair.takeEvents() == [.opened(MediaSessionID(9), portA: 30_006, portB: 30_004)])
    }

    @Test func `a call that a restarted rtpengine does not know is lost`() {
        var pair = talking()
        _ = pair.takeEvents()
        pair.peer.forget()
        pair.pass(.seconds(6))
        #expect(pair.takeEvents() == [.failed(id, .relayLost)])
        pair.submit(.configure(id, .a, other))
        pair.submit(.close(id))
        guard case .closed(id, _, _)? = pair.takeEvents().last else {
            Issue.record("not closed")
            return
        }
        #expect(pair.controller.sessionCount == 0)
    }

    @Test(arguments: [
        ("offer", "d7:message10:load limit6:result10:load limite", MediaFailure.relayRefused("load limit")),
        ("offer", ScriptedRTPEngine.error("Ran out of ports"), .noPortFree),
        ("answer", ScriptedRTPEngine.error("No"), .relayRefused("No")),
        ("offer", "d6:result2:oke", .relayRefused("a description without a port")),
        ("offer", "d6:result2:ok3:sdp14:m=audio x RTP/e", .relayRefused("a description without a port")),
    ])
    func `a session that it refuses to open fails, and is not left behind`(
        command: String, answer: String, failure: MediaFailure
    ) {
        var pair = RelayPair()
        pair.peer.answers[command] = answer
        pair.submit(.open(id))
        #expect(pair.takeEvents() == [.failed(id, failure)])
        #expect(pair.controller.sessionCount == 0 && pair.commands.last == "delete")
        #expect(!"\(failure)".isEmpty)
    }

    @Test func `a port that moves in mid-call ends it`() {
        var pair = talking()
        _ = pair.takeEvents()
        pair.peer.forget()
        pair.submit(.configure(id, .b, pcmu))
        guard case .failed(id, .relayRefused(_))? = pair.takeEvents().last else {
            Issue.record("not failed")
            return
        }
    }

    @Test func `sessions, requests under way and commands to unknown sessions are limited`() {
        var pair = RelayPair(sessionsLimit: 100)
        pair.peer.isDead = true
        for value in UInt64(0)..<100 { pair.submit(.open(MediaSessionID(value))) }
        #expect(pair.transmitted == 64 && pair.events.isEmpty)
        pair.submit(.open(MediaSessionID(100)))
        #expect(pair.takeEvents() == [.failed(MediaSessionID(100), .tooManySessions(limit: 100))])
        pair.peer.isDead = false
        pair.pass(.seconds(2))
        #expect(pair.takeEvents().count == 100)
        pair.submit(.configure(MediaSessionID(1_000), .a, pcmu))
        pair.submit(.close(MediaSessionID(1_000)))
        #expect(pair.takeEvents() == [.closed(MediaSessionID(1_000), a: StreamStatistics(), b: StreamStatistics())])
    }

    @Test func `closing while it opens ends in closed`() {
        var pair = RelayPair()
        pair.peer.isDead = true
        pair.submit(.open(id))
        pair.submit(.close(id))
        pair.peer.isDead = false
        pair.pass(.seconds(1))
        let events = pair.takeEvents()
        guard events.count == 1, case .closed(id, _, _)? = events.first else {
            Issue.record("not closed alone: \(events)")
            return
        }
        #expect(pair.commands == ["offer", "delete"])
    }

    @Test func `figures come every five seconds, and a side that falls silent is told`() {
        var pair = talking()
        _ = pair.takeEvents()
        pair.pass(.seconds(5))
        guard case .figures(id, let a, _)? = pair.takeEvents().last else {
            Issue.record("no figures")
            return
        }
        #expect(a.packetsReceived == 100)
        for _ in 0..<20 {
            pair.peer.packets.a += 250
            pair.pass(.seconds(5))
        }
        let events = pair.takeEvents()
        #expect(events.contains(.audioPath(id, .b, .absent(.noPackets))))
        #expect(events.count { $0 == .silent(id, .b) } == 1 && !events.contains(.silent(id, .a)))
        pair.peer.packets.b += 1
        pair.pass(.seconds(5))
        #expect(pair.takeEvents().contains(.audioPath(id, .b, .flowing)))
        var held = other
        held.receives = false
        pair.submit(.configure(id, .b, held))
        pair.pass(.seconds(5))
        #expect(pair.takeEvents().contains(.audioPath(id, .b, .held)))
    }

    @Test(arguments: ["", " ", "x y", "pbx_1 d6:result2:oke", "pbx0000000000000000_1 d6:result2:oke"])
    func `datagrams that answer nothing are counted, not believed`(text: String) {
        var pair = talking()
        _ = pair.takeEvents()
        pair.handle(.datagram(Array(text.utf8)))
        #expect(pair.controller.strayDatagrams == 1 && pair.takeEvents().isEmpty)
    }

    @Test func `shutting down closes every session and asks for its deletion`() {
        var pair = talking()
        pair.submit(.open(MediaSessionID(8)))
        _ = pair.takeEvents()
        let effects = pair.controller.shutDown(at: pair.now)
        #expect(effects.count { if case .event(.closed) = $0 { true } else { false } } == 2)
        #expect(effects.count { if case .transmit = $0 { true } else { false } } == 2)
    }
}
