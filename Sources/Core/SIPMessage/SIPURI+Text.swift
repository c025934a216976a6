extension SIPURI: SIPFieldValue {
    /// Reads a URI that stands alone, without angle brackets (RFC 3261 section 25.1, RFC 3966 section 3).
    ///
    /// Throws `.malformedURI` for white space, bad escapes, a host that is neither name nor address, or a bad port.
    package init(view bytes: ByteView) throws(SIPParseError) {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            throw .malformedURI(reason: "it has no scheme")
        }
        let name = bytes[bytes.startIndex..<colon]
        guard let first = name.first, SIPCharacters.isAlpha(first), name.allSatisfy(Self.isScheme) else {
            throw .malformedURI(reason: "its scheme is no name")
        }
        let rest = bytes[(colon + 1)..<bytes.endIndex]
        guard rest.allSatisfy({ SIPCharacters.isOpaque($0) || $0 >= 0x80 }) else {
            throw .malformedURI(reason: "it holds white space, a quote, an angle bracket or a control character")
        }
        if name.equalsIgnoringCase("sip") {
            try self.init(scheme: .sip, afterColon: rest)
        } else if name.equalsIgnoringCase("sips") {
            try self.init(scheme: .sips, afterColon: rest)
        } else if name.equalsIgnoringCase("tel") {
            try self.init(telephone: rest)
        } else {
            guard !rest.isEmpty, rest.allSatisfy(SIPCharacters.isOpaque) else {
                throw .malformedURI(reason: "nothing readable follows its scheme")
            }
            let scheme = name.text.lowercased()
            self.init(scheme: .other(scheme), host: rest.text)
        }
    }

    private static func isScheme(_ byte: UInt8) -> Bool {
        SIPCharacters.isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".")
    }

    private init(scheme: Scheme, afterColon bytes: ByteView) throws(SIPParseError) {
        var user: String?
        var password: String?
        var rest = bytes
        if let at = bytes.firstIndex(of: UInt8(ascii: "@")) {
            (user, password) = try Self.userInfo(bytes[bytes.startIndex..<at])
            rest = bytes[(at + 1)..<bytes.endIndex]
        }
        var scanner = FieldScanner(rest)
        guard let host = scanner.host() else { throw .malformedURI(reason: "its host is neither name nor address") }
        var port: UInt16?
        if scanner.peek == UInt8(ascii: ":") {
            _ = scanner.take(UInt8(ascii: ":"))
            guard let number = scanner.number(limit: 65_535), number <= 65_535 else {
                throw .malformedURI(reason: "its port is not 0 to 65535")
            }
            port = UInt16(number)
        }
        let (parameters, headers) = try Self.tail(scanner.rest())
        self.init(
            scheme: scheme, user: user, password: password, host: host, port: port, parameters: parameters,
            headers: headers)
    }

    private init(telephone bytes: ByteView) throws(SIPParseError) {
        let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.endIndex
        guard end > bytes.startIndex, let number = SIPEscaping.percentDecoded(bytes[bytes.startIndex..<end]) else {
            throw .malformedURI(reason: "it holds no telephone number")
        }
        let (parameters, headers) = try Self.tail(bytes[end..<bytes.endIndex])
        self.init(scheme: .tel, user: number, host: "", parameters: parameters, headers: headers)
    }

    private static func userInfo(_ bytes: ByteView) throws(SIPParseError) -> (String, String?) {
        let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        guard let user = SIPEscaping.percentDecoded(bytes[bytes.startIndex..<(colon ?? bytes.endIndex)]), !user.isEmpty
        else {
            throw .malformedURI(reason: "its user part is empty, badly escaped or not UTF-8")
        }
        guard let colon else { return (user, nil) }
        guard let password = SIPEscaping.percentDecoded(bytes[(colon + 1)..<bytes.endIndex]) else {
            throw .malformedURI(reason: "its password is badly escaped or not UTF-8")
        }
        return (user, password)
    }

    /// What follows host and port: nothing, `;name=value` any number of times, `?headers`.
    private static func tail(_ bytes: ByteView) throws(SIPParseError) -> (SIPParameters, String?) {
        let question = bytes.firstIndex(of: UInt8(ascii: "?"))
        var headers: String?
        if let question {
            guard bytes[question..<bytes.endIndex].allSatisfy(SIPCharacters.isOpaque) else {
                throw .malformedURI(reason: "its headers are not ASCII")
            }
            headers = bytes[(question + 1)..<bytes.endIndex].text
        }
        let text = bytes[bytes.startIndex..<(question ?? bytes.endIndex)]
        guard !text.isEmpty else { return (SIPParameters(), headers) }
        guard text.first == UInt8(ascii: ";") else {
            throw .malformedURI(reason: "something other than port or parameters follows its host")
        }
        var list: [SIPParameters.Parameter] = []
        list.reserveCapacity(4)
        var start = text.startIndex + 1
        while start <= text.endIndex {
            let end = text[start..<text.endIndex].firstIndex(of: UInt8(ascii: ";")) ?? text.endIndex
            let part = text[start..<end]
            start = end + 1
            let equals = part.firstIndex(of: UInt8(ascii: "="))
            guard let name = SIPEscaping.percentDecoded(part[part.startIndex..<(equals ?? part.endIndex)]),
                !name.isEmpty
            else {
                throw .malformedURI(reason: "a parameter has no readable name")
            }
            guard let equals else {
                list.append(.init(name, nil))
                continue
            }
            guard let value = SIPEscaping.percentDecoded(part[(equals + 1)..<part.endIndex]) else {
                throw .malformedURI(reason: "a parameter is badly escaped or not UTF-8")
            }
            list.append(.init(name, value))
        }
        return (SIPParameters(list), headers)
    }
}

