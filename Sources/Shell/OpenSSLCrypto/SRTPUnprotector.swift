import COpenSSL
import Primitives
package import RTP

/// The receiving half of SRTP and SRTCP on libcrypto (RFC 3711, RFC 7714).
package final class SRTPUnprotector: PacketUnprotector {
    private let suite: SRTPSuite
    private let rtp: SRTPTransform
    private let rtcp: SRTPTransform
    private var streams: SRTPStreams
    private var rtcpStreams = SRTPIndices()
    private let guesses: UInt64

    /// `rollover` is where the counters of new sources begin, and `guesses` how many from there on are tried; for test
    /// vectors. Throws `.unavailable`.
    package init(
        _ key: SRTPMasterKey, rollover: UInt32 = 0, guesses: UInt64 = SRTPStreams.guesses
    ) throws(SRTPError) {
        do throws(CryptoError) {
            rtp = try SRTPTransform(
                key.suite, keys: SRTPKeyDerivation.sessionKeys(key, for: .rtp), encrypts: false)
            rtcp = try SRTPTransform(
                key.suite, keys: SRTPKeyDerivation.sessionKeys(key, for: .rtcp), encrypts: false)
        } catch { throw .unavailable(key.suite) }
        suite = key.suite
        self.guesses = guesses
        streams = SRTPStreams(rollover: rollover)
    }

    /// With session keys that were not derived here, for test vectors that give them.
    package init(_ suite: SRTPSuite, sessionKeys: SRTPSessionKeys, rollover: UInt32 = 0) throws(SRTPError) {
        do throws(CryptoError) {
            rtp = try SRTPTransform(suite, keys: sessionKeys, encrypts: false)
            rtcp = try SRTPTransform(suite, keys: sessionKeys, encrypts: false)
        } catch { throw .unavailable(suite) }
        self.suite = suite
        guesses = 1
        streams = SRTPStreams(rollover: rollover)
    }

    package func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int {
        let view = UnsafeRawBufferPointer(packet)
        let size = packet.count - suite.rtpTagBytes
        guard let header = SRTPPacket.headerBytes(view, size: size) else { throw .malformed(bytes: packet.count) }
        let ssrc = view.bigEndian32(at: 8)
        guard var index = streams.index(ssrc: ssrc, sequence: view.bigEndian16(at: 2)) else { throw .replayed }
        let last = streams.knows(ssrc: ssrc) ? index : min(index + (guesses - 1) << 16, SRTPMasterKey.rtpLifetime - 1)
        let kept = SRTPPacket.Tag(view, at: size, bytes: suite.rtpTagBytes)
        while !opensRTP(packet, header..<size, tag: kept, ssrc: ssrc, index: index) {
            index += 1 << 16
            guard index <= last else { throw .forged }
        }
        streams.accept(ssrc: ssrc, index: index)
        return size
    }

    /// Decrypts the payload if the packet is authentic under this index; else the payload stays as it was.
    private func opensRTP(
        _ packet: UnsafeMutableRawBufferPointer, _ range: Range<Int>, tag kept: SRTPPacket.Tag, ssrc: UInt32,
        index: UInt64
    ) -> Bool {
        let view = UnsafeRawBufferPointer(packet)
        let payload = UnsafeMutableRawBufferPointer(rebasing: packet[range])
        let size = range.upperBound
        guard suite.isAEAD else {
            // The rollover counter is authenticated as if it followed the packet, where the tag's first bytes stand.
            packet.setBigEndian32(UInt32(truncatingIfNeeded: index >> 16), at: size)
            guard let tag = rtp.authenticate(UnsafeRawBufferPointer(rebasing: view[..<(size + 4)])), kept.matches(tag)
            else { return false }
            return rtp.crypt(payload, ssrc: ssrc, index: index)
        }
        let header = UnsafeRawBufferPointer(rebasing: view[..<range.lowerBound])
        let tag = packet.baseAddress.unsafelyAdvanced(size)
        if rtp.open(payload, tag: tag, ssrc: ssrc, index: index, associated: header) { return true }
        // The keystream once more takes back what it did.
        _ = rtp.open(payload, tag: tag, ssrc: ssrc, index: index, associated: header)
        return false
    }

    package func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int {
        let view = UnsafeRawBufferPointer(packet)
        let size = packet.count - 4 - suite.rtcpTagBytes
        guard size >= SRTPPacket.rtcpHeaderBytes, view[0] >> 6 == 2 else { throw .malformed(bytes: packet.count) }
        // The index stands before the tag, for AEAD behind it.
        let place = suite.isAEAD ? size + suite.rtcpTagBytes : size
        let trailer = view.bigEndian32(at: place)
        let isEncrypted = trailer & SRTPPacket.encryptedFlag != 0
        let index = UInt64(trailer & ~SRTPPacket.encryptedFlag)
        let ssrc = view.bigEndian32(at: 4)
        guard rtcpStreams.admits(ssrc: ssrc, index: index) else { throw .replayed }
        let body = UnsafeMutableRawBufferPointer(rebasing: packet[SRTPPacket.rtcpHeaderBytes..<size])
        if suite.isAEAD {
            // What is not encrypted is authenticated only (RFC 7714 section 9.3).
            let clear = isEncrypted ? SRTPPacket.rtcpHeaderBytes : size
            let isAuthentic = rtcp.open(
                isEncrypted ? body : UnsafeMutableRawBufferPointer(rebasing: packet[size..<size]),
                tag: packet.baseAddress.unsafelyAdvanced(size), ssrc: ssrc, index: index,
                associated: UnsafeRawBufferPointer(rebasing: view[..<clear]),
                UnsafeRawBufferPointer(rebasing: view[place..<place + 4]))
            guard isAuthentic else { throw .forged }
        } else {
            let kept = SRTPPacket.Tag(view, at: size + 4, bytes: suite.rtcpTagBytes)
            guard let tag = rtcp.authenticate(UnsafeRawBufferPointer(rebasing: view[..<(size + 4)])),
                kept.matches(tag)
            else { throw .forged }
            if isEncrypted, !rtcp.crypt(body, ssrc: ssrc, index: index) { throw .unavailable(suite) }
        }
        rtcpStreams.accept(ssrc: ssrc, index: index)
        return size
    }
}
