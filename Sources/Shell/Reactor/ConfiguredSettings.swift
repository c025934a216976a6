import ConfigurationFile
import OpenSSLCrypto
import Primitives
import Settings

/// What a configuration file says, and whether just this text has been applied here before.
struct ConfiguredSettings: Sendable {
    let settings: ApplianceSettings
    private let digest: String

    /// In the data directory: SHA-256 of the file that was applied last.
    static let markName = "applied-configuration"

    static func load(_ path: String, limits: Limits) throws(ConfigurationError) -> ConfiguredSettings {
        let bytes = try ConfigurationFile.read(path)
        let settings = try ConfigurationFile.parse(bytes, file: path, limits: limits)
        return ConfiguredSettings(settings: settings, digest: Hex.encode(OpenSSLHashes().sha256(bytes)))
    }

    func isMarked(in directory: String) -> Bool {
        guard let known = try? PrivateFile.read("\(directory)/\(Self.markName)", limit: 256) else { return false }
        return String(decoding: known, as: UTF8.self) == "\(digest)\n"
    }

    /// Best effort: without the mark the file is applied once more.
    func mark(in directory: String) {
        try? PrivateFile.replace("\(directory)/\(Self.markName)", with: Array("\(digest)\n".utf8))
    }
}
