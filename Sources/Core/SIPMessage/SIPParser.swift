package import Primitives

/// Turns bytes into a message: start line and header fields split, folding undone, compact names spelt out.
///
/// Header values are not looked into here (but for Content-Length): the accessors of `SIPFields` and
/// `SIPRequest.validate()` do that, so that a fault in a field nobody needs stops nobody.
package enum SIPParser {
    package enum Framing: Sendable {
        /// The message is all there is (RFC 3261 section 18.3): the body is what Content-Length says, the rest of the
        /// datagram when there is none; bytes after it are dropped.
        case datagram
        /// One message as cut by `SIPStreamFramer`: Content-Length is mandatory.
        case stream
    }

    /// Reads one message (RFC 3261 section 7); CRLFs before it are skipped. Every `Limits.sip*` is enforced.
    package static func parse(
        _ bytes: [UInt8], limits: Limits = Limits(), framing: Framing = .datagram
    ) throws(SIPParseError) -> SIPMessage {
        guard bytes.count <= limits.sipMessageBytes else {
            throw .messageTooLong(bytes: bytes.count, limit: limits.sipMessageBytes)
        }
        return try bytes.withView { (view) throws(SIPParseError) -> SIPMessage in
            try parse(view, of: bytes, limits: limits, framing: framing)
        }
    }

    private static func parse(
        _ view: ByteView, of bytes: [UInt8], limits: Limits, framing: Framing
    ) throws(SIPParseError) -> SIPMessage {
        var lines = try HeaderLines(view, of: bytes[...], limits: limits)
        let start = try StartLine(lines.startLine)
        var headers = SIPHeaders()
        headers.reserveCapacity(24)
        while let field = try lines.next() { headers.append(field) }
        let body = try body(of: headers, in: bytes[lines.position...], limits: limits, framing: framing)
        switch start {
        case .request(let method, let uri):
            return .request(SIPRequest(method: method, uri: uri, headers: headers, body: body))
        case .response(let status, let reason):
            return .response(SIPResponse(status: status, reason: reason, headers: headers, body: body))
        }
    }

    /// The answer to bytes that `parse` refused, or nil when none can be given: not a request, an ACK, or no usable Via.
    /// Of a message that is too long only as much is looked at as the limit allows.
    ///
    /// Copies what can be read of Via, From, To, Call-ID and CSeq (RFC 3261 section 8.2.6.2), and is to be sent
    /// statelessly to where the request came from (the Via of another SIP version may not be readable).
    package static func rejection(
        of bytes: [UInt8], because error: SIPParseError, limits: Limits = Limits()
    ) -> SIPResponse? {
        guard error.isAnswerable else { return nil }
        let readable = bytes.prefix(limits.sipMessageBytes)
        guard let headers = readable.withView({ readableHeaders($0, of: readable, limits: limits) }) else { return nil }
        let request = SIPRequest(
            method: SIPMethod(rawValue: ""), uri: SIPURI(host: ""), headers: headers)
        if case .unsupportedVersion = error {
            guard request.headers.contains(.via) else { return nil }
        } else {
            guard (try? request.topVia()) != nil else { return nil }
        }
        return SIPResponse(to: request, status: error.responseStatus)
    }

    /// The fields that can be read; nil when the message is a response, an ACK or nothing at all.
    private static func readableHeaders(
        _ view: ByteView, of bytes: ArraySlice<UInt8>, limits: Limits
    ) -> SIPHeaders? {
        guard var lines = try? HeaderLines(view, of: bytes, limits: limits, isStartLineBounded: false),
            StartLine.looksLikeRequest(lines.startLine)
        else { return nil }
        var headers = SIPHeaders()
        while headers.fields.count < limits.sipHeaderCount {
            do {
                guard let field = try lines.next() else { break }
                headers.append(field)
            } catch {
                guard !lines.isStuck else { break }
            }
        }
        return headers
    }

    private static func body(
        of headers: SIPHeaders, in rest: ArraySlice<UInt8>, limits: Limits, framing: Framing
    ) throws(SIPParseError) -> [UInt8] {
        let length = try contentLength(headers)
        if length == nil, framing == .stream { throw .missingContentLength }
        let count = length ?? rest.count
        guard count <= limits.sipBodyBytes else { throw .bodyTooLong(bytes: count, limit: limits.sipBodyBytes) }
        guard count <= rest.count else {
            throw .bodyShorterThanContentLength(bytes: rest.count, contentLength: count)
        }
        return Array(rest.prefix(count))
    }

    /// The value that all Content-Length fields agree on; nil without any.
    static func contentLength(_ headers: SIPHeaders) throws(SIPParseError) -> Int? {
        var length: Int?
        try headers.forEach(.contentLength) { (value) throws(SIPParseError) -> Void in
            try contentLength(value, agreeingWith: &length)
        }
        return length
    }

    static func contentLength(_ value: ByteView, agreeingWith length: inout Int?) throws(SIPParseError) {
        guard let number = FieldScanner.wholeNumber(value, limit: UInt64(UInt32.max)) else {
            throw .invalidContentLength(value.prefix(32).text)
        }
        if let length, length != Int(number) { throw .conflictingContentLength }
        length = Int(number)
    }
}
