package import Primitives

/// What one direction of a stream is protected with: a suite, and master key and master salt as one secret.
package struct SRTPMasterKey: Sendable {
    /// Packets under one master key, RTP (RFC 3711 section 9.2).
    package static let rtpLifetime: UInt64 = 1 << 48
    /// Packets under one master key, RTCP.
    package static let rtcpLifetime: UInt64 = 1 << 31

    package let suite: SRTPSuite
    /// The key, then the salt; `suite.masterBytes` long.
    package let keyAndSalt: Secret
    /// RTP packets that the key may protect; nothing is sent under it afterwards. Never more than `rtpLifetime`.
    package let lifetime: UInt64

    /// Nil when the secret has not the suite's length, or the lifetime is zero.
    package init?(suite: SRTPSuite, keyAndSalt: Secret, lifetime: UInt64 = SRTPMasterKey.rtpLifetime) {
        guard keyAndSalt.count == suite.masterBytes, lifetime > 0 else { return nil }
        self.suite = suite
        self.keyAndSalt = keyAndSalt
        self.lifetime = min(lifetime, Self.rtpLifetime)
    }

    /// A fresh key.
    package init(suite: SRTPSuite, entropy: inout Entropy) {
        self.suite = suite
        keyAndSalt = Secret(entropy.bytes(suite.masterBytes))
        lifetime = Self.rtpLifetime
    }
}

extension SRTPMasterKey: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        left.suite == right.suite && left.lifetime == right.lifetime && left.keyAndSalt == right.keyAndSalt
    }

    /// Without the secret: equal keys hash alike, and nothing about a key is to be seen in a hash.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(suite)
        hasher.combine(lifetime)
    }
}

extension SRTPMasterKey: CustomStringConvertible {
    package var description: String { "\(suite.rawValue) <secret>" }
}
