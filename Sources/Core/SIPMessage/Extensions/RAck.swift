/// What a PRACK acknowledges: the RSeq of a provisional response and the CSeq of its request (RFC 3262 section 7.2).
package struct RAck: SIPFieldValue {
    package var rseq: UInt32
    package var number: UInt32
    package var method: SIPMethod

    package init(rseq: UInt32, number: UInt32, method: SIPMethod) {
        self.rseq = rseq
        self.number = number
        self.method = method
    }

    /// Reads `response-num CSeq-num Method`. Throws `.malformedHeader(.rack)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let rseq = scanner.number(limit: UInt64(UInt32.max)), rseq <= UInt64(UInt32.max) else {
            throw .malformedHeader(.rack, reason: "it does not begin with a number below 2^32")
        }
        guard let gap = scanner.peek, SIPCharacters.isSpace(gap) else {
            throw .malformedHeader(.rack, reason: "no space follows the response number")
        }
        scanner.skipSpaces()
        guard let number = scanner.number(limit: UInt64(CSeq.largestNumber)), number <= UInt64(CSeq.largestNumber),
            let space = scanner.peek, SIPCharacters.isSpace(space)
        else { throw .malformedHeader(.rack, reason: "its second number is not below 2^31") }
        scanner.skipSpaces()
        guard let method = scanner.tokenBytes() else { throw .malformedHeader(.rack, reason: "it names no method") }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw .malformedHeader(.rack, reason: "something follows the method") }
        self.init(rseq: UInt32(rseq), number: UInt32(number), method: SIPMethod(view: method))
    }

    package var description: String { "\(rseq) \(number) \(method)" }
}
