/// Where calls for somebody go on to; nil: they do not.
package struct ForwardingTargets: Sendable, Hashable {
    /// Whatever else is the case.
    package var always: String?
    /// The user is busy, or does not want to be disturbed.
    package var busy: String?
    /// Nobody has answered for `UserFeatures.ringSeconds`, or the call was refused.
    package var noAnswer: String?
    /// No telephone of the user is registered.
    package var unregistered: String?

    package init() {}
}

/// How far a user may call out; each class includes those before it.
package enum PermissionClass: String, Sendable, Hashable, CaseIterable {
    case `internal`, local, national, international, premium
}

/// Whether an agent serves the queues, in all of which they are the same.
package enum AgentState: String, Sendable, Hashable, CaseIterable {
    case loggedIn = "in"
    case loggedOut = "out"
    /// Logged in, and not called for a while.
    case paused
}

/// Whether a user's calls are recorded.
package enum RecordingMode: String, Sendable, Hashable, CaseIterable {
    case never
    /// Those for which the user dials or presses the code.
    case byCode = "code"
    case always
}

/// What colleagues' busy lamps show of a user.
package enum LampPrivacy: String, Sendable, Hashable, CaseIterable {
    /// Whether the user is busy, and with whom.
    case full
    /// Whether the user is busy.
    case state
    /// Nothing: nobody may watch.
    case hidden
}

