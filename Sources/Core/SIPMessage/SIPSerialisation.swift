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
        let method = SIPParameters.tokenOnly(method.rawValue)
        let uri = uri.description
        return MessageWriter.message(headers, body: body, startLineBytes: method.utf8.count + uri.utf8.count) {
            writer in
            writer.text(method)
            writer.fixed(" ")
            writer.text(uri)
            writer.fixed(" SIP/2.0\r\n")
        }
    }
}

extension SIPResponse {
    /// The response as it goes on the wire; the same promises as for a request.
    package func serialised() -> [UInt8] {
        let status = String(status)
        return MessageWriter.message(headers, body: body, startLineBytes: status.utf8.count + reason.utf8.count) {
            writer in
            writer.fixed("SIP/2.0 ")
            writer.text(status)
            writer.fixed(" ")
            writer.value { $0.text(reason) }
            writer.fixed("\r\n")
        }
    }
}

/// Writes a message once, into one array that is large enough from the start. Each write is checked against its end.
private struct MessageWriter {
    private let buffer: UnsafeMutableBufferPointer<UInt8>
    private var count = 0

    /// `startLineBytes`: the length of what `startLine` writes beyond spaces, version and line end.
    static func message(
        _ headers: SIPHeaders, body: [UInt8], startLineBytes: Int, startLine: (inout MessageWriter) -> Void
    ) -> [UInt8] {
        // Version, spaces and the Content-Length that is added; per field the name, colon, space and line end.
        var capacity = startLineBytes + body.count + 64
        for index in headers.fields.indices {
            capacity += headers.fields[index].bytes.count + headers.fields[index].name.byteCount + 4
        }
        return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            var writer = MessageWriter(buffer: buffer)
            startLine(&writer)
            writer.write(headers, bodyCount: body.count)
            body.withUnsafeBytes { writer.raw($0) }
            count = writer.count
        }
    }

    private init(buffer: UnsafeMutableBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    private mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, let target = buffer.baseAddress, !bytes.isEmpty else { return }
        precondition(count + bytes.count <= buffer.count, "the message is longer than was reserved for it")
        UnsafeMutableRawPointer(target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func fixed(_ text: StaticString) {
        raw(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { raw(UnsafeRawBufferPointer($0)) }
    }

    /// Line breaks are rare enough to be looked for only after the bytes have been copied.
    mutating func value(_ write: (inout MessageWriter) -> Void) {
        let start = count
        write(&self)
        var index = start
        while true {
            index = ByteView.lineBreak(in: UnsafeBufferPointer(rebasing: buffer[..<count]), from: index).index
            guard index < count else { return }
            buffer[index] = 0x20
        }
    }

    private mutating func write(_ headers: SIPHeaders, bodyCount: Int) {
        var hasLength = false
        for index in headers.fields.indices {
            if headers.fields[index].name == .contentLength {
                if !hasLength { contentLength(bodyCount) }
                hasLength = true
            } else {
                field(headers.fields[index])
            }
        }
        if !hasLength { contentLength(bodyCount) }
        fixed("\r\n")
    }

    private mutating func field(_ field: SIPHeaders.Field) {
        if let name = field.name.knownSpelling {
            fixed(name)
        } else {
            let name = SIPParameters.tokenOnly(field.name.description)
            guard !name.isEmpty else { return }
            text(name)
        }
        fixed(": ")
        value { writer in field.bytes.withUnsafeBytes { writer.raw($0) } }
        fixed("\r\n")
    }

    private mutating func contentLength(_ length: Int) {
        fixed("Content-Length: ")
        text(String(length))
        fixed("\r\n")
    }
}
