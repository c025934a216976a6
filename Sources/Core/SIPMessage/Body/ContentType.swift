/// The type of a body (RFC 3261 section 20.15, RFC 2045 section 5.1).
package struct ContentType: SIPFieldValue {
    /// In lower case.
    package var type: String
    /// In lower case.
    package var subtype: String
    package var parameters: SIPParameters

    package init(_ type: String, _ subtype: String, parameters: SIPParameters = SIPParameters()) {
        self.type = type.lowercased()
        self.subtype = subtype.lowercased()
        self.parameters = parameters
    }

    /// Type and subtype: `application/sdp`.
    package var essence: String { "\(type)/\(subtype)" }

    package var isMultipart: Bool { type == "multipart" }

    /// Reads `type/subtype *(;parameter)`. Throws `.malformedHeader(.contentType)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let type = scanner.token(), scanner.take(UInt8(ascii: "/")), let subtype = scanner.token() else {
            throw .malformedHeader(.contentType, reason: "it is not type/subtype")
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(.contentType, reason: "what follows the subtype are no parameters")
        }
        self.init(type, subtype, parameters: parameters)
    }

    package var description: String {
        SIPParameters.tokenOnly(type) + "/" + SIPParameters.tokenOnly(subtype) + parameters.description
    }
}

/// What a body is for, and whether it must be understood (RFC 3261 section 20.11, RFC 5621 section 4).
package struct ContentDisposition: SIPFieldValue {
    /// In lower case: `session`, `early-session`, `render`, `icon`, `alert`, …
    package var type: String
    /// All parameters, `handling` among them.
    package var parameters: SIPParameters

    package init(_ type: String, parameters: SIPParameters = SIPParameters()) {
        self.type = type.lowercased()
        self.parameters = parameters
    }

    /// False only when the sender says `handling=optional`.
    package var isRequired: Bool { parameters["handling"].map { !ByteText.isEqual($0, "optional") } ?? true }

    /// Reads `disp-type *(;disp-param)`. Throws `.malformedHeader(.contentDisposition)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let type = scanner.token() else {
            throw .malformedHeader(.contentDisposition, reason: "it names no disposition")
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(.contentDisposition, reason: "what follows the disposition are no parameters")
        }
        self.init(type, parameters: parameters)
    }

    package var description: String { SIPParameters.tokenOnly(type) + parameters.description }
}
