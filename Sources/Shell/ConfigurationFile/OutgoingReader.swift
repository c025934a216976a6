import Primitives
import Settings
import Yams

/// The sections `numbering` and `outgoing`: how numbers are dialled, and which trunk carries which.
struct OutgoingReader {
    let reader: YAMLReader
    let limits: Limits

    /// Prefixes that the section does not name are those usual in the country.
    func numbering(_ node: Node) -> NumberingSettings {
        let entries = reader.mapping(
            node, at: "numbering",
            allowed: [
                "country_code", "international_prefix", "national_prefix", "area_code", "national_digits",
                "outside_prefix",
            ])
        var settings = NumberingSettings()
        if let code = entries["country_code"] {
            if let digits = reader.digits(code, at: "numbering.country_code"), digits.utf8.count <= 3,
                !digits.hasPrefix("0")
            {
                settings = NumberingSettings(countryCode: digits)
            } else {
                reader.report("expected 1 to 3 digits, for example \"49\"", at: code, key: "numbering.country_code")
            }
        }
        if let node = entries["international_prefix"] {
            settings.internationalPrefix = reader.digits(node, at: "numbering.international_prefix") ?? "00"
        }
        if let node = entries["national_prefix"] {
            // An empty text says that the country has none.
            settings.nationalPrefix =
                node.scalar?.string == "" ? "" : reader.digits(node, at: "numbering.national_prefix") ?? "0"
        }
        settings.areaCode = entries["area_code"].flatMap { reader.digits($0, at: "numbering.area_code") }
        if let node = entries["national_digits"] {
            settings.nationalDigits = reader.integer(node, at: "numbering.national_digits", in: 5...14)
        }
        settings.outsidePrefix = entries["outside_prefix"].flatMap { reader.digits($0, at: "numbering.outside_prefix") }
        return settings
    }

    /// - Parameter trunks: names, in their order.
    func outgoing(_ node: Node?, numbering: NumberingSettings, trunks: [String]) -> OutgoingSettings {
        var settings = OutgoingSettings()
        let entries = node.map { reader.mapping($0, at: "outgoing", allowed: ["emergency", "rules"]) } ?? [:]
        if let list = entries["emergency"] {
            for (index, node) in reader.list(list, at: "outgoing.emergency", limit: 16).enumerated() {
                let key = "outgoing.emergency[\(index)]"
                if let number = reader.digits(node, at: key) { settings.emergencyNumbers.append(number) }
            }
        } else if !trunks.isEmpty {
            settings.emergencyNumbers = numbering.usualEmergencyNumbers
        }
        if let list = entries["rules"] {
            for (index, node) in reader.list(list, at: "outgoing.rules", limit: limits.outgoingRules).enumerated() {
                let key = "outgoing.rules[\(index)]"
                guard let rule = rule(node, at: key, trunks: trunks) else { continue }
                if settings.rules.contains(where: { $0.prefix == rule.prefix }) {
                    reader.report("another rule has the prefix \(rule.prefix)", at: node, key: "\(key).prefix")
                }
                settings.rules.append(rule)
            }
        }
        return settings
    }

    private func rule(_ node: Node, at key: String, trunks: [String]) -> OutgoingRule? {
        let fields = reader.mapping(node, at: key, allowed: ["prefix", "trunks"])
        let prefix = reader.required("prefix", in: fields, of: node, at: key)
            .flatMap { self.prefix($0, at: "\(key).prefix") }
        var names: [String] = []
        if let list = reader.required("trunks", in: fields, of: node, at: key) {
            for (index, node) in reader.list(list, at: "\(key).trunks", limit: limits.trunks).enumerated() {
                let place = "\(key).trunks[\(index)]"
                guard let name = reader.text(node, at: place) else { continue }
                if !trunks.contains(name) {
                    reader.report("no trunk is named \(name)", at: node, key: place)
                } else if names.contains(name) {
                    reader.report("\(name) is there twice", at: node, key: place)
                }
                names.append(name)
            }
        }
        return prefix.map { OutgoingRule(prefix: $0, trunks: names) }
    }

    /// `+`, `+` and digits, or digits.
    private func prefix(_ node: Node, at key: String) -> String? {
        let text = node.scalar?.string ?? ""
        let digits = text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard digits.utf8.count <= 15, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !text.isEmpty else {
            let text = "expected the beginning of a number with its country code, for example \"+49\", or \"+\" for all"
            reader.report(text, at: node, key: key)
            return nil
        }
        return text
    }
}

extension YAMLReader {
    /// 1 to 15 digits. Quotes are not asked for, the text is taken as written.
    func digits(_ node: Node, at key: String) -> String? {
        guard let text = node.scalar?.string, (1...15).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else {
            report("expected 1 to 15 digits, in quotes", at: node, key: key)
            return nil
        }
        return text
    }

    /// A number of the public network: `+` and digits, or digits.
    func telephoneNumber(_ node: Node, at key: String) -> String? {
        let text = node.scalar?.string ?? ""
        let digits = text.hasPrefix("+") ? text.dropFirst() : text[...]
        guard (1...20).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            !text.hasPrefix("+") || (4...15).contains(digits.utf8.count) && !digits.hasPrefix("0")
        else {
            report("expected a telephone number, for example \"+4930123456\"", at: node, key: key)
            return nil
        }
        return text
    }
}
