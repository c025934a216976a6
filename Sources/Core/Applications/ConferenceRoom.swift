package import Media
package import Primitives
package import Settings

/// A conference room with a door: PIN, lock, who is in it, and the keys that those press.
///
/// ```text
/// entered ── locked, full ─► farewell ─► hung up
///    └─► PIN asked (three times) ─► inside: *6 mute, *3 how many; hosts: *5 lock, *7 mute all others
/// ```
package struct ConferenceRoom: Sendable {
    package typealias Directed = (caller: CallerID, command: ApplicationCommand)

    private enum Stage: Equatable {
        case door(tries: Int)
        case inside
        /// Something is said to who is inside; meanwhile it hears nobody, and nobody it.
        case listening
        case farewell
    }
    private struct Visitor {
        let caller: CallerID
        let facts: CallerFacts
        let came: Instant
        var stage: Stage
        var isHost = false
        var isMuted = false
        /// Muted by the host or the administrator: only they take it back.
        var isSilenced = false

        var isInside: Bool { stage == .inside || stage == .listening }
    }

    package static let tries = 3
    /// Two keys: a star, and what is wanted.
    private static let keys = DigitRules(most: 2, terminators: [], first: .seconds(24 * 3_600), between: .seconds(4))

    private var settings: RoomSettings
    let id: RoomID
    private let places: Int
    private let language: Language
    private var visitors: [Visitor] = []
    package private(set) var isLocked = false
    private var output: [Directed] = []

    /// - Parameter places: as many as the media mix.
    package init(_ settings: RoomSettings, id: RoomID, places: Int, language: Language) {
        self.settings = settings
        self.id = id
        self.places = places
        self.language = settings.language ?? language
    }

    package mutating func adopt(_ new: RoomSettings) { settings = new }

    // MARK: Views

    /// Who is inside, in the order of their coming.
    package func roster(at now: Instant) -> [RoomOccupant] {
        visitors.filter(\.isInside).map {
            RoomOccupant(
                caller: $0.caller, number: $0.facts.number, name: $0.facts.name, isHost: $0.isHost,
                isMuted: $0.isMuted || $0.isSilenced, seconds: Int((now - $0.came).components.seconds))
        }
    }

    package var isEmpty: Bool { visitors.isEmpty }

    // MARK: Callers

    package mutating func handle(
        _ event: ApplicationEvent, of caller: CallerID, who: CallerFacts, at now: Instant
    ) -> [Directed] {
        if event == .entered {
            enter(caller, who, now)
        } else if let index = visitors.firstIndex(where: { $0.caller == caller }) {
            handle(event, at: index)
        }
        return take()
    }

    private mutating func enter(_ caller: CallerID, _ who: CallerFacts, _ now: Instant) {
        visitors.append(Visitor(caller: caller, facts: who, came: now, stage: .door(tries: 0)))
        let index = visitors.count - 1
        guard settings.pin != nil || settings.hostPIN != nil else { return admit(index, isHost: false) }
        askPIN(index, after: [])
    }

    private mutating func handle(_ event: ApplicationEvent, at index: Int) {
        let caller = visitors[index].caller
        switch (visitors[index].stage, event) {
        case (_, .left):
            let wasInside = visitors[index].isInside
            visitors.remove(at: index)
            if wasInside { announce(besides: nil) }
            if !visitors.contains(where: \.isInside) { isLocked = false }
        case (.door(let tries), .digits(let digits, _)): knock(index, digits.text, tries)
        case (.listening, .played):
            visitors[index].stage = .inside
            join(index)
        case (.inside, .digits(let digits, _)), (.listening, .digits(let digits, _)):
            visitors[index].stage = .inside
            join(index)
            emit(caller, .collect(Self.keys))
            pressed(digits, by: index)
        case (.farewell, .played): emit(caller, .hangUp)
        case (.door, _), (.inside, _), (.listening, _), (.farewell, _): break
        }
    }

    // MARK: The door

    private mutating func askPIN(_ index: Int, after: [Prompt]) {
        emit(visitors[index].caller, .play(after + [.said(.enterRoomPIN, language)]))
        emit(visitors[index].caller, .collect(DigitRules(most: 20)))
    }

    private mutating func knock(_ index: Int, _ text: String, _ tries: Int) {
        let pin = Secret(text)
        if !text.isEmpty, settings.hostPIN?.matches(pin) == true { return admit(index, isHost: true) }
        // Without a PIN for guests, guests press # alone.
        if let right = settings.pin {
            if !text.isEmpty, right.matches(pin) { return admit(index, isHost: false) }
        } else if text.isEmpty {
            return admit(index, isHost: false)
        }
        guard tries + 1 < Self.tries else { return sayFarewell(index, .wrongPIN) }
        visitors[index].stage = .door(tries: tries + 1)
        askPIN(index, after: [.said(.wrongPIN, language)])
    }

    private mutating func admit(_ index: Int, isHost: Bool) {
        guard !isLocked || isHost else { return sayFarewell(index, .roomLocked) }
        let inside = visitors.count(where: \.isInside)
        guard inside < places else { return sayFarewell(index, .roomFull) }
        visitors[index].isHost = isHost || settings.hostPIN == nil && inside == 0
        announce(besides: index)
        let caller = visitors[index].caller
        if inside == 0 {
            visitors[index].stage = .listening
            emit(caller, .play([.said(.roomAlone, language)]))
        } else {
            visitors[index].stage = .inside
            join(index)
        }
        emit(caller, .collect(Self.keys))
    }

    private mutating func join(_ index: Int) {
        let isMuted = visitors[index].isMuted || visitors[index].isSilenced
        emit(visitors[index].caller, .join(id, RoomParticipation(mayTalk: !isMuted)))
    }

    // MARK: Inside

    private mutating func pressed(_ digits: [Digit], by index: Int) {
        guard digits.count == 2, digits[0] == .star else { return }
        switch digits[1] {
        case .six:
            visitors[index].isMuted.toggle()
            tell(index, [.said(visitors[index].isMuted ? .muted : .unmuted, language)])
        case .three:
            let count = visitors.count(where: \.isInside)
            tell(index, [.said(.roomCount, language), .digits(String(count), language)])
        case .five where visitors[index].isHost:
            isLocked.toggle()
            tell(index, [.said(isLocked ? .roomLocked : .roomUnlocked, language)])
        case .seven where visitors[index].isHost:
            let silences = visitors.contains { $0.isInside && !$0.isHost && !$0.isSilenced }
            for other in visitors.indices where visitors[other].isInside && !visitors[other].isHost {
                visitors[other].isSilenced = silences
                join(other)
            }
            tell(index, [.said(silences ? .muted : .unmuted, language)])
        default: break
        }
    }

    private mutating func tell(_ index: Int, _ prompts: [Prompt]) {
        visitors[index].stage = .listening
        emit(visitors[index].caller, .play(prompts))
    }

    /// Everybody inside hears that somebody has come or gone.
    private mutating func announce(besides index: Int?) {
        guard settings.announces else { return }
        for other in visitors.indices where other != index && visitors[other].isInside { tell(other, [.beep]) }
    }

    // MARK: The administrator

    package mutating func lock(_ isLocked: Bool) { self.isLocked = isLocked }

    /// Empty: that caller is not inside.
    package mutating func silence(_ caller: CallerID, _ isSilenced: Bool) -> [Directed] {
        guard let index = visitors.firstIndex(where: { $0.caller == caller && $0.isInside }) else { return [] }
        visitors[index].isSilenced = isSilenced
        join(index)
        return take()
    }

    package mutating func remove(_ caller: CallerID) -> [Directed] {
        guard visitors.contains(where: { $0.caller == caller }) else { return [] }
        emit(caller, .hangUp)
        return take()
    }

    private mutating func sayFarewell(_ index: Int, _ word: StandardPrompt) {
        visitors[index].stage = .farewell
        emit(visitors[index].caller, .stopCollecting)
        emit(visitors[index].caller, .play([.said(word, language), .said(.goodbye, language)]))
    }

    private mutating func emit(_ caller: CallerID, _ command: ApplicationCommand) { output.append((caller, command)) }

    private mutating func take() -> [Directed] {
        var result: [Directed] = []
        swap(&result, &output)
        return result
    }
}

/// Somebody in a conference room.
package struct RoomOccupant: Hashable, Sendable {
    package var caller: CallerID
    package var number: String
    package var name: String
    package var isHost: Bool
    package var isMuted: Bool
    package var seconds: Int

    package init(caller: CallerID, number: String, name: String, isHost: Bool, isMuted: Bool, seconds: Int) {
        self.caller = caller
        self.number = number
        self.name = name
        self.isHost = isHost
        self.isMuted = isMuted
        self.seconds = seconds
    }
}
