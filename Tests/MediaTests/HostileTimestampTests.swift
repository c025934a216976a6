import Media
import Primitives
import RTP
import Testing

/// Timestamps that no telephone sends: the whole circle of 32 bits, in steps small and large.
@Suite struct HostileTimestampTests {
    private func insert(_ buffer: inout PlayoutBuffer, _ sequence: UInt16, timestamp: UInt32, at now: Instant) {
        _ = [UInt8(0)].withUnsafeBytes {
            buffer.insert(sequence: sequence, timestamp: timestamp, payload: $0, at: now)
        }
    }

    @Test(arguments: [8_000, 48_000])
    func `a second packet half the circle of timestamps away is played or dropped`(rate: Int) {
        let begun = Instant.origin + .seconds(1)
        for offset in stride(from: -4_000, through: 4_000, by: 50) {
            var buffer = PlayoutBuffer(clockRate: rate)
            insert(&buffer, 0, timestamp: 1_000, at: begun)
            insert(&buffer, 1, timestamp: 1_000 &+ UInt32(truncatingIfNeeded: Int(Int32.max) + offset), at: begun)
            for turn in 0..<30 {
                var isFrame = false
                buffer.take(at: begun + .milliseconds(20 * turn)) { frame in
                    if case .payload = frame { isFrame = true }
                }
                if isFrame { buffer.advance(ticks: rate / 50) }
                #expect(buffer.surplus < .seconds(300_000) && buffer.depth < .seconds(600_000))
            }
        }
    }

    @Test(arguments: [1, -1])
    func `timestamps that drift by nearly two seconds a packet go once around`(direction: Int) {
        var buffer = PlayoutBuffer(clockRate: 48_000)
        var now = Instant.origin + .seconds(1)
        var timestamp: UInt32 = 0
        for sequence in 0..<50_000 {
            insert(&buffer, UInt16(truncatingIfNeeded: sequence), timestamp: timestamp, at: now)
            buffer.take(at: now) { _ in }
            timestamp &+= UInt32(truncatingIfNeeded: 960 + direction * 95_900)
            now = now + .milliseconds(20)
        }
        #expect(buffer.count <= 64)
    }

    @Test func `an endpoint outlives any order of timestamps and numbers`() throws {
        var random = SeededGenerator(seed: 7)
        var receiver = RTPReceiver(
            codec: .pcmu, payloadType: 0, telephoneEventPayloadType: 101,
            decoder: try BuiltInCodecs().makeDecoder(.pcmu, rate: 8_000))
        var header = RTPHeader(payloadType: 0, sequence: 0, timestamp: 0, ssrc: 1)
        var now = Instant.origin + .seconds(1)
        var datagram = [UInt8](repeating: 0xFF, count: 172)
        for _ in 0..<20_000 {
            let draw = random.next()
            header.payloadType = [0, 0, 0, 0, 13, 101][Int(draw >> 8 & 0xFF) % 6]
            header.sequence &+= [1, 1, 1, 2, 60, 2_900, 0xFFFF][Int(draw & 0xFF) % 7]
            switch draw >> 16 & 7 {
            case 0: header.timestamp &+= 0x8000_0000
            case 1: header.timestamp &+= 0x7FFF_FFFF &- UInt32(truncatingIfNeeded: draw >> 32 & 0xFFF)
            case 2: header.timestamp &-= 15_900
            case 3: header.timestamp = UInt32(truncatingIfNeeded: draw >> 32)
            default: header.timestamp &+= 160
            }
            datagram.withUnsafeMutableBytes { try? header.write(into: $0) }
            _ = receiver.receive(datagram, at: now)
            now = now + .milliseconds(Int64(draw >> 24 & 31))
            _ = receiver.read(160, at: now)
            _ = receiver.makeReport()
        }
        #expect(receiver.reception.cumulativeReceived > 0)
    }
}
