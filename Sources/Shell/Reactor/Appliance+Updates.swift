import CloudMessages
import CloudWire
import HAL
import HTTPServer
import OpenSSLCrypto
import Primitives

/// The end of an update's way here: the installer's (F-S2).
extension Appliance {
    /// On a board the bundle goes into the installer's inbox, where RAUC judges it once more. A local process has no installer:
    /// a stand-in writes down what it was given, and nothing else changes.
    nonisolated func handOver(_ manifest: UpdateManifest) throws {
        let bundle = "\(options.downloadDirectory)/bundle.raucb"
        if let inbox = options.updateDirectory {
            do { try FirmwareInbox(directory: inbox).take(file: bundle) } catch {
                throw HandOverFailure(description: error.detail)
            }
            return
        }
        let record = HandedOver(
            version: manifest.version, board: manifest.board, sizeBytes: manifest.sizeBytes,
            sha256: Hex.encode(manifest.sha256), handedOverAt: hal.clock.wallTime().rfc3339)
        let bytes = try WireJSON.encode(record, what: "record of the installation")
        try PrivateFile.replace("\(options.dataDirectory)/installed.json", with: bytes)
        try PrivateFile.remove(bundle)
    }

    private struct HandedOver: Codable {
        var version: String
        var board: String
        var sizeBytes: Int64
        var sha256: String
        var handedOverAt: String
    }
}

private struct HandOverFailure: Error, CustomStringConvertible {
    let description: String
}
