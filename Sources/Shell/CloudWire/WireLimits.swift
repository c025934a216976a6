/// Bounds on what a peer can make us read; each is reached by a test.
package struct WireLimits: Sendable, Hashable {
    /// Any JSON body except metrics.
    package var jsonBytes = 65_536
    /// One OTLP request.
    package var metricsBytes = 262_144
    package var metricPoints = 512
    package var attributesPerPoint = 8
    /// A metric's name, unit, attribute key or value.
    package var metricTextBytes = 256
    /// One server-sent event.
    package var eventBytes = 16_384
    package var listedBackups = 1_000
    /// Identifiers of tokens, backups and keys.
    package var identifierBytes = 64

    package init() {}

    /// Letters, digits, `-`, `_` and `.`, not starting with a dot: safe as a path segment and as a file name.
    package func isIdentifier(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= identifierBytes, bytes[0] != UInt8(ascii: ".") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }
}
