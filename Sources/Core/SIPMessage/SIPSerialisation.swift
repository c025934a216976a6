extension SIPMessage {
    /// The message as it goes on the wire.
    package func serialised() -> [UInt8] {
        switch self {
        case .request(let request): request.serialised()
        case .response(let response): response.serialised()
        }
    }
}

extension SIPRequest {
    /// The request as it goes on the wire: header fields in order, Content-Length set to the length of the body.
    ///
    /// CR and LF in any value become spaces, so that no value can add a header.
    package func serialised() -> [UInt8] {
        var writer = MessageWriter(capacity: body.count + 64 * headers.fields.count + 128)
        writer.token(method.rawValue)
        writer.raw(" \(uri) SIP/2.0\r\n")
        writer.headers(headers, bodyCount: body.count)
        return writer.bytes + body
    }
}

extension SIPResponse {
    /// The response as it goes on the wire; the same promises as for a request.
    package func serialised() -> [UInt8] {
        var writer = MessageWriter(capacity: body.count + 64 * headers.fields.count + 128)
        writer.raw("SIP/2.0 \(status) ")
        writer.value(reason)
        writer.raw("\r\n")
        writer.headers(headers, bodyCount: body.count)
        return writer.bytes + body
    }
}

private struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    mutating func raw(_ text: String) { bytes += text.utf8 }

    mutating func token(_ text: String) { bytes += SIPParameters.tokenOnly(text).utf8 }

    /// Text without line breaks.
    mutating func value(_ text: String) {
        let start = bytes.count
        bytes += text.utf8
        for index in start..<bytes.count where bytes[index] == 0x0D || bytes[index] == 0x0A { bytes[index] = 0x20 }
    }

    mutating func headers(_ headers: SIPHeaders, bodyCount: Int) {
        var hasLength = false
        for field in headers.fields {
            if field.name == .contentLength {
                if !hasLength { contentLength(bodyCount) }
                hasLength = true
                continue
            }
            let name = SIPParameters.tokenOnly(field.name.description)
            guard !name.isEmpty else { continue }
            raw(name)
            raw(": ")
            value(field.value)
            raw("\r\n")
        }
        if !hasLength { contentLength(bodyCount) }
        raw("\r\n")
    }

    private mutating func contentLength(_ count: Int) { raw("Content-Length: \(count)\r\n") }
}
