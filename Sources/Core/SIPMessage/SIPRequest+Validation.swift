extension SIPRequest {
    /// Headers that a message holds at most once (RFC 3261 section 20, table 2 and 7.3.1).
    private static let single: [SIPHeaderName] = [
        .from, .to, .callID, .cseq, .maxForwards, .contentLength, .contentType, .expires, .minExpires, .userAgent,
        .server, .timestamp, .retryAfter, .date, .subject,
        .organization, .priority, .mimeVersion,
        .contentDisposition, .referTo, .referredBy,
        .event, .sessionExpires, .minSE, .rseq,
        .rack,
    ]

    /// Checks what every request must have (RFC 3261 section 8.1.1), before any transaction is made for it.
    ///
    /// From may lack its tag, Via its branch and Max-Forwards may be absent (RFC 2543 clients). What a method or an
    /// extension demands, an unknown scheme and Max-Forwards 0 are for the layers above. The first fault is thrown; a
    /// 400 is the answer unless `isAnswerable` is false.
    package func validate() throws(SIPParseError) {
        for via in try requiredVias() {
            guard let branch = via.branch else { continue }
            guard branch.lowercased() != "z9hg4bk" else {
                throw .malformedHeader(.via, reason: "its branch ends after the magic cookie")
            }
        }
        for name in [SIPHeaderName.to, .from, .callID, .cseq] where !headers.contains(name) {
            throw .missingHeader(name)
        }
        for name in Self.single where headers.fields.lazy.filter({ $0.name == name }).prefix(2).count > 1 {
            throw .duplicateHeader(name)
        }
        _ = try to()
        _ = try from()
        _ = try callID()
        _ = try maxForwards()
        let cseq = try cseq()
        guard cseq.method == method else { throw .methodMismatch(request: method, cseq: cseq.method) }
        _ = try contacts()
        _ = try routes()
        _ = try recordRoutes()
        if let length = try SIPParser.contentLength(headers.all(.contentLength)), length != body.count {
            throw .contentLengthMismatch(bytes: body.count, contentLength: length)
        }
        if uri.headers != nil {
            throw .malformedURI(reason: "a Request-URI must not hold headers (RFC 3261 section 19.1.1)")
        }
    }

    private func requiredVias() throws(SIPParseError) -> [Via] {
        let list = try vias()
        guard !list.isEmpty else { throw .missingHeader(.via) }
        return list
    }
}
