import Media
import RTP
import Testing

@Suite struct TelephoneEventReaderTests {
    /// A packet: key, timestamp, duration, end, marker.
    private typealias Packet = (event: UInt8, timestamp: UInt32, duration: UInt16, isEnd: Bool, marker: Bool)

    private func header(_ sequence: Int, _ packet: Packet) -> RTPHeader {
        RTPHeader(
            marker: packet.marker, payloadType: 97, sequence: UInt16(truncatingIfNeeded: sequence),
            timestamp: packet.timestamp, ssrc: 0x5234_A8)
    }

    private func read(_ packets: [(sequence: Int, packet: Packet)], clockRate: Int = 8_000) -> [String] {
        var reader = TelephoneEventReader(clockRate: clockRate)
        var told: [String] = []
        for (sequence, packet) in packets {
            let event = TelephoneEvent(event: packet.event, isEnd: packet.isEnd, duration: packet.duration)
            let reading = reader.read(event, header(sequence, packet))
            guard let digit = reading.digit else { continue }
            if reading.isNew { told.append("+\(digit.character)") }
            if reading.hasEnded { told.append("-\(digit.character) \(reading.ticks)") }
        }
        return told
    }

    private func numbered(_ packets: [Packet], from first: Int = 1) -> [(sequence: Int, packet: Packet)] {
        packets.enumerated().map { (first + $0.offset, $0.element) }
    }

    /// A key as it is sent: an update each 50 ms, the end three times.
    private func key(_ event: UInt8, at timestamp: UInt32, ticks: Int) -> [Packet] {
        var packets: [Packet] = []
        var duration = 400
        while duration < ticks {
            packets.append((event, timestamp, UInt16(duration), false, packets.isEmpty))
            duration += 400
        }
        for _ in 0..<3 { packets.append((event, timestamp, UInt16(ticks), true, packets.isEmpty)) }
        return packets
    }

    /// RFC 4733 section 5: "911", of 200, 250 and 220 ms, at 0, 880 and 1400 ms.
    private var dialled: [(sequence: Int, packet: Packet)] {
        let keys: [(event: UInt8, timestamp: UInt32, ticks: Int)] = [
            (9, 0, 1_600), (1, 7_040, 2_000), (1, 11_200, 1_760),
        ]
        return numbered(keys.flatMap { key($0.event, at: $0.timestamp, ticks: $0.ticks) })
    }
    private let said = ["+9", "-9 1600", "+1", "-1 2000", "+1", "-1 1760"]

    @Test func `the example of the RFC is dialled`() { #expect(read(dialled) == said) }

    @Test(arguments: 1...20) func `the loss of any packet changes nothing`(lost: Int) {
        #expect(dialled.count == 20)
        let heard = read(dialled.filter { $0.sequence != lost })
        #expect(heard == said)
    }

    @Test func `every key is heard once when all but its first, or all but its last packet is lost`() {
        let keys = [1, 7, 14]
        #expect(read(dialled.filter { keys.contains($0.sequence) }).filter { $0.hasPrefix("+") } == ["+9", "+1", "+1"])
        #expect(read(dialled.filter { [6, 13, 20].contains($0.sequence) }) == said)
    }

    @Test func `packets that come twice or in another order are no further keys`() {
        #expect(read(dialled.flatMap { [$0, $0] }) == said)
        var swapped = dialled
        for index in stride(from: 0, to: 20, by: 2) { swapped.swapAt(index, index + 1) }
        #expect(read(swapped) == said)
        // The last ends of a key arrive behind the next key's first packet.
        var late = dialled
        late.insert(late.remove(at: 5), at: 8)
        #expect(read(late) == said)
    }

    @Test func `a key of more than 65535 ticks is one key, in segments`() {
        var packets: [Packet] = (1...163).map { (4, 100, UInt16($0 * 400), false, $0 == 1) }
        packets.append((4, 100, 65_535, false, false))
        for duration in [400, 800] { packets.append((4, 100 + 65_535, UInt16(duration), false, false)) }
        for _ in 0..<3 { packets.append((4, 100 + 65_535, 1_200, true, false)) }
        #expect(read(numbered(packets)) == ["+4", "-4 \(65_535 + 1_200)"])
    }

    @Test func `the same key pressed again is another key`() {
        #expect(
            read(numbered(key(5, at: 0, ticks: 800) + key(5, at: 1_600, ticks: 800))) == [
                "+5", "-5 800", "+5", "-5 800",
            ])
        // Although all ends of the first are lost.
        let first: [Packet] = Array(key(5, at: 0, ticks: 800).dropLast(3))
        #expect(read(numbered(first + key(5, at: 1_600, ticks: 800))) == ["+5", "+5", "-5 800"])
    }

    @Test func `timestamps that move on within a key, or stand still between keys, are understood`() {
        let moving: [Packet] = [
            (3, 0, 160, false, true), (3, 160, 320, false, false), (3, 320, 480, true, false),
            (3, 480, 480, true, false),
        ]
        #expect(read(numbered(moving)) == ["+3", "-3 480"])
        let still = key(3, at: 0, ticks: 800) + key(3, at: 0, ticks: 1_200)
        #expect(read(numbered(still)) == ["+3", "-3 800", "+3", "-3 1200"])
    }

    @Test func `events that are no keys are read and are none`() {
        var reader = TelephoneEventReader()
        let packet: Packet = (66, 0, 160, false, true)
        let reading = reader.read(TelephoneEvent(event: 66, isEnd: false, duration: 160), header(1, packet))
        #expect(reading.digit == nil)
        #expect(reading.isNew)
        #expect(reader.isPressed)
        reader.giveUp()
        #expect(!reader.isPressed)
    }

    @Test func `a sender that counts anew is followed`() {
        var reader = TelephoneEventReader()
        let event = TelephoneEvent(event: 1, isEnd: true, duration: 800)
        #expect(reader.read(event, header(60_000, (1, 90_000, 0, true, true))).isNew)
        #expect(reader.read(event, header(5, (1, 7, 0, true, true))).isNew)
        reader.reset()
        #expect(reader.read(event, header(5, (1, 7, 0, true, true))).isNew)
    }
}
