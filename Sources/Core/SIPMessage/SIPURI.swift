/// A URI as it stands in a request line or an address header (RFC 3261 section 19.1; `tel:` by RFC 3966).
///
/// Schemes other than `sip`, `sips` and `tel` are kept whole in `host` (all that follows the colon), unread.
package struct SIPURI: Sendable, Hashable {
    package enum Scheme: Sendable, Hashable {
        case sip, sips, tel
        case other(String)
    }

    package var scheme: Scheme
    /// Unescaped user part; for `tel`, the number. Nil when absent.
    package var user: String?
    /// Password part (deprecated by the RFC, kept, never used).
    package var password: String?
    /// Host name or address, IPv6 with brackets; for `.other`, everything after the scheme.
    package var host: String
    package var port: UInt16?
    package var parameters: SIPParameters
    /// The part after `?`, unparsed, without the question mark.
    package var headers: String?

    package init(
        scheme: Scheme = .sip, user: String? = nil, password: String? = nil, host: String, port: UInt16? = nil,
        parameters: SIPParameters = SIPParameters(), headers: String? = nil
    ) {
        self.scheme = scheme
        self.user = user
        self.password = password
        self.host = host
        self.port = port
        self.parameters = parameters
        self.headers = headers
    }
}

/// Parameters after semicolons, in order; names compare without regard to case; a value may be absent (`;lr`).
package struct SIPParameters: Sendable, Hashable {
    package struct Parameter: Sendable, Hashable {
        package let name: String
        /// Without quotes if the wire form was quoted.
        package let value: String?

        package init(_ name: String, _ value: String?) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var list: [Parameter]

    package init(_ list: [Parameter] = []) {
        self.list = list
    }

    /// True when the parameter is there, with or without a value.
    package func contains(_ name: String) -> Bool { index(of: name) != nil }

    /// The value; nil when the parameter is absent or has no value.
    package subscript(name: String) -> String? { index(of: name).flatMap { list[$0].value } }

    package mutating func set(_ name: String, _ value: String?) {
        if let index = index(of: name) {
            list[index] = Parameter(name, value)
        } else {
            list.append(Parameter(name, value))
        }
    }

    package mutating func remove(_ name: String) {
        guard index(of: name) != nil else { return }
        list.removeAll { ByteText.isEqual($0.name, name) }
    }

    private func index(of name: String) -> Int? {
        for index in list.indices where ByteText.isEqual(list[index].name, name) { return index }
        return nil
    }
}
