import Primitives
import Yams

/// Walks a YAML document strictly and collects everything that is wrong with it, not only the first thing.
final class YAMLReader {
    let file: String
    private(set) var problems: [ConfigurationProblem] = []

    init(file: String) {
        self.file = file
    }

    func report(_ text: String, at node: Node?, key: String) {
        problems.append(ConfigurationProblem(file: file, line: node?.mark?.line, key: key, text: text))
    }

    /// The entries of a mapping by key. Keys that are not in `allowed` are problems.
    func mapping(_ node: Node, at key: String, allowed: [String]) -> [String: Node] {
        guard let mapping = node.mapping else {
            report("expected a mapping with the keys \(allowed.joined(separator: ", "))", at: node, key: key)
            return [:]
        }
        var entries: [String: Node] = [:]
        for (name, value) in mapping {
            guard let text = name.scalar?.string, allowed.contains(text) else {
                let found = name.scalar?.string ?? "a key that is not text"
                report("unknown key '\(found)'; allowed here: \(allowed.joined(separator: ", "))", at: name, key: key)
                continue
            }
            entries[text] = value
        }
        return entries
    }

    /// The elements of a list that may have up to `limit` of them.
    func list(_ node: Node, at key: String, limit: Int) -> [Node] {
        guard let sequence = node.sequence else {
            report("expected a list", at: node, key: key)
            return []
        }
        if sequence.count > limit {
            report("has \(sequence.count) entries, at most \(limit) are allowed", at: node, key: key)
        }
        return Array(sequence.prefix(limit))
    }

    /// A required entry of a mapping.
    func required(_ name: String, in entries: [String: Node], of node: Node, at key: String) -> Node? {
        if let entry = entries[name] { return entry }
        // A mapping whose keys are all wrong has been reported already; one more line still helps.
        report("'\(name)' is missing", at: node, key: key)
        return nil
    }

    /// Text. A number or a word like `yes` must be quoted, so that what is meant is what is written.
    func text(_ node: Node, at key: String, maximumBytes: Int = 255) -> String? {
        guard let scalar = node.scalar, node.tag.isText else {
            report("expected text; put it in double quotes", at: node, key: key)
            return nil
        }
        guard !scalar.string.isEmpty else {
            report("must not be empty", at: node, key: key)
            return nil
        }
        guard scalar.string.utf8.count <= maximumBytes else {
            report("is longer than \(maximumBytes) bytes", at: node, key: key)
            return nil
        }
        guard scalar.string.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            report("must not contain control characters", at: node, key: key)
            return nil
        }
        return scalar.string
    }

    func integer(_ node: Node, at key: String, in range: ClosedRange<Int>, or word: String? = nil) -> Int? {
        guard let scalar = node.scalar, node.tag.isInteger, let value = Int(scalar.string), range.contains(value) else {
            let text = "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
            report(text + (word.map { ", or \($0)" } ?? ""), at: node, key: key)
            return nil
        }
        return value
    }

    func boolean(_ node: Node, at key: String) -> Bool? {
        switch node.scalar?.string {
        case "true" where node.tag.isBoolean: return true
        case "false" where node.tag.isBoolean: return false
        default:
            report("expected true or false", at: node, key: key)
            return nil
        }
    }

    func address(_ node: Node, at key: String) -> IPAddress? {
        guard let scalar = node.scalar, let address = IPAddress(scalar.string) else {
            report("expected an IPv4 or IPv6 address", at: node, key: key)
            return nil
        }
        return address
    }

    func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ node: Node, at key: String, of type: Value.Type
    ) -> Value? {
        guard let scalar = node.scalar, let value = Value(rawValue: scalar.string) else {
            let allowed = Value.allCases.map(\.rawValue).joined(separator: ", ")
            report("expected one of \(allowed)", at: node, key: key)
            return nil
        }
        return value
    }

    /// A dialled number: 1 to 20 digits, `*` or `#`. Quotes are not asked for, the text is taken as written.
    func number(_ node: Node, at key: String) -> String? {
        guard let text = node.scalar?.string, (1...20).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2A || $0 == 0x23 })
        else {
            report("expected an extension: 1 to 20 digits, '*' or '#', in quotes", at: node, key: key)
            return nil
        }
        return text
    }
}

extension Tag {
    fileprivate var isText: Bool { self == Tag(.str) }
    fileprivate var isInteger: Bool { self == Tag(.int) }
    fileprivate var isBoolean: Bool { self == Tag(.bool) }
}
