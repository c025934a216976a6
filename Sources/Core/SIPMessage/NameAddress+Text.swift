extension NameAddress {
    /// Reads one `name-addr` or `addr-spec` with its header parameters (RFC 3261 section 20.10).
    ///
    /// Without angle brackets, parameters belong to the header and a URI with `?` is refused. Throws `.malformedURI`
    /// or `.malformedValue`.
    package init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = FieldScanner(text)
        scanner.skipSpaces()
        let displayName = try Self.displayName(&scanner)
        let uri: SIPURI
        if scanner.peek == UInt8(ascii: "<") {
            _ = scanner.run(through: UInt8(ascii: "<"))
            guard let inner = scanner.run(through: UInt8(ascii: ">")) else {
                throw .malformedValue("address", reason: "an angle bracket is not closed")
            }
            uri = try SIPURI(bytes: inner)
        } else {
            let bare = scanner.run { $0 != UInt8(ascii: ";") && !SIPCharacters.isSpace($0) }
            guard !bare.contains(UInt8(ascii: "?")), !bare.contains(UInt8(ascii: ",")) else {
                throw .malformedValue("address", reason: "a URI with a question mark or comma needs angle brackets")
            }
            uri = try SIPURI(bytes: bare)
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedValue("address", reason: "what follows the URI are no parameters")
        }
        self.init(displayName: displayName, uri: uri, parameters: parameters)
    }

    /// Leaves the scanner before `<`, or before a URI without brackets.
    private static func displayName(_ scanner: inout FieldScanner) throws(SIPParseError) -> String? {
        if scanner.peek == UInt8(ascii: "\"") {
            guard let name = scanner.quotedString() else {
                throw .malformedValue("address", reason: "a quote is not closed")
            }
            scanner.skipSpaces()
            guard scanner.peek == UInt8(ascii: "<") else {
                throw .malformedValue("address", reason: "no angle bracket follows the display name")
            }
            return name
        }
        var probe = scanner
        let words = probe.run { byte in
            switch byte {
            case UInt8(ascii: "<"), UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "\""): false
            default: true
            }
        }
        switch probe.peek {
        case UInt8(ascii: "<"): break
        case nil, UInt8(ascii: ";"): return nil
        default: throw .malformedValue("address", reason: "a display name with a comma or quote must be quoted")
        }
        scanner = probe
        let parts = words.split(whereSeparator: SIPCharacters.isSpace).map { String(decoding: $0, as: UTF8.self) }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }
}

extension NameAddress: CustomStringConvertible {
    /// Always with angle brackets, the display name always in quotes.
    package var description: String {
        let name = displayName.map { SIPEscaping.quoted($0) + " " } ?? ""
        return "\(name)<\(uri)>\(parameters)"
    }
}