extension SIPURI {
    /// The URI as it goes on the wire, escaped where it must be; reading it gives an equal value.
    package var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    func write(to text: inout String) {
        switch scheme {
        case .other(let name):
            text += Self.kept(name, Self.isScheme)
            text += ":"
            text += SIPEscaping.percentEncoded(host, keeping: SIPCharacters.isOpaque)
            return
        case .tel:
            text += "tel:"
            text += SIPEscaping.percentEncoded(user ?? "", keeping: SIPCharacters.isTelephone)
        case .sip, .sips:
            text += scheme == .sips ? "sips:" : "sip:"
            if let user {
                text += SIPEscaping.percentEncoded(user, keeping: SIPCharacters.isUser)
                if let password {
                    text += ":"
                    text += SIPEscaping.percentEncoded(password, keeping: SIPCharacters.isPassword)
                }
                text += "@"
            }
            text += Self.kept(host, Self.isHost)
            if let port { text += ":\(port)" }
        }
        for parameter in parameters.list {
            text += ";"
            text += SIPEscaping.percentEncoded(parameter.name, keeping: SIPCharacters.isURIParameter)
            if let value = parameter.value {
                text += "="
                text += SIPEscaping.percentEncoded(value, keeping: SIPCharacters.isURIParameter)
            }
        }
        if let headers {
            text += "?"
            text += SIPEscaping.percentEncoded(headers, keeping: SIPCharacters.isOpaque)
        }
    }

    private static func isHost(_ byte: UInt8) -> Bool {
        SIPCharacters.isHostName(byte) || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
            || byte == UInt8(ascii: ":")
    }

    /// Without what must not stand there: a host set by code can inject nothing.
    private static func kept(_ text: String, _ isMember: (UInt8) -> Bool) -> String {
        text.utf8.allSatisfy(isMember) ? text : String(decoding: text.utf8.filter(isMember), as: UTF8.self)
    }
}

extension SIPURI {
    /// The `transport` parameter in lower case (`udp`, `tcp`, `tls`); nil when absent.
    package var transport: String? {
        get { parameters["transport"]?.lowercased() }
        set { if let newValue { parameters.set("transport", newValue) } else { parameters.remove("transport") } }
    }

    /// True when both name the same resource by RFC 3261 section 19.1.4 (with RFC 5954 for IPv6); not transitive.
    package func isEquivalent(to other: SIPURI) -> Bool {
        guard scheme == other.scheme else { return false }
        switch scheme {
        case .other: return host == other.host
        case .tel:
            return Self.digits(user) == Self.digits(other.user)
                && parametersMatch(other, decisive: ["phone-context", "ext"])
        case .sip, .sips:
            guard user == other.user, password == other.password, port == other.port else { return false }
            guard SIPHost.isEqual(host, other.host) else { return false }
            return parametersMatch(other, decisive: ["user", "ttl", "method", "maddr", "transport"])
                && Self.headerList(headers) == Self.headerList(other.headers)
        }
    }

    /// Without the visual separators of RFC 3966 section 5.
    private static func digits(_ number: String?) -> String {
        String(decoding: (number ?? "").utf8.filter { !"-.()".utf8.contains($0) }, as: UTF8.self).lowercased()
    }

    /// A parameter in both must match; a decisive one in either must be in both.
    /// Of one that occurs twice, which no URI may have, the first counts on both sides.
    private func parametersMatch(_ other: SIPURI, decisive: [String]) -> Bool {
        for parameter in parameters.list {
            if other.parameters.contains(parameter.name) {
                let (mine, theirs) = (parameters[parameter.name], other.parameters[parameter.name])
                guard mine?.lowercased() == theirs?.lowercased() else { return false }
            } else if decisive.contains(parameter.name.lowercased()) {
                return false
            }
        }
        return other.parameters.list.allSatisfy {
            parameters.contains($0.name) || !decisive.contains($0.name.lowercased())
        }
    }

    private static func headerList(_ headers: String?) -> [String] {
        (headers ?? "").split(separator: "&").map { header in
            let parts = header.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "").lowercased()
            let value = parts.count > 1 ? String(parts[1]) : ""
            return name + "=" + (Array(value.utf8).withView(SIPEscaping.percentDecoded) ?? value)
        }.sorted()
    }
}
