extension SIPURI {
    /// The header fields after the question mark, unescaped (RFC 3261 section 19.1.1); `body` is among them under that
    /// name. Throws `.malformedURI`.
    package func headerFields() throws(SIPParseError) -> [SIPHeaders.Field] {
        guard let headers, !headers.isEmpty else { return [] }
        return try Array(headers.utf8).withView { (view) throws(SIPParseError) -> [SIPHeaders.Field] in
            var fields: [SIPHeaders.Field] = []
            for part in view.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
                guard let equals = part.firstIndex(of: UInt8(ascii: "=")),
                    let name = SIPEscaping.percentDecoded(part[part.startIndex..<equals]), !name.isEmpty,
                    name.utf8.allSatisfy(SIPCharacters.isToken),
                    let value = SIPEscaping.percentDecoded(part[(equals + 1)..<part.endIndex])
                else { throw .malformedURI(reason: "one of its headers is not name=value") }
                fields.append(SIPHeaders.Field(SIPHeaderName(name), value))
            }
            return fields
        }
    }

    /// Puts those fields after the question mark, escaped; none of them when `fields` is empty.
    package mutating func setHeaderFields(_ fields: [SIPHeaders.Field]) {
        guard !fields.isEmpty else {
            headers = nil
            return
        }
        headers = fields.map { field in
            SIPEscaping.percentEncoded(field.name.description, keeping: SIPCharacters.isURIHeader) + "="
                + SIPEscaping.percentEncoded(field.value, keeping: SIPCharacters.isURIHeader)
        }.joined(separator: "&")
    }

    /// The Replaces header of a Refer-To URI (RFC 3891 section 6.1, RFC 5589 section 7); nil without one.
    /// Throws `.malformedURI` or `.malformedHeader(.replaces)`.
    package func replaces() throws(SIPParseError) -> Replaces? {
        guard let field = try headerFields().first(where: { $0.name == .replaces }) else { return nil }
        return try Replaces(parsing: field.value)
    }
}
