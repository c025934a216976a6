/// Writes a small XML document. Names are ours; all content is escaped, so that nothing a peer sent can become markup.
struct XMLWriter {
    private(set) var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    private var open: [String] = []

    init() {}

    /// Opens an element; attributes without a value are left out.
    mutating func begin(_ name: String, _ attributes: KeyValuePairs<String, String?> = [:]) {
        tag(name, attributes, end: ">\n")
        open.append(name)
    }

    /// Closes the element that was opened last.
    mutating func end() {
        guard let name = open.popLast() else { return }
        text += "</\(name)>\n"
    }

    /// An element with text, or an empty one.
    mutating func element(
        _ name: String, _ attributes: KeyValuePairs<String, String?> = [:], _ content: String? = nil
    ) {
        guard let content else {
            tag(name, attributes, end: "/>\n")
            return
        }
        tag(name, attributes, end: ">")
        text += Self.escaped(content) + "</\(name)>\n"
    }

    /// The whole document, everything closed.
    mutating func finish() -> [UInt8] {
        while !open.isEmpty { end() }
        return Array(text.utf8)
    }

    private mutating func tag(_ name: String, _ attributes: KeyValuePairs<String, String?>, end: String) {
        text += "<" + name
        for (key, value) in attributes {
            guard let value else { continue }
            text += " \(key)=\"\(Self.escaped(value))\""
        }
        text += end
    }

    /// Longest run of text from elsewhere that goes into a document, in characters.
    static let longestText = 256

    /// With entities for what is markup, without what XML 1.0 does not allow (section 2.2), and cut at `longestText`.
    static func escaped(_ content: String) -> String {
        var result = ""
        var count = 0
        for scalar in content.unicodeScalars {
            guard count < longestText else { break }
            count += 1
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\t", "\n", "\r": result += " "
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": break
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
