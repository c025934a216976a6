/// What every layer asks of a request, read once (RFC 3261 section 8.1.1). That it is there says that the request is
/// valid; see `SIPRequest.read()`.
///
/// Immutable and shared, so that a request which carries it costs no more to pass along.
package final class RequestFields: Sendable {
    /// The topmost.
    package let via: Via
    /// How many Via values there are.
    package let viaCount: Int
    package let from: NameAddress
    package let to: NameAddress
    package let callID: String
    package let cseq: CSeq
    /// 0...255; nil when absent.
    package let maxForwards: Int?
    package let contacts: ContactSet
    package let routes: [NameAddress]
    package let recordRoutes: [NameAddress]
    /// Credentials of Authorization and Proxy-Authorization, in order; malformed ones are left out.
    package let authorizations: [AuthenticationParameters]

    /// Reads and checks; the rules are those of `SIPRequest.validate()`.
    init(of request: SIPRequest) throws(SIPParseError) {
        let headers = request.headers
        let census = NameCensus(headers)
        (via, viaCount) = try Self.vias(headers)
        for name in [SIPHeaderName.Known.to, .from, .callID, .cseq] where !census.contains(name) {
            throw .missingHeader(SIPHeaderName(name))
        }
        if let name = census.duplicate { throw .duplicateHeader(SIPHeaderName(name)) }
        to = try HeaderText.address(headers, .to)
        from = try HeaderText.address(headers, .from)
        callID = try (headers.bytes(of: .callID) ?? []).withView(HeaderText.callID)
        maxForwards = try headers.bytes(of: .maxForwards)?.withView(HeaderText.maxForwards)
        cseq = try (headers.bytes(of: .cseq) ?? []).withView(CSeq.init(view:))
        guard cseq.method == request.method else {
            throw .methodMismatch(request: request.method, cseq: cseq.method)
        }
        contacts = census.contains(.contact) ? try HeaderText.contacts(headers) : .list([])
        routes = census.contains(.route) ? try HeaderText.addresses(headers, .route) : []
        recordRoutes = census.contains(.recordRoute) ? try HeaderText.addresses(headers, .recordRoute) : []
        authorizations =
            census.contains(.authorization) || census.contains(.proxyAuthorization) ? request.credentials() : []
        if census.contains(.contentLength), let length = try SIPParser.contentLength(headers),
            length != request.body.count
        {
            throw .contentLengthMismatch(bytes: request.body.count, contentLength: length)
        }
        if request.uri.headers != nil {
            throw .malformedURI(reason: "a Request-URI must not hold headers (RFC 3261 section 19.1.1)")
        }
    }

    /// The same but for the topmost Via.
    init(_ other: RequestFields, via: Via) {
        self.via = via
        viaCount = other.viaCount
        from = other.from
        to = other.to
        callID = other.callID
        cseq = other.cseq
        maxForwards = other.maxForwards
        contacts = other.contacts
        routes = other.routes
        recordRoutes = other.recordRoutes
        authorizations = other.authorizations
    }

    private static func vias(_ headers: SIPHeaders) throws(SIPParseError) -> (top: Via, count: Int) {
        var top: Via?
        var count = 0
        try headers.forEach(.via) { (value) throws(SIPParseError) -> Void in
            for element in CommaList(value) {
                let via = try Via(view: element)
                if let branch = via.branch, ByteText.isEqual(branch, "z9hG4bK") {
                    throw .malformedHeader(.via, reason: "its branch ends after the magic cookie")
                }
                if top == nil { top = via }
                count += 1
            }
        }
        guard let top else { throw .missingHeader(.via) }
        return (top, count)
    }
}

/// Which names occur, and which of those that may not do so more than once.
private struct NameCensus {
    /// One bit for each known name, by its number.
    private var seen = Bits()
    private var repeated = Bits()

    init(_ headers: SIPHeaders) {
        for index in headers.fields.indices {
            let number = Int(headers.fields[index].name.known.rawValue)
            if seen[number] { repeated[number] = true }
            seen[number] = true
        }
    }

    func contains(_ name: SIPHeaderName.Known) -> Bool { seen[Int(name.rawValue)] }

    /// The first name in the order of `single` that occurs more than once.
    var duplicate: SIPHeaderName.Known? {
        guard !repeated.isEmpty else { return nil }
        return Self.single.first { repeated[Int($0.rawValue)] }
    }

    /// Headers that a message holds at most once (RFC 3261 section 20, table 2 and 7.3.1).
    private static let single: [SIPHeaderName.Known] = [
        .from, .to, .callID, .cseq, .maxForwards, .contentLength, .contentType, .expires, .minExpires, .userAgent,
        .server, .timestamp, .retryAfter, .date, .subject, .organization, .priority, .mimeVersion,
        .contentDisposition, .referTo, .referredBy, .event, .sessionExpires, .minSE, .rseq, .rack, .replaces,
        .targetDialog, .subscriptionState, .ifMatch, .entityTag, .contentID, .referSub, .join, .infoPackage,
    ]

    /// 128 bits, by number; there are fewer known names.
    private struct Bits {
        private var low: UInt64 = 0
        private var high: UInt64 = 0

        var isEmpty: Bool { low | high == 0 }

        subscript(number: Int) -> Bool {
            get { (number < 64 ? low : high) & (1 << UInt64(number & 63)) != 0 }
            set {
                let bit: UInt64 = newValue ? 1 << UInt64(number & 63) : 0
                if number < 64 { low |= bit } else { high |= bit }
            }
        }
    }
}
