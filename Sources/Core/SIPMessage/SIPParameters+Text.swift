extension SIPParameters: CustomStringConvertible {
    /// As header parameters, each with its semicolon, values quoted where they must be.
    package var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    func write(to text: inout String) {
        for parameter in list {
            text += ";"
            text += SIPParameters.tokenOnly(parameter.name)
            if let value = parameter.value {
                text += "="
                text += SIPParameters.plainOrQuoted(value)
            }
        }
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
