import HAL
import OpenSSLCrypto

extension HALError {
    /// A refused file operation, in the HAL's words.
    static func reading(_ failure: FileFailure, name: String) -> HALError {
        failure.isNotFound ? .notFound(name: name) : .readFailed(path: failure.path, reason: failure.reason)
    }

    static func writing(_ failure: FileFailure) -> HALError {
        failure.isDiskFull ? .diskFull : .writeFailed(path: failure.path, reason: failure.reason)
    }
}
