extension AuthenticationParameters: SIPFieldValue {
    /// Reads one challenge or credentials: `scheme name=value, name="value"`. Throws `.malformedValue`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let scheme = scanner.token() else {
            throw .malformedValue("authentication", reason: "it names no scheme")
        }
        if let next = scanner.peek, !SIPCharacters.isSpace(next) {
            throw .malformedValue("authentication", reason: "no space follows the scheme")
        }
        var list: [SIPParameters.Parameter] = []
        list.reserveCapacity(12)
        scanner.skipSpaces()
        while !scanner.isAtEnd {
            guard let name = scanner.token(), scanner.take(UInt8(ascii: "=")), let value = scanner.parameterValue()
            else { throw .malformedValue("authentication", reason: "a parameter is not name=value") }
            for earlier in list where ByteText.isEqual(earlier.name, name) {
                throw .malformedValue("authentication", reason: "parameter \(name) occurs twice")
            }
            list.append(.init(name, value))
            guard scanner.take(UInt8(ascii: ",")) else { break }
        }
        scanner.skipSpaces()
        guard scanner.isAtEnd else {
            throw .malformedValue("authentication", reason: "no comma stands between parameters")
        }
        self.init(scheme: scheme, parameters: SIPParameters(list))
    }

    /// True for `Digest` in any spelling.
    package var isDigest: Bool { ByteText.isEqual(scheme, "Digest") }

    /// As it goes on the wire (RFC 7616 sections 3.3 and 3.4 say which values are quoted).
    ///
    /// Holds a digest response: for the wire, not for logs.
    package var description: String {
        let isCredentials = parameters.contains("response")
        let list = parameters.list.map { parameter -> String in
            let name = SIPParameters.tokenOnly(parameter.name)
            let value = parameter.value ?? ""
            let isPlain =
                switch name.lowercased() {
                case "algorithm", "stale", "nc", "userhash", "charset": true
                case "qop": isCredentials
                case "realm", "nonce", "opaque", "domain", "username", "uri", "response", "cnonce", "username*": false
                default: true
                }
            let canBePlain = !value.isEmpty && value.utf8.allSatisfy(SIPCharacters.isToken)
            return "\(name)=\(isPlain && canBePlain ? value : SIPEscaping.quoted(value))"
        }
        let scheme = SIPParameters.tokenOnly(scheme)
        return list.isEmpty ? scheme : scheme + " " + list.joined(separator: ", ")
    }
}