/// What a user has switched on, and may switch by telephone with feature codes.
///
/// Stored and written as fields of text (`fields`, `set`), so that a new one needs a line here and nowhere else.
package struct UserFeatures: Sendable, Hashable {
    package var doNotDisturb = false
    /// For everybody's calls.
    package var forwarding = ForwardingTargets()
    /// For calls of colleagues, before `forwarding`.
    package var internalForwarding = ForwardingTargets()
    /// For calls from outside, before `forwarding`.
    package var externalForwarding = ForwardingTargets()
    /// How long the user's telephones ring when there is somewhere to go on to; 5...120.
    package var ringSeconds = 20
    /// A telephone that is in a call rings for another one.
    package var callWaiting = true
    /// One call on any of the user's telephones makes the user busy on all of them.
    package var busyOnBusy = false
    package var permission = PermissionClass.premium
    /// Instead of `permission` while the night switch is on; nil: the same.
    package var nightPermission: PermissionClass?
    /// The user's number is shown to nobody (CLIR).
    package var hidesNumber = false
    /// A number that rings with the user's telephones; nil: none.
    package var mobile: String?
    /// Tried one after the other when nobody has answered, each for `ringSeconds`, before `forwarding.noAnswer`.
    package var followMe: [String] = []
    /// Who shares one of these may pick up the user's calls with the group code.
    package var pickupGroups: [String] = []
    /// For ring groups by skill.
    package var skills: [String] = []
    package var lamp = LampPrivacy.state
    /// The user's telephones take announcements by themselves.
    package var intercom = true
    /// Whether the user serves the queues; nil: as these say.
    package var agent: AgentState?
    package var recording = RecordingMode.never
    /// Digits with which the user logs in at another telephone; nil: cannot.
    package var deskPIN: String?
    /// Whose calls are refused: numbers as they are shown, beginnings (`+49900*`), or `anonymous`.
    package var rejectedCallers: [String] = []

    package init() {}

    /// Every field's name, in the order of `fields`.
    package static let names = table.map(\.name)

    /// What differs from the default, as text.
    package var fields: [(name: String, value: String)] {
        let standard = UserFeatures()
        return Self.table.compactMap { field in
            let value = field.read(self)
            return value == field.read(standard) ? nil : (field.name, value)
        }
    }

    /// False for a name or a value that is none.
    package mutating func set(_ name: String, _ text: String) -> Bool {
        Self.table.first { $0.name == name }?.write(&self, text) ?? false
    }

    private typealias Path<Value> = any WritableKeyPath<UserFeatures, Value> & Sendable

    private struct Field: Sendable {
        let name: String
        let read: @Sendable (UserFeatures) -> String
        let write: @Sendable (inout UserFeatures, String) -> Bool
    }

    private static let table: [Field] =
        [
            switchField("dnd", \.doNotDisturb), switchField("call_waiting", \.callWaiting),
            switchField("busy_on_busy", \.busyOnBusy), switchField("hide_number", \.hidesNumber),
            switchField("intercom", \.intercom),
            Field(
                name: "ring_seconds", read: { String($0.ringSeconds) },
                write: { features, text in
                    guard let seconds = Int(text), (5...120).contains(seconds) else { return false }
                    features.ringSeconds = seconds
                    return true
                }),
            Field(
                name: "permission", read: { $0.permission.rawValue },
                write: { features, text in
                    guard let permission = PermissionClass(rawValue: text) else { return false }
                    features.permission = permission
                    return true
                }),
            Field(
                name: "permission_night", read: { $0.nightPermission?.rawValue ?? "" },
                write: { features, text in
                    features.nightPermission = PermissionClass(rawValue: text)
                    return text.isEmpty || features.nightPermission != nil
                }),
            Field(
                name: "busy_lamp", read: { $0.lamp.rawValue },
                write: { features, text in
                    guard let lamp = LampPrivacy(rawValue: text) else { return false }
                    features.lamp = lamp
                    return true
                }),
            Field(
                name: "recording", read: { $0.recording.rawValue },
                write: { features, text in
                    guard let mode = RecordingMode(rawValue: text) else { return false }
                    features.recording = mode
                    return true
                }),
            Field(
                name: "agent", read: { $0.agent?.rawValue ?? "" },
                write: { features, text in
                    features.agent = AgentState(rawValue: text)
                    return text.isEmpty || features.agent != nil
                }),
            numberField("mobile", \.mobile), numberField("desk_pin", \.deskPIN),
            listField("follow_me", \.followMe), listField("pickup_groups", \.pickupGroups),
            listField("skills", \.skills),
            listField("reject_callers", \.rejectedCallers),
        ] + forwardingFields("forward", \.forwarding) + forwardingFields("forward_internal", \.internalForwarding)
        + forwardingFields("forward_external", \.externalForwarding)

    private static func switchField(
        _ name: String, _ path: Path<Bool>
    ) -> Field {
        Field(
            name: name, read: { $0[keyPath: path] ? "true" : "false" },
            write: { features, text in
                features[keyPath: path] = text == "true"
                return text == "true" || text == "false"
            })
    }

    private static func numberField(
        _ name: String, _ path: Path<String?>
    ) -> Field {
        Field(
            name: name, read: { $0[keyPath: path] ?? "" },
            write: { features, text in
                guard isNumber(text) || text.isEmpty else { return false }
                features[keyPath: path] = text.isEmpty ? nil : text
                return true
            })
    }

    private static func listField(
        _ name: String, _ path: Path<[String]>
    ) -> Field {
        Field(
            name: name, read: { $0[keyPath: path].joined(separator: " ") },
            write: { features, text in
                let words = text.split(separator: " ").map { String($0) }
                guard words.count <= 16, words.allSatisfy({ $0.utf8.count <= 32 }) else { return false }
                features[keyPath: path] = words
                return true
            })
    }

    private static func forwardingFields(
        _ prefix: String, _ path: Path<ForwardingTargets>
    ) -> [Field] {
        [
            forwardingField("\(prefix)_always", path, \.always), forwardingField("\(prefix)_busy", path, \.busy),
            forwardingField("\(prefix)_no_answer", path, \.noAnswer),
            forwardingField("\(prefix)_unregistered", path, \.unregistered),
        ]
    }

    private static func forwardingField(
        _ name: String, _ path: Path<ForwardingTargets>,
        _ condition: any WritableKeyPath<ForwardingTargets, String?> & Sendable
    ) -> Field {
        Field(
            name: name, read: { $0[keyPath: path][keyPath: condition] ?? "" },
            write: { features, text in
                guard isNumber(text) || text.isEmpty else { return false }
                features[keyPath: path][keyPath: condition] = text.isEmpty ? nil : text
                return true
            })
    }

    /// What can be dialled: up to 32 digits, `*`, `#`, and `+` in front.
    package static func isNumber(_ text: String) -> Bool {
        let digits = text.utf8.first == UInt8(ascii: "+") ? text.utf8.dropFirst() : text.utf8[...]
        return (1...32).contains(digits.count)
            && digits.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "#") }
    }
}
