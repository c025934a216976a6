extension SIPParameters: CustomStringConvertible {
    /// As header parameters, each with its semicolon, values quoted where they must be.
    package var description: String {
        var text = ""
        for parameter in list {
            text += ";" + SIPParameters.tokenOnly(parameter.name)
            if let value = parameter.value { text += "=" + SIPParameters.plainOrQuoted(value) }
        }
        return text
    }

    static func plainOrQuoted(_ value: String) -> String {
        !value.isEmpty && value.utf8.allSatisfy(SIPCharacters.isPlainValue) ? value : SIPEscaping.quoted(value)
    }

    /// Names come from parsed tokens or literals; whatever else is dropped, so that nothing can be injected.
    static func tokenOnly(_ name: String) -> String {
        name.utf8.allSatisfy(SIPCharacters.isToken)
            ? name : String(decoding: name.utf8.filter(SIPCharacters.isToken), as: UTF8.self)
    }
}
