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
