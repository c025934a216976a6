import Applications
import Settings

extension ApplicationSettings {
    /// What each number leads to, and the name that telephones show.
    var numbers: [(number: String, name: String, application: Application)] {
        var numbers: [(String, String, Application)] = []
        for attendant in attendants {
            numbers.append((attendant.extension, attendant.name, .attendant(attendant.extension)))
        }
        if let number = voicemail.extension { numbers.append((number, "Voicemail", .mailboxes)) }
        for queue in queues { numbers.append((queue.extension, queue.name, .queue(queue.extension))) }
        for room in rooms { numbers.append((room.extension, room.name, .room(room.extension))) }
        for profile in profiles {
            if let number = profile.nightSwitch {
                numbers.append((number, profile.name, .nightSwitch))
            }
        }
        guard !queues.isEmpty else { return numbers }
        for (code, action) in [
            (codes.logIn, Application.AgentAction.logIn), (codes.logOut, .logOut), (codes.pause, .pause),
            (codes.goOn, .goOn),
        ] {
            numbers.append((code, "Agent", .agent(action)))
        }
        return numbers
    }
}

extension ApplianceSettings {
    /// Everything that may be dialled inside.
    var numbersInside: [String] {
        users.map(\.extension) + groups.map(\.extension) + features.extensions + applications.numbers.map(\.number)
    }

    /// Users who have come to their queues, or left them, by code.
    var agents: [String: AgentState] {
        Dictionary(users.map { ($0.extension, $0.features.agent) }, uniquingKeysWith: { first, _ in first })
            .compactMapValues { $0 }
    }
}
