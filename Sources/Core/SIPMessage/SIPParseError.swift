/// Why bytes or text are not the SIP they claim to be. Every case is a peer's mistake; none carries credentials.
package enum SIPParseError: Error, Equatable, Sendable {
    // Over a limit of ours
    case messageTooLong(bytes: Int, limit: Int)
    case startLineTooLong(bytes: Int, limit: Int)
    case headerLineTooLong(bytes: Int, limit: Int)
    case tooManyHeaders(count: Int, limit: Int)
    case bodyTooLong(bytes: Int, limit: Int)
    /// A multipart body, its nested parts counted too (RFC 2046 section 5.1).
    case tooManyParts(limit: Int)

    // Framing
    case empty
    /// The data ended before the empty line that ends the header fields.
    case headersNotTerminated
    /// CR or LF alone (RFC 3261 section 7 wants CRLF); taking it would let two elements read two different messages.
    case bareLineBreak
    case missingContentLength
    case invalidContentLength(String)
    case conflictingContentLength
    case bodyShorterThanContentLength(bytes: Int, contentLength: Int)
    /// The body is not as long as Content-Length says; from `validate`, where both are known.
    case contentLengthMismatch(bytes: Int, contentLength: Int)
    /// Bytes on a connection that do not begin a SIP message.
    case notSIP

    // Start line and header lines
    case malformedStartLine
    case unsupportedVersion(String)
    case invalidStatus(String)
    /// Counted from 1, the start line not included.
    case malformedHeaderLine(number: Int)
    case notUTF8(SIPHeaderName?)

    // Fields
    case malformedURI(reason: String)
    case malformedHeader(SIPHeaderName, reason: String)
    /// A value parsed on its own, outside a message: what it was to be, and why it is not.
    case malformedValue(String, reason: String)
    case missingHeader(SIPHeaderName)
    case duplicateHeader(SIPHeaderName)
    case methodMismatch(request: SIPMethod, cseq: SIPMethod)

    // Bodies
    /// A body, or a part of one that must be understood (RFC 5621 section 4), is of a type that is not.
    case unsupportedBody(String)

    /// True when a request with this fault can be answered, to where it came from: it has a Via to send back.
    ///
    /// The status to answer with is `responseStatus`, the answer itself comes from `SIPParser.rejection(of:because:)`
    /// or, when the request did parse, from `SIPResponse.init(to:status:)`.
    package var isAnswerable: Bool {
        switch self {
        case .empty, .bareLineBreak, .notSIP, .invalidStatus: false
        case .missingHeader(let name): name != .via
        case .messageTooLong, .startLineTooLong, .headerLineTooLong, .tooManyHeaders, .bodyTooLong, .tooManyParts,
            .headersNotTerminated, .missingContentLength, .invalidContentLength, .conflictingContentLength,
            .bodyShorterThanContentLength, .contentLengthMismatch, .malformedStartLine, .unsupportedVersion,
            .malformedHeaderLine, .notUTF8, .malformedURI, .malformedHeader, .malformedValue, .duplicateHeader,
            .methodMismatch, .unsupportedBody:
            true
        }
    }

    /// The status of an answer to a request with this fault (RFC 3261 section 21.4 and 21.5).
    package var responseStatus: Int {
        switch self {
        case .bodyTooLong, .tooManyParts: 413
        case .startLineTooLong: 414
        case .unsupportedBody: 415
        case .messageTooLong, .headerLineTooLong, .tooManyHeaders: 513
        case .unsupportedVersion: 505
        default: 400
        }
    }
}

extension SIPParseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .messageTooLong(let bytes, let limit):
            "SIP message is \(bytes) bytes, limit \(limit); raise sip.max-message-bytes or offer fewer codecs"
        case .startLineTooLong(let bytes, let limit):
            "SIP start line is \(bytes) bytes, limit \(limit); shorten the Request-URI"
        case .headerLineTooLong(let bytes, let limit):
            "SIP header field is \(bytes) bytes, limit \(limit); send fewer values in one field"
        case .tooManyHeaders(let count, let limit):
            "SIP message has \(count) header fields or more, limit \(limit); look for a routing loop"
        case .bodyTooLong(let bytes, let limit):
            "SIP body is \(bytes) bytes, limit \(limit); offer fewer codecs"
        case .tooManyParts(let limit): "SIP body has more than \(limit) parts; send fewer"
        case .unsupportedBody(let type): "SIP body is \(type), which is not understood; send application/sdp"
        case .empty: "SIP message is empty; nothing to do for a keep-alive"
        case .headersNotTerminated: "SIP header section has no empty line at its end; the datagram may be truncated"
        case .bareLineBreak: "SIP header section holds a CR or LF alone; lines must end with CRLF"
        case .missingContentLength: "SIP message on a stream has no Content-Length; the peer must send one"
        case .invalidContentLength(let text): "SIP Content-Length \"\(text)\" is no number of bytes"
        case .conflictingContentLength: "SIP message has two Content-Length values that differ"
        case .bodyShorterThanContentLength(let bytes, let contentLength):
            "SIP body is \(bytes) bytes, Content-Length says \(contentLength); the datagram may be truncated"
        case .contentLengthMismatch(let bytes, let contentLength):
            "SIP body is \(bytes) bytes, Content-Length says \(contentLength)"
        case .notSIP: "bytes on a SIP connection are not SIP; look for TLS sent to a TCP port"
        case .malformedStartLine: "SIP start line is neither a Request-Line nor a Status-Line"
        case .unsupportedVersion(let version): "SIP version \(version) is not supported; send SIP/2.0"
        case .invalidStatus(let text): "SIP status \"\(text)\" is not 100 to 699"
        case .malformedHeaderLine(let number): "SIP header line \(number) is not \"name: value\""
        case .notUTF8(let name): "SIP \(name?.description ?? "start line") is not UTF-8; check the peer's character set"
        case .malformedURI(let reason): "SIP URI is malformed: \(reason)"
        case .malformedHeader(let name, let reason): "SIP header \(name) is malformed: \(reason)"
        case .malformedValue(let kind, let reason): "\(kind) is malformed: \(reason)"
        case .missingHeader(let name): "SIP header \(name) is missing; it is mandatory"
        case .duplicateHeader(let name): "SIP header \(name) occurs more than once; it may only once"
        case .methodMismatch(let request, let cseq):
            "SIP request method \(request) differs from CSeq method \(cseq)"
        }
    }
}
