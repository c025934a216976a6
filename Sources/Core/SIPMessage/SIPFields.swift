/// Typed views of header fields; each call reads the text anew.
///
/// Throwing accessors name the header in their error. Those that do not throw ignore what is malformed, as the RFC
/// wants for headers whose absence has a meaning.
package protocol SIPFields {
    var headers: SIPHeaders { get }
}

extension SIPMessage: SIPFields {}
extension SIPRequest: SIPFields {}
extension SIPResponse: SIPFields {}

/// The Contact header of a message (RFC 3261 section 20.10).
package enum ContactSet: Sendable, Equatable {
    /// `*`: all bindings, only in a REGISTER that removes them.
    case wildcard
    /// Possibly empty.
    case list([NameAddress])
}

extension SIPFields {
    /// The first value of the first Via field.
    package func topVia() throws(SIPParseError) -> Via {
        guard let value = headers[.via] else { throw .missingHeader(.via) }
        return try Via(parsing: CommaList.split(value)[0])
    }

    /// All Via values, topmost first.
    package func vias() throws(SIPParseError) -> [Via] {
        var list: [Via] = []
        for value in headers.all(.via) {
            for element in CommaList.split(value) { list.append(try Via(parsing: element)) }
        }
        return list
    }

    package func from() throws(SIPParseError) -> NameAddress { try address(.from) }

    package func to() throws(SIPParseError) -> NameAddress { try address(.to) }

    /// Not empty, without white space.
    package func callID() throws(SIPParseError) -> String {
        guard let value = headers[.callID] else { throw .missingHeader(.callID) }
        guard !value.isEmpty, value.utf8.allSatisfy({ $0 > 0x20 }) else {
            throw .malformedHeader(.callID, reason: "it is empty or holds white space")
        }
        return value
    }

    package func cseq() throws(SIPParseError) -> CSeq {
        guard let value = headers[.cseq] else { throw .missingHeader(.cseq) }
        return try CSeq(parsing: value)
    }

    /// `.list([])` when there is no Contact. A `*` beside other values is an error.
    package func contacts() throws(SIPParseError) -> ContactSet {
        let elements = headers.all(.contact).flatMap(CommaList.split)
        if elements == ["*"] { return .wildcard }
        return .list(try addresses(.contact))
    }

    package func routes() throws(SIPParseError) -> [NameAddress] { try addresses(.route) }

    package func recordRoutes() throws(SIPParseError) -> [NameAddress] { try addresses(.recordRoute) }

    /// Seconds; saturates at 2^32 - 1. Nil when absent or malformed (RFC 3261 section 20.19).
    package func expires() -> Int? {
        guard let value = headers[.expires] else { return nil }
        var scanner = FieldScanner(value)
        guard let number = scanner.number(limit: UInt64(UInt32.max)), scanner.isAtEnd else { return nil }
        return Int(min(number, UInt64(UInt32.max)))
    }

    /// 0...255; nil when absent.
    package func maxForwards() throws(SIPParseError) -> Int? {
        guard let value = headers[.maxForwards] else { return nil }
        var scanner = FieldScanner(value)
        guard let number = scanner.number(limit: 255), number <= 255, scanner.isAtEnd else {
            throw .malformedHeader(.maxForwards, reason: "it is not 0 to 255")
        }
        return Int(number)
    }

    /// Credentials of Authorization and Proxy-Authorization, in order; malformed ones are left out.
    package func authorizations() -> [AuthenticationParameters] {
        authentication([.authorization, .proxyAuthorization])
    }

    /// Challenges of WWW-Authenticate and Proxy-Authenticate, in order; malformed ones are left out.
    package func challenges() -> [AuthenticationParameters] {
        authentication([.wwwAuthenticate, .proxyAuthenticate])
    }

    /// The elements of a comma list over all fields of that name, trimmed, empty ones left out.
    package func tokens(_ name: SIPHeaderName) -> [String] {
        headers.all(name).flatMap(CommaList.split).filter { !$0.isEmpty }
    }

    private func authentication(_ names: [SIPHeaderName]) -> [AuthenticationParameters] {
        headers.fields.filter { names.contains($0.name) }.compactMap {
            try? AuthenticationParameters(parsing: $0.value)
        }
    }

    func address(_ name: SIPHeaderName) throws(SIPParseError) -> NameAddress {
        guard let value = headers[name] else { throw .missingHeader(name) }
        return try Self.address(value, in: name)
    }

    func addresses(_ name: SIPHeaderName) throws(SIPParseError) -> [NameAddress] {
        var list: [NameAddress] = []
        for value in headers.all(name) {
            for element in CommaList.split(value) { list.append(try Self.address(element, in: name)) }
        }
        return list
    }

    private static func address(_ text: String, in name: SIPHeaderName) throws(SIPParseError) -> NameAddress {
        do {
            return try NameAddress(parsing: text)
        } catch {
            switch error {
            case .malformedURI(let reason): throw .malformedHeader(name, reason: "URI: \(reason)")
            case .malformedValue(_, let reason): throw .malformedHeader(name, reason: reason)
            default: throw error
            }
        }
    }
}
