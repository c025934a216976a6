/// How long a session lives without a refresh, and who refreshes it (RFC 4028 section 4).
package struct SessionExpires: SIPFieldValue {
    package enum Refresher: String, Sendable, Hashable {
        case uac, uas
    }

    /// Saturates at 2^32 - 1.
    package var seconds: Int
    /// Nil when the sender leaves the choice to the other side.
    package var refresher: Refresher?

    package init(seconds: Int, refresher: Refresher? = nil) {
        self.seconds = seconds
        self.refresher = refresher
    }

    /// Reads `delta-seconds *(;se-param)`; other parameters than `refresher` are dropped.
    /// Throws `.malformedHeader(.sessionExpires)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let seconds = scanner.number(limit: UInt64(UInt32.max)) else {
            throw .malformedHeader(.sessionExpires, reason: "it does not begin with a number of seconds")
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(.sessionExpires, reason: "what follows the number are no parameters")
        }
        var refresher: Refresher?
        if let text = parameters["refresher"] {
            guard let known = Refresher(rawValue: text.lowercased()) else {
                throw .malformedHeader(.sessionExpires, reason: "its refresher is neither uac nor uas")
            }
            refresher = known
        }
        self.init(seconds: Int(min(seconds, UInt64(UInt32.max))), refresher: refresher)
    }

    package var description: String { refresher.map { "\(seconds);refresher=\($0.rawValue)" } ?? "\(seconds)" }
}
