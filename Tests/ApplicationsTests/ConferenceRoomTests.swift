import Applications
import Media
import Primitives
import Settings
import Testing

/// A conference room: its door, its lock, and the keys of those inside.
@Suite struct ConferenceRoomTests {
    private var room: ConferenceRoom
    private let now = Instant.origin

    init() { room = Self.make() }

    private static func make(_ change: (inout RoomSettings) -> Void = { _ in }) -> ConferenceRoom {
        var settings = RoomSettings(extension: "810", name: "Board")
        settings.announces = false
        change(&settings)
        return ConferenceRoom(settings, id: RoomID(1_000), places: 3, language: .english)
    }

    private mutating func tell(_ event: ApplicationEvent, _ caller: UInt64) -> [ConferenceRoom.Directed] {
        let who = CallerFacts(number: "\(100 + caller)", name: "Caller \(caller)", isUser: true)
        return room.handle(event, of: CallerID(caller), who: who, at: now)
    }

    private mutating func press(_ keys: String, _ caller: UInt64) -> [ConferenceRoom.Directed] {
        tell(.digits([Digit](digits: keys) ?? [], .terminator), caller)
    }

    private static func said(_ commands: [ConferenceRoom.Directed], to caller: UInt64) -> [Prompt] {
        commands.flatMap { who, command in
            if case .play(let prompts) = command, who == CallerID(caller) { prompts } else { [Prompt]() }
        }
    }

    private static func joined(_ commands: [ConferenceRoom.Directed], _ caller: UInt64) -> Bool? {
        commands.compactMap { who, command -> Bool? in
            if case .join(_, let participation) = command, who == CallerID(caller) {
                participation.mayTalk
            } else {
                nil
            }
        }.last
    }

    private mutating func enter(_ callers: ClosedRange<UInt64>) {
        for caller in callers {
            _ = tell(.entered, caller)
            _ = tell(.played, caller)
        }
    }

    @Test mutating func `without PIN everybody comes in; the first hears that nobody is there`() {
        #expect(Self.said(tell(.entered, 1), to: 1) == [.said(.roomAlone, .english)])
        #expect(Self.joined(tell(.played, 1), 1) == true)
        #expect(Self.joined(tell(.entered, 2), 2) == true)
        #expect(room.roster(at: now).map(\.number) == ["101", "102"])
        #expect(room.roster(at: now).map(\.isHost) == [true, false])
    }

    @Test mutating func `the PIN is asked for three times`() {
        room = Self.make { $0.pin = Secret("1234") }
        #expect(Self.said(tell(.entered, 1), to: 1) == [.said(.enterRoomPIN, .english)])
        #expect(Self.said(press("1", 1), to: 1) == [.said(.wrongPIN, .english), .said(.enterRoomPIN, .english)])
        _ = press("", 1)
        #expect(Self.said(press("12345", 1), to: 1) == [.said(.wrongPIN, .english), .said(.goodbye, .english)])
        #expect(tell(.played, 1).map(\.command) == [.hangUp])
        #expect(room.roster(at: now).isEmpty)
        _ = tell(.entered, 2)
        #expect(Self.said(press("1234", 2), to: 2) == [.said(.roomAlone, .english)])
    }

    @Test mutating func `a host has a PIN of their own, guests press hash alone if there is none for them`() {
        room = Self.make { $0.hostPIN = Secret("99") }
        _ = tell(.entered, 1)
        _ = press("", 1)
        _ = tell(.entered, 2)
        _ = press("99", 2)
        #expect(room.roster(at: now).map(\.isHost) == [false, true])
    }

    @Test mutating func `a room has places, and a lock that only a host turns`() {
        enter(1...2)
        #expect(Self.said(press("*5", 2), to: 2).isEmpty && !room.isLocked)
        #expect(Self.said(press("*5", 1), to: 1) == [.said(.roomLocked, .english)] && room.isLocked)
        #expect(Self.said(tell(.entered, 3), to: 3).first == .said(.roomLocked, .english))
        _ = tell(.left, 3)
        _ = press("*5", 1)
        enter(3...3)
        #expect(Self.said(tell(.entered, 4), to: 4).first == .said(.roomFull, .english))
    }

    @Test mutating func `a lock is open again when all have left`() {
        enter(1...1)
        _ = press("*5", 1)
        _ = tell(.left, 1)
        #expect(!room.isLocked && room.isEmpty)
    }

    @Test mutating func `everybody mutes themselves, a host all others`() {
        enter(1...3)
        #expect(Self.said(press("*6", 2), to: 2) == [.said(.muted, .english)])
        #expect(Self.joined(tell(.played, 2), 2) == false)
        _ = press("*6", 2)
        #expect(Self.joined(tell(.played, 2), 2) == true)
        let silenced = press("*7", 1)
        #expect(Self.joined(silenced, 2) == false && Self.joined(silenced, 3) == false)
        _ = press("*6", 3)
        _ = press("*6", 3)
        #expect(Self.joined(tell(.played, 3), 3) == false, "nobody takes that back but the host")
        _ = press("*7", 1)
        #expect(room.roster(at: now).allSatisfy { !$0.isMuted })
    }

    @Test mutating func `how many are there is said`() {
        enter(1...2)
        #expect(Self.said(press("*3", 2), to: 2) == [.said(.roomCount, .english), .digits("2", .english)])
    }

    @Test mutating func `who comes and who goes is heard by the others, if so wished`() {
        room = Self.make()
        enter(1...2)
        #expect(Self.said(tell(.left, 2), to: 1).isEmpty)
        room = Self.make { $0.announces = true }
        enter(1...1)
        #expect(Self.said(tell(.entered, 2), to: 1) == [.beep])
        #expect(Self.joined(tell(.played, 1), 1) == true)
        #expect(Self.said(tell(.left, 2), to: 1) == [.beep])
    }

    @Test mutating func `an administrator mutes, removes and locks`() {
        enter(1...2)
        #expect(Self.joined(room.silence(CallerID(2), true), 2) == false)
        #expect(room.silence(CallerID(9), true).isEmpty && room.remove(CallerID(9)).isEmpty)
        #expect(room.remove(CallerID(2)).map(\.command) == [.hangUp])
        room.lock(true)
        #expect(room.isLocked)
    }

    @Test mutating func `a key during what is said to one leads back into the room`() {
        enter(1...2)
        _ = press("*3", 2)
        #expect(Self.joined(press("*", 2), 2) == true)
    }
}
