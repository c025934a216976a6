import Primitives
package import RTP

/// The sending half of SRTP and SRTCP on libcrypto (RFC 3711, RFC 7714).
package final class SRTPProtector: PacketProtector {
    private let suite: SRTPSuite
    private let rtp: SRTPTransform
    private let rtcp: SRTPTransform
    private var streams: SRTPStreams
    private var packetsLeft: UInt64
    /// Of the next RTCP packet, one count for all sources (RFC 3711 section 3.2.1).
    private var rtcpIndex: UInt64

    /// `rollover` and `rtcpIndex` are where the counters begin, for test vectors. Throws `.unavailable`.
    package init(_ key: SRTPMasterKey, rollover: UInt32 = 0, rtcpIndex: UInt32 = 0) throws(SRTPError) {
        do throws(CryptoError) {
            rtp = try SRTPTransform(
                key.suite, keys: SRTPKeyDerivation.sessionKeys(key, for: .rtp), encrypts: true)
            rtcp = try SRTPTransform(
                key.suite, keys: SRTPKeyDerivation.sessionKeys(key, for: .rtcp), encrypts: true)
        } catch { throw .unavailable(key.suite) }
        suite = key.suite
        streams = SRTPStreams(rollover: rollover)
        packetsLeft = key.lifetime
        self.rtcpIndex = UInt64(rtcpIndex)
    }

    /// With session keys that were not derived here, for test vectors that give them.
    package init(
        _ suite: SRTPSuite, sessionKeys: SRTPSessionKeys, rollover: UInt32 = 0, rtcpIndex: UInt32 = 0
    ) throws(SRTPError) {
        do throws(CryptoError) {
            rtp = try SRTPTransform(suite, keys: sessionKeys, encrypts: true)
            rtcp = try SRTPTransform(suite, keys: sessionKeys, encrypts: true)
        } catch { throw .unavailable(suite) }
        self.suite = suite
        streams = SRTPStreams(rollover: rollover)
        packetsLeft = SRTPMasterKey.rtpLifetime
        self.rtcpIndex = UInt64(rtcpIndex)
    }

    package func protectRTP(_ packet: UnsafeMutableRawBufferPointer, size: Int) throws(SRTPError) -> Int {
        let protected = size + suite.rtpTagBytes
        guard size <= packet.count, let header = SRTPPacket.headerBytes(UnsafeRawBufferPointer(packet), size: size)
        else { throw .malformed(bytes: size) }
        guard protected <= packet.count else { throw .noRoom(bytes: packet.count, needed: protected) }
        guard packetsLeft > 0 else { throw .keyExpired }
        let view = UnsafeRawBufferPointer(packet)
        let ssrc = view.bigEndian32(at: 8)
        guard let index = streams.index(ssrc: ssrc, sequence: view.bigEndian16(at: 2)) else { throw .replayed }
        let payload = UnsafeMutableRawBufferPointer(rebasing: packet[header..<size])
        if suite.isAEAD {
            let sealed = rtp.seal(
                payload, tag: payload.baseAddress.unsafelyAdvanced(size - header), ssrc: ssrc, index: index,
                associated: UnsafeRawBufferPointer(rebasing: view[..<header]))
            guard sealed else { throw .unavailable(suite) }
        } else {
            guard rtp.crypt(payload, ssrc: ssrc, index: index) else { throw .unavailable(suite) }
            // The rollover counter is authenticated as if it followed the packet; the tag then takes its place.
            packet.setBigEndian32(UInt32(truncatingIfNeeded: index >> 16), at: size)
            try writeTag(of: rtp, in: packet, authenticated: size + 4, at: size, bytes: suite.rtpTagBytes)
        }
        streams.accept(ssrc: ssrc, index: index)
        packetsLeft -= 1
        return protected
    }

    package func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, size: Int) throws(SRTPError) -> Int {
        let protected = size + 4 + suite.rtcpTagBytes
        guard size >= SRTPPacket.rtcpHeaderBytes, size <= packet.count else { throw .malformed(bytes: size) }
        guard protected <= packet.count else { throw .noRoom(bytes: packet.count, needed: protected) }
        guard rtcpIndex < SRTPMasterKey.rtcpLifetime else { throw .keyExpired }
        let view = UnsafeRawBufferPointer(packet)
        let ssrc = view.bigEndian32(at: 4)
        let body = UnsafeMutableRawBufferPointer(rebasing: packet[SRTPPacket.rtcpHeaderBytes..<size])
        let trailer = SRTPPacket.encryptedFlag | UInt32(truncatingIfNeeded: rtcpIndex)
        if suite.isAEAD {
            // The index follows the tag, and is authenticated beside the header (RFC 7714 section 9.2).
            let place = size + suite.rtcpTagBytes
            packet.setBigEndian32(trailer, at: place)
            let sealed = rtcp.seal(
                body, tag: packet.baseAddress.unsafelyAdvanced(size), ssrc: ssrc, index: rtcpIndex,
                associated: UnsafeRawBufferPointer(rebasing: view[..<SRTPPacket.rtcpHeaderBytes]),
                UnsafeRawBufferPointer(rebasing: view[place..<place + 4]))
            guard sealed else { throw .unavailable(suite) }
        } else {
            guard rtcp.crypt(body, ssrc: ssrc, index: rtcpIndex) else { throw .unavailable(suite) }
            packet.setBigEndian32(trailer, at: size)
            try writeTag(of: rtcp, in: packet, authenticated: size + 4, at: size + 4, bytes: suite.rtcpTagBytes)
        }
        rtcpIndex += 1
        return protected
    }

    private func writeTag(
        of transform: SRTPTransform, in packet: UnsafeMutableRawBufferPointer, authenticated: Int, at place: Int,
        bytes: Int
    ) throws(SRTPError) {
        guard let tag = transform.authenticate(UnsafeRawBufferPointer(rebasing: packet[..<authenticated])) else {
            throw .unavailable(suite)
        }
        UnsafeMutableRawBufferPointer(rebasing: packet[place..<place + bytes])
            .copyMemory(from: UnsafeRawBufferPointer(start: tag, count: bytes))
    }
}
