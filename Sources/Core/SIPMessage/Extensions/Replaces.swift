/// The dialog that an INVITE takes the place of (RFC 3891 section 6.1).
package struct Replaces: SIPFieldValue {
    package var callID: String
    /// The To tag from the point of view of who receives the INVITE: its local tag.
    package var toTag: String
    /// The remote tag of who receives the INVITE.
    package var fromTag: String
    /// Only a dialog that is still early may be replaced.
    package var earlyOnly: Bool

    package init(callID: String, toTag: String, fromTag: String, earlyOnly: Bool = false) {
        self.callID = callID
        self.toTag = toTag
        self.fromTag = fromTag
        self.earlyOnly = earlyOnly
    }

    /// Reads `callid *(;replaces-param)`: both tags, once each. Throws `.malformedHeader(.replaces)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        let (callID, parameters) = try DialogIdentifierText.split(bytes, of: .replaces)
        self.init(
            callID: callID, toTag: try DialogIdentifierText.tag("to-tag", in: parameters, of: .replaces),
            fromTag: try DialogIdentifierText.tag("from-tag", in: parameters, of: .replaces),
            earlyOnly: parameters.contains("early-only"))
    }

    package var description: String {
        let tags = "to-tag=\(SIPParameters.tokenOnly(toTag));from-tag=\(SIPParameters.tokenOnly(fromTag))"
        return "\(DialogIdentifierText.plain(callID));\(tags)\(earlyOnly ? ";early-only" : "")"
    }
}

/// A dialog that its sender shares with who receives the request, as a proof of right (RFC 4538 section 7).
package struct TargetDialog: SIPFieldValue {
    package var callID: String
    /// The tag of who receives the request is the remote one; this is the sender's.
    package var localTag: String
    package var remoteTag: String

    package init(callID: String, localTag: String, remoteTag: String) {
        self.callID = callID
        self.localTag = localTag
        self.remoteTag = remoteTag
    }

    /// Reads `callid *(;td-param)`: both tags, once each. Throws `.malformedHeader(.targetDialog)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        let (callID, parameters) = try DialogIdentifierText.split(bytes, of: .targetDialog)
        self.init(
            callID: callID, localTag: try DialogIdentifierText.tag("local-tag", in: parameters, of: .targetDialog),
            remoteTag: try DialogIdentifierText.tag("remote-tag", in: parameters, of: .targetDialog))
    }

    package var description: String {
        let tags = "local-tag=\(SIPParameters.tokenOnly(localTag));remote-tag=\(SIPParameters.tokenOnly(remoteTag))"
        return "\(DialogIdentifierText.plain(callID));\(tags)"
    }
}

/// What Replaces, Join and Target-Dialog have in common: a Call-ID, then parameters.
enum DialogIdentifierText {
    static func split(
        _ bytes: ByteView, of name: SIPHeaderName
    ) throws(SIPParseError) -> (callID: String, parameters: SIPParameters) {
        let end = bytes.firstIndex(of: UInt8(ascii: ";")) ?? bytes.endIndex
        let callID = bytes[bytes.startIndex..<end].trimmingSpaces()
        guard !callID.isEmpty, callID.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 != 0x7F }) else {
            throw .malformedHeader(name, reason: "it does not begin with a Call-ID")
        }
        var scanner = FieldScanner(bytes[end..<bytes.endIndex])
        guard let parameters = scanner.parameters() else {
            throw .malformedHeader(name, reason: "what follows the Call-ID are no parameters")
        }
        return (callID.text, parameters)
    }

    static func tag(
        _ tag: String, in parameters: SIPParameters, of name: SIPHeaderName
    ) throws(SIPParseError) -> String {
        let count = parameters.list.count { ByteText.isEqual($0.name, tag) }
        guard count == 1, let value = parameters[tag], !value.isEmpty,
            value.utf8.allSatisfy(SIPCharacters.isToken)
        else {
            throw .malformedHeader(name, reason: "it does not have one \(tag)")
        }
        return value
    }

    /// Without what would end the Call-ID.
    static func plain(_ callID: String) -> String {
        let isMember = { (byte: UInt8) in byte > 0x20 && byte != UInt8(ascii: ";") && byte != UInt8(ascii: ",") }
        return callID.utf8.allSatisfy(isMember)
            ? callID : String(decoding: callID.utf8.filter(isMember), as: UTF8.self)
    }
}
