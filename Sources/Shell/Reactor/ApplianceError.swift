package import ConfigurationFile
package import HAL
package import HTTPServer
package import SQLiteStore
package import Transport

/// Why an appliance does not start.
package enum ApplianceError: Error, Sendable {
    case configuration(ConfigurationError)
    case hardware(HALError)
    case store(SQLiteStoreError)
    case listener(SIPTransportError)
    case administration(AdminServerError)
    /// Media engine or TLS material; the text says which.
    case part(String)
    case alreadyRunning(directory: String)
    case directory(path: String, reason: String)

    /// For `exit(3)`, after sysexits(3).
    package var exitCode: Int32 {
        switch self {
        case .configuration: 78
        case .hardware, .listener, .administration, .part: 69
        case .store, .directory: 74
        case .alreadyRunning: 75
        }
    }
}

extension ApplianceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .configuration(let error): "\(error)"
        case .hardware(let error): "\(error)"
        case .store(let error): "\(error)"
        case .listener(let error): "\(error)"
        case .administration(let error): "\(error)"
        case .part(let text): text
        case .alreadyRunning(let directory):
            "another pbxd serves the data directory \(directory); stop it, or use another directory"
        case .directory(let path, let reason): "cannot use the directory \(path): \(reason)"
        }
    }
}
