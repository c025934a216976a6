import Primitives
import STUN

/// What a datagram is that does not begin like a SIP message (RFC 5626 section 3.5).
enum KeepAlive {
    /// CRLF, blanks or zeros that hold a port mapping open: no answer is expected.
    case nothing
    case answer([UInt8])
    /// STUN that is not to be answered.
    case refused
    /// None of these: the parser's to refuse.
    case message

    init(_ bytes: [UInt8], from remote: Endpoint) {
        if STUNMessage.recognises(bytes) {
            self = STUNMessage.answer(to: bytes, from: remote).map { .answer($0) } ?? .refused
        } else if bytes.count <= 4, bytes.allSatisfy({ [0, 0x0A, 0x0D, 0x20].contains($0) }) {
            self = .nothing
        } else {
            self = .message
        }
    }
}
