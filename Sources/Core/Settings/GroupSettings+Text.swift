/// What a group has besides number, name, strategy and members, as fields of text.
extension GroupSettings {
    package static let names = ["ring_seconds", "overflow", "skills"]

    /// What differs from the default.
    package var fields: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        if ringSeconds != 15 { fields.append(("ring_seconds", String(ringSeconds))) }
        if let overflow { fields.append(("overflow", overflow)) }
        if !skills.isEmpty { fields.append(("skills", skills.joined(separator: " "))) }
        return fields
    }

    /// False for a name or a value that is none.
    package mutating func set(_ name: String, _ text: String) -> Bool {
        switch name {
        case "ring_seconds":
            guard let seconds = Int(text), (5...120).contains(seconds) else { return false }
            ringSeconds = seconds
            return true
        case "overflow":
            overflow = text
            return UserFeatures.isNumber(text)
        case "skills":
            skills = text.split(separator: " ").map { String($0) }
            return skills.count <= 16
        default: return false
        }
    }
}
