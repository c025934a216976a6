/// Why a request was sent or a call ended, in the codes of one protocol (RFC 3326 section 2).
package struct ReasonValue: SIPFieldValue {
    /// `SIP`, `Q.850`, as it was spelt.
    package var protocolName: String
    package var cause: Int?
    package var text: String?

    package init(_ protocolName: String, cause: Int? = nil, text: String? = nil) {
        self.protocolName = protocolName
        self.cause = cause
        self.text = text
    }

    /// A SIP status code: 200 in the CANCEL of a fork that another one has answered.
    package static func sip(_ status: Int, text: String? = nil) -> ReasonValue {
        ReasonValue("SIP", cause: status, text: text)
    }

    /// A cause of ITU-T Q.850: 16 for a call that was cleared normally.
    package static func q850(_ cause: Int, text: String? = nil) -> ReasonValue {
        ReasonValue("Q.850", cause: cause, text: text)
    }

    package var isSIP: Bool { ByteText.isEqual(protocolName, "SIP") }

    /// Reads `protocol *(;reason-param)`; parameters other than `cause` and `text` are dropped.
    /// Throws `.malformedHeader(.reason)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        guard let name = scanner.token() else { throw .malformedHeader(.reason, reason: "it names no protocol") }
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(.reason, reason: "what follows the protocol are no parameters")
        }
        var cause: Int?
        if let text = parameters["cause"] {
            guard let number = FieldScanner.wholeNumber(text, limit: 65_535), number <= 65_535 else {
                throw .malformedHeader(.reason, reason: "its cause is not 0 to 65535")
            }
            cause = Int(number)
        }
        self.init(name, cause: cause, text: parameters["text"])
    }

    package var description: String {
        var value = SIPParameters.tokenOnly(protocolName)
        if let cause { value += ";cause=\(cause)" }
        if let text { value += ";text=" + SIPEscaping.quoted(text) }
        return value
    }
}
