import Media
import OpenSSLCrypto
import OpusCodec
import Primitives
import RTP
import Testing

/// Packets with header extensions of RFC 8285 (audio levels of RFC 6464 among them): relayed and transcoded, in the clear
/// and protected. What extensions say ends here, because their numbers are agreed per leg; what they stand before goes on.
@Suite struct HeaderExtensionTests {
    private static let forms: [[UInt8]] = [
        [],
        // One byte: identifier 1, one byte of audio level (RFC 6464 section 3), and padding.
        [0xBE, 0xDE, 0, 1, 0x10, 0x80 | 42, 0, 0],
        // Two bytes: identifier 1, length 1, level, a padding byte between, identifier 2 without contents.
        [0x10, 0, 0, 2, 1, 1, 0x7F, 0, 2, 0, 0, 0],
        // One-byte identifier 15: what follows is not to be looked at (RFC 8285 section 4.2).
        [0xBE, 0xDE, 0, 2, 0xF3, 1, 2, 3, 4, 5, 6, 7],
        // Empty, and one of a profile of its own.
        [0xBE, 0xDE, 0, 0], [0x12, 0x34, 0, 1, 1, 2, 3, 4],
    ]
    private static let peers = [Endpoint("192.0.2.1:4000")!, Endpoint("192.0.2.2:5000")!]
    private let voice = (0..<160).map { UInt8(truncatingIfNeeded: 0x80 | $0 % 97) }

    private func packet(_ index: Int, _ form: [UInt8], csrcs: Int, padding: Int, body: [UInt8]) -> [UInt8] {
        let first = 0x80 | (padding > 0 ? 0x20 : 0) | (form.isEmpty ? 0 : 0x10) | csrcs
        let timestamp = index * 160
        var bytes: [UInt8] = [UInt8(first), 0, UInt8(index >> 8), UInt8(index & 0xFF)]
        bytes += [0, UInt8(timestamp >> 16 & 0xFF), UInt8(timestamp >> 8 & 0xFF), UInt8(timestamp & 0xFF)]
        bytes += [0, 0, 0, 7] + [UInt8](repeating: 0xC5, count: 4 * csrcs) + form + body
        if padding > 0 { bytes += [UInt8](repeating: 0, count: padding - 1) + [UInt8(padding)] }
        return bytes
    }

    /// A call from mu-law to the given codec, and what protects the packets of the caller.
    private func call(to codec: AudioCodec, _ suite: SRTPSuite?) throws -> (MediaSession, (any PacketProtector)?) {
        var entropy = Entropy(SeededGenerator(seed: 2))
        let key = suite.map { SRTPMasterKey(suite: $0, entropy: &entropy) }
        let sendKey = suite.map { SRTPMasterKey(suite: $0, entropy: &entropy) }
        var session = MediaSession(
            id: MediaSessionID(1), codecs: LibraryCodecs(), protection: OpenSSLPacketProtection(), entropy: &entropy,
            at: .origin)
        let a = MediaStreamDescription(
            remote: Self.peers[0], codec: .pcmu, payloadType: 0, sendKey: sendKey, receiveKey: key)
        let b = MediaStreamDescription(
            remote: Self.peers[1], codec: codec, payloadType: codec.staticPayloadType ?? 111)
        try session.configure(.a, a, entropy: &entropy, at: .origin)
        try session.configure(.b, b, entropy: &entropy, at: .origin)
        return (session, try key.map { try OpenSSLPacketProtection().makeProtector($0) })
    }

    private func feed(
        _ plain: [UInt8], _ protector: (any PacketProtector)?, _ session: inout MediaSession, at milliseconds: Int
    ) throws -> [[UInt8]] {
        var bytes = plain
        if let protector {
            bytes += [UInt8](repeating: 0, count: 32)
            let size = try bytes.withUnsafeMutableBytes { try protector.protectRTP($0, size: plain.count) }
            bytes.removeLast(bytes.count - size)
        }
        var batch = PacketBatch()
        bytes.withUnsafeMutableBytes {
            session.receiveRTP(
                $0, from: Self.peers[0], on: .a, at: .origin + .milliseconds(milliseconds), output: &batch)
        }
        return batch.datagrams().map(\.bytes)
    }

    @Test(
        arguments: [AudioCodec.pcmu, .pcma, .g722, .opus],
        [nil, .aesCM128HMACSHA1Tag80, .aeadAES256GCM] as [SRTPSuite?])
    func `what stands behind an extension is relayed and transcoded like any other`(
        codec: AudioCodec, suite: SRTPSuite?
    ) throws {
        var (session, protector) = try call(to: codec, suite)
        var (plainSession, _) = try call(to: codec, nil)
        for index in 0..<36 {
            let form = Self.forms[index % Self.forms.count]
            let dressed = packet(index, form, csrcs: index % 4, padding: index % 3 == 0 ? 4 : 0, body: voice)
            let bare = packet(index, [], csrcs: 0, padding: 0, body: voice)
            let out = try feed(dressed, protector, &session, at: 20 * index)
            let reference = try feed(bare, nil, &plainSession, at: 20 * index)
            #expect(out.count == 1 && reference.count == 1)
            let sent = try #require(out.first)
            // No extension, no contributing source, no padding; the same audio.
            #expect(sent[0] == 0x80)
            #expect(sent[12...] == (try #require(reference.first))[12...], "\(index)")
        }
        #expect(session.statistics(of: .a).packetsDropped == 0)
    }

    @Test(
        arguments: [
            // The length says more than there is; there is not even a length; padding that covers the extension.
            [0xBE, 0xDE, 0xFF, 0xFF, 1, 2, 3, 4], [0xBE, 0xDE], [0xBE, 0xDE, 0, 100],
        ] as [[UInt8]], [nil, .aesCM128HMACSHA1Tag80, .aeadAES128GCM] as [SRTPSuite?])
    func `an extension that does not fit is dropped, and nothing else suffers`(form: [UInt8], suite: SRTPSuite?) throws
    {
        var (session, protector) = try call(to: .pcma, suite)
        #expect(try feed(packet(0, [], csrcs: 0, padding: 0, body: voice), protector, &session, at: 0).count == 1)
        // A protector refuses to seal what is no RTP; from the network it may come in the clear.
        let broken = packet(1, form, csrcs: 0, padding: 0, body: [])
        #expect(try feed(broken, nil, &session, at: 20).isEmpty)
        #expect(session.statistics(of: .a).packetsDropped == 1)
        #expect(
            try feed(packet(2, [], csrcs: 0, padding: 0, body: voice), protector, &session, at: 40).isEmpty == false)
    }
}
