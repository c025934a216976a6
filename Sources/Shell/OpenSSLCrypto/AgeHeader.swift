import Primitives

/// One recipient's wrapped file key in the header of an age file.
package struct AgeStanza: Sendable, Hashable {
    /// Type first (`X25519`, `scrypt`), then what belongs to it.
    package var arguments: [String]
    package var body: [UInt8]

    package init(arguments: [String], body: [UInt8]) {
        self.arguments = arguments
        self.body = body
    }

    package var type: String { arguments.first ?? "" }
}

/// The textual header of an age file (https://age-encryption.org/v1): format only, no cryptography.
package struct AgeHeader: Sendable, Hashable {
    package static let version = "age-encryption.org/v1"
    /// A longer header is refused.
    package static let limitBytes = 64 * 1024
    package static let stanzaLimit = 20
    package static let argumentLimit = 8
    package static let macBytes = 32
    private static let columns = 64

    package var stanzas: [AgeStanza]
    package var mac: [UInt8]

    package init(stanzas: [AgeStanza], mac: [UInt8]) {
        self.stanzas = stanzas
        self.mac = mac
    }

    /// What the MAC covers: everything up to and including `---`.
    package static func authenticatedText(_ stanzas: [AgeStanza]) -> [UInt8] {
        var text = version + "\n"
        for stanza in stanzas {
            text += "-> " + stanza.arguments.joined(separator: " ") + "\n"
            var digits = Substring(Base64.encode(stanza.body, padding: false))
            while digits.utf8.count >= columns {
                text += digits.prefix(columns) + "\n"
                digits = digits.dropFirst(columns)
            }
            text += digits + "\n"
        }
        return Array((text + "---").utf8)
    }

    /// The header's bytes, with the newline that ends it.
    package var encoded: [UInt8] {
        Self.authenticatedText(stanzas) + Array((" " + Base64.encode(mac, padding: false) + "\n").utf8)
    }

    /// Reads the header at the start of `bytes`; nil when its end has not arrived yet. `length` is where the payload begins.
    package static func parse(_ bytes: [UInt8]) throws(CryptoError) -> (header: AgeHeader, length: Int)? {
        var reader = LineReader(bytes: bytes)
        guard let first = try reader.next() else { return nil }
        guard first == version else { throw malformed("it does not begin with '\(version)'") }
        var stanzas: [AgeStanza] = []
        while let line = try reader.next() {
            if line.hasPrefix("--- ") {
                let digits = line.dropFirst(4)
                guard let mac = decode(digits), mac.count == macBytes else {
                    throw malformed("the MAC is not 32 bytes")
                }
                guard !stanzas.isEmpty else { throw malformed("it has no recipient") }
                return (AgeHeader(stanzas: stanzas, mac: mac), reader.position)
            }
            guard line.hasPrefix("-> ") else { throw malformed("a line is neither a recipient nor the MAC") }
            let arguments = line.dropFirst(3).split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard arguments.count <= argumentLimit, arguments.allSatisfy({ !$0.isEmpty }) else {
                throw malformed("a recipient has empty or more than \(argumentLimit) arguments")
            }
            guard stanzas.count < stanzaLimit else {
                throw .limitExceeded(what: "number of age recipients", value: stanzas.count + 1, limit: stanzaLimit)
            }
            guard let body = try readBody(&reader) else { return nil }
            stanzas.append(AgeStanza(arguments: arguments, body: body))
        }
        return nil
    }

    private static func readBody(_ reader: inout LineReader) throws(CryptoError) -> [UInt8]? {
        var digits = ""
        while let line = try reader.next() {
            guard line.utf8.count <= columns else { throw malformed("a line of a recipient is too long") }
            digits += line
            if line.utf8.count < columns {
                guard let body = decode(Substring(digits)) else { throw malformed("a recipient is not base64") }
                return body
            }
        }
        return nil
    }

    /// Canonical base64 without padding.
    static func decode(_ digits: Substring) -> [UInt8]? { digits.utf8.contains(0x3D) ? nil : Base64.decode(digits) }

    static func malformed(_ reason: String) -> CryptoError { .malformed(what: "age header", reason: reason) }

    /// Lines of printable ASCII, ended by a line feed.
    private struct LineReader {
        let bytes: [UInt8]
        var position = 0

        /// Nil when the line's end has not arrived yet.
        mutating func next() throws(CryptoError) -> String? {
            guard let end = bytes[position...].firstIndex(of: 0x0A) else {
                let tail = bytes[position...]
                guard bytes.count <= AgeHeader.limitBytes else {
                    throw .limitExceeded(what: "age header in bytes", value: bytes.count, limit: AgeHeader.limitBytes)
                }
                guard tail.prefix(128).allSatisfy({ (0x20...0x7E).contains($0) }) else {
                    throw malformed("it holds bytes that are not text")
                }
                return nil
            }
            guard end < AgeHeader.limitBytes else {
                throw .limitExceeded(what: "age header in bytes", value: end, limit: AgeHeader.limitBytes)
            }
            let line = bytes[position..<end]
            guard line.allSatisfy({ (0x20...0x7E).contains($0) }) else {
                throw malformed("it holds bytes that are not text")
            }
            position = end + 1
            return String(decoding: line, as: UTF8.self)
        }
    }
}
