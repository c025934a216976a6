import Media
import MediaEngine
import OpenSSLCrypto
import OpusCodec
import Primitives
import RTP
import Testing

/// Media sessions whose sides are protected by SRTP, each with keys of its own.
@Suite struct ProtectedSessionTests {
    /// A telephone at the other end of a side: plain, or with the keys that were negotiated with it.
    private final class Phone {
        let endpoint: Endpoint
        let codec: AudioCodec
        /// What the appliance sends with, and what it receives.
        var sendKey: SRTPMasterKey?
        var receiveKey: SRTPMasterKey?
        private var protector: (any PacketProtector)?
        private var unprotector: (any PacketUnprotector)?

        init(_ endpoint: String, _ codec: AudioCodec, _ suite: SRTPSuite?, entropy: inout Entropy) throws {
            self.endpoint = try #require(Endpoint(endpoint))
            self.codec = codec
            if let suite { try renewKeys(suite, entropy: &entropy) }
        }

        func renewKeys(_ suite: SRTPSuite, entropy: inout Entropy) throws {
            let (send, receive) = (
                SRTPMasterKey(suite: suite, entropy: &entropy), SRTPMasterKey(suite: suite, entropy: &entropy)
            )
            (sendKey, receiveKey) = (send, receive)
            protector = try OpenSSLPacketProtection().makeProtector(receive)
            unprotector = try OpenSSLPacketProtection().makeUnprotector(send)
        }

        var description: MediaStreamDescription {
            MediaStreamDescription(
                remote: endpoint, codec: codec, payloadType: codec.staticPayloadType ?? 111,
                telephoneEventPayloadType: 101, sendKey: sendKey, receiveKey: receiveKey)
        }

        func seal(_ plain: [UInt8], isRTCP: Bool = false) throws -> [UInt8] {
            guard let protector else { return plain }
            var bytes = plain + [UInt8](repeating: 0, count: 32)
            let size = try bytes.withUnsafeMutableBytes {
                isRTCP
                    ? try protector.protectRTCP($0, size: plain.count) : try protector.protectRTP($0, size: plain.count)
            }
            return Array(bytes[..<size])
        }

        func open(_ bytes: [UInt8], isRTCP: Bool = false) throws -> [UInt8] {
            guard let unprotector else { return bytes }
            var bytes = bytes
            let size = try bytes.withUnsafeMutableBytes {
                isRTCP ? try unprotector.unprotectRTCP($0) : try unprotector.unprotectRTP($0)
            }
            return Array(bytes[..<size])
        }
    }

    private struct Bench {
        var entropy = Entropy(SeededGenerator(seed: 2))
        var session: MediaSession
        let phones: [Phone]
        var now = Instant.origin

        init(_ a: (AudioCodec, SRTPSuite?), _ b: (AudioCodec, SRTPSuite?)) throws {
            session = MediaSession(
                id: MediaSessionID(1), codecs: LibraryCodecs(), protection: OpenSSLPacketProtection(),
                entropy: &entropy, at: now)
            phones = [
                try Phone("192.0.2.1:4000", a.0, a.1, entropy: &entropy),
                try Phone("192.0.2.2:4000", b.0, b.1, entropy: &entropy),
            ]
            try configure()
        }

        mutating func configure() throws {
            for side in MediaSide.allCases {
                try session.configure(side, phones[side.rawValue].description, entropy: &entropy, at: now)
            }
        }

        /// Feeds bytes as they are; what goes out.
        mutating func feed(_ bytes: [UInt8], on side: MediaSide, from source: Endpoint? = nil) -> [[UInt8]] {
            var batch = PacketBatch()
            var bytes = bytes
            let peer = phones[side.rawValue].endpoint
            bytes.withUnsafeMutableBytes {
                session.receiveRTP($0, from: source ?? peer, on: side, at: now, output: &batch)
            }
            now = now + .milliseconds(20)
            return batch.datagrams().map(\.bytes)
        }
    }

    private let voice = [UInt8](repeating: 0x55, count: 160)

    private func packet(_ index: Int, type: UInt8 = 0) -> [UInt8] {
        EngineHarness.packet(voice, type: type, index: index)
    }

