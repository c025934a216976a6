/// A header field value that reads itself from bytes and writes itself as text.
package protocol SIPFieldValue: Sendable, Hashable, CustomStringConvertible {
    /// Reads one value, without the comma that may follow it in its field. Space around it is skipped.
    init(bytes: ArraySlice<UInt8>) throws(SIPParseError)
}

extension SIPFieldValue {
    /// Reads one value from text; see `init(bytes:)`.
    package init(parsing text: some StringProtocol) throws(SIPParseError) {
        try self.init(bytes: Array(text.utf8)[...])
    }
}
