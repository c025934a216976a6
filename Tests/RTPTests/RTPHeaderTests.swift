import Primitives
import RTP
import Testing

@discardableResult
func withBytes<Result>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes { try body($0) }
}

@Suite struct RTPHeaderTests {
    /// Padding (3), extension (one word), two contributing sources, marker, 4 bytes of payload.
    static let elaborate: [UInt8] = [
        0xB2, 0x80 | 111, 0x12, 0x34, 0, 0, 0x03, 0xC0, 0xDE, 0xAD, 0xBE, 0xEF,
        0, 0, 0, 1, 0, 0, 0, 2,
        0xBE, 0xDE, 0, 1, 9, 9, 9, 9,
        1, 2, 3, 4, 0, 0, 3,
    ]

    @Test func `a header written is the header read`() throws {
        let header = RTPHeader(
            marker: true, payloadType: 96, sequence: 65_535, timestamp: 0xFFFF_FFFF, ssrc: 0x8000_0001)
        var bytes = [UInt8](repeating: 0xAA, count: 12)
        try bytes.withUnsafeMutableBytes { try header.write(into: $0) }
        let read = try withBytes(bytes) { try RTPHeader(parsing: $0) }
        #expect(read == header)
        #expect(bytes == [0x80, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 1])
    }

    @Test func `contributing sources, extension and padding are stepped over`() throws {
        try withBytes(Self.elaborate) { datagram in
            let header = try RTPHeader(parsing: datagram)
            #expect(header.marker)
            #expect(header.payloadType == 111)
            #expect(header.sequence == 0x1234)
            #expect(header.timestamp == 960)
            #expect(header.ssrc == 0xDEAD_BEEF)
            #expect(Array(header.payload(of: datagram)) == [1, 2, 3, 4])
        }
    }

    @Test(arguments: [
        ([UInt8](), RTPError.tooShort(bytes: 0, needed: 12)),
        ([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], .tooShort(bytes: 11, needed: 12)),
        ([0x40, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], .wrongVersion(1)),
        ([0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], .tooShort(bytes: 12, needed: 16)),
        ([0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xBE, 0xDE], .tooShort(bytes: 14, needed: 16)),
        ([0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xBE, 0xDE, 0xFF, 0xFF], .tooShort(bytes: 16, needed: 262_156)),
        ([0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], .badPadding(bytes: 1)),
        ([0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0], .badPadding(bytes: 0)),
        ([0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 7, 3], .badPadding(bytes: 3)),
    ])
    func `what is not RTP is refused with its reason`(bytes: [UInt8], error: RTPError) {
        #expect(throws: error) { try withBytes(bytes) { try RTPHeader(parsing: $0) } }
        #expect(!error.description.isEmpty)
    }

    @Test func `no mutation of a packet traps the parsers`() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var bytes = Self.elaborate
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
            withBytes(bytes) { datagram in
                guard let header = try? RTPHeader(parsing: datagram) else { return }
                #expect(header.payloadOffset + header.payloadSize <= bytes.count)
                _ = try? TelephoneEvent(parsing: header.payload(of: datagram))
            }
        }
    }

    @Test func `a header finds no room in eleven bytes`() {
        let header = RTPHeader(payloadType: 0, sequence: 0, timestamp: 0, ssrc: 0)
        var bytes = [UInt8](repeating: 0, count: 11)
        #expect(throws: RTPError.noRoom(bytes: 11, needed: 12)) {
            try bytes.withUnsafeMutableBytes { try header.write(into: $0) }
        }
    }
}

@Suite struct TelephoneEventTests {
    @Test func `an event written is the event read`() throws {
        let event = TelephoneEvent(event: 11, isEnd: true, volume: 63, duration: 65_535)
        var bytes = [UInt8](repeating: 0, count: 4)
        try bytes.withUnsafeMutableBytes { try event.write(into: $0) }
        #expect(bytes == [11, 0xBF, 0xFF, 0xFF])
        #expect(try withBytes(bytes) { try TelephoneEvent(parsing: $0) } == event)
    }

    @Test func `every key has an event and comes back`() {
        for digit in "0123456789*#ABCD" {
            let event = TelephoneEvent.event(of: digit)
            #expect(event.map { TelephoneEvent(event: $0, isEnd: false, duration: 0).digit } == digit)
        }
        #expect(TelephoneEvent.event(of: "x") == nil)
        #expect(TelephoneEvent(event: 16, isEnd: false, duration: 0).digit == nil)
    }

    @Test func `three bytes are no event`() {
        #expect(throws: RTPError.tooShort(bytes: 3, needed: 4)) {
            try withBytes([1, 2, 3]) { try TelephoneEvent(parsing: $0) }
        }
    }
}