    @Test(
        arguments: [
            (nil, SRTPSuite.aesCM128HMACSHA1Tag80), (.aesCM128HMACSHA1Tag32, nil),
            (.aesCM128HMACSHA1Tag80, .aesCM128HMACSHA1Tag80), (.aeadAES128GCM, .aeadAES256GCM),
            (.aesCM128HMACSHA1Tag80, .aeadAES256GCM),
        ] as [(SRTPSuite?, SRTPSuite?)])
    func `each side is protected with its own keys, or not at all`(a: SRTPSuite?, b: SRTPSuite?) throws {
        var bench = try Bench((.pcmu, a), (.pcmu, b))
        for index in 0..<50 {
            for side in MediaSide.allCases {
                let (from, to) = (bench.phones[side.rawValue], bench.phones[side.other.rawValue])
                let out = bench.feed(try from.seal(packet(index)), on: side)
                #expect(out.count == 1)
                let arrived = try to.open(try #require(out.first))
                #expect(Array(arrived[12...]) == voice)
                if to.sendKey != nil { #expect(Array(out[0][12..<172]) != voice) }
            }
        }
        #expect(bench.session.statistics(of: .a).packetsDropped == 0)
        #expect(bench.session.statistics(of: .a).bytesReceived == 50 * 172)
    }

    @Test func `a protected Opus side and a plain G 711 side are transcoded`() throws {
        var bench = try Bench((.opus, .aeadAES128GCM), (.pcmu, nil))
        let encoder = try LibraryCodecs().makeEncoder(.opus, rate: 8_000)
        var detector = ToneDetector()
        var tone = ToneGenerator(frequency: 1_000)
        for index in 0..<60 {
            var payload = [UInt8](repeating: 0, count: 400)
            let size = tone.samples(160).withUnsafeBufferPointer { pcm in
                payload.withUnsafeMutableBytes { encoder.encode(pcm, into: $0) ?? 0 }
            }
            let header = RTPHeader(
                payloadType: 111, sequence: UInt16(index), timestamp: UInt32(index * 960), ssrc: 7)
            var bytes = [UInt8](repeating: 0, count: 12)
            bytes.withUnsafeMutableBytes { try? header.write(into: $0) }
            let out = bench.feed(try bench.phones[0].seal(bytes + payload[..<size]), on: .a)
            #expect(out.count == 1)
            for bytes in out where index > 5 { detector.process(bytes[12...].map(G711.decodeMuLaw)) }
        }
        #expect(abs(try #require(detector.tone).frequency - 1_000) < 10)
    }

    @Test func `plain, forged and replayed packets are dropped, counted, and latch nothing`() throws {
        var bench = try Bench((.pcmu, .aesCM128HMACSHA1Tag80), (.pcmu, nil))
        let stranger = try #require(Endpoint("198.51.100.66:6666"))
        for source in [stranger, bench.phones[0].endpoint] {
            #expect(bench.feed(packet(1), on: .a, from: source).isEmpty)
            #expect(bench.feed(packet(1) + [UInt8](repeating: 0, count: 10), on: .a, from: source).isEmpty)
        }
        let first = try bench.phones[0].seal(packet(2))
        #expect(bench.feed(first, on: .a).count == 1)
        #expect(bench.feed(first, on: .a).isEmpty)
        #expect(bench.session.statistics(of: .a).packetsNotAuthentic == 5)
        #expect(bench.feed(try bench.phones[0].seal(packet(3)), on: .a, from: stranger).isEmpty)
        #expect(bench.session.statistics(of: .a).packetsFromStrangers == 1)
    }

    @Test func `the first source that proves to have the key is latched, wherever it is`() throws {
        var bench = try Bench((.pcmu, .aeadAES128GCM), (.pcmu, nil))
        let translated = try #require(Endpoint("203.0.113.9:31000"))
        #expect(bench.feed(try bench.phones[0].seal(packet(1)), on: .a, from: translated).count == 1)
        #expect(bench.feed(try bench.phones[0].seal(packet(2)), on: .a).isEmpty)
        var batch = PacketBatch()
        packet(1).withUnsafeBytes {
            bench.session.receiveRTP($0, from: bench.phones[1].endpoint, on: .b, at: bench.now, output: &batch)
        }
        #expect(batch.datagrams().first?.entry.destination == translated)
    }

    @Test func `new keys take over at once, old ones are worth nothing then`() throws {
        var bench = try Bench((.pcmu, .aesCM128HMACSHA1Tag80), (.pcmu, .aeadAES256GCM))
        #expect(bench.feed(try bench.phones[0].seal(packet(1)), on: .a).count == 1)
        let old = try bench.phones[0].seal(packet(2))
        try bench.phones[0].renewKeys(.aeadAES128GCM, entropy: &bench.entropy)
        try bench.configure()
        #expect(bench.feed(old, on: .a).isEmpty)
        let out = bench.feed(try bench.phones[0].seal(packet(2)), on: .a)
        #expect(Array(try bench.phones[1].open(try #require(out.first))[12...]) == voice)
        let back = bench.feed(try bench.phones[1].seal(packet(1)), on: .b)
        #expect(Array(try bench.phones[0].open(try #require(back.first))[12...]) == voice)
    }

    @Test func `the same keys again keep the counters: what was seen stays seen`() throws {
        var bench = try Bench((.pcmu, .aeadAES128GCM), (.pcmu, .aeadAES128GCM))
        let first = try bench.phones[0].seal(packet(1))
        let sent = bench.feed(first, on: .a)
        try bench.configure()
        #expect(bench.feed(first, on: .a).isEmpty)
        let next = bench.feed(try bench.phones[0].seal(packet(2)), on: .a)
        let numbers = [try #require(sent.first), try #require(next.first)].map { UInt16($0[2]) << 8 | UInt16($0[3]) }
        #expect(numbers[1] == numbers[0] + 1)
    }

    @Test func `from protected to plain and back in mid-call`() throws {
        var bench = try Bench((.pcmu, .aeadAES128GCM), (.pcmu, nil))
        let (sendKey, receiveKey) = (bench.phones[0].sendKey, bench.phones[0].receiveKey)
        (bench.phones[0].sendKey, bench.phones[0].receiveKey) = (nil, nil)
        try bench.configure()
        #expect(bench.feed(packet(1), on: .a).count == 1)
        (bench.phones[0].sendKey, bench.phones[0].receiveKey) = (sendKey, receiveKey)
        try bench.configure()
        #expect(bench.feed(packet(2), on: .a).isEmpty)
        #expect(bench.feed(try bench.phones[0].seal(packet(2)), on: .a).count == 1)
    }

    /// RTP of side a with SSRC and number, its reports with SSRC and SRTCP index.
    private func indices(_ bytes: [UInt8], isRTCP: Bool) -> [UInt8] {
        // AEAD: the index ends the packet (RFC 7714 section 9).
        isRTCP ? Array(bytes[4..<8] + bytes.suffix(4)) : Array(bytes[8..<12] + bytes[2..<4])
    }

    @Test(arguments: [nil, SRTPSuite.aesCM128HMACSHA1Tag80])
    func `keys that come back never protect the same index twice`(between: SRTPSuite?) throws {
        var bench = try Bench((.pcmu, .aeadAES128GCM), (.pcmu, nil))
        let keys = (bench.phones[0].sendKey, bench.phones[0].receiveKey)
        var packets: [[UInt8]] = []
        var reports: [[UInt8]] = []
        for round in 0..<3 {
            if round > 0 {
                let other = between.map { SRTPMasterKey(suite: $0, entropy: &bench.entropy) }
                (bench.phones[0].sendKey, bench.phones[0].receiveKey) = (other, other)
                try bench.configure()
                _ = bench.feed(packet(round * 10 - 1), on: .b)
                (bench.phones[0].sendKey, bench.phones[0].receiveKey) = keys
                try bench.configure()
            }
            for index in 0..<3 {
                let out = bench.feed(packet(round * 10 + index), on: .b)
                #expect(out.count == 1)
                packets += out.map { indices($0, isRTCP: false) }
            }
            var batch = PacketBatch()
            bench.now = bench.now + .seconds(6)
            _ = bench.session.handleDeadline(at: bench.now, output: &batch)
            for (entry, bytes) in batch.datagrams() where entry.side == .a {
                reports.append(indices(bytes, isRTCP: true))
            }
        }
        #expect(reports.count == 3)
        #expect(Set(packets).count == packets.count && Set(reports).count == reports.count)
        // A number may turn over before the keys come back, so that another one alone does not do.
        #expect(Set(packets.map { Array($0[..<4]) }).count == 3)
    }

    @Test func `reports are protected both ways`() throws {
        var bench = try Bench((.pcmu, .aesCM128HMACSHA1Tag32), (.pcmu, .aeadAES128GCM))
        for index in 0..<200 { _ = bench.feed(try bench.phones[0].seal(packet(index)), on: .a) }
        var batch = PacketBatch()
        _ = bench.session.handleDeadline(at: bench.now, output: &batch)
        let reports = batch.datagrams()
        #expect(reports.count == 2)
        for (entry, bytes) in reports {
            let plain = try bench.phones[entry.side.rawValue].open(bytes, isRTCP: true)
            try plain.withUnsafeBytes { datagram in
                var reader = try RTCPReader(datagram)
                #expect(reader.next() != nil)
            }
        }
        // A report of the peer's, and the same once more.
        var peer = RTCPSession(entropy: &bench.entropy)
        var reception = ReceptionStatistics(clockRate: 8_000)
        var plain = [UInt8](repeating: 0, count: 200)
        let size = try plain.withUnsafeMutableBytes {
            try peer.write(into: $0, ssrc: 9, sender: nil, reception: &reception, at: bench.now)
        }
        let sealed = try bench.phones[0].seal(Array(plain[..<size]), isRTCP: true)
        for _ in 0..<2 {
            sealed.withUnsafeBytes {
                bench.session.receiveRTCP($0, from: Endpoint("192.0.2.1:4001")!, on: .a, at: bench.now)
            }
        }
        #expect(bench.session.statistics(of: .a).packetsNotAuthentic == 1)
    }

    @Test func `without cryptography a description with keys is refused and changes nothing`() throws {
        var entropy = Entropy(SeededGenerator(seed: 2))
        var session = MediaSession(id: MediaSessionID(1), codecs: LibraryCodecs(), entropy: &entropy, at: .origin)
        let phone = try Phone("192.0.2.1:4000", .pcmu, .aeadAES128GCM, entropy: &entropy)
        #expect(throws: MediaFailure.protectionUnavailable(.aeadAES128GCM)) {
            try session.configure(.a, phone.description, entropy: &entropy, at: .origin)
        }
    }

    @Test func `the engine decrypts and encrypts between real sockets`() throws {
        let harness = try EngineHarness(40)
        let ports = try #require(harness.open(1))
        let a = try #require(UDPPeer(harness.address))
        let b = try #require(UDPPeer(harness.address))
        var entropy = Entropy(SeededGenerator(seed: 4))
        let phone = try Phone("\(a.endpoint)", .pcmu, .aeadAES256GCM, entropy: &entropy)
        harness.engine.submit(.configure(MediaSessionID(1), .a, phone.description))
        harness.configure(1, .b, .pcmu, b)
        harness.engine.submit(.open(MediaSessionID(1)))
        _ = harness.log.next()
        for index in 0..<20 {
            a.send(try phone.seal(packet(index)), to: ports.a, of: harness.address)
            #expect(Array(try #require(b.receive()).bytes[12...]) == voice)
            b.send(packet(index), to: ports.b, of: harness.address)
            #expect(Array(try phone.open(try #require(a.receive()).bytes)[12...]) == voice)
        }
        a.send(packet(20), to: ports.a, of: harness.address)
        harness.engine.submit(.close(MediaSessionID(1)))
        guard case .closed(_, let side, _) = harness.log.next() else {
            Issue.record("not closed")
            return
        }
        #expect(side.packetsReceived == 20)
        harness.engine.shutdown()
    }
}
