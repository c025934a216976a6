import ArgumentParser
import Vectors

struct Voicemail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List voice messages, or delete one. What is in them is for their owners alone.")

    @Option(help: "Only the messages of this box.")
    var box: String?
    @Option(help: "Delete the message of this number; needs --box.")
    var delete: Int64?
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if delete != nil, box == nil { throw ValidationError("--delete needs --box, the box that the message is in") }
        if let box, !box.allSatisfy({ $0.isASCII && $0.isNumber }) { throw ValidationError("a box is a number") }
    }

    func run() async throws {
        try await report {
            if let delete, let box {
                try await remote.perform(.delete, "/v1/voicemail/\(box)/\(delete)", show: RemoteOptions.showMessage)
            } else {
                let path = "/v1/voicemail" + (box.map { "?box=\($0)" } ?? "")
                remote.show(try await remote.entries(path, "messages"), as: Self.text)
            }
        }
    }

    private static func text(_ messages: [JSONValue]) -> String {
        var table = Table("Box", "Number", "From", "Left", "Seconds", "State")
        for message in messages {
            table.add(
                message["box"].shown, message["number"].shown, message["caller"].shown, message["left"].shown,
                message["seconds"].shown, message["new"].shown == "yes" ? "new" : "heard")
        }
        return table.text(absent: "No messages.")
    }
}

struct Recordings: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the recordings of calls, or delete one. They lie beside the voice messages on the appliance.")

    @Option(help: "The user whose recording is deleted.")
    var user: String?
    @Option(help: "Delete the recording of this number; needs --user.")
    var delete: Int64?
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if (delete != nil) != (user != nil) { throw ValidationError("--delete and --user go together") }
        if let user, !user.allSatisfy({ $0.isASCII && $0.isNumber }) { throw ValidationError("a user is a number") }
    }

    func run() async throws {
        try await report {
            if let delete, let user {
                try await remote.perform(.delete, "/v1/recordings/\(user)/\(delete)", show: RemoteOptions.showMessage)
            } else {
                remote.show(try await remote.entries("/v1/recordings", "messages"), as: Self.text)
            }
        }
    }

    private static func text(_ recordings: [JSONValue]) -> String {
        var table = Table("User", "Number", "With", "Begun", "Seconds")
        for recording in recordings {
            table.add(
                String(recording["box"].shown.dropFirst()), recording["number"].shown, recording["caller"].shown,
                recording["left"].shown, recording["seconds"].shown)
        }
        return table.text(absent: "No recordings.")
    }
}

struct Queues: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the queues: who waits, and which agents are there.")

    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report { remote.show(try await remote.entries("/v1/queues", "queues"), as: Self.text) }
    }

    private static func text(_ queues: [JSONValue]) -> String {
        var table = Table("Queue", "Name", "Waiting", "Agents")
        for queue in queues {
            let agents = (queue["serving"].list ?? []).map(\.shown).joined(separator: " ")
            table.add(queue["number"].shown, queue["name"].shown, queue["waiting"].shown, agents)
        }
        return table.text(absent: "No queues.")
    }
}

struct Conferences: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the conference rooms with who is in them; lock one, mute or remove a participant.")

    @Argument(help: "The room to change.")
    var room: String?
    @Flag(inversion: .prefixedNo, help: "Nobody else comes in but hosts, or everybody again.")
    var lock: Bool?
    @Option(help: "The participant's number in the list.")
    var participant: Int?
    @Flag(inversion: .prefixedNo, help: "The participant is heard by nobody, or by all again.")
    var mute: Bool?
    @Flag(help: "The participant is put out.")
    var remove = false
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        let changes = [lock != nil, mute != nil, remove].filter { $0 }.count
        if room == nil, changes > 0 { throw ValidationError("name the room that is to change") }
        if room != nil, changes != 1 { throw ValidationError("say one of --lock, --mute or --remove") }
        if (participant != nil) != (mute != nil || remove) {
            throw ValidationError("--mute and --remove need --participant, and nothing else does")
        }
        if let room, !room.allSatisfy({ $0.isASCII && $0.isNumber }) { throw ValidationError("a room is a number") }
    }

    func run() async throws {
        try await report {
            guard let room else {
                remote.show(try await remote.entries("/v1/conferences", "conferences"), as: Self.text)
                return
            }
            var body: [String: JSONValue] = [:]
            if let lock { body["lock"] = .bool(lock) }
            if let participant { body["participant"] = .integer(participant) }
            if let mute { body["mute"] = .bool(mute) }
            if remove { body["remove"] = .bool(true) }
            try await remote.perform(
                .post, "/v1/conferences/\(room)", .json(.object(body)), show: RemoteOptions.showMessage)
        }
    }

    private static func text(_ rooms: [JSONValue]) -> String {
        var table = Table("Room", "Name", "State", "Participant", "From", "Called", "Role", "Voice", "Seconds")
        for room in rooms {
            let state = room["locked"].shown == "yes" ? "locked" : "open"
            let people = room["participants"].list ?? []
            if people.isEmpty {
                table.add(room["number"].shown, room["name"].shown, state, "-", "-", "-", "-", "-", "-")
            }
            for person in people {
                table.add(
                    room["number"].shown, room["name"].shown, state, person["participant"].shown,
                    person["number"].shown, person["name"].shown, person["host"].shown == "yes" ? "host" : "guest",
                    person["muted"].shown == "yes" ? "muted" : "on", person["seconds"].shown)
            }
        }
        return table.text(absent: "No conference rooms with a door.")
    }
}
