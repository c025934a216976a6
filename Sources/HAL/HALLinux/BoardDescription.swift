package import HAL
import OpenSSLCrypto

/// What a board's image says of its devices: `/etc/pbx/board`, lines `name=value`, made from `hw/boards/<name>/board.yaml`
/// when the image is built. What a board does not have is absent.
package struct BoardDescription: Sendable, Hashable {
    /// What `load` takes at most.
    package static let limitBytes = 16 * 1024

    package var name: String
    /// The watchdog's device node.
    package var watchdogPath: String?
    /// How long the loop may be silent before the board restarts, 2 to 600 seconds.
    package var watchdogSeconds = 30
    /// Of the whole image; nil: the program's own.
    package var firmwareVersion: String?
    /// Where update bundles are handed in.
    package var updateDirectory: String?
    /// The status light's directory below `/sys/class/leds`.
    package var ledPath: String?

    package init(name: String) { self.name = name }

    /// Reads the file; throws what is wrong with which line.
    package static func load(_ path: String) throws(HALError) -> BoardDescription {
        let bytes: [UInt8]
        do { bytes = try PrivateFile.read(path, limit: limitBytes) } catch {
            throw HALError.reading(error, name: path)
        }
        return try BoardDescription(text: String(decoding: bytes, as: UTF8.self), path: path)
    }

    /// Unknown names are left to later versions; a known one must make sense.
    package init(text: String, path: String = "board") throws(HALError) {
        self.init(name: "")
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else {
                throw .damaged(path: path, reason: "line \(index + 1) is not name=value")
            }
            let value = parts[1].isEmpty || parts[1] == "none" ? nil : parts[1]
            switch parts[0] {
            case "name": name = value ?? ""
            case "watchdog": watchdogPath = value
            case "watchdog_seconds":
                guard let seconds = Int(parts[1]), (2...600).contains(seconds) else {
                    throw .damaged(path: path, reason: "line \(index + 1): watchdog_seconds is 2 to 600")
                }
                watchdogSeconds = seconds
            case "led": ledPath = value
            case "version": firmwareVersion = value
            case "update": updateDirectory = value
            default: break
            }
        }
        guard !name.isEmpty else { throw .damaged(path: path, reason: "no line name=…") }
    }
}
