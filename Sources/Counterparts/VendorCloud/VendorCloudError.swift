import OpenSSLCrypto
import TLS

/// Why the vendor cloud cannot start.
package enum VendorCloudError: Error, Sendable {
    case file(path: String, reason: String)
    case material(String)
    case bind(listener: String, address: String, reason: String)
}

extension VendorCloudError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path, let reason): "cannot use \(path): \(reason); check --pki and --data"
        case .material(let reason): "the PKI directory cannot be used: \(reason)"
        case .bind(let listener, let address, let reason):
            "cannot listen on \(address) for \(listener): \(reason); choose another port, or 0"
        }
    }
}
