/// Why a datagram is not RTP, RTCP or a telephone event. A peer's mistake: the datagram is dropped and counted.
package enum RTPError: Error, Hashable, Sendable {
    case tooShort(bytes: Int, needed: Int)
    case wrongVersion(UInt8)
    case badPadding(bytes: Int)
    case notRTCP(packetType: UInt8)
    case badRTCPLength(bytes: Int)
    case noRoom(bytes: Int, needed: Int)
}

extension RTPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooShort(let bytes, let needed):
            "RTP datagram is \(bytes) bytes, its own header asks for \(needed); check what else sends to this port"
        case .wrongVersion(let version):
            "RTP version is \(version), only 2 is defined; check what else sends to this port"
        case .badPadding(let bytes):
            "RTP padding claims \(bytes) bytes, which the datagram does not have; check the sender"
        case .notRTCP(let packetType):
            "RTCP compound packet begins with type \(packetType), not a sender or receiver report; check the sender"
        case .badRTCPLength(let bytes):
            "RTCP lengths do not add up to the datagram's \(bytes) bytes; check the sender"
        case .noRoom(let bytes, let needed):
            "buffer of \(bytes) bytes is too small for a packet of \(needed); enlarge Limits.rtpPacketBytes"
        }
    }
}
