package import Primitives

/// A body of several parts (RFC 2046 section 5.1, RFC 5621 section 3).
package struct MultipartBody: Sendable, Equatable {
    /// One part: header fields as in a message, and its bytes.
    package struct Part: SIPFields, Sendable, Equatable {
        package var headers: SIPHeaders
        package var body: [UInt8]
        package var fields: RequestFields? { nil }

        package init(headers: SIPHeaders, body: [UInt8]) {
            self.headers = headers
            self.body = body
        }

        /// A part of one type; `disposition` as in Content-Disposition.
        package init(type: String, disposition: String? = nil, body: [UInt8]) {
            headers = SIPHeaders([.init(.contentType, type)])
            if let disposition { headers.append(.contentDisposition, disposition) }
            self.body = body
        }
    }

    /// `mixed`, `alternative`, `related`, in lower case. Others are to be treated as `mixed`.
    package var subtype: String
    package var parts: [Part]

    package init(_ subtype: String = "mixed", parts: [Part]) {
        self.subtype = subtype
        self.parts = parts
    }

    /// Splits the body of a message or part whose Content-Type is `multipart/*`.
    ///
    /// Preamble and epilogue are dropped, nested bodies stay whole. Throws `.malformedHeader(.contentType)` without a
    /// boundary, `.malformedValue` when the body does not end as it must, `.tooManyParts` over `Limits.sipBodyParts`, and
    /// what the fields of a part are refused for.
    package init(of message: some SIPFields, limits: Limits = Limits()) throws(SIPParseError) {
        guard let type = try message.contentType(), type.isMultipart else {
            throw .malformedHeader(.contentType, reason: "it is not multipart")
        }
        guard let boundary = type.parameters["boundary"], (1...70).contains(boundary.utf8.count) else {
            throw .malformedHeader(.contentType, reason: "its boundary is not 1 to 70 characters")
        }
        subtype = type.subtype
        parts = []
        let delimiter = Array("--\(boundary)".utf8)
        let body = message.body[...]
        guard var start = Self.delimiter(delimiter, in: body, from: body.startIndex) else {
            throw .malformedValue("multipart body", reason: "its boundary does not occur")
        }
        while !start.isLast {
            guard let next = Self.delimiter(delimiter, in: body, from: start.lineEnd) else {
                throw .malformedValue("multipart body", reason: "its last boundary is missing")
            }
            guard parts.count < limits.sipBodyParts else { throw .tooManyParts(limit: limits.sipBodyParts) }
            parts.append(try Self.part(body[start.lineEnd..<next.partEnd], limits: limits))
            start = next
        }
    }

    /// Where a delimiter line stands.
    private struct Delimiter {
        /// The end of what comes before it: its own line break belongs to it.
        let partEnd: Int
        /// The beginning of the line after it.
        let lineEnd: Int
        let isLast: Bool
    }

    private static func delimiter(_ text: [UInt8], in body: ArraySlice<UInt8>, from start: Int) -> Delimiter? {
        var line = start
        while line < body.endIndex {
            let end = body[line...].firstIndex(of: 0x0A).map { $0 + 1 } ?? body.endIndex
            if body[line..<end].starts(with: text) {
                var rest = body[(line + text.count)..<end]
                let isLast = rest.starts(with: [UInt8(ascii: "-"), UInt8(ascii: "-")])
                if isLast { rest = rest.dropFirst(2) }
                let isAlone = rest.allSatisfy { SIPCharacters.isSpace($0) || $0 == 0x0D || $0 == 0x0A }
                if isAlone, isLast || rest.last == 0x0A {
                    var partEnd = line
                    if partEnd > start, body[partEnd - 1] == 0x0A { partEnd -= 1 }
                    if partEnd > start, body[partEnd - 1] == 0x0D { partEnd -= 1 }
                    return Delimiter(partEnd: partEnd, lineEnd: end, isLast: isLast)
                }
            }
            line = end
        }
        return nil
    }

    private static func part(_ bytes: ArraySlice<UInt8>, limits: Limits) throws(SIPParseError) -> Part {
        try bytes.withView { (view) throws(SIPParseError) -> Part in
            var lines = HeaderLines(part: view, of: bytes, limits: limits)
            var headers = SIPHeaders()
            while let field = try lines.next() { headers.append(field) }
            return Part(headers: headers, body: Array(view[lines.position..<view.endIndex]))
        }
    }

    /// The body, and the Content-Type that goes with it.
    ///
    /// `boundary`: random enough not to occur in a part; where it does, digits are added until it does not.
    package func serialised(boundary: String) -> (contentType: ContentType, body: [UInt8]) {
        var boundary = String(SIPParameters.tokenOnly(boundary).prefix(60))
        if boundary.isEmpty { boundary = "part" }
        var suffix = 0
        let base = boundary
        while parts.contains(where: { Self.occurs(boundary, in: $0.body) }) {
            suffix += 1
            boundary = "\(base)\(suffix)"
        }
        var bytes: [UInt8] = []
        for part in parts {
            bytes += Array("--\(boundary)\r\n".utf8)
            for field in part.headers.fields {
                let name = SIPParameters.tokenOnly(field.name.description)
                guard !name.isEmpty else { continue }
                bytes += Array("\(name): ".utf8)
                bytes += field.bytes.map { $0 == 0x0D || $0 == 0x0A ? 0x20 : $0 }
                bytes += [0x0D, 0x0A]
            }
            bytes += [0x0D, 0x0A]
            bytes += part.body
            bytes += [0x0D, 0x0A]
        }
        bytes += Array("--\(boundary)--\r\n".utf8)
        let parameters = SIPParameters([.init("boundary", boundary)])
        return (ContentType("multipart", subtype, parameters: parameters), bytes)
    }

    private static func occurs(_ boundary: String, in body: [UInt8]) -> Bool {
        let text = Array("--\(boundary)".utf8)
        guard body.count >= text.count else { return false }
        return (0...(body.count - text.count)).contains { body[$0...].starts(with: text) }
    }
}
