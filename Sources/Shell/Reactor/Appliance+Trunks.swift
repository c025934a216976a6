import Logging
import NIOCore
import NIOPosix
import OpenSSLCrypto
import Settings
import TLS
import Transport

/// What trunks need of the shell.
extension Appliance {
    /// Gives the transport what it trusts when it connects to trunks over TLS, once there is a trunk.
    ///
    /// Reading the authorities takes a while, so it is done on the pool. Without them no such connection is opened
    /// (`sip.tls.no-client-context`).
    func prepareTrunkTLS() {
        guard let transport, transport.clientTLS == nil, !settings.trunks.isEmpty else { return }
        let path = options.trunkRootsPath
        let prepared = pool.runIfActive(eventLoop: eventLoop) {
            guard let path else { return try TLSConfigurations.context(TLSConfigurations.publicClient()) }
            let pem = String(decoding: try PrivateFile.read(path), as: UTF8.self)
            let configuration = try TLSConfigurations.client(identity: nil, rootPEM: pem, alpn: [], floor: .tls12)
            return try TLSConfigurations.context(configuration)
        }
        prepared.whenComplete { [transport, logger] result in
            switch result {
            case .success(let context): transport.clientTLS = context
            case .failure(let error): logger.error("no trunk can be reached over TLS: \(error)")
            }
        }
    }
}
