extension Via: SIPFieldValue {
    /// Reads one Via value (RFC 3261 section 20.42). Throws `.malformedHeader(.via)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        let slash = UInt8(ascii: "/")
        scanner.skipSpaces()
        guard scanner.tokenBytes()?.equalsIgnoringCase("sip") == true, scanner.take(slash),
            scanner.tokenBytes()?.equalsIgnoringCase("2.0") == true, scanner.take(slash),
            let transport = scanner.tokenBytes()
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
        self.init(transport: Self.upper(transport), host: host, port: port, parameters: parameters)
    }

    private static func upper(_ transport: ByteView) -> String {
        if transport.equalsIgnoringCase("udp") { return "UDP" }
        if transport.equalsIgnoringCase("tcp") { return "TCP" }
        if transport.equalsIgnoringCase("tls") { return "TLS" }
        return transport.text.uppercased()
    }

    /// True when the branch names an RFC 3261 transaction (section 8.1.1.7): the magic cookie and something after it.
    package var hasMagicCookie: Bool {
        guard let branch, branch.utf8.count > 7 else { return false }
        return ByteText.isEqual(String(branch.utf8.prefix(7)) ?? "", "z9hG4bK")
    }

    package var description: String {
        var text = "SIP/2.0/"
        text += SIPParameters.tokenOnly(transport)
        text += " "
        text += host
        if let port { text += ":\(port)" }
        parameters.write(to: &text)
        return text
    }
}
