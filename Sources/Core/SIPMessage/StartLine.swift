/// A Request-Line or Status-Line (RFC 3261 sections 7.1 and 7.2).
enum StartLine {
    case request(SIPMethod, SIPURI)
    case response(status: Int, reason: String)

    init(_ line: ByteView) throws(SIPParseError) {
        self = line.prefix(4).equalsIgnoringCase("sip/") ? try Self.status(line) : try Self.request(line)
    }

    /// True for a line that means to be a Request-Line, of another method than ACK: it may have an answer.
    static func looksLikeRequest(_ line: ByteView) -> Bool {
        let method = line.prefix(while: SIPCharacters.isToken)
        guard !method.isEmpty, method.endIndex < line.endIndex, !method.equals("ACK") else { return false }
        guard SIPCharacters.isSpace(line[method.endIndex]) else { return false }
        for index in method.endIndex..<line.endIndex where line[index] == UInt8(ascii: "/") {
            if line[line.startIndex..<index].suffix(3).equalsIgnoringCase("sip") { return true }
        }
        return false
    }

    /// Method, Request-URI and version, one space between each.
    private static func request(_ line: ByteView) throws(SIPParseError) -> StartLine {
        guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20), first < last,
            first > line.startIndex, line[line.startIndex..<first].allSatisfy(SIPCharacters.isToken),
            !line[(first + 1)..<last].contains(0x20)
        else { throw .malformedStartLine }
        try checkVersion(line[(last + 1)..<line.endIndex])
        let uri = try SIPURI(view: line[(first + 1)..<last])
        return .request(SIPMethod(view: line[line.startIndex..<first]), uri)
    }

    private static func status(_ line: ByteView) throws(SIPParseError) -> StartLine {
        guard let first = line.firstIndex(of: 0x20) else { throw .malformedStartLine }
        try checkVersion(line[line.startIndex..<first])
        let rest = line[(first + 1)..<line.endIndex]
        let end = rest.firstIndex(of: 0x20) ?? rest.endIndex
        let digits = rest[rest.startIndex..<end]
        guard digits.count == 3, digits.allSatisfy(SIPCharacters.isDigit) else {
            throw .invalidStatus(digits.prefix(16).text)
        }
        let status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100...699).contains(status) else { throw .invalidStatus("\(status)") }
        guard end < rest.endIndex else { return .response(status: status, reason: "") }
        guard let reason = rest[(end + 1)..<rest.endIndex].validText else { throw .notUTF8(nil) }
        return .response(status: status, reason: reason)
    }

    private static func checkVersion(_ bytes: ByteView) throws(SIPParseError) {
        if bytes.equalsIgnoringCase("sip/2.0") { return }
        let numbers = bytes.dropFirst(4).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard bytes.prefix(4).equalsIgnoringCase("sip/"), numbers.count == 2,
            numbers.allSatisfy({ !$0.isEmpty && $0.count < 8 && $0.allSatisfy(SIPCharacters.isDigit) })
        else { throw .malformedStartLine }
        throw .unsupportedVersion(bytes.text)
    }
}
