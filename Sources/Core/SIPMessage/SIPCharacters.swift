/// The character classes of RFC 3261 section 25.1, over bytes: `Character` would join a delimiter and a combining mark.
enum SIPCharacters {
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func isAlpha(_ byte: UInt8) -> Bool { (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A }

    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isAlpha(byte) }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// `token`: alphanumeric and ``-.!%*_+`'~``.
    static func isToken(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "%"), UInt8(ascii: "*"),
            UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "`"), UInt8(ascii: "'"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }

    /// `unreserved`: alphanumeric and `mark`.
    static func isUnreserved(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "~"),
            UInt8(ascii: "*"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"):
            return true
        default: return false
        }
    }

    /// What a user part may hold unescaped: `unreserved` and `user-unreserved`.
    static func isUser(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "$"), UInt8(ascii: ","),
            UInt8(ascii: ";"), UInt8(ascii: "?"), UInt8(ascii: "/"):
            true
        default: isUnreserved(byte)
        }
    }

    static func isPassword(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "$"), UInt8(ascii: ","): true
        default: isUnreserved(byte)
        }
    }

    /// What a telephone number of a `tel` URI may hold unescaped (RFC 3966 section 3).
    static func isTelephone(_ byte: UInt8) -> Bool {
        isUnreserved(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "#")
    }

    /// `paramchar` of a URI parameter.
    static func isURIParameter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "&"),
            UInt8(ascii: "+"), UInt8(ascii: "$"):
            true
        default: isUnreserved(byte)
        }
    }

    /// `hnv-unreserved` and `unreserved`: what a header of a URI may hold unescaped.
    static func isURIHeader(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: ":"),
            UInt8(ascii: "+"), UInt8(ascii: "$"):
            true
        default: isUnreserved(byte)
        }
    }

    /// Host name letters; the underscore is not in the RFC but in the field.
    static func isHostName(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    /// What a URI of another scheme or the part after `?` may hold as it stands.
    static func isOpaque(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "<") && byte != UInt8(ascii: ">")
            && byte != UInt8(ascii: "\"")
    }

    /// What an unquoted header parameter value may hold when read: more than `token`, as addresses stand there.
    static func isLenientValue(_ byte: UInt8) -> Bool {
        isOpaque(byte) && byte != UInt8(ascii: ";") && byte != UInt8(ascii: ",") || byte >= 0x80
    }

    /// What a header parameter value may hold to be written without quotes: `token` and `host`.
    static func isPlainValue(_ byte: UInt8) -> Bool {
        isToken(byte) || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: ":")
    }
}
