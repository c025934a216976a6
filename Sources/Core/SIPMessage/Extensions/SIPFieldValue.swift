/// A header field value that reads itself from bytes and writes itself as text.
package protocol SIPFieldValue: Sendable, Hashable, CustomStringConvertible {
    /// Reads one value, without the comma that may follow it in its field. Space before it is skipped.
    init(view: ByteView) throws(SIPParseError)
}

extension SIPFieldValue {
    /// Reads one value from bytes; see `init(view:)`.
    package init(bytes: ArraySlice<UInt8>) throws(SIPParseError) {
        self = try bytes.withView(Self.init(view:))
    }

    /// Reads one value from text; see `init(view:)`.
    package init(parsing text: some StringProtocol) throws(SIPParseError) {
        try self.init(bytes: Array(text.utf8)[...])
    }
}
