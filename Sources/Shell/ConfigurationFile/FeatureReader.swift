import Settings
import Yams

/// What users, groups and the office have switched on. Every value is text to the settings, which know what is one; in
/// the file it may stand as a word, a number, a list of words, or (speed dials, doors) a mapping.
struct FeatureReader {
    let reader: YAMLReader

    func user(_ node: Node, at key: String) -> UserFeatures {
        var features = UserFeatures()
        let entries = reader.mapping(node, at: key, allowed: UserFeatures.names)
        for name in UserFeatures.names {
            guard let node = entries[name], let text = text(node, at: "\(key).\(name)") else { continue }
            if !features.set(name, text) { refuse(text, node, "\(key).\(name)") }
        }
        return features
    }

    /// Of the entries of the section `features`.
    func office(_ entries: [String: Node]) -> OfficeSettings {
        var office = OfficeSettings()
        for name in OfficeSettings.names {
            guard let node = entries[name], let text = text(node, at: "features.\(name)") else { continue }
            if !office.set(name, text) { refuse(text, node, "features.\(name)") }
        }
        guard let node = entries["codes"] else { return office }
        let codes = reader.mapping(node, at: "features.codes", allowed: FeatureCode.allCases.map(\.rawValue))
        for code in FeatureCode.allCases {
            guard let node = codes[code.rawValue], let digits = node.scalar?.string else { continue }
            let key = "features.codes.\(code.rawValue)"
            if !office.set("codes.\(code.rawValue)", digits) {
                reader.report(
                    "'\(digits)' cannot be a code: * or # and 1 to 8 digits, not those of another code", at: node,
                    key: key)
            }
        }
        return office
    }

    func fill(_ group: inout GroupSettings, from entries: [String: Node], at key: String) {
        for name in GroupSettings.names {
            guard let node = entries[name], let text = text(node, at: "\(key).\(name)") else { continue }
            if !group.set(name, text) { refuse(text, node, "\(key).\(name)") }
        }
    }

    private func text(_ node: Node, at key: String) -> String? {
        if let list = node.sequence {
            let words = list.compactMap(\.scalar?.string)
            if words.count == list.count { return words.joined(separator: " ") }
        } else if let mapping = node.mapping {
            let pairs = mapping.compactMap { name, value -> String? in
                guard let name = name.scalar?.string, let value = value.scalar?.string else { return nil }
                return "\(name)=\(value)"
            }
            if pairs.count == mapping.count { return pairs.joined(separator: " ") }
        } else if let word = node.scalar?.string {
            return word
        }
        reader.report("expected a word, a list of words, or words by name", at: node, key: key)
        return nil
    }

    private func refuse(_ text: String, _ node: Node, _ key: String) {
        reader.report("'\(text)' is no value for this; docs/FEATURES.md lists what is", at: node, key: key)
    }
}
