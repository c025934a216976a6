import Logging
import NIOCore
import NIOPosix
import OpenSSLCrypto
import Settings
import TLS
import Transport

/// What trunks need of the shell.
extension Appliance {
    /// The largest file of certificate authorities that is read: those of the web take a quarter of a megabyte.
    private static let trustStoreBytes = 4 * 1024 * 1024

    /// Gives the transport what it trusts when it connects to trunks over TLS, once there is a trunk.
    ///
    /// Reading and parsing the authorities takes a while, so it is done on the pool. Without them no such connection is
    /// opened (`sip.tls.no-client-context`).
    func prepareTrunkTLS() {
        guard let transport, transport.clientTLS == nil, !settings.trunks.isEmpty else { return }
        let path = options.trustStorePath
        let prepared = pool.runIfActive(eventLoop: eventLoop) {
            let pem = String(decoding: try PrivateFile.read(path, limit: Self.trustStoreBytes), as: UTF8.self)
            let configuration = try TLSConfigurations.client(identity: nil, rootPEM: pem, alpn: [], floor: .tls12)
            return try TLSConfigurations.context(configuration)
        }
        prepared.whenComplete { [transport, logger] result in
            switch result {
            case .success(let context): transport.clientTLS = context
            case .failure(let error): logger.error("no trunk can be reached over TLS: \(path): \(error)")
            }
        }
    }
}
