/// Protects what goes to a peer: Secure RTP and RTCP (RFC 3711). One instance belongs to one direction of one stream; it
/// is not shared between threads. Allocates nothing per packet.
package protocol PacketProtector: AnyObject {
    /// Encrypts the payload of the RTP packet in the first `size` bytes and puts the tag behind it; the new size.
    ///
    /// Throws `.noRoom`, `.keyExpired`, `.malformed`, or `.replayed` for a sequence number that was protected before:
    /// two packets under one index would give away both. The packet is then not to be sent.
    func protectRTP(_ packet: UnsafeMutableRawBufferPointer, size: Int) throws(SRTPError) -> Int
    /// The same for an RTCP compound packet; its index goes along.
    func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, size: Int) throws(SRTPError) -> Int
}

/// Undoes what a `PacketProtector` at the other end did; the same rules hold.
package protocol PacketUnprotector: AnyObject {
    /// Decrypts in place; the size of the RTP packet, which begins where the protected one did.
    ///
    /// Throws `.malformed`, `.replayed` or `.forged`; the bytes are then worth nothing, and no state has changed.
    func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int
    /// The same for an RTCP compound packet.
    func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int
}

/// Makes the halves of a stream; the shell brings the cryptography.
package protocol PacketProtection: Sendable {
    /// Throws `.unavailable`.
    func makeProtector(_ key: SRTPMasterKey) throws(SRTPError) -> any PacketProtector
    /// Throws `.unavailable`.
    func makeUnprotector(_ key: SRTPMasterKey) throws(SRTPError) -> any PacketUnprotector
}
