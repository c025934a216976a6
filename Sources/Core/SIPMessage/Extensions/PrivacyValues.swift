/// What the sender wants kept private (RFC 3323 section 4.2, RFC 3325 section 9.3, RFC 7044).
package struct PrivacyValues: SIPFieldValue {
    package enum Value: Sendable, Hashable {
        case header, session, user, none, critical, id, history
        /// In lower case.
        case other(String)

        init(_ token: String) {
            self =
                switch token.lowercased() {
                case "header": .header
                case "session": .session
                case "user": .user
                case "none": .none
                case "critical": .critical
                case "id": .id
                case "history": .history
                case let other: .other(other)
                }
        }

        var text: String {
            switch self {
            case .header: "header"
            case .session: "session"
            case .user: "user"
            case .none: "none"
            case .critical: "critical"
            case .id: "id"
            case .history: "history"
            case .other(let token): SIPParameters.tokenOnly(token)
            }
        }
    }

    /// In their order; each once.
    package private(set) var list: [Value] = []

    package init(_ values: [Value] = []) {
        for value in values { insert(value) }
    }

    package func contains(_ value: Value) -> Bool { list.contains(value) }

    package mutating func insert(_ value: Value) {
        if !list.contains(value) { list.append(value) }
    }

    /// True when who called must not be told to the called party: `id` or `user`, and no `none`.
    package var hidesIdentity: Bool { !contains(.none) && (contains(.id) || contains(.user)) }

    /// Reads `priv-value *(; priv-value)`; commas, which some send, separate too. Throws `.malformedHeader(.privacy)`.
    package init(view bytes: ByteView) throws(SIPParseError) {
        var scanner = FieldScanner(bytes)
        scanner.skipSpaces()
        repeat {
            guard let token = scanner.token() else {
                throw .malformedHeader(.privacy, reason: "a value is no token")
            }
            insert(Value(token))
        } while scanner.take(UInt8(ascii: ";")) || scanner.take(UInt8(ascii: ","))
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw .malformedHeader(.privacy, reason: "its values are not set apart") }
    }

    package var description: String { list.map(\.text).joined(separator: ";") }
}
