/// A Request-Line or Status-Line (RFC 3261 sections 7.1 and 7.2).
enum StartLine {
    case request(SIPMethod, SIPURI)
    case response(status: Int, reason: String)

    init(_ line: ArraySlice<UInt8>) throws(SIPParseError) {
        self = line.prefix(4).equalsIgnoringCase("sip/") ? try Self.status(line) : try Self.request(line)
    }

    private static func request(_ line: ArraySlice<UInt8>) throws(SIPParseError) -> StartLine {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(SIPCharacters.isToken) else {
            throw .malformedStartLine
        }
        try checkVersion(parts[2])
        let uri = try SIPURI(bytes: parts[1])
        return .request(SIPMethod(rawValue: String(decoding: parts[0], as: UTF8.self)), uri)
    }

    private static func status(_ line: ArraySlice<UInt8>) throws(SIPParseError) -> StartLine {
        let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2 else { throw .malformedStartLine }
        try checkVersion(parts[0])
        let digits = parts[1]
        guard digits.count == 3, digits.allSatisfy(SIPCharacters.isDigit) else {
            throw .invalidStatus(String(decoding: digits.prefix(16), as: UTF8.self))
        }
        let status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100...699).contains(status) else { throw .invalidStatus("\(status)") }
        guard parts.count == 3 else { return .response(status: status, reason: "") }
        guard let reason = String(validating: parts[2], as: UTF8.self) else { throw .notUTF8(nil) }
        return .response(status: status, reason: reason)
    }

    private static func checkVersion(_ bytes: ArraySlice<UInt8>) throws(SIPParseError) {
        if bytes.equalsIgnoringCase("sip/2.0") { return }
        let numbers = bytes.dropFirst(4).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard bytes.prefix(4).equalsIgnoringCase("sip/"), numbers.count == 2,
            numbers.allSatisfy({ !$0.isEmpty && $0.count < 8 && $0.allSatisfy(SIPCharacters.isDigit) })
        else { throw .malformedStartLine }
        throw .unsupportedVersion(String(decoding: bytes, as: UTF8.self))
    }
}
