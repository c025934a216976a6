extension NameAddress: SIPFieldValue {
    /// Reads one `name-addr` or `addr-spec` with its header parameters (RFC 3261 section 20.10).
    ///
    /// Without angle brackets, parameters belong to the header and a URI with `?` is refused. Throws `.malformedURI`
    /// or `.malformedValue`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        let displayName = try Self.displayName(&scanner)
        let uri: SIPURI
        if scanner.peek == UInt8(ascii: "<") {
            _ = scanner.run(through: UInt8(ascii: "<"))
            guard let inner = scanner.run(through: UInt8(ascii: ">")) else {
                throw .malformedValue("address", reason: "an angle bracket is not closed")
            }
            uri = try SIPURI(view: inner)
        } else {
            let bare = scanner.run { $0 != UInt8(ascii: ";") && !SIPCharacters.isSpace($0) }
            guard !bare.contains(UInt8(ascii: "?")), !bare.contains(UInt8(ascii: ",")) else {
                throw .malformedValue("address", reason: "a URI with a question mark or comma needs angle brackets")
            }
            uri = try SIPURI(view: bare)
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedValue("address", reason: "what follows the URI are no parameters")
        }
        self.init(displayName: displayName, uri: uri, parameters: parameters)
    }

    /// Leaves the scanner before `<`, or before a URI without brackets.
    private static func displayName(_ scanner: inout FieldScanner) throws(SIPParseError) -> String? {
        switch scanner.peek {
        case UInt8(ascii: "<"): return nil
        case UInt8(ascii: "\""):
            guard let name = scanner.quotedString() else {
                throw .malformedValue("address", reason: "a quote is not closed")
            }
            scanner.skipSpaces()
            guard scanner.peek == UInt8(ascii: "<") else {
                throw .malformedValue("address", reason: "no angle bracket follows the display name")
            }
            return name
        default: break
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
        let parts = words.split(whereSeparator: SIPCharacters.isSpace)
        guard parts.count > 1 else { return parts.first?.text }
        return parts.map(\.text).joined(separator: " ")
    }

    /// Always with angle brackets, the display name always in quotes.
    package var description: String {
        var text = displayName.map { SIPEscaping.quoted($0) + " <" } ?? "<"
        uri.write(to: &text)
        text += ">"
        parameters.write(to: &text)
        return text
    }
}

extension NameAddress {
    /// What a look at the bytes alone tells about the tag of an address.
    enum TagGlance {
        case tag(String), none
        /// A quote or bracket is not closed.
        case unreadable
    }

    /// The tag of a To or From without reading the address: what follows `;tag=` behind its URI.
    static func tag(in value: ByteView) -> TagGlance {
        var scanner = FieldScanner(value)
        var isFirst = true
        while !scanner.isAtEnd {
            _ = scanner.run {
                $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: "\"")
            }
            switch scanner.peek {
            case UInt8(ascii: "\""):
                guard scanner.quotedString() != nil else { return .unreadable }
            case UInt8(ascii: "<") where isFirst:
                guard scanner.run(through: UInt8(ascii: ">")) != nil else { return .unreadable }
                isFirst = false
            case UInt8(ascii: ";"):
                _ = scanner.take(UInt8(ascii: ";"))
                let name = scanner.tokenBytes()
                guard name?.equalsIgnoringCase("tag") == true, scanner.take(UInt8(ascii: "=")) else { continue }
                return .tag(scanner.run(while: SIPCharacters.isLenientValue).text)
            case nil: return .none
            default: return .unreadable
            }
        }
        return .none
    }
}
