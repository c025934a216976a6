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

extension SIPParameters: CustomStringConvertible {
    /// As header parameters, each with its semicolon, values quoted where they must be.
    package var description: String {
        var text = ""
        for parameter in list {
            text += ";" + SIPParameters.tokenOnly(parameter.name)
            if let value = parameter.value { text += "=" + SIPParameters.plainOrQuoted(value) }
        }
        return text
    }

    static func plainOrQuoted(_ value: String) -> String {
        !value.isEmpty && value.utf8.allSatisfy(SIPCharacters.isPlainValue) ? value : SIPEscaping.quoted(value)
    }

    /// Names come from parsed tokens or literals; whatever else is dropped, so that nothing can be injected.
    static func tokenOnly(_ name: String) -> String {
        name.utf8.allSatisfy(SIPCharacters.isToken)
            ? name : String(decoding: name.utf8.filter(SIPCharacters.isToken), as: UTF8.self)
    }
}

extension Via {
    /// Reads one Via value (RFC 3261 section 20.42). Throws `.malformedHeader(.via)`.
    package init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = FieldScanner(text)
        let slash = UInt8(ascii: "/")
        scanner.skipSpaces()
        guard let name = scanner.token(), name.lowercased() == "sip", scanner.take(slash), scanner.token() == "2.0",
            scanner.take(slash), let transport = scanner.token()
        else { throw .malformedHeader(.via, reason: "it does not begin with SIP/2.0/transport") }
        guard let gap = scanner.peek, SIPCharacters.isSpace(gap) else {
            throw .malformedHeader(.via, reason: "no space follows the transport")
        }
        scanner.skipSpaces()
        guard let host = scanner.host() else {
            throw .malformedHeader(.via, reason: "sent-by is neither name nor address")
        }
        var port: UInt16?
        if scanner.take(UInt8(ascii: ":")) {
            guard let number = scanner.number(limit: 65_535), number <= 65_535 else {
                throw .malformedHeader(.via, reason: "its port is not 0 to 65535")
            }
            port = UInt16(number)
        }
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(.via, reason: "what follows sent-by are no parameters")
        }
        self.init(transport: transport.uppercased(), host: host, port: port, parameters: parameters)
    }

    /// True when the branch names an RFC 3261 transaction (section 8.1.1.7): the magic cookie and something after it.
    package var hasMagicCookie: Bool {
        guard let branch else { return false }
        return branch.utf8.count > 7 && Array(branch.utf8.prefix(7))[...].equalsIgnoringCase("z9hg4bk")
    }
}

extension Via: CustomStringConvertible {
    package var description: String {
        let port = port.map { ":\($0)" } ?? ""
        return "SIP/2.0/\(SIPParameters.tokenOnly(transport)) \(host)\(port)\(parameters)"
    }
}

extension CSeq {
    /// The largest sequence number (RFC 3261 section 8.1.1.5: less than 2^31).
    package static let largestNumber: UInt32 = 0x7FFF_FFFF

    /// Reads `number method`. Throws `.malformedHeader(.cseq)`.
    package init(parsing text: some StringProtocol) throws(SIPParseError) {
        var scanner = FieldScanner(text)
        scanner.skipSpaces()
        guard let number = scanner.number(limit: UInt64(Self.largestNumber)) else {
            throw .malformedHeader(.cseq, reason: "it does not begin with a number")
        }
        guard number <= UInt64(Self.largestNumber) else {
            throw .malformedHeader(.cseq, reason: "its number is not below 2^31")
        }
        guard let gap = scanner.peek, SIPCharacters.isSpace(gap) else {
            throw .malformedHeader(.cseq, reason: "no space follows the number")
        }
        scanner.skipSpaces()
        guard let method = scanner.token() else { throw .malformedHeader(.cseq, reason: "it names no method") }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw .malformedHeader(.cseq, reason: "something follows the method") }
        self.init(number: UInt32(number), method: SIPMethod(rawValue: method))
    }
}

extension CSeq: CustomStringConvertible {
    package var description: String { "\(number) \(method)" }
}
