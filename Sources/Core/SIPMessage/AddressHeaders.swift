/// `name-addr` or `addr-spec` with header parameters: To, From, Contact, Route, Record-Route (RFC 3261 section 20.10).
package struct NameAddress: Sendable, Hashable {
    /// Unquoted, unescaped; nil when absent.
    package var displayName: String?
    package var uri: SIPURI
    package var parameters: SIPParameters

    package init(displayName: String? = nil, uri: SIPURI, parameters: SIPParameters = SIPParameters()) {
        self.displayName = displayName
        self.uri = uri
        self.parameters = parameters
    }

    package var tag: String? {
        get { parameters["tag"] }
        set { if let newValue { parameters.set("tag", newValue) } else { parameters.remove("tag") } }
    }
}

/// One Via value (RFC 3261 section 20.42, RFC 3581).
package struct Via: Sendable, Hashable {
    /// Upper case: `UDP`, `TCP`, `TLS`, or whatever else was there.
    package var transport: String
    package var host: String
    package var port: UInt16?
    package var parameters: SIPParameters

    package init(transport: String, host: String, port: UInt16? = nil, parameters: SIPParameters = SIPParameters()) {
        self.transport = transport
        self.host = host
        self.port = port
        self.parameters = parameters
    }

    package var branch: String? { parameters["branch"] }
}

/// RFC 3261 section 20.16.
package struct CSeq: Sendable, Hashable {
    package var number: UInt32
    package var method: SIPMethod

    package init(number: UInt32, method: SIPMethod) {
        self.number = number
        self.method = method
    }
}

/// A challenge or credentials: scheme and parameters (RFC 3261 section 25 `challenge`, `credentials`; RFC 7616).
package struct AuthenticationParameters: Sendable, Hashable {
    /// `Digest`, as it was spelt.
    package var scheme: String
    package var parameters: SIPParameters

    package init(scheme: String, parameters: SIPParameters) {
        self.scheme = scheme
        self.parameters = parameters
    }
}
