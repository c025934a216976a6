/// The header fields of a message in their order of appearance, values unparsed.
///
/// Names compare without regard to case, and compact forms (RFC 3261 section 7.3.3) have been expanded by the parser.
package struct SIPHeaders: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        package let name: SIPHeaderName
        package var value: String

        package init(_ name: SIPHeaderName, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var fields: [Field]

    package init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// The value of the first field of that name.
    package subscript(name: SIPHeaderName) -> String? { fields.first { $0.name == name }?.value }

    /// The values of all fields of that name, one entry per field (comma lists are not split here).
    package func all(_ name: SIPHeaderName) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    package func contains(_ name: SIPHeaderName) -> Bool { fields.contains { $0.name == name } }

    package mutating func append(_ name: SIPHeaderName, _ value: String) { fields.append(Field(name, value)) }

    /// Puts a field before all others of its name (Via, Route, Record-Route grow at the top).
    package mutating func prepend(_ name: SIPHeaderName, _ value: String) {
        let position = fields.firstIndex { $0.name == name } ?? 0
        fields.insert(Field(name, value), at: position)
    }

    /// Replaces every field of that name by one, at the place of the first.
    package mutating func set(_ name: SIPHeaderName, _ value: String) {
        guard let position = fields.firstIndex(where: { $0.name == name }) else {
            append(name, value)
            return
        }
        fields[position].value = value
        var index = fields.count - 1
        while index > position {
            if fields[index].name == name { fields.remove(at: index) }
            index -= 1
        }
    }

    package mutating func remove(_ name: SIPHeaderName) { fields.removeAll { $0.name == name } }
}

/// A header field name. Equality ignores case; `description` is the spelling that goes on the wire.
package struct SIPHeaderName: Hashable, Sendable, CustomStringConvertible {
    package let description: String
    private let folded: String

    package init(_ spelling: String) {
        description = spelling
        folded = spelling.lowercased()
    }

    package static func == (left: Self, right: Self) -> Bool { left.folded == right.folded }
    package func hash(into hasher: inout Hasher) { hasher.combine(folded) }

    package static let accept = SIPHeaderName("Accept")
    package static let acceptContact = SIPHeaderName("Accept-Contact")
    package static let acceptEncoding = SIPHeaderName("Accept-Encoding")
    package static let acceptLanguage = SIPHeaderName("Accept-Language")
    package static let alertInfo = SIPHeaderName("Alert-Info")
    package static let allow = SIPHeaderName("Allow")
    package static let allowEvents = SIPHeaderName("Allow-Events")
    package static let authenticationInfo = SIPHeaderName("Authentication-Info")
    package static let authorization = SIPHeaderName("Authorization")
    package static let callID = SIPHeaderName("Call-ID")
    package static let callInfo = SIPHeaderName("Call-Info")
    package static let contact = SIPHeaderName("Contact")
    package static let contentDisposition = SIPHeaderName("Content-Disposition")
    package static let contentEncoding = SIPHeaderName("Content-Encoding")
    package static let contentID = SIPHeaderName("Content-ID")
    package static let contentLanguage = SIPHeaderName("Content-Language")
    package static let contentLength = SIPHeaderName("Content-Length")
    package static let contentType = SIPHeaderName("Content-Type")
    package static let cseq = SIPHeaderName("CSeq")
    package static let date = SIPHeaderName("Date")
    package static let diversion = SIPHeaderName("Diversion")
    package static let errorInfo = SIPHeaderName("Error-Info")
    package static let event = SIPHeaderName("Event")
    package static let expires = SIPHeaderName("Expires")
    package static let flowTimer = SIPHeaderName("Flow-Timer")
    package static let from = SIPHeaderName("From")
    package static let historyInfo = SIPHeaderName("History-Info")
    package static let identity = SIPHeaderName("Identity")
    package static let identityInfo = SIPHeaderName("Identity-Info")
    package static let inReplyTo = SIPHeaderName("In-Reply-To")
    package static let infoPackage = SIPHeaderName("Info-Package")
    package static let join = SIPHeaderName("Join")
    package static let maxForwards = SIPHeaderName("Max-Forwards")
    package static let mimeVersion = SIPHeaderName("MIME-Version")
    package static let minExpires = SIPHeaderName("Min-Expires")
    package static let minSE = SIPHeaderName("Min-SE")
    package static let organization = SIPHeaderName("Organization")
    package static let assertedIdentity = SIPHeaderName("P-Asserted-Identity")
    package static let preferredIdentity = SIPHeaderName("P-Preferred-Identity")
    package static let path = SIPHeaderName("Path")
    package static let priority = SIPHeaderName("Priority")
    package static let privacy = SIPHeaderName("Privacy")
    package static let proxyAuthenticate = SIPHeaderName("Proxy-Authenticate")
    package static let proxyAuthorization = SIPHeaderName("Proxy-Authorization")
    package static let proxyRequire = SIPHeaderName("Proxy-Require")
    package static let rack = SIPHeaderName("RAck")
    package static let reason = SIPHeaderName("Reason")
    package static let recordRoute = SIPHeaderName("Record-Route")
    package static let recvInfo = SIPHeaderName("Recv-Info")
    package static let referSub = SIPHeaderName("Refer-Sub")
    package static let referTo = SIPHeaderName("Refer-To")
    package static let referredBy = SIPHeaderName("Referred-By")
    package static let rejectContact = SIPHeaderName("Reject-Contact")
    package static let replaces = SIPHeaderName("Replaces")
    package static let replyTo = SIPHeaderName("Reply-To")
    package static let requestDisposition = SIPHeaderName("Request-Disposition")
    package static let require = SIPHeaderName("Require")
    package static let retryAfter = SIPHeaderName("Retry-After")
    package static let route = SIPHeaderName("Route")
    package static let rseq = SIPHeaderName("RSeq")
    package static let server = SIPHeaderName("Server")
    package static let serviceRoute = SIPHeaderName("Service-Route")
    package static let sessionExpires = SIPHeaderName("Session-Expires")
    package static let entityTag = SIPHeaderName("SIP-ETag")
    package static let ifMatch = SIPHeaderName("SIP-If-Match")
    package static let subject = SIPHeaderName("Subject")
    package static let subscriptionState = SIPHeaderName("Subscription-State")
    package static let supported = SIPHeaderName("Supported")
    package static let targetDialog = SIPHeaderName("Target-Dialog")
    package static let timestamp = SIPHeaderName("Timestamp")
    package static let to = SIPHeaderName("To")
    package static let unsupported = SIPHeaderName("Unsupported")
    package static let userAgent = SIPHeaderName("User-Agent")
    package static let userToUser = SIPHeaderName("User-to-User")
    package static let via = SIPHeaderName("Via")
    package static let warning = SIPHeaderName("Warning")
    package static let wwwAuthenticate = SIPHeaderName("WWW-Authenticate")
}
