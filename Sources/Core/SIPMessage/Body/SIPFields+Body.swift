package import Primitives

extension SIPFields {
    /// RFC 3261 section 20.15.
    package func contentType() throws(SIPParseError) -> ContentType? {
        try headers.bytes(of: .contentType)?.withView(ContentType.init(view:))
    }

    /// RFC 3261 section 20.11.
    package func contentDisposition() throws(SIPParseError) -> ContentDisposition? {
        try headers.bytes(of: .contentDisposition)?.withView(ContentDisposition.init(view:))
    }

    /// True when the sender takes bodies of that type, in lower case. Without Accept it takes what its method is about; an
    /// empty Accept takes nothing (RFC 3261 section 20.1). Weights are not looked at.
    package func accepts(_ essence: String) -> Bool {
        guard headers.contains(.accept) else { return true }
        let family = essence.prefix { $0 != "/" } + "/*"
        return tokens(.accept).contains { element in
            let type = element.prefix { $0 != ";" && $0 != " " && $0 != "\t" }.lowercased()
            return type == essence || type == "*/*" || type == family
        }
    }

    /// The bytes of the one part that is understood: of that type, for that purpose. Nil when there is none.
    ///
    /// Looks into `multipart/alternative` from its last part, into every other multipart from its first (RFC 5621
    /// section 3). A body or part of another type, purpose or with a Content-Encoding is left out when its sender lets it
    /// be (`handling=optional`); else `.unsupportedBody` is thrown, for a 415. Throws what a malformed part is refused
    /// for too.
    ///
    /// - Parameters:
    ///   - essence: in lower case, `application/sdp`.
    ///   - disposition: what the part is for, in lower case; a part that does not say is for that.
    ///   - passesOverOthers: true takes every other part for an optional one, as of a message that cannot be refused.
    package func part(
        _ essence: String, disposition: String = "session", passesOverOthers: Bool = false, limits: Limits = Limits()
    ) throws(SIPParseError) -> [UInt8]? {
        guard !body.isEmpty else { return nil }
        var partsLeft = limits.sipBodyParts
        let goal = BodyGoal(
            essence: essence, disposition: disposition, passesOverOthers: passesOverOthers, limits: limits)
        return try find(goal, &partsLeft, depth: 0)
    }

    private func find(
        _ goal: BodyGoal, _ partsLeft: inout Int, depth: Int
    ) throws(SIPParseError) -> [UInt8]? {
        guard !body.isEmpty else { return nil }
        let disposition = try contentDisposition()
        guard let type = try contentType() else { throw .unsupportedBody("of no type") }
        if isEncoded { return try leftOut(type, disposition, goal) }
        if type.isMultipart {
            guard depth < BodyGoal.deepest else { throw .tooManyParts(limit: goal.limits.sipBodyParts) }
            let multipart = try MultipartBody(of: self, limits: goal.limits)
            partsLeft -= multipart.parts.count
            guard partsLeft >= 0 else { throw .tooManyParts(limit: goal.limits.sipBodyParts) }
            if multipart.subtype != "alternative" {
                var found: [UInt8]?
                for part in multipart.parts {
                    let bytes = try part.find(goal, &partsLeft, depth: depth + 1)
                    if found == nil { found = bytes }
                }
                return found
            }
            for part in multipart.parts.reversed() {
                // A part that is not understood is what the others are there for.
                if let found = try? part.find(goal, &partsLeft, depth: depth + 1) { return found }
            }
            return try leftOut(type, disposition, goal)
        }
        guard type.essence == goal.essence, disposition == nil || disposition?.type == goal.disposition else {
            return try leftOut(type, disposition, goal)
        }
        return body
    }

    private var isEncoded: Bool {
        !tokens(.contentEncoding).allSatisfy { ByteText.isEqual($0, "identity") }
    }

    private func leftOut(
        _ type: ContentType, _ disposition: ContentDisposition?, _ goal: BodyGoal
    ) throws(SIPParseError) -> [UInt8]? {
        guard goal.passesOverOthers || disposition?.isRequired == false else { throw .unsupportedBody(type.essence) }
        return nil
    }
}

/// What `SIPFields.part` looks for.
private struct BodyGoal {
    /// How deep multiparts may lie in one another.
    static let deepest = 3

    let essence: String
    let disposition: String
    let passesOverOthers: Bool
    let limits: Limits
}
