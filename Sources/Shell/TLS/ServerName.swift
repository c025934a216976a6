package import NIOCore
import NIOSSL

/// Whether a server's certificate carries the name by which we know it (RFC 5922 section 7.1, RFC 6125 section 6.4).
/// Identities in the form of `sip:` URIs are not read.
///
/// NIOSSL is content when the certificate names the address that was dialled instead: then whoever can lie in DNS needs
/// no certificate for the name. Where we know a name, the name must be there.
package enum ServerName {
    /// True when `channel` has ended its handshake with a server whose certificate carries `name`.
    package static func isProved(_ name: String, by channel: any Channel) -> Bool {
        guard let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self),
            let names = handler.peerCertificate?._subjectAlternativeNames()
        else { return false }
        return names.contains { $0.nameType == .dnsName && matches(Array($0.contents), Array(name.utf8)) }
    }

    /// Without regard to the case of ASCII letters. `*.` stands for one leftmost label, not below a top-level domain;
    /// RFC 5922 section 7.2 forbids that, and such are the certificates that telephone companies have.
    package static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        let (pattern, name) = (pattern.map(lowercased), name.map(lowercased))
        guard pattern.starts(with: Array("*.".utf8)) else { return pattern == name }
        guard let dot = name.firstIndex(of: UInt8(ascii: ".")), dot > 0 else { return false }
        return name[dot...].elementsEqual(pattern.dropFirst()) && pattern.dropFirst(2).contains(UInt8(ascii: "."))
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
}
