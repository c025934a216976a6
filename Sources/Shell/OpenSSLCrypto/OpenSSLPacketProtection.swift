package import RTP

/// SRTP on libcrypto, behind the core's protocol.
package struct OpenSSLPacketProtection: PacketProtection {
    package init() {}

    package func makeProtector(_ key: SRTPMasterKey) throws(SRTPError) -> any PacketProtector {
        try SRTPProtector(key)
    }

    package func makeUnprotector(_ key: SRTPMasterKey) throws(SRTPError) -> any PacketUnprotector {
        try SRTPUnprotector(key)
    }
}
