/// How the packets of a protected stream are encrypted and authenticated: the crypto suites of RFC 4568 section 6.2 and
/// RFC 7714 section 14.1, the weakest first.
package enum SRTPSuite: String, Sendable, Hashable, CaseIterable, Comparable {
    /// A tag of 32 bits for RTP, 80 for RTCP.
    case aesCM128HMACSHA1Tag32 = "AES_CM_128_HMAC_SHA1_32"
    case aesCM128HMACSHA1Tag80 = "AES_CM_128_HMAC_SHA1_80"
    case aeadAES128GCM = "AEAD_AES_128_GCM"
    case aeadAES256GCM = "AEAD_AES_256_GCM"

    /// True for the suites of RFC 7714, which authenticate and encrypt in one.
    package var isAEAD: Bool { self == .aeadAES128GCM || self == .aeadAES256GCM }
    /// Of the master key and of the session's encryption key.
    package var keyBytes: Int { self == .aeadAES256GCM ? 32 : 16 }
    /// Of the master salt and of the session's.
    package var saltBytes: Int { isAEAD ? 12 : 14 }
    /// What `inline:` carries: key and salt.
    package var masterBytes: Int { keyBytes + saltBytes }
    /// Of the session's authentication key; 0 for AEAD.
    package var authenticationKeyBytes: Int { isAEAD ? 0 : 20 }

    /// Bytes behind the payload of an RTP packet.
    package var rtpTagBytes: Int {
        switch self {
        case .aesCM128HMACSHA1Tag32: 4
        case .aesCM128HMACSHA1Tag80: 10
        case .aeadAES128GCM, .aeadAES256GCM: 16
        }
    }
    /// Bytes of the tag of an RTCP packet, beside the four of its index (RFC 4568 section 6.2.2: never only 32 bits).
    package var rtcpTagBytes: Int { isAEAD ? 16 : 10 }

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .aesCM128HMACSHA1Tag32: 0
        case .aesCM128HMACSHA1Tag80: 1
        case .aeadAES128GCM: 2
        case .aeadAES256GCM: 3
        }
    }
}
