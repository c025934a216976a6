package import Media
package import Primitives
package import Settings

/// All applications and who is in them. What an application wants done with a caller, and with files, gathers in
/// `output`; its owner takes that out after each input.
package struct ApplicationServer: Sendable {
    package enum Output: Sendable, Equatable {
        case caller(CallerID, ApplicationCommand)
        /// The caller's side of the recording that a message is made from; the files have been told.
        case startRecording(CallerID, RecordingID)
        case stopRecording(CallerID, RecordingID)
        case files(MessageCommand)
        /// How many messages wait in a user's box, for its lamps; nil: there is no box any more.
        case waiting(user: String, new: Int, old: Int)
        case noBox(user: String)
        case log(String)
        /// The night was switched.
        case night(Bool)
        /// An agent has come or gone.
        case agent(String, AgentState)
    }

    private enum Session {
        case attendant(Attendant)
        case deposit(VoicemailDeposit)
        case mailboxes(VoicemailMenu)
        case queue(String)
        case room(String)
        /// Says a word and ends.
        case word

        var isQueue: Bool { if case .queue = self { true } else { false } }
    }
    private struct Caller {
        var session: Session
        let facts: CallerFacts
        var recording: RecordingID?
    }

    private let roomPlaces: Int
    private var settings: ApplicationSettings
    private var firstDigits: [Digit]
    private var callers: [CallerID: Caller] = [:]
    package private(set) var boxes: Mailboxes
    private var queues: [String: CallQueue] = [:]
    private var rooms: [String: ConferenceRoom] = [:]
    /// The night switch: while it is on, every time profile is closed.
    package private(set) var isNight: Bool
    private var recordings: [RecordingID: (message: VoiceMessage, caller: CallerID)] = [:]
    private var lastRecording: UInt64 = 0
    private var output: [Output] = []

    /// Rooms of the settings are numbered from here, behind those without a door (`Limits.rooms` at most, from 0) and
    /// before those that are made for a call (`CallControl.firstRoom`).
    package static let firstRoom: UInt64 = 1_000

    /// - Parameters:
    ///   - extensions: all numbers that may be dialled inside.
    ///   - roomPlaces: as many as the media mix in one room.
    ///   - isNight: the night switch.
    ///   - agents: users who have come to, or left, their queues by code.
    package init(
        _ settings: ApplicationSettings, extensions: [String], roomPlaces: Int, isNight: Bool = false,
        agents: [String: AgentState] = [:], at now: Instant
    ) {
        self.isNight = isNight
        self.settings = settings
        self.roomPlaces = roomPlaces
        firstDigits = []
        boxes = Mailboxes(settings.voicemail)
        adopt(settings, extensions: extensions, agents: agents, at: now)
    }

    /// Who is in an application goes on in it as it was.
    package mutating func adopt(
        _ new: ApplicationSettings, extensions: [String], agents: [String: AgentState] = [:], at now: Instant
    ) {
        settings = new
        firstDigits = Digit.allCases.filter { digit in extensions.contains { $0.first == digit.character } }
        boxes.adopt(new.voicemail)
        let old = queues
        queues = [:]
        for queue in new.queues {
            queues[queue.extension] = old[queue.extension] ?? CallQueue(queue, language: new.language, at: now)
            queues[queue.extension]?.adopt(queue, agents: agents, at: now)
        }
        let oldRooms = rooms
        rooms = [:]
        var taken = Set(new.rooms.compactMap { oldRooms[$0.extension]?.id.value })
        for room in new.rooms {
            rooms[room.extension] = oldRooms[room.extension] ?? makeRoom(room, &taken)
            rooms[room.extension]?.adopt(room)
        }
        // Callers of what is gone leave it.
        for id in callers.keys.sorted() where isHomeless(id) { output.append(.caller(id, .hangUp)) }
        takeFromBoxes()
    }

    /// A room under a number that none of the others has in the media.
    private func makeRoom(_ room: RoomSettings, _ taken: inout Set<UInt64>) -> ConferenceRoom {
        var number = Self.firstRoom
        while !taken.insert(number).inserted { number += 1 }
        return ConferenceRoom(room, id: RoomID(number), places: roomPlaces, language: settings.language)
    }

    private func isHomeless(_ id: CallerID) -> Bool {
        switch callers[id]?.session {
        case .queue(let number): queues[number] == nil
        case .room(let number): rooms[number] == nil
        case .attendant, .deposit, .mailboxes, .word, nil: false
        }
    }

    package mutating func takeOutput() -> [Output] {
        var result: [Output] = []
        swap(&result, &output)
        return result
    }

    // MARK: Views

    package var callerCount: Int { callers.count }
    package var hasQueues: Bool { !queues.isEmpty }
    package func queue(_ number: String) -> CallQueue? { queues[number] }
    package func room(_ number: String) -> ConferenceRoom? { rooms[number] }

    package var nextDeadline: Instant? {
        var deadline = boxes.nextDeadline
        for queue in queues.values { deadline = deadline.orEarlier(queue.nextDeadline) }
        for caller in callers.values {
            switch caller.session {
            case .deposit(let deposit): deadline = deadline.orEarlier(deposit.nextDeadline)
            case .mailboxes(let menu): deadline = deadline.orEarlier(menu.nextDeadline)
            case .attendant, .queue, .room, .word: break
            }
        }
        return deadline
    }

    // MARK: Callers

    /// A caller comes in, or goes over from another application.
    package mutating func enter(
        _ application: Application, _ caller: CallerID, _ who: CallerFacts, facts: ApplicationFacts
    ) {
        if callers[caller] != nil { leave(caller, facts) }
        guard let session = session(of: application, for: who, facts) else {
            output.append(.caller(caller, .hangUp))
            return
        }
        callers[caller] = Caller(session: session, facts: who)
        switch application {
        case .agent(let action): serve(caller, who, action, facts)
        case .nightSwitch:
            isNight.toggle()
            output.append(.night(isNight))
            output.append(.caller(caller, .play([.said(isNight ? .isOn : .isOff, settings.language)])))
        case .attendant, .deposit, .mailboxes, .queue, .room: handle(.entered, of: caller, facts: facts)
        }
    }

    private func session(
        of application: Application, for who: CallerFacts, _ facts: ApplicationFacts
    ) -> Session? {
        switch application {
        case .attendant(let number):
            guard let attendant = settings.attendants.first(where: { $0.extension == number }) else { return nil }
            let isOpen = attendant.profile.map { self.isOpen($0, at: facts.wall) } ?? true
            return .attendant(
                Attendant(attendant, language: settings.language, isOpen: isOpen, firstDigits: firstDigits))
        case .deposit(let box, let reason):
            guard let box = boxes.settings(of: box) else { return nil }
            return .deposit(
                VoicemailDeposit(
                    box: box.extension, because: reason, language: box.language ?? settings.language,
                    most: .seconds(settings.voicemail.messageSeconds)))
        case .mailboxes: return .mailboxes(VoicemailMenu(who, language: settings.language))
        case .queue(let number): return queues[number] == nil ? nil : .queue(number)
        case .room(let number): return rooms[number] == nil ? nil : .room(number)
        case .nightSwitch where !who.isUser: return nil  // whom an attendant leads there has no say in it
        case .agent, .nightSwitch: return .word
        }
    }

    /// False: no profile of that name is open, or there is none.
    package func isOpen(_ name: String, at wall: UnixTime) -> Bool {
        guard !isNight, let profile = settings.profiles.first(where: { $0.name == name }) else {
            return false
        }
        return profile.isOpen(at: CivilTime(wall, in: settings.zone))
    }

    /// Without effect for a caller who is in no application.
    package mutating func handle(_ event: ApplicationEvent, of caller: CallerID, facts: ApplicationFacts) {
        if event == .left { return leave(caller, facts) }
        guard let entry = callers[caller] else { return }
        switch entry.session {
        case .attendant(var attendant):
            emit(attendant.handle(event), caller, facts)
            callers[caller]?.session = .attendant(attendant)
        case .deposit(var deposit):
            let commands = deposit.handle(event, boxes, at: facts.now)
            callers[caller]?.session = .deposit(deposit)
            emit(commands, caller, facts)
        case .mailboxes(var menu):
            let commands = menu.handle(event, &boxes, at: facts.now)
            callers[caller]?.session = .mailboxes(menu)
            emit(commands, caller, facts)
            takeFromBoxes()
        case .queue(let number): emit(queues[number]?.handle(event, of: caller, facts: facts) ?? [], facts)
        case .room(let number):
            emit(rooms[number]?.handle(event, of: caller, who: entry.facts, at: facts.now) ?? [], facts)
        case .word: if event == .played { output.append(.caller(caller, .hangUp)) }
        }
        // Whom a queue has connected is the queue's until the call ends: its agent is busy.
        if case .answered = event, !entry.session.isQueue { callers[caller] = nil }
    }

    private mutating func leave(_ caller: CallerID, _ facts: ApplicationFacts) {
        guard let entry = callers.removeValue(forKey: caller) else { return }
        switch entry.session {
        case .queue(let number): emit(queues[number]?.handle(.left, of: caller, facts: facts) ?? [], facts)
        case .room(let number):
            emit(rooms[number]?.handle(.left, of: caller, who: entry.facts, at: facts.now) ?? [], facts)
        case .attendant, .deposit, .mailboxes, .word: break
        }
        if let recording = entry.recording { output.append(.stopRecording(caller, recording)) }
    }

    private mutating func emit(_ commands: [CallQueue.Directed], _ facts: ApplicationFacts) {
        for (caller, command) in commands { emit([command], caller, facts) }
    }

    private mutating func emit(_ commands: [ApplicationCommand], _ caller: CallerID, _ facts: ApplicationFacts) {
        for command in commands {
            switch command {
            case .record(let box, let isGreeting): startRecording(box, isGreeting: isGreeting, of: caller, facts)
            case .stopRecording:
                guard let recording = callers[caller]?.recording else { continue }
                callers[caller]?.recording = nil
                output.append(.stopRecording(caller, recording))
            case .log(let text): output.append(.log(text))
            default: output.append(.caller(caller, command))
            }
        }
    }

    // MARK: Codes

    private mutating func serve(
        _ caller: CallerID, _ who: CallerFacts, _ action: Application.AgentAction, _ facts: ApplicationFacts
    ) {
        let served = queues.keys.sorted().filter { who.isUser && queues[$0]?.isAgent(who.number) == true }
        for number in served { emit(queues[number]?.agent(who.number, action, facts: facts) ?? [], facts) }
        if let state = served.first.flatMap({ queues[$0]?.state(of: who.number) }) {
            output.append(.agent(who.number, state))
        }
        let word: StandardPrompt =
            switch action {
            case _ where served.isEmpty: .noAgent
            case .logIn: .loggedIn
            case .logOut: .loggedOut
            case .pause: .paused
            case .goOn: .resumed
            }
        output.append(.caller(caller, .play([.said(word, settings.language)])))
    }

    /// The night was switched elsewhere.
    package mutating func setNight(_ isOn: Bool) { isNight = isOn }

    // MARK: Recordings and files

    private mutating func startRecording(
        _ box: String, isGreeting: Bool, of caller: CallerID, _ facts: ApplicationFacts
    ) {
        guard let who = callers[caller]?.facts else { return }
        lastRecording += 1
        let id = RecordingID(lastRecording)
        let message = boxes.begin(box, isGreeting: isGreeting, caller: who.number, at: facts.wall)
        recordings[id] = (message, caller)
        callers[caller]?.recording = id
        output.append(.files(.begin(id, message)))
        output.append(.startRecording(caller, id))
    }

    package mutating func handle(_ event: MessageEvent, facts: ApplicationFacts) {
        switch event {
        case .found(let messages):
            boxes.found(messages)
            boxes.sweep(at: facts.now, wall: facts.wall)
        case .written(let id, let seconds): ended(id, seconds: seconds, .recorded(seconds: seconds), facts)
        case .notWritten(let id, let why):
            output.append(.log("a voice message was not written: \(why)"))
            ended(id, seconds: nil, .notRecorded, facts)
        case .loaded: break
        }
        takeFromBoxes()
    }

    private mutating func ended(
        _ id: RecordingID, seconds: Int?, _ event: ApplicationEvent, _ facts: ApplicationFacts
    ) {
        guard let (message, caller) = recordings.removeValue(forKey: id) else { return }
        boxes.ended(message, seconds: seconds)
        if callers[caller]?.recording == id { callers[caller]?.recording = nil }
        handle(event, of: caller, facts: facts)
    }

    /// Deletes a message for an administrator; false: there is none.
    package mutating func delete(_ id: MessageID) -> Bool {
        defer { takeFromBoxes() }
        return boxes.delete(id)
    }

    private mutating func takeFromBoxes() {
        for command in boxes.commands { output.append(.files(command)) }
        boxes.commands = []
        var told: Set<String> = []
        for box in boxes.changed where told.insert(box).inserted {
            if let (new, old) = boxes.counts(of: box) {
                output.append(.waiting(user: box, new: new, old: old))
            } else {
                output.append(.noBox(user: box))
            }
        }
        boxes.changed = []
    }

    // MARK: Time

    package mutating func deadline(_ facts: ApplicationFacts) {
        for number in queues.keys.sorted() {
            guard let due = queues[number]?.nextDeadline, facts.now >= due else { continue }
            emit(queues[number]?.deadline(facts) ?? [], facts)
        }
        for id in callers.keys.sorted() {
            let due: Instant? =
                switch callers[id]?.session {
                case .deposit(let deposit): deposit.nextDeadline
                case .mailboxes(let menu): menu.nextDeadline
                case .attendant, .queue, .room, .word, nil: nil
                }
            if let due, facts.now >= due { handle(.deadline, of: id, facts: facts) }
        }
        boxes.sweep(at: facts.now, wall: facts.wall)
        takeFromBoxes()
    }

    // MARK: The administrator's rooms

    package mutating func lockRoom(_ number: String, _ isLocked: Bool) -> Bool {
        guard rooms[number] != nil else { return false }
        rooms[number]?.lock(isLocked)
        return true
    }

    /// False: nobody of that name is in the room.
    package mutating func silence(_ caller: CallerID, in number: String, _ isSilenced: Bool) -> Bool {
        guard let commands = rooms[number]?.silence(caller, isSilenced), !commands.isEmpty else { return false }
        for (caller, command) in commands { output.append(.caller(caller, command)) }
        return true
    }

    package mutating func remove(_ caller: CallerID, from number: String) -> Bool {
        guard let commands = rooms[number]?.remove(caller), !commands.isEmpty else { return false }
        for (caller, command) in commands { output.append(.caller(caller, command)) }
        return true
    }
}
