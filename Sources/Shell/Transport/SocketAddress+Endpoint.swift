package import NIOCore
package import Primitives

extension Endpoint {
    /// Nil for a Unix domain socket.
    package init?(_ address: SocketAddress) {
        switch address {
        case .v4(let v4):
            // struct sockaddr_in: family, port and address, 2 + 2 + 4 bytes, the last two big-endian.
            let (port, bits) = withUnsafeBytes(of: v4.address) { bytes in
                (
                    bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self),
                    bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
                )
            }
            self.init(address: .v4(UInt32(bigEndian: bits)), port: UInt16(bigEndian: port))
        case .v6(let v6):
            // struct sockaddr_in6: family, port, flow label and address, 2 + 2 + 4 + 16 bytes.
            let (port, high, low) = withUnsafeBytes(of: v6.address) { bytes in
                (
                    bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self),
                    bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                    bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
                )
            }
            self.init(
                address: .v6(UInt64(bigEndian: high), UInt64(bigEndian: low)), port: UInt16(bigEndian: port))
        case .unixDomainSocket: return nil
        }
    }

    package var socketAddress: SocketAddress {
        get throws {
            var packed = ByteBuffer()
            switch address {
            case .v4(let bits): packed.writeInteger(bits)
            case .v6(let high, let low): packed.writeMultipleIntegers(high, low)
            }
            return try SocketAddress(packedIPAddress: packed, port: Int(port))
        }
    }
}
