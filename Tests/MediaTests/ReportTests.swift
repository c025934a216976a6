import Media
import Primitives
import RTP
import Testing

@Suite struct ReportTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)

    private func talk(_ harness: inout SessionHarness, seconds: Int, skipping: (Int) -> Bool = { _ in false }) {
        for index in 0..<seconds * 50 {
            harness.advance(20)
            if skipping(index) { continue }
            _ = harness.receive(voice, sequence: index, timestamp: index * 160)
        }
    }

    @Test func `reports go out every five seconds with sender and receiver parts`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        let start = harness.now
        #expect(harness.session.nextDeadline == start + .milliseconds(2_500))
        talk(&harness, seconds: 3) { $0 % 10 == 5 }
        let (silent, reports) = harness.deadline()
        #expect(silent.isEmpty)
        #expect(reports.map(\.side) == [.a, .b])
        #expect(reports.map(\.to) == [Endpoint("192.0.2.1:4001")!, Endpoint("192.0.2.2:5001")!])
        // Nothing has come from b: that is looked at before the next reports.
        #expect(harness.session.nextDeadline == start + .seconds(5))
        harness.advance(2_000)
        #expect(harness.deadline().reports.isEmpty)

        try reports[0].bytes.withUnsafeBytes { datagram in
            var reader = try RTCPReader(datagram)
            guard case .receiverReport(_, let blocks) = reader.next() else {
                Issue.record("a was sent nothing: RR")
                return
            }
            #expect(blocks.count == 1)
            #expect(blocks[0].ssrc == 7)
            #expect(blocks[0].cumulativeLost == 15)
            #expect(blocks[0].fractionLost == 25)
            guard case .sourceDescription(let description) = reader.next() else {
                Issue.record("no CNAME")
                return
            }
            #expect(description.cname()?.count == 24)
        }
        try reports[1].bytes.withUnsafeBytes { datagram in
            var reader = try RTCPReader(datagram)
            guard case .senderReport(_, let info, let blocks) = reader.next() else {
                Issue.record("no SR for b")
                return
            }
            #expect(info.packets == 135)
            #expect(info.octets == 135 * 160)
            #expect(blocks.count == 0)
        }
    }

    @Test func `a peer's report gives the round trip, a stranger's is dropped`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        talk(&harness, seconds: 3)
        let due = harness.deadline()
        let sent = try #require(due.reports.last)
        // Peer b received it, and answers 40 ms after it was sent.
        var entropy = Entropy(SeededGenerator(seed: 4))
        var peer = RTCPSession(entropy: &entropy)
        var reception = ReceptionStatistics(clockRate: 8_000)
        let ssrc = try sent.bytes.withUnsafeBytes { datagram -> UInt32 in
            try peer.receive(datagram, localSSRC: 1, at: harness.now + .milliseconds(20))
            return datagram.bigEndian32(at: 4)
        }
        _ = reception.receive(RTPHeader(payloadType: 0, sequence: 1, timestamp: 1, ssrc: ssrc), at: harness.now)
        var answer = [UInt8](repeating: 0, count: 200)
        let size = try answer.withUnsafeMutableBytes {
            try peer.write(into: $0, ssrc: 2, sender: nil, reception: &reception, at: harness.now + .milliseconds(20))
        }
        harness.advance(40)
        answer[..<size].withUnsafeBytes {
            harness.session.receiveRTCP($0, from: Endpoint("198.51.100.66:5001")!, on: .b, at: harness.now)
        }
        #expect(harness.session.statistics(of: .b).roundTripMilliseconds == nil)
        #expect(harness.session.statistics(of: .b).packetsDropped == 1)
        answer[..<size].withUnsafeBytes {
            harness.session.receiveRTCP($0, from: Endpoint("192.0.2.2:5009")!, on: .b, at: harness.now)
        }
        let roundTrip = try #require(harness.session.statistics(of: .b).roundTripMilliseconds)
        #expect(abs(roundTrip - 40) < 0.1)
        // Reports now go where the peer's came from.
        harness.advance(5_000)
        #expect(harness.deadline().reports.contains { $0.to == Endpoint("192.0.2.2:5009")! })
        // Another port of the host is nobody's, unless it is the one that was agreed on.
        for (port, dropped) in [("192.0.2.2:5010", 2), ("192.0.2.2:5001", 2)] {
            answer[..<size].withUnsafeBytes {
                harness.session.receiveRTCP($0, from: Endpoint(port)!, on: .b, at: harness.now)
            }
            #expect(harness.session.statistics(of: .b).packetsDropped == UInt64(dropped))
        }
        harness.advance(5_000)
        #expect(harness.deadline().reports.contains { $0.to == Endpoint("192.0.2.2:5001")! })
    }

    @Test func `reports follow the media to another host`() throws {
        var harness = SessionHarness()
        let home = try #require(Endpoint("192.0.2.1:4001"))
        let away = try #require(Endpoint("198.51.100.7:4001"))
        try harness.configure(.a, .pcmu, signalling: away.address)
        try harness.configure(.b, .pcmu)
        let empty: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 9]
        func report(from source: Endpoint) {
            empty.withUnsafeBytes { harness.session.receiveRTCP($0, from: source, on: .a, at: harness.now) }
        }
        talk(&harness, seconds: 1)
        report(from: home)
        #expect(harness.session.statistics(of: .a).packetsDropped == 0)
        // The telephone is carried out of the house: its media come by another address translator.
        harness.advance(11_000)
        for index in 0..<10 {
            harness.advance(20)
            _ = harness.receive(voice, sequence: 700 + index, timestamp: index * 160, from: away)
        }
        let dropped = harness.session.statistics(of: .a).packetsDropped
        report(from: home)
        #expect(harness.session.statistics(of: .a).packetsDropped == dropped + 1, "nobody is there any more")
        #expect(!harness.deadline().reports.contains { $0.to == home })
        report(from: away)
        #expect(harness.session.statistics(of: .a).packetsDropped == dropped + 1)
        harness.advance(5_000)
        #expect(harness.deadline().reports.contains { $0.to == away })
    }

    @Test func `silence is told once, and again after speech`() throws {
        var limits = Limits()
        limits.mediaSilence = .seconds(10)
        var harness = SessionHarness(limits: limits)
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu, receives: false)
        harness.advance(9_999)
        #expect(harness.deadline().silent.isEmpty)
        harness.advance(1)
        #expect(harness.deadline().silent == [.a])
        harness.advance(20_000)
        #expect(harness.deadline().silent.isEmpty)
        _ = harness.receive(voice, sequence: 1, timestamp: 0)
        harness.advance(10_000)
        #expect(harness.deadline().silent == [.a])
    }

    @Test func `statistics say what was received, sent, lost and dropped`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        talk(&harness, seconds: 2) { $0 % 20 == 10 }
        _ = harness.receive([1, 2, 3])
        let a = harness.session.statistics(of: .a)
        #expect(a.packetsReceived == 95)
        #expect(a.bytesReceived == 95 * 172)
        #expect(a.packetsLost == 5)
        #expect(a.packetsDropped == 1)
        #expect(a.jitterMilliseconds == 0)
        #expect(a.packetsSent == 0)
        let b = harness.session.statistics(of: .b)
        #expect(b.packetsSent == 95)
        #expect(b.bytesSent == 95 * 172)
        #expect(b.packetsReceived == 0)
    }

    @Test func `closing says goodbye to both peers`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu)
        talk(&harness, seconds: 1)
        var batch = PacketBatch()
        harness.session.close(at: harness.now, output: &batch)
        #expect(batch.count == 2)
        for (_, bytes) in batch.datagrams() {
            try bytes.withUnsafeBytes { datagram in
                var reader = try RTCPReader(datagram)
                var types: [String] = []
                while let packet = reader.next() {
                    switch packet {
                    case .extendedReport: break
                    case .goodbye: types.append("BYE")
                    case .senderReport, .receiverReport: types.append("report")
                    default: types.append("other")
                    }
                }
                #expect(types == ["report", "other", "BYE"])
            }
        }
    }

    @Test func `a full batch refuses and counts`() {
        var batch = PacketBatch(capacity: 2, packetBytes: 16)
        for _ in 0..<3 where batch.reserve() != nil { batch.commit(size: 1, side: .a, to: SessionHarness.peer(.a)) }
        #expect(batch.count == 2)
        #expect(batch.overflowCount == 1)
        batch.removeAll()
        #expect(batch.reserve() != nil)
    }
}
