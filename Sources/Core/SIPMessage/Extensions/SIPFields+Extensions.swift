/// Typed views of the headers of SIP's extensions.
///
/// What is absent is nil or empty. What is malformed throws, except where leaving it out is harmless.
extension SIPFields {
    /// RFC 3262 section 7.2; in PRACK.
    package func rack() throws(SIPParseError) -> RAck? { try value(.rack) }

    /// RFC 3262 section 7.1; in reliable provisional responses.
    package func rseq() throws(SIPParseError) -> UInt32? {
        guard let number = try number(.rseq) else { return nil }
        guard number <= UInt64(UInt32.max) else { throw .malformedHeader(.rseq, reason: "it is not below 2^32") }
        return UInt32(number)
    }

    /// RFC 4028 section 4.
    package func sessionExpires() throws(SIPParseError) -> SessionExpires? { try value(.sessionExpires) }

    /// Seconds (RFC 4028 section 5); saturates at 2^32 - 1, parameters are ignored.
    package func minSE() throws(SIPParseError) -> Int? {
        guard let number = try number(.minSE, allowsParameters: true) else { return nil }
        return Int(min(number, UInt64(UInt32.max)))
    }

    /// RFC 3891 section 6.1; in INVITE.
    package func replaces() throws(SIPParseError) -> Replaces? { try value(.replaces) }

    /// RFC 4538 section 7.
    package func targetDialog() throws(SIPParseError) -> TargetDialog? { try value(.targetDialog) }

    /// RFC 3515 section 2.1; in REFER.
    package func referTo() throws(SIPParseError) -> NameAddress? { try optionalAddress(.referTo) }

    /// RFC 3892 section 3.
    package func referredBy() throws(SIPParseError) -> NameAddress? { try optionalAddress(.referredBy) }

    /// RFC 6665 section 8.2.1.
    package func event() throws(SIPParseError) -> EventHeader? { try value(.event) }

    /// RFC 6665 section 8.2.3; in NOTIFY.
    package func subscriptionState() throws(SIPParseError) -> SubscriptionState? { try value(.subscriptionState) }

    /// RFC 3326; malformed values are left out.
    package func reasons() -> [ReasonValue] {
        var list: [ReasonValue] = []
        headers.forEach(.reason) { value in
            for element in CommaList(value) {
                if let reason = try? ReasonValue(view: element) { list.append(reason) }
            }
        }
        return list
    }

    /// RFC 3323 section 4.2; empty when absent.
    package func privacy() throws(SIPParseError) -> PrivacyValues {
        var values = PrivacyValues()
        try headers.forEach(.privacy) { (field) throws(SIPParseError) -> Void in
            for value in try PrivacyValues(view: field).list { values.insert(value) }
        }
        return values
    }

    /// P-Asserted-Identity (RFC 3325 section 9.1).
    package func assertedIdentities() throws(SIPParseError) -> [NameAddress] { try addresses(.assertedIdentity) }

    /// P-Preferred-Identity (RFC 3325 section 9.2).
    package func preferredIdentities() throws(SIPParseError) -> [NameAddress] { try addresses(.preferredIdentity) }

    /// Path (RFC 3327), the proxy nearest to the registrar first.
    package func paths() throws(SIPParseError) -> [NameAddress] { try addresses(.path) }

    /// Service-Route (RFC 3608), in the order in which a Route takes them.
    package func serviceRoutes() throws(SIPParseError) -> [NameAddress] { try addresses(.serviceRoute) }

    /// The option tags of Supported.
    package func supported() -> OptionTags { OptionTags(tokens(.supported)) }

    /// The option tags of Require (RFC 3261 section 20.32).
    package func required() -> OptionTags { OptionTags(tokens(.require)) }

    /// The option tags of Proxy-Require (RFC 3261 section 20.29).
    package func proxyRequired() -> OptionTags { OptionTags(tokens(.proxyRequire)) }

    private func value<Value: SIPFieldValue>(_ name: SIPHeaderName) throws(SIPParseError) -> Value? {
        guard let bytes = headers.bytes(of: name) else { return nil }
        return try Value(bytes: bytes)
    }

    private func optionalAddress(_ name: SIPHeaderName) throws(SIPParseError) -> NameAddress? {
        headers.contains(name) ? try address(name) : nil
    }

    /// Saturates at 2^32.
    private func number(_ name: SIPHeaderName, allowsParameters: Bool = false) throws(SIPParseError) -> UInt64? {
        guard let bytes = headers.bytes(of: name) else { return nil }
        let number = bytes.withView { bytes -> UInt64? in
            var scanner = FieldScanner(bytes)
            let number = scanner.number(limit: UInt64(UInt32.max))
            if allowsParameters { _ = scanner.parameters() }
            return scanner.isAtEnd ? number : nil
        }
        guard let number else { throw .malformedHeader(name, reason: "it is no number") }
        return number
    }
}
