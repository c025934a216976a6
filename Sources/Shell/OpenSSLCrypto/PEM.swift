import Primitives

/// Textual encoding of keys and certificates (RFC 7468).
package enum PEM {
    package struct Block: Sendable, Equatable {
        /// `CERTIFICATE`, `PRIVATE KEY`, …
        package var label: String
        package var bytes: [UInt8]
        package init(label: String, bytes: [UInt8]) {
            self.label = label
            self.bytes = bytes
        }
    }

    /// A text longer than this is refused.
    package static let textLimitBytes = 128 * 1024
    package static let blockLimit = 16

    /// All blocks, in order; text between them is skipped (RFC 7468 section 2).
    package static func blocks(in text: String) throws(CryptoError) -> [Block] {
        guard text.utf8.count <= textLimitBytes else {
            throw .limitExceeded(what: "PEM text in bytes", value: text.utf8.count, limit: textLimitBytes)
        }
        var blocks: [Block] = []
        var open: (label: String, digits: String)?
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmed
            if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----"), line.utf8.count > 16 {
                guard open == nil else { throw .malformed(what: "PEM text", reason: "BEGIN inside of a block") }
                open = (String(line.dropFirst(11).dropLast(5)), "")
            } else if line.hasPrefix("-----END ") {
                guard let block = open, line == "-----END \(block.label)-----", let bytes = Base64.decode(block.digits)
                else { throw .malformed(what: "PEM text", reason: "END does not match, or the base64 is broken") }
                guard blocks.count < blockLimit else {
                    throw .limitExceeded(what: "number of PEM blocks", value: blocks.count + 1, limit: blockLimit)
                }
                blocks.append(Block(label: block.label, bytes: bytes))
                open = nil
            } else {
                open?.digits += line
            }
        }
        guard open == nil else { throw .malformed(what: "PEM text", reason: "END is missing") }
        return blocks
    }

    /// One block with lines of 64 characters and a newline at the end.
    package static func encode(_ block: Block) -> String {
        var text = "-----BEGIN \(block.label)-----\n"
        var digits = Substring(Base64.encode(block.bytes))
        while !digits.isEmpty {
            text += digits.prefix(64) + "\n"
            digits = digits.dropFirst(64)
        }
        return text + "-----END \(block.label)-----\n"
    }
}

extension Substring {
    /// Without blanks and tabs at both ends.
    fileprivate var trimmed: Substring {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}
