import RTP
import Testing

/// RFC 7983 section 7, RFC 5761 section 4.
@Suite struct DatagramKindTests {
    private func kind(_ bytes: [UInt8]) -> DatagramKind { bytes.withUnsafeBytes { DatagramKind($0) } }

    @Test func `every first byte belongs to one protocol`() {
        for first in UInt8.min...UInt8.max {
            let expected: DatagramKind =
                switch first {
                case 0...3: .stun
                case 20...63: .dtls
                case 128...191: .rtp
                default: .unknown
                }
            #expect(kind([first, 0, 0, 0]) == expected, "\(first)")
        }
    }

    @Test func `of RTP and RTCP the second byte decides`() {
        for second in UInt8.min...UInt8.max {
            #expect(kind([0x80, second, 0, 0]) == ((192...223).contains(second) ? .rtcp : .rtp), "\(second)")
        }
        // Sender report, application-defined feedback; PCMU, and Opus with a marker.
        #expect(kind([0x81, 200]) == .rtcp && kind([0x8F, 206]) == .rtcp)
        #expect(kind([0x80, 0]) == .rtp && kind([0x90, 0x80 | 111]) == .rtp)
    }

    @Test func `too short to tell`() {
        #expect(kind([]) == .unknown && kind([0x80]) == .rtp && kind([22]) == .dtls)
    }
}
