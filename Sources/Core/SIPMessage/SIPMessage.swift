/// A SIP request or response as it was on the wire, start line and header fields split, values unparsed.
package enum SIPMessage: Sendable, Equatable {
    case request(SIPRequest)
    case response(SIPResponse)

    package var headers: SIPHeaders {
        switch self {
        case .request(let request): request.headers
        case .response(let response): response.headers
        }
    }

    package var body: [UInt8] {
        switch self {
        case .request(let request): request.body
        case .response(let response): response.body
        }
    }

    package var fields: RequestFields? {
        switch self {
        case .request(let request): request.fields
        case .response: nil
        }
    }
}

/// A request (RFC 3261 section 7.1).
package struct SIPRequest: Sendable {
    package var method: SIPMethod { didSet { fields = nil } }
    package var uri: SIPURI { didSet { fields = nil } }
    package var headers: SIPHeaders { didSet { fields = nil } }
    package var body: [UInt8] { didSet { fields = nil } }
    /// What `read()` found: the accessors of `SIPFields` answer from it. Nil before, and again after any change.
    package private(set) var fields: RequestFields?

    package init(method: SIPMethod, uri: SIPURI, headers: SIPHeaders = SIPHeaders(), body: [UInt8] = []) {
        self.method = method
        self.uri = uri
        self.headers = headers
        self.body = body
    }

    /// Checks the request as `validate()` does and keeps what was read, so that nobody reads it again.
    @discardableResult
    package mutating func read() throws(SIPParseError) -> RequestFields {
        if let fields { return fields }
        let read = try RequestFields(of: self)
        fields = read
        return read
    }

    /// The request with the first of its Via values replaced. What `read()` found stays, with that Via.
    package func replacingTopVia(with via: Via) -> SIPRequest {
        guard let value = headers.bytes(of: .via) else { return self }
        let others = value.withView { value in
            var list = CommaList(value)
            _ = list.next()
            return list.rest.trimmingSpaces().text
        }
        let bytes = Array((others.isEmpty ? via.description : "\(via), \(others)").utf8)
        var request = self
        request.headers.replaceFirst(.via, bytes: bytes[...])
        request.fields = fields.map { RequestFields($0, via: via) }
        return request
    }
}

extension SIPRequest: Equatable {
    /// True when both are the same on the wire, read or not.
    package static func == (left: Self, right: Self) -> Bool {
        left.method == right.method && left.uri == right.uri && left.headers == right.headers
            && left.body == right.body
    }
}

/// A response (RFC 3261 section 7.2); `status` is 100...699.
package struct SIPResponse: Sendable, Equatable {
    package var status: Int
    package var reason: String
    package var headers: SIPHeaders
    package var body: [UInt8]

    package init(status: Int, reason: String, headers: SIPHeaders = SIPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body
    }

    package var isProvisional: Bool { status < 200 }
    package var isSuccess: Bool { (200..<300).contains(status) }
    package var isFinal: Bool { status >= 200 }
}
