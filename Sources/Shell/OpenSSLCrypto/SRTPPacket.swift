import COpenSSL
import RTP

/// What both halves of SRTP read of a packet that is not decrypted yet.
enum SRTPPacket {
    /// Of an RTCP compound: the part that is never encrypted.
    static let rtcpHeaderBytes = 8
    /// The E bit before the index of an SRTCP packet (RFC 3711 section 3.4).
    static let encryptedFlag: UInt32 = 0x8000_0000

    /// Where the payload begins, behind contributing sources and extension; nil when that is not within `size` bytes.
    /// The padding is encrypted and stays unread.
    static func headerBytes(_ packet: UnsafeRawBufferPointer, size: Int) -> Int? {
        guard size >= RTPHeader.sizeBytes, size <= packet.count, packet[0] >> 6 == 2 else { return nil }
        var header = RTPHeader.sizeBytes + 4 * Int(packet[0] & 0x0F)
        if packet[0] & 0x10 != 0 {
            guard size >= header + 4 else { return nil }
            header += 4 + 4 * Int(packet.bigEndian16(at: header + 2))
        }
        return header <= size ? header : nil
    }

    /// A tag taken out of a packet: up to 16 bytes by value.
    struct Tag {
        private var bytes: (UInt64, UInt64) = (0, 0)
        private let count: Int

        init(_ packet: UnsafeRawBufferPointer, at place: Int, bytes count: Int) {
            self.count = min(count, 16)
            withUnsafeMutableBytes(of: &bytes) { copy in
                copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: packet[place..<place + self.count]))
            }
        }

        /// Takes the same time whatever the bytes are.
        func matches(_ computed: UnsafePointer<UInt8>) -> Bool {
            withUnsafeBytes(of: bytes) { CRYPTO_memcmp($0.baseAddress, computed, count) == 0 }
        }
    }
}

extension Optional where Wrapped == UnsafeMutableRawPointer {
    /// The address `count` bytes further on, within a buffer that is not empty.
    func unsafelyAdvanced(_ count: Int) -> UnsafeMutableRawPointer {
        guard let self else { preconditionFailure("a packet that was measured has an address") }
        return self + count
    }
}
