import OpenSSLCrypto
import Primitives
import TLS

/// The certificates and keys of the servers, read from the directory of the development PKI.
struct CloudIdentities: Sendable {
    let rootPEM: String
    let relay: TLSIdentity
    let backup: TLSIdentity
    let monitoring: TLSIdentity
    let controlCenter: TLSIdentity
    let update: TLSIdentity
    let crash: TLSIdentity
    let remoteAccess: TLSIdentity
    /// The Control Center as a client of appliances and of the other servers.
    let controlCenterClient: TLSIdentity
    /// Signs the offers (F-C2).
    let offerChain: [Certificate]
    let offerKey: ECDSAKey

    init(directory: String) throws(VendorCloudError) {
        rootPEM = try Self.text("\(directory)/root.pem")
        relay = try Self.identity(directory, "relay")
        backup = try Self.identity(directory, "backup")
        monitoring = try Self.identity(directory, "monitoring")
        controlCenter = try Self.identity(directory, "control-center")
        update = try Self.identity(directory, "update")
        crash = try Self.identity(directory, "crash")
        remoteAccess = try Self.identity(directory, "remote-access")
        controlCenterClient = try Self.identity(directory, "control-center-client")
        let base = "\(directory)/servers/control-center-client"
        do {
            offerChain = try Certificate.chain(pem: try Self.text(base + ".pem"))
            offerKey = try ECDSAKey(pem: Secret(try ServerFiles.read(base + ".key")))
        } catch {
            throw .material("\(error)")
        }
    }

    private static func identity(_ directory: String, _ role: String) throws(VendorCloudError) -> TLSIdentity {
        let base = "\(directory)/servers/\(role)"
        let (chain, key) = (try text(base + ".pem"), try text(base + ".key"))
        do {
            return try TLSIdentity(chainPEM: chain, keyPEM: key)
        } catch {
            throw .material("\(base): \(error)")
        }
    }

    private static func text(_ path: String) throws(VendorCloudError) -> String {
        do {
            return String(decoding: try ServerFiles.read(path), as: UTF8.self)
        } catch {
            throw .file(path: path, reason: "\(error)")
        }
    }
}
