package import Primitives

/// A line `a=crypto:`: how its writer protects what it sends, with the key (RFC 4568 section 9.1).
///
/// The text form holds a key in the clear: it belongs in a message, never in a log; see `SessionDescription.redacted`.
package struct CryptoAttribute: Sendable, Equatable {
    /// What a master key of this line is made of, beside its bytes.
    package struct InlineKey: Sendable, Equatable {
        /// Master key and master salt in one.
        package var keyAndSalt: Secret
        /// Packets that it protects at most; nil: as many as the suite allows.
        package var lifetime: UInt64?
        /// Whether packets name their key (a master key identifier).
        package var hasIdentifier: Bool

        package init(keyAndSalt: Secret, lifetime: UInt64? = nil, hasIdentifier: Bool = false) {
            self.keyAndSalt = keyAndSalt
            self.lifetime = lifetime
            self.hasIdentifier = hasIdentifier
        }
    }

    /// Names the line within its section; an answer bears the tag of the line it takes.
    package var tag: Int
    /// `AES_CM_128_HMAC_SHA1_80`, ..., as it was spelt.
    package var suite: String
    /// One, or several told apart by their identifiers.
    package var keys: [InlineKey]
    /// `KDR=1`, `UNENCRYPTED_SRTP`, ...
    package var sessionParameters: [String]

    package init(tag: Int, suite: String, keys: [InlineKey], sessionParameters: [String] = []) {
        self.tag = tag
        self.suite = suite
        self.keys = keys
        self.sessionParameters = sessionParameters
    }

    /// Reads what follows `crypto:`; nil when the line is malformed or its key method is not `inline`.
    package init?(_ value: String) {
        let fields = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count >= 3, let tag = SDPNumber.parse(fields[0], limit: 999_999_999), tag > 0 else { return nil }
        var keys: [InlineKey] = []
        for parameter in fields[2].split(separator: ";", omittingEmptySubsequences: false) {
            guard let key = Self.inlineKey(parameter) else { return nil }
            keys.append(key)
        }
        self.init(
            tag: tag, suite: String(fields[1]), keys: keys, sessionParameters: fields.dropFirst(3).map(String.init))
    }

    /// As it goes on the wire.
    package var attribute: SDPAttribute {
        let keys = keys.map { key in
            let lifetime = key.lifetime.map { "|\($0)" } ?? ""
            return "inline:" + key.keyAndSalt.withBytes { Base64.encode($0) } + lifetime
        }
        let fields = ["\(tag)", suite, keys.joined(separator: ";")] + sessionParameters
        return SDPAttribute("crypto", fields.joined(separator: " "))
    }

    /// `inline:` key and salt, then perhaps a lifetime, then perhaps an identifier with its length.
    private static func inlineKey(_ text: Substring) -> InlineKey? {
        let prefix = text.prefix(7)
        guard prefix.lowercased() == "inline:" else { return nil }
        let parts = text.dropFirst(7).split(separator: "|", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 3, var bytes = Base64.decode(first), !bytes.isEmpty else {
            return nil
        }
        defer { for index in bytes.indices { bytes[index] = 0 } }
        var key = InlineKey(keyAndSalt: Secret(bytes))
        for (index, part) in parts.dropFirst().enumerated() {
            if part.contains(":") {
                guard index == parts.count - 2, isIdentifier(part) else { return nil }
                key.hasIdentifier = true
            } else {
                guard index == 0, let lifetime = lifetime(part) else { return nil }
                key.lifetime = lifetime
            }
        }
        return key
    }

    /// `2^20`, or a number; not zero.
    private static func lifetime(_ text: Substring) -> UInt64? {
        if text.hasPrefix("2^") {
            return SDPNumber.parse(text.dropFirst(2), limit: 62).map { 1 << UInt64($0) }
        }
        guard let number = SDPNumber.parseSaturating(text), number > 0 else { return nil }
        return number
    }

    /// `1:4`: the identifier, and its length in packets, 1 to 128 bytes.
    private static func isIdentifier(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && SDPNumber.parseSaturating(parts[0]) != nil
            && SDPNumber.parse(parts[1], limit: 128).map { $0 > 0 } == true
    }
}

extension MediaDescription {
    /// The `a=crypto` lines that can be read, in their order.
    package var cryptoAttributes: [CryptoAttribute] {
        attributes.compactMap { $0.name == "crypto" ? $0.value.flatMap { CryptoAttribute($0) } : nil }
    }

    /// True for `RTP/SAVP` and `RTP/SAVPF`, whose keys are in the description (RFC 4568).
    package var isSecureProfile: Bool { ["RTP/SAVP", "RTP/SAVPF"].contains(proto.uppercased()) }
    /// True for `RTP/AVP` and `RTP/AVPF`.
    package var isPlainProfile: Bool { ["RTP/AVP", "RTP/AVPF"].contains(proto.uppercased()) }
}

extension SessionDescription {
    /// The bytes of a message for a log: what follows `inline:` is left out.
    package static func redacted(_ bytes: [UInt8]) -> [UInt8] {
        let mark = Array("inline:".utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let isMark =
                bytes.count - index >= mark.count
                && (0..<mark.count).allSatisfy { bytes[index + $0] | 0x20 == mark[$0] | 0x20 }
            guard isMark else {
                result.append(bytes[index])
                index += 1
                continue
            }
            result += mark
            result += "<secret>".utf8
            index += mark.count
            // The key ends where its parameters or the next field begin.
            while index < bytes.count, !Array("|; \t\r\n".utf8).contains(bytes[index]) { index += 1 }
        }
        return result
    }
}
