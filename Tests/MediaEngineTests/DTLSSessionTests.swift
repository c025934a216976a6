import Media
import MediaEngine
import OpenSSLCrypto
import OpusCodec
import Primitives
import RTP
import Testing

@Suite struct DTLSSessionTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    @Test func `audio is protected both ways once the keys are there`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        #expect(!pair.sessions[0].isAgreeingOnKeys && !pair.sessions[1].isAgreeingOnKeys)
        for number in 0..<50 {
            for index in 0...1 { pair.speak(index, number, voice) }
        }
        for index in 0...1 {
            #expect(pair.heard[index].count == 50)
            #expect(pair.heard[index].allSatisfy { Array($0[12...]) == voice })
            #expect(pair.sessions[index].statistics(of: .a).packetsDropped == 0)
            let sent = pair.wire[index].filter { $0.withUnsafeBytes { DatagramKind($0) } == .rtp }
            #expect(sent.allSatisfy { $0.count == 12 + 160 + 16 && Array($0[12..<172]) != voice })
        }
    }

    @Test func `plain, forged and replayed packets are dropped and counted`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(0, 1, voice)
        #expect(pair.heard[1].count == 1)
        let sealed = try #require(pair.wire[0].last)
        pair.receive(sealed, at: 1, .a, from: DTLSPair.address[0])
        pair.receive(EngineHarness.packet(voice, index: 2), at: 1, .a, from: DTLSPair.address[0])
        pair.receive(
            EngineHarness.packet(voice + [UInt8](repeating: 0, count: 16), index: 3), at: 1, .a,
            from: DTLSPair.address[0])
        #expect(pair.heard[1].count == 1)
        #expect(pair.sessions[1].statistics(of: .a).packetsNotAuthentic == 3)
        pair.speak(0, 2, voice)
        #expect(pair.heard[1].count == 2)
    }

    @Test func `before the keys nothing but the handshake goes out or in`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        for number in 0..<3 {
            pair.receive(EngineHarness.packet(voice, index: number), at: 0, .b, from: DTLSPair.phone[0])
            pair.receive(EngineHarness.packet(voice, index: number), at: 1, .a, from: DTLSPair.address[0])
        }
        #expect(pair.wire[0].isEmpty && pair.heard[1].isEmpty)
        #expect(pair.sessions[1].statistics(of: .a).packetsNotAuthentic == 3)
        pair.run()
        #expect(pair.kinds(0).allSatisfy { $0 == .dtls } && pair.kinds(1).allSatisfy { $0 == .dtls })
        pair.speak(0, 3, voice)
        #expect(pair.heard[1].count == 1)
    }

    @Test func `another certificate gets no media, and the call control is told once`() throws {
        var pair = try DTLSPair()
        try pair.configure(0, fingerprint: pair.identities[0].fingerprint)
        try pair.configure(1)
        pair.run(.seconds(40))
        #expect(pair.failures[0] == [.wrongCertificate])
        #expect(pair.failures[1].count == 1)
        pair.speak(0, 1, voice)
        pair.speak(1, 1, voice)
        #expect(pair.heard[0].isEmpty && pair.heard[1].isEmpty)
        #expect(pair.kinds(0).allSatisfy { $0 == .dtls } && pair.kinds(1).allSatisfy { $0 == .dtls })
        #expect("\(MediaFailure.keysNotAgreed(.a, pair.failures[0][0]))".contains("certificate"))
    }

    @Test func `after an end by either side the same description begins anew`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        // Side a of session 1 goes, and tells so; a new session is in its place.
        pair.close(1)
        pair.run()
        pair.speak(0, 1, voice)
        #expect(pair.heard[1].isEmpty)
        try pair.renew(1)
        try pair.configure(1)
        try pair.configure(0)
        pair.run()
        pair.speak(0, 2, voice)
        pair.speak(1, 2, voice)
        #expect(pair.heard[0].count == 1 && pair.heard[1].count == 1)
    }

    @Test func `after a failure the same description tries anew`() throws {
        var pair = try DTLSPair()
        try pair.configure(0)
        pair.run(.seconds(31))
        #expect(pair.failures[0].count == 1)
        try pair.renew(1)  // which has kept what came too early
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(0, 1, voice)
        #expect(pair.heard[1].count == 1)
    }

    @Test func `a peer that never answers is given up at the limit`() throws {
        var pair = try DTLSPair()
        try pair.configure(0)
        pair.run(.seconds(29))
        #expect(pair.failures[0].isEmpty && pair.sessions[0].isAgreeingOnKeys)
        pair.run(.seconds(2))
        #expect(pair.failures[0] == [.timedOut(after: .seconds(30))] && !pair.sessions[0].isAgreeingOnKeys)
    }

    @Test func `a handshake that is quicker than the signalling waits for it`() throws {
        var pair = try DTLSPair()
        try pair.configure(0)
        // One that nobody sent is pushed out by those after it.
        pair.receive([22, 254, 253, 0], at: 1, .a, from: DTLSPair.address[0])
        pair.run(.milliseconds(100))
        #expect(pair.wire[0].count == 1 && pair.wire[1].isEmpty)
        try pair.configure(1)
        pair.run(.milliseconds(100))
        #expect(!pair.sessions[0].isAgreeingOnKeys && !pair.sessions[1].isAgreeingOnKeys)
        pair.speak(0, 1, voice)
        #expect(pair.heard[1].count == 1)
    }

    @Test func `of what comes too early only the latest is kept`() throws {
        var pair = try DTLSPair()
        try pair.configure(0)
        pair.run(.milliseconds(100))
        let limit = Limits().earlyKeyDatagrams
        for _ in 0..<limit { pair.receive([22, 254, 253, 0], at: 1, .a, from: DTLSPair.address[0]) }
        try pair.configure(1)
        pair.run(.milliseconds(100))
        #expect(pair.sessions[1].isAgreeingOnKeys)
        // The client repeats itself.
        pair.run(.seconds(2))
        #expect(!pair.sessions[1].isAgreeingOnKeys && pair.failures == [[], []])
    }

    @Test func `behind an address translator answers and media go where the handshake came from`() throws {
        var pair = try DTLSPair()
        pair.translated = Endpoint("192.0.2.1:31000")
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(1, 1, voice)
        #expect(pair.lastDestination == pair.translated)
        #expect(pair.heard[0].count == 1)
    }

    @Test func `a stranger cannot use up the association`() throws {
        var pair = try DTLSPair()
        let stranger = try #require(Endpoint("203.0.113.66:4000"))
        try pair.configure(1)
        pair.run(.milliseconds(1))
        let other = try DTLSIdentity(at: DTLSPair.testTime).makeAgreement(pair.parameters(0), at: pair.now)
        guard case .transmit(let hello)? = other.handle(.start, at: pair.now).first else {
            Issue.record("no ClientHello")
            return
        }
        pair.receive(hello, at: 1, .a, from: stranger)
        #expect(pair.wire[1].isEmpty)
        #expect(pair.sessions[1].statistics(of: .a).packetsFromStrangers == 1)
        try pair.configure(0)
        pair.run()
        #expect(!pair.sessions[1].isAgreeingOnKeys && pair.failures[1].isEmpty)
    }

    @Test func `the same description again keeps the association, another certificate begins a new one`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(0, 1, voice)
        let count = pair.kinds(0).filter { $0 == .dtls }.count
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        #expect(pair.kinds(0).filter { $0 == .dtls }.count == count)
        pair.speak(0, 2, voice)
        #expect(pair.heard[1].count == 2)
        // The old keys count until there are new ones, which here will never be.
        try pair.configure(0, fingerprint: pair.identities[0].fingerprint)
        pair.speak(0, 3, voice)
        #expect(pair.heard[1].count == 3 && pair.sessions[0].isAgreeingOnKeys)
    }

    @Test func `a peer that moves gets a new association and new keys`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(0, 1, voice)
        let old = try #require(pair.wire[0].last)
        // Elsewhere and back: both ends begin anew.
        for remote in ["192.0.2.99:4000", nil] as [String?] {
            for index in 0...1 { try pair.configure(index, remote: remote.flatMap { Endpoint($0) }) }
        }
        pair.run()
        #expect(pair.failures == [[], []])
        pair.receive(old, at: 1, .a, from: DTLSPair.address[0])
        #expect(pair.heard[1].count == 1)
        pair.speak(0, 2, voice)
        pair.speak(1, 2, voice)
        #expect(pair.heard[1].count == 2 && pair.heard[0].count == 1)
    }

    @Test func `who has left is not heard any more, nor in the way of who comes after`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index, party: 1) }
        pair.run()
        pair.speak(0, 1, voice)
        #expect(pair.heard[1].count == 1)
        let sent = pair.wire[1].count
        // At session 1 somebody elsewhere takes the place of session 0, which goes on sending for a while.
        let successor = try #require(Endpoint("192.0.2.77:4000"))
        try pair.configure(1, remote: successor, party: 2)
        for number in 2..<5 { pair.speak(0, number, voice) }
        pair.speak(1, 2, voice)
        #expect(pair.heard[1].count == 1)
        #expect(pair.kinds(1).dropFirst(sent).allSatisfy { $0 == .dtls })
        // The successor is not kept waiting until that has been silent for long.
        pair.translated = successor
        try pair.configure(0, party: 2)
        pair.run()
        pair.speak(0, 6, voice)
        #expect(pair.heard[1].count == 2 && pair.failures == [[], []])
    }

    @Test func `reports share the port and are protected`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        for number in 0..<600 { for index in 0...1 { pair.speak(index, number, voice) } }
        let reports = pair.wire[0].filter { $0.withUnsafeBytes { DatagramKind($0) } == .rtcp }
        #expect(reports.count >= 2)
        #expect(pair.sessions[0].statistics(of: .a).roundTripMilliseconds.map { abs($0 - 10) < 1 } == true)
        let before = pair.sessions[1].statistics(of: .a).packetsNotAuthentic
        pair.receive(try #require(reports.first), at: 1, .a, from: DTLSPair.address[0])
        #expect(pair.sessions[1].statistics(of: .a).packetsNotAuthentic == before + 1)
    }

    @Test func `the end of one side's session is the end of its keys`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(0, 1, voice)
        let sealed = pair.wire[0].count
        var batch = PacketBatch()
        pair.sessions[0].close(at: pair.now, output: &batch)
        let last = try #require(batch.datagrams().last { $0.entry.side == .a })
        #expect(last.bytes.withUnsafeBytes { DatagramKind($0) } == .dtls)
        pair.receive(last.bytes, at: 1, .a, from: DTLSPair.address[0])
        let count = pair.wire[1].count
        pair.receive(EngineHarness.packet(voice, index: 9), at: 1, .b, from: DTLSPair.phone[1])
        #expect(pair.wire[1].count == count && pair.wire[0].count == sealed)
        #expect(pair.failures[1].isEmpty)
    }

    @Test func `from DTLS to plain RTP in mid-call, and without DTLS not at all`() throws {
        var pair = try DTLSPair()
        for index in 0...1 { try pair.configure(index) }
        pair.run()
        pair.speak(0, 1, voice)
        for index in 0...1 { try pair.configure(index, isPlain: true) }
        pair.speak(0, 2, voice)
        #expect(pair.heard[1].count == 2 && pair.wire[0].last.map { Array($0[12...]) } == voice)
        var session = MediaSession(
            id: MediaSessionID(9), codecs: LibraryCodecs(), protection: OpenSSLPacketProtection(),
            entropy: &pair.entropy, at: pair.now)
        let description = MediaStreamDescription(
            remote: nil, codec: .pcmu, payloadType: 0, keyAgreement: pair.parameters(0))
        #expect(throws: MediaFailure.keyAgreementUnavailable) {
            try session.configure(.a, description, entropy: &pair.entropy, at: pair.now)
        }
    }

    @Test(arguments: [DTLSRole.client, .server])
    func `the engine agrees on keys between real sockets`(role: DTLSRole) throws {
        let identity = try DTLSIdentity(at: DTLSPair.testTime)
        let harness = try EngineHarness(role == .client ? 41 : 42, keying: identity)
        let ports = try #require(harness.open(1))
        let (a, b) = (try #require(UDPPeer(harness.address)), try #require(UDPPeer(harness.address)))
        let phone = try DTLSIdentity(at: DTLSPair.testTime)
        let theirs = try phone.makeAgreement(
            KeyAgreementParameters(
                role: role == .client ? .server : .client, peerFingerprints: [identity.fingerprint]),
            at: Instant(nanoseconds: 0))
        harness.configure(1, .b, .pcmu, b)
        harness.engine.submit(
            .configure(
                MediaSessionID(1), .a,
                MediaStreamDescription(
                    remote: a.endpoint, codec: .pcmu, payloadType: 0,
                    keyAgreement: KeyAgreementParameters(role: role, peerFingerprints: [phone.fingerprint]))))
        var keys: (send: SRTPMasterKey, receive: SRTPMasterKey)?
        func run(_ effects: [KeyAgreementEffect]) {
            for effect in effects {
                switch effect {
                case .transmit(let bytes): a.send(bytes, to: ports.a, of: harness.address)
                case .agreed(let send, let receive): keys = (send, receive)
                case .failed, .closed: Issue.record("\(effect)")
                }
            }
        }
        let clock = ContinuousClock()
        let begin = clock.now
        func now() -> Instant { .origin + (clock.now - begin) }
        run(theirs.handle(.start, at: now()))
        while keys == nil, clock.now - begin < .seconds(10) {
            if let datagram = a.receive(within: 100) { run(theirs.handle(.datagram(datagram.bytes), at: now())) }
            run(theirs.handle(.deadline, at: now()))
        }
        let protection = OpenSSLPacketProtection()
        let agreed = try #require(keys)
        let (protector, unprotector) = (
            try protection.makeProtector(agreed.send), try protection.makeUnprotector(agreed.receive)
        )
        // The engine has its keys when the last flight has reached it, at the latest with the first packet heard.
        var heard = 0
        for index in 0..<100 where heard < 10 {
            var bytes = EngineHarness.packet(voice, index: index) + [UInt8](repeating: 0, count: 16)
            let size = try bytes.withUnsafeMutableBytes { try protector.protectRTP($0, size: 172) }
            a.send(Array(bytes[..<size]), to: ports.a, of: harness.address)
            if let packet = b.receive(within: 200) {
                #expect(Array(packet.bytes[12...]) == voice)
                heard += 1
            }
        }
        #expect(heard == 10)
        b.send(EngineHarness.packet(voice, index: 0), to: ports.b, of: harness.address)
        var packet = try #require(a.receive()).bytes
        let size = try packet.withUnsafeMutableBytes { try unprotector.unprotectRTP($0) }
        #expect(Array(packet[12..<size]) == voice)
        harness.engine.submit(.close(MediaSessionID(1)))
        var last: DatagramKind?
        while let datagram = a.receive(within: 500) { last = datagram.bytes.withUnsafeBytes { DatagramKind($0) } }
        #expect(last == .dtls)
        harness.engine.shutdown()
    }

    @Test func `the engine reports a handshake that failed`() throws {
        let identity = try DTLSIdentity(at: DTLSPair.testTime)
        let harness = try EngineHarness(43, keying: identity)
        let ports = try #require(harness.open(1))
        let a = try #require(UDPPeer(harness.address))
        let phone = try DTLSIdentity(at: DTLSPair.testTime).makeAgreement(
            KeyAgreementParameters(role: .client, peerFingerprints: [identity.fingerprint]),
            at: Instant(nanoseconds: 0))
        harness.engine.submit(
            .configure(
                MediaSessionID(1), .a,
                MediaStreamDescription(
                    remote: a.endpoint, codec: .pcmu, payloadType: 0,
                    // Its own, which the telephone's is not.
                    keyAgreement: KeyAgreementParameters(role: .server, peerFingerprints: [identity.fingerprint]))))
        var effects = phone.handle(.start, at: .origin)
        var hasAlert = false
        for _ in 0..<10 where !hasAlert {
            for case .transmit(let bytes) in effects { a.send(bytes, to: ports.a, of: harness.address) }
            guard let datagram = a.receive(within: 1_000) else { break }
            hasAlert = datagram.bytes.first == 21
            effects = phone.handle(.datagram(datagram.bytes), at: .origin)
        }
        #expect(hasAlert)
        // In the clear, where anyone could have said it: the telephone waits for its limit.
        #expect(effects.isEmpty)
        guard case .failed(.refused(let reason))? = phone.handle(.deadline, at: .origin + .seconds(30)).last else {
            Issue.record("the telephone has not failed")
            return
        }
        #expect(reason.contains("bad certificate"))
        #expect(harness.log.next() == .failed(MediaSessionID(1), .keysNotAgreed(.a, .wrongCertificate)))
        harness.engine.shutdown()
    }
}
