extension SIPResponse {
    /// The response to `request` (RFC 3261 section 8.2.6.2): its Via fields, From, To, Call-ID and CSeq, and for a 100
    /// its Timestamp.
    ///
    /// `toTag` is added to To when that has no tag yet; give one for every status but 100. A nil `reason` takes the
    /// phrase of the RFC.
    package init(to request: SIPRequest, status: Int, reason: String? = nil, toTag: String? = nil) {
        var headers = SIPHeaders()
        headers.reserveCapacity(10)
        var start = 0
        while let index = request.headers.index(of: .via, from: start) {
            headers.append(request.headers.fields[index])
            start = index + 1
        }
        for name in [SIPHeaderName.from, .to, .callID, .cseq] {
            guard let value = request.headers.bytes(of: name) else { continue }
            let isTagged = name == .to && toTag != nil
            headers.append(.init(name, bytes: isTagged ? Self.tagged(value, in: request, with: toTag) : value))
        }
        if status == 100, let timestamp = request.headers.bytes(of: .timestamp) {
            headers.append(.init(.timestamp, bytes: timestamp))
        }
        self.init(status: status, reason: reason ?? Self.reasonPhrase(status), headers: headers)
    }

    /// A To that cannot be read is given back as it came.
    private static func tagged(
        _ to: ArraySlice<UInt8>, in request: SIPRequest, with tag: String?
    ) -> ArraySlice<UInt8> {
        guard let tag else { return to }
        if let fields = request.fields {
            guard fields.to.tag == nil else { return to }
        } else {
            guard let address = try? NameAddress(bytes: to), address.tag == nil else { return to }
        }
        let parameter = ";tag=" + SIPParameters.tokenOnly(tag)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(to.count + parameter.utf8.count)
        bytes.append(contentsOf: to)
        bytes.append(contentsOf: parameter.utf8)
        return bytes[...]
    }

    /// The phrase of RFC 3261 section 21 and the extensions in use; for other codes that of their class.
    package static func reasonPhrase(_ status: Int) -> String {
        if let phrase = phrases.first(where: { $0.status == status })?.phrase { return phrase }
        return switch status / 100 {
        case 1: "Session Progress"
        case 2: "OK"
        case 3: "Redirection"
        case 4: "Request Failure"
        case 5: "Server Failure"
        default: "Global Failure"
        }
    }

    private static let phrases: [(status: Int, phrase: String)] = [
        (100, "Trying"), (180, "Ringing"), (181, "Call Is Being Forwarded"), (182, "Queued"), (183, "Session Progress"),
        (200, "OK"), (202, "Accepted"), (204, "No Notification"),
        (300, "Multiple Choices"), (301, "Moved Permanently"), (302, "Moved Temporarily"), (305, "Use Proxy"),
        (380, "Alternative Service"),
        (400, "Bad Request"), (401, "Unauthorized"), (402, "Payment Required"), (403, "Forbidden"), (404, "Not Found"),
        (405, "Method Not Allowed"), (406, "Not Acceptable"), (407, "Proxy Authentication Required"),
        (408, "Request Timeout"), (410, "Gone"), (412, "Conditional Request Failed"), (413, "Request Entity Too Large"),
        (414, "Request-URI Too Long"), (415, "Unsupported Media Type"), (416, "Unsupported URI Scheme"),
        (420, "Bad Extension"), (421, "Extension Required"), (422, "Session Interval Too Small"),
        (423, "Interval Too Brief"), (429, "Provide Referrer Identity"), (430, "Flow Failed"),
        (433, "Anonymity Disallowed"), (439, "First Hop Lacks Outbound Support"), (480, "Temporarily Unavailable"),
        (481, "Call/Transaction Does Not Exist"), (482, "Loop Detected"), (483, "Too Many Hops"),
        (484, "Address Incomplete"), (485, "Ambiguous"), (486, "Busy Here"), (487, "Request Terminated"),
        (488, "Not Acceptable Here"), (489, "Bad Event"), (491, "Request Pending"), (493, "Undecipherable"),
        (494, "Security Agreement Required"),
        (500, "Server Internal Error"), (501, "Not Implemented"), (502, "Bad Gateway"), (503, "Service Unavailable"),
        (504, "Server Time-out"), (505, "Version Not Supported"), (513, "Message Too Large"),
        (555, "Push Notification Service Not Supported"), (580, "Precondition Failure"),
        (600, "Busy Everywhere"), (603, "Decline"), (604, "Does Not Exist Anywhere"), (606, "Not Acceptable"),
    ]
}

extension SIPRequest {
    /// The request reduced to the fields that a response copies, in memory of their own: what is kept until an answer
    /// is due does not hold on to the whole message that came.
    package func reducedToReply() -> SIPRequest {
        let names: [SIPHeaderName] = [.via, .from, .to, .callID, .cseq, .timestamp]
        var bytes: [UInt8] = []
        var ends: [(name: SIPHeaderName, end: Int)] = []
        for field in headers.fields where names.contains(field.name) {
            bytes.append(contentsOf: field.bytes)
            ends.append((field.name, bytes.count))
        }
        var reduced = SIPHeaders()
        reduced.reserveCapacity(ends.count)
        var start = 0
        for (name, end) in ends {
            reduced.append(SIPHeaders.Field(name, bytes: bytes[start..<end]))
            start = end
        }
        return SIPRequest(method: method, uri: uri, headers: reduced)
    }
}
