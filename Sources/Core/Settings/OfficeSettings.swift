/// What the appliance's call features share: codes, orbits, speed dials and the night.
package struct OfficeSettings: Sendable, Equatable {
    package var codes = FeatureCodes()
    /// Extensions at which calls wait to be taken up by whoever dials them.
    package var parkOrbits: [String] = []
    /// How long a call waits in an orbit before it comes back to who parked it; 10...600.
    package var parkSeconds = 60
    /// Numbers that everybody may dial in short, whatever one's permission: short number and what it stands for.
    package var speedDials: [SpeedDial] = []
    /// Beginnings of numbers (`+49900`) that only the premium class may call.
    package var premiumPrefixes: [String] = []
    /// How many minutes local time is ahead of UTC.
    package var utcOffsetMinutes = 0
    /// The night by the clock: minutes since midnight, local time; nil: by switch alone.
    package var nightBegins: Int?
    package var nightEnds: Int?
    /// The night switch, as set by code.
    package var isNight = false
    /// Told with every call for help: where this site is; nil: nothing.
    package var emergencyLocation: String?
    /// A number that answers what a call for help would do, without one.
    package var emergencyTest: String?
    /// An extension that answers with the dial tone and takes the number as keys; nil: none.
    package var dialTone: String?
    /// Extensions of door stations, and the keys that open each.
    package var doors: [DoorStation] = []
    /// Codes that begin with `*` may be pressed as keys in a call.
    package var takesCallKeys = false
    /// Calls to these groups are recorded, whoever answers.
    package var recordedGroups: [String] = []
    /// The key by which whoever is to be recorded consents; nil: who stays on the line after the announcement has.
    package var recordingConsent: String?
    /// Recordings are deleted after so many days; 0: never.
    package var recordingDays = 30

    package init() {}

    package static let names = [
        "park_orbits", "park_seconds", "speed_dials", "premium", "utc_offset", "night_begins", "night_ends", "night",
        "emergency_location", "emergency_test", "doors", "dial_tone", "call_keys", "recording_groups",
        "recording_consent", "recording_days",
    ]

    /// What differs from the default, as text; codes as `codes.<name>`.
    package var fields: [(name: String, value: String)] {
        let standard = OfficeSettings()
        let own = Self.names.compactMap { name in
            let value = text(of: name)
            return value == standard.text(of: name) ? nil : (name: name, value: value)
        }
        return own
            + FeatureCode.allCases.compactMap { code in
                codes.changed[code].map { (name: "codes.\(code.rawValue)", value: $0) }
            }
    }

    private func text(of name: String) -> String {
        switch name {
        case "park_orbits": parkOrbits.joined(separator: " ")
        case "park_seconds": String(parkSeconds)
        case "speed_dials": speedDials.map { "\($0.short)=\($0.number)" }.joined(separator: " ")
        case "premium": premiumPrefixes.joined(separator: " ")
        case "utc_offset": String(utcOffsetMinutes)
        case "night_begins": nightBegins.map { String($0) } ?? ""
        case "night_ends": nightEnds.map { String($0) } ?? ""
        case "night": isNight ? "true" : "false"
        case "emergency_location": emergencyLocation ?? ""
        case "emergency_test": emergencyTest ?? ""
        case "dial_tone": dialTone ?? ""
        case "call_keys": takesCallKeys ? "true" : "false"
        case "recording_groups": recordedGroups.joined(separator: " ")
        case "recording_consent": recordingConsent ?? ""
        case "recording_days": String(recordingDays)
        case "doors": doors.map { "\($0.extension)=\($0.keys)" }.joined(separator: " ")
        default: ""
        }
    }

    /// False for a name or a value that is none.
    package mutating func set(_ name: String, _ text: String) -> Bool {
        let words = text.split(separator: " ").map { String($0) }
        switch name {
        case "park_orbits":
            parkOrbits = words
            return words.count <= 100 && words.allSatisfy(UserFeatures.isNumber)
        case "park_seconds": return Self.read(text, in: 10...600) { parkSeconds = $0 }
        case "speed_dials":
            speedDials = words.compactMap { word in Self.pair(word).map { SpeedDial(short: $0, number: $1) } }
            return speedDials.count == words.count && words.count <= 1_000
        case "premium":
            premiumPrefixes = words
            return words.count <= 100 && words.allSatisfy { $0.utf8.first == UInt8(ascii: "+") }
        case "utc_offset": return Self.read(text, in: -840...840) { utcOffsetMinutes = $0 }
        case "night_begins": return Self.read(text, in: 0...1_439) { nightBegins = $0 }
        case "night_ends": return Self.read(text, in: 0...1_439) { nightEnds = $0 }
        case "night":
            isNight = text == "true"
            return text == "true" || text == "false"
        case "call_keys":
            takesCallKeys = text == "true"
            return text == "true" || text == "false"
        case "recording_groups":
            recordedGroups = words
            return words.count <= 100 && words.allSatisfy(UserFeatures.isNumber)
        case "recording_consent":
            recordingConsent = text
            return text.utf8.count == 1 && UserFeatures.isNumber(text)
        case "recording_days": return Self.read(text, in: 0...3_650) { recordingDays = $0 }
        case "emergency_location":
            emergencyLocation = text
            return (1...255).contains(text.utf8.count)
        case "emergency_test":
            emergencyTest = text
            return UserFeatures.isNumber(text)
        case "dial_tone":
            dialTone = text
            return UserFeatures.isNumber(text)
        case "doors":
            doors = words.compactMap { word in Self.pair(word).map { DoorStation(extension: $0, keys: $1) } }
            return doors.count == words.count && words.count <= 16
        default:
            guard name.hasPrefix("codes."), let code = FeatureCode(rawValue: String(name.dropFirst("codes.".count)))
            else { return false }
            return codes.set(code, text)
        }
    }

    private static func read(_ text: String, in range: ClosedRange<Int>, _ write: (Int) -> Void) -> Bool {
        guard let value = Int(text), range.contains(value) else { return false }
        write(value)
        return true
    }

    /// `7001=0301234`
    private static func pair(_ word: String) -> (String, String)? {
        let parts = word.split(separator: "=", maxSplits: 1).map { String($0) }
        guard parts.count == 2, parts.allSatisfy(UserFeatures.isNumber) else { return nil }
        return (parts[0], parts[1])
    }
}

/// A short number and what it stands for.
package struct SpeedDial: Sendable, Hashable {
    package var short: String
    package var number: String
    package init(short: String, number: String) {
        self.short = short
        self.number = number
    }
}

/// A telephone at a door, and the keys that make it open.
package struct DoorStation: Sendable, Hashable {
    package var `extension`: String
    package var keys: String
    package init(`extension`: String, keys: String) {
        self.extension = `extension`
        self.keys = keys
    }
}
