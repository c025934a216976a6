import Media
import Primitives
import RTP
import Testing

/// Shared ports, colliding sources, and what a relay leaves out of a packet.
@Suite struct SourceConflictTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    private func relaying(multiplexed: Bool = false) throws -> SessionHarness {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu, isRTCPMultiplexed: multiplexed)
        try harness.configure(.b, .pcmu)
        return harness
    }

    private func kinds(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBytes { datagram in
            guard var reader = try? RTCPReader(datagram) else { return ["?"] }
            var kinds: [String] = []
            while let packet = reader.next() {
                switch packet {
                case .senderReport(let ssrc, _, _): kinds.append("SR \(ssrc)")
                case .receiverReport(let ssrc, _): kinds.append("RR \(ssrc)")
                case .goodbye(let sources): kinds.append("BYE \(sources[0])")
                case .sourceDescription: kinds.append("SDES")
                case .extendedReport: kinds.append("XR")
                case .other: kinds.append("other")
                }
            }
            return kinds
        }
    }

    @Test func `a peer that sends with our SSRC makes us take another, with BYE for the old`() throws {
        var harness = try relaying()
        let ours = try #require(harness.receive(voice, sequence: 1, timestamp: 0).first?.header.ssrc)
        // By chance, peer b has the SSRC that it is sent with.
        #expect(harness.receive(voice, sequence: 1, timestamp: 0, ssrc: ours, on: .b).count == 1)
        let next = try #require(harness.receive(voice, sequence: 2, timestamp: 160).first?.header)
        #expect(next.ssrc != ours && next.marker)
        let reports = harness.deadline().reports.filter { $0.side == .b }
        #expect(kinds(try #require(reports.first).bytes) == ["RR \(ours)", "SDES", "BYE \(ours)"])
        #expect(kinds(try #require(reports.last).bytes).first == "SR \(next.ssrc)")
        // b goes on with its SSRC, and is heard.
        #expect(harness.receive(voice, sequence: 2, timestamp: 160, ssrc: ours, on: .b).count == 1)
        #expect(harness.session.statistics(of: .b).packetsLooped == 0)
    }

    @Test func `a peer that sends our packets back is not heard`() throws {
        var harness = try relaying()
        var heard = 0
        for sequence in 0..<20 {
            harness.advance(20)
            for packet in harness.receive(voice, sequence: sequence, timestamp: sequence * 160) {
                let mirrored = SessionHarness.datagram(
                    packet.payload, sequence: Int(packet.header.sequence), timestamp: Int(packet.header.timestamp),
                    ssrc: packet.header.ssrc)
                heard += harness.receive(mirrored, on: .b).count
            }
        }
        #expect(heard == 1)
        let statistics = harness.session.statistics(of: .b)
        #expect(statistics.packetsLooped == 19 && statistics.packetsDropped == 19)
        #expect(statistics.packetsSent == 20)
    }

    @Test func `reports from our own source are a collision, then a loop`() throws {
        var harness = try relaying()
        _ = harness.receive(voice, sequence: 1, timestamp: 0)
        harness.advance(3_000)
        for expected in [UInt64(0), 1] {
            let sent = try #require(harness.deadline().reports.last { $0.side == .b })
            sent.bytes.withUnsafeBytes {
                harness.session.receiveRTCP($0, from: Endpoint("192.0.2.2:5001")!, on: .b, at: harness.now)
            }
            #expect(harness.session.statistics(of: .b).packetsLooped == expected)
            _ = harness.receive(voice, sequence: 2 + Int(expected), timestamp: 160)
            harness.advance(5_000)
        }
    }

    @Test func `a stranger cannot take our SSRC from us`() throws {
        var harness = try relaying()
        let ours = try #require(harness.receive(voice, sequence: 1, timestamp: 0).first?.header.ssrc)
        _ = harness.receive(voice, sequence: 1, timestamp: 0, on: .b)
        for sequence in 0..<10 {
            _ = harness.receive(
                voice, sequence: sequence, timestamp: 0, ssrc: ours, on: .b, from: Endpoint("198.51.100.9:9")!)
        }
        #expect(harness.receive(voice, sequence: 2, timestamp: 160).first?.header.ssrc == ours)
    }

    @Test func `on a shared port reports come and go by the RTP port`() throws {
        var harness = try relaying(multiplexed: true)
        _ = harness.receive(voice, sequence: 1, timestamp: 0)
        harness.advance(3_000)
        var batch = PacketBatch()
        _ = harness.session.handleDeadline(at: harness.now, output: &batch)
        let sent = try #require(batch.datagrams().first { $0.entry.side == .a })
        #expect(!sent.entry.isRTCP && sent.entry.destination == SessionHarness.peer(.a))
        // The peer's report, with a marker's worth of likeness to RTP.
        var entropy = Entropy(SeededGenerator(seed: 4))
        var peer = RTCPSession(entropy: &entropy)
        var reception = ReceptionStatistics(clockRate: 8_000)
        let ssrc = sent.bytes.withUnsafeBytes { $0.bigEndian32(at: 4) }
        _ = reception.receive(RTPHeader(payloadType: 0, sequence: 1, timestamp: 1, ssrc: ssrc), at: harness.now)
        _ = sent.bytes.withUnsafeBytes { try? peer.receive($0, localSSRC: 1, at: harness.now) }
        var report = [UInt8](repeating: 0, count: 200)
        let size = try report.withUnsafeMutableBytes {
            try peer.write(into: $0, ssrc: 2, sender: nil, reception: &reception, at: harness.now)
        }
        harness.advance(40)
        #expect(harness.receive(Array(report[..<size])).isEmpty)
        let statistics = harness.session.statistics(of: .a)
        #expect(statistics.packetsDropped == 0 && statistics.packetsReceived == 1)
    }

    @Test func `on ports of their own a report at the RTP port is dropped`() throws {
        var harness = try relaying()
        #expect(harness.receive([0x80, 201, 0, 1, 0, 0, 0, 1]).isEmpty)
        #expect(harness.session.statistics(of: .a).packetsDropped == 1)
    }

    @Test func `extension, contributing sources and padding end at the relay`() throws {
        var harness = try relaying()
        var datagram = SessionHarness.datagram([], sequence: 1, timestamp: 0)
        datagram[0] |= 0x30 | 2
        datagram += [0, 0, 0, 1, 0, 0, 0, 2]  // CSRCs
        datagram += [0xBE, 0xDE, 0, 1, 0x10, 0xAA, 0, 0]  // an extension of RFC 8285
        datagram += voice + [0, 0, 0, 4]
        let out = harness.receive(datagram)
        #expect(out.first?.payload == voice)
        #expect(out.first?.header.payloadOffset == RTPHeader.sizeBytes)
    }
}
