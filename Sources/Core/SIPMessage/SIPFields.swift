/// Typed views of header fields. A request that has been read (`SIPRequest.read()`) answers from what was found then;
/// else each call reads the bytes anew.
///
/// Throwing accessors name the header in their error. Those that do not throw ignore what is malformed, as the RFC
/// wants for headers whose absence has a meaning.
package protocol SIPFields {
    var headers: SIPHeaders { get }
    var fields: RequestFields? { get }
    var body: [UInt8] { get }
}

extension SIPMessage: SIPFields {}
extension SIPRequest: SIPFields {}
extension SIPResponse: SIPFields {
    package var fields: RequestFields? { nil }
}

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
        if let fields { return fields.via }
        guard let value = headers.bytes(of: .via) else { throw .missingHeader(.via) }
        return try value.withView { (value) throws(SIPParseError) -> Via in
            var list = CommaList(value)
            return try Via(view: list.next() ?? value)
        }
    }

    /// All Via values, topmost first.
    package func vias() throws(SIPParseError) -> [Via] {
        if let fields, fields.viaCount == 1 { return [fields.via] }
        return try elements(.via)
    }

    package func from() throws(SIPParseError) -> NameAddress {
        if let fields { return fields.from }
        return try address(.from)
    }

    package func to() throws(SIPParseError) -> NameAddress {
        if let fields { return fields.to }
        return try address(.to)
    }

    /// The tag of To; nil when there is none or To cannot be read. Costs less than `to()`.
    package func toTag() -> String? {
        if let fields { return fields.to.tag }
        guard let value = headers.bytes(of: .to), case .tag(let tag) = value.withView(NameAddress.tag(in:)),
            !tag.isEmpty
        else { return nil }
        return tag
    }

    /// Not empty, without white space.
    package func callID() throws(SIPParseError) -> String {
        if let fields { return fields.callID }
        guard let value = headers.bytes(of: .callID) else { throw .missingHeader(.callID) }
        return try value.withView(HeaderText.callID)
    }

    package func cseq() throws(SIPParseError) -> CSeq {
        if let fields { return fields.cseq }
        guard let value = headers.bytes(of: .cseq) else { throw .missingHeader(.cseq) }
        return try CSeq(bytes: value)
    }

    /// `.list([])` when there is no Contact. A `*` beside other values is an error.
    package func contacts() throws(SIPParseError) -> ContactSet {
        if let fields { return fields.contacts }
        return try HeaderText.contacts(headers)
    }

    package func routes() throws(SIPParseError) -> [NameAddress] {
        if let fields { return fields.routes }
        return try addresses(.route)
    }

    package func recordRoutes() throws(SIPParseError) -> [NameAddress] {
        if let fields { return fields.recordRoutes }
        return try addresses(.recordRoute)
    }

    /// Seconds; saturates at 2^32 - 1. Nil when absent or malformed (RFC 3261 section 20.19).
    package func expires() -> Int? {
        guard let value = headers.bytes(of: .expires) else { return nil }
        guard let number = value.withView({ FieldScanner.wholeNumber($0, limit: UInt64(UInt32.max)) }) else {
            return nil
        }
        return Int(min(number, UInt64(UInt32.max)))
    }

    /// Seconds, without comment and parameters; at most a day: who says more would have us away for good. Nil when
    /// absent or malformed (RFC 3261 section 20.33).
    package func retryAfter() -> Int? {
        let number = headers.bytes(of: .retryAfter)?.withView { value -> UInt64? in
            var scanner = FieldScanner(value)
            return scanner.number(limit: 86_400)
        }
        return (number ?? nil).map { Int(min($0, 86_400)) }
    }

    /// 0...255; nil when absent.
    package func maxForwards() throws(SIPParseError) -> Int? {
        if let fields { return fields.maxForwards }
        return try headers.bytes(of: .maxForwards)?.withView(HeaderText.maxForwards)
    }

    /// Credentials of Authorization and Proxy-Authorization, in order; malformed ones are left out.
    package func authorizations() -> [AuthenticationParameters] {
        if let fields { return fields.authorizations }
        return credentials()
    }

    /// `authorizations()`, read anew.
    func credentials() -> [AuthenticationParameters] { authentication(.authorization, .proxyAuthorization) }

    /// Challenges of WWW-Authenticate and Proxy-Authenticate, in order; malformed ones are left out.
    package func challenges() -> [AuthenticationParameters] {
        authentication(.wwwAuthenticate, .proxyAuthenticate)
    }

    /// The elements of a comma list over all fields of that name, trimmed, empty ones left out.
    package func tokens(_ name: SIPHeaderName) -> [String] {
        var list: [String] = []
        headers.forEach(name) { value in
            for element in CommaList(value) where !element.isEmpty { list.append(element.text) }
        }
        return list
    }

    /// The elements of all fields of that name, in order.
    func elements<Value: SIPFieldValue>(_ name: SIPHeaderName) throws(SIPParseError) -> [Value] {
        var list: [Value] = []
        try headers.forEach(name) { (value) throws(SIPParseError) -> Void in
            for element in CommaList(value) { list.append(try Value(view: element)) }
        }
        return list
    }

    private func authentication(_ first: SIPHeaderName, _ second: SIPHeaderName) -> [AuthenticationParameters] {
        var list: [AuthenticationParameters] = []
        for field in headers.fields where field.name == first || field.name == second {
            if let value = try? AuthenticationParameters(bytes: field.bytes) { list.append(value) }
        }
        return list
    }

    func address(_ name: SIPHeaderName) throws(SIPParseError) -> NameAddress {
        try HeaderText.address(headers, name)
    }

    func addresses(_ name: SIPHeaderName) throws(SIPParseError) -> [NameAddress] {
        try HeaderText.addresses(headers, name)
    }
}
