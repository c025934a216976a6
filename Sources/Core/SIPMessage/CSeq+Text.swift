extension CSeq: SIPFieldValue {
    /// The largest sequence number (RFC 3261 section 8.1.1.5: less than 2^31).
    package static let largestNumber: UInt32 = 0x7FFF_FFFF

    /// Reads `number method`. Throws `.malformedHeader(.cseq)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let number = scanner.number(limit: UInt64(Self.largestNumber)) else {
            throw .malformedHeader(.cseq, reason: "it does not begin with a number")
        }
        guard number <= UInt64(Self.largestNumber) else {
            throw .malformedHeader(.cseq, reason: "its number is not below 2^31")
        }
        guard let gap = scanner.peek, SIPCharacters.isSpace(gap) else {
            throw .malformedHeader(.cseq, reason: "no space follows the number")
        }
        scanner.skipSpaces()
        guard let method = scanner.tokenBytes() else { throw .malformedHeader(.cseq, reason: "it names no method") }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw .malformedHeader(.cseq, reason: "something follows the method") }
        self.init(number: UInt32(number), method: SIPMethod(view: method))
    }

    package var description: String { "\(number) \(method)" }
}
