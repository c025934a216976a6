/// What a datagram on a media port is, by its first two bytes (RFC 7983 section 7, RFC 5761 section 4).
package enum DatagramKind: Hashable, Sendable {
    case stun, dtls, rtp, rtcp
    /// ZRTP, TURN channels, and what nobody has claimed; empty datagrams too.
    case unknown

    package init(_ datagram: UnsafeRawBufferPointer) {
        guard let first = datagram.first else {
            self = .unknown
            return
        }
        switch first {
        case 0...3: self = .stun
        case 20...63: self = .dtls
        case 128...191:
            // RTCP's packet types are where RTP would have the payload types 64 to 95 with a marker, which nobody uses.
            self = datagram.count > 1 && (192...223).contains(datagram[1]) ? .rtcp : .rtp
        default: self = .unknown
        }
    }
}
