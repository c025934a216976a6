/// The payload of a telephone-event packet: a DTMF digit or another event (RFC 4733 section 2.3).
package struct TelephoneEvent: Hashable, Sendable {
    package static let sizeBytes = 4

    /// 0...9 the digits, 10 `*`, 11 `#`, 12...15 A...D (RFC 4733 section 3.2).
    package var event: UInt8
    /// True in the last packet (and its two repetitions).
    package var isEnd: Bool
    /// Power in -dBm0, 0...63.
    package var volume: UInt8
    /// Since the packet's timestamp, in ticks of its clock.
    package var duration: UInt16

    package init(event: UInt8, isEnd: Bool, volume: UInt8 = 10, duration: UInt16) {
        self.event = event
        self.isEnd = isEnd
        self.volume = volume
        self.duration = duration
    }

    package init(parsing payload: UnsafeRawBufferPointer) throws(RTPError) {
        guard payload.count >= Self.sizeBytes else { throw .tooShort(bytes: payload.count, needed: Self.sizeBytes) }
        self.init(
            event: payload[0], isEnd: payload[1] & 0x80 != 0, volume: payload[1] & 0x3F,
            duration: payload.bigEndian16(at: 2))
    }

    package func write(into payload: UnsafeMutableRawBufferPointer) throws(RTPError) {
        guard payload.count >= Self.sizeBytes else { throw .noRoom(bytes: payload.count, needed: Self.sizeBytes) }
        payload[0] = event
        payload[1] = (isEnd ? 0x80 : 0) | volume & 0x3F
        payload.setBigEndian16(duration, at: 2)
    }

    /// The key of a telephone, nil for events that are none.
    package var digit: Character? {
        switch event {
        case 0...9: Character(UnicodeScalar(UInt8(ascii: "0") + event))
        case 10: "*"
        case 11: "#"
        case 12...15: Character(UnicodeScalar(UInt8(ascii: "A") + event - 12))
        default: nil
        }
    }

    /// The event of a key `0-9 * # A-D`; nil for other characters.
    package static func event(of digit: Character) -> UInt8? {
        switch digit {
        case "0"..."9": digit.asciiValue.map { $0 - UInt8(ascii: "0") }
        case "*": 10
        case "#": 11
        case "A"..."D": digit.asciiValue.map { $0 - UInt8(ascii: "A") + 12 }
        default: nil
        }
    }
}
