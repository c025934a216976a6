import Applications
import Media
import Primitives
import Settings
import Testing

/// All applications together: who is where, and what is theirs to do.
@Suite struct ApplicationServerTests {
    private static let facts = ApplicationFacts(now: .origin, wall: UnixTime(seconds: 1_800_000_000))
    private static let user = CallerFacts(number: "101", name: "Bob", isUser: true)
    private static let stranger = CallerFacts(number: "101", name: "", isUser: false)

    private static func server() -> ApplicationServer {
        var settings = ApplicationSettings()
        var profile = TimeProfileSettings(name: "office")
        profile.hours = [.init(days: [1, 2, 3, 4, 5, 6, 7], from: 0, to: 1_440)]
        settings.profiles = [profile]
        var queue = QueueSettings(extension: "700", name: "Service")
        queue.agents = ["101"]
        settings.queues = [queue]
        settings.voicemail.boxes = [MailboxSettings(extension: "101", pin: Secret("4711"))]
        var server = ApplicationServer(settings, extensions: ["101"], roomPlaces: 3, at: .origin)
        _ = server.takeOutput()
        return server
    }

    @Test func `a user switches the night on and off, a caller from outside does not`() {
        var server = Self.server()
        for (who, isNight) in [(Self.user, true), (Self.stranger, true), (Self.user, false)] {
            server.enter(.nightSwitch, CallerID(1), who, facts: Self.facts)
            #expect(server.isNight == isNight)
            #expect(server.takeOutput().contains(.night(isNight)) == (who == Self.user), "it is to be kept")
            #expect(server.isOpen("office", at: Self.facts.wall) != isNight)
            server.handle(.left, of: CallerID(1), facts: Self.facts)
        }
        #expect(!server.isOpen("nowhere", at: Self.facts.wall))
    }

    @Test func `an agent who has come or gone is as they were after a restart`() {
        var server = Self.server()
        server.enter(.agent(.logOut), CallerID(1), Self.user, facts: Self.facts)
        #expect(server.takeOutput().contains(.agent("101", .loggedOut)))
        var settings = ApplicationSettings()
        var queue = QueueSettings(extension: "700", name: "Service")
        queue.agents = ["101"]
        settings.queues = [queue]
        for (state, serves) in [(AgentState.loggedOut, false), (.paused, false), (.loggedIn, true)] {
            let next = ApplicationServer(
                settings, extensions: [], roomPlaces: 3, agents: ["101": state], at: .origin)
            #expect(next.queue("700")?.isServing("101") == serves)
        }
    }

    @Test func `agents' codes are for agents at their own telephones`() {
        var server = Self.server()
        server.enter(.agent(.pause), CallerID(1), Self.stranger, facts: Self.facts)
        #expect(server.takeOutput() == [.caller(CallerID(1), .play([.said(.noAgent, .english)]))])
        #expect(server.queue("700")?.isServing("101") == true)
        server.enter(.agent(.pause), CallerID(1), Self.user, facts: Self.facts)
        #expect(server.queue("700")?.isServing("101") == false)
        server.handle(.played, of: CallerID(1), facts: Self.facts)
        #expect(server.takeOutput().last == .caller(CallerID(1), .hangUp))
    }

    @Test(arguments: [
        Application.attendant("9"), .deposit(box: "9", because: .busy), .queue("9"), .room("9"),
    ])
    func `what is not there is left at once`(application: Application) {
        var server = Self.server()
        server.enter(application, CallerID(1), Self.user, facts: Self.facts)
        #expect(server.takeOutput() == [.caller(CallerID(1), .hangUp)] && server.callerCount == 0)
    }

    @Test func `rooms with a door share no room in the media, whatever is added and removed`() {
        var settings = ApplicationSettings()
        func join(_ server: inout ApplicationServer, _ number: String, _ caller: UInt64) -> RoomID? {
            _ = server.takeOutput()
            server.enter(.room(number), CallerID(caller), Self.user, facts: Self.facts)
            server.handle(.played, of: CallerID(caller), facts: Self.facts)
            return server.takeOutput().compactMap { output -> RoomID? in
                if case .caller(CallerID(caller), .join(let room, _)) = output { room } else { nil }
            }.first
        }
        settings.rooms = ["810", "811"].map { RoomSettings(extension: $0, name: $0) }
        var server = ApplicationServer(settings, extensions: [], roomPlaces: 3, at: .origin)
        let kept = join(&server, "811", 1)
        #expect(kept != nil)
        settings.rooms = ["811", "812"].map { RoomSettings(extension: $0, name: $0) }
        server.adopt(settings, extensions: [], at: .origin)
        let new = join(&server, "812", 2)
        #expect(new != nil && new != kept)
    }

    @Test func `who hangs up while recording leaves the message, and nothing else`() {
        var server = Self.server()
        server.enter(.deposit(box: "101", because: .busy), CallerID(4), Self.stranger, facts: Self.facts)
        server.handle(.played, of: CallerID(4), facts: Self.facts)
        let outputs = server.takeOutput()
        #expect(outputs.contains(.startRecording(CallerID(4), RecordingID(1))))
        server.handle(.left, of: CallerID(4), facts: Self.facts)
        #expect(server.takeOutput() == [.stopRecording(CallerID(4), RecordingID(1))] && server.callerCount == 0)
        server.handle(MessageEvent.written(RecordingID(1), seconds: 5), facts: Self.facts)
        #expect(server.takeOutput() == [.waiting(user: "101", new: 1, old: 0)])
        server.handle(MessageEvent.written(RecordingID(1), seconds: 5), facts: Self.facts)
        server.handle(MessageEvent.notWritten(RecordingID(2), "why"), facts: Self.facts)
        #expect(server.boxes.counts(of: "101")?.new == 1)
    }

    @Test func `a queue that is configured away sends its callers off`() {
        var server = Self.server()
        server.enter(.queue("700"), CallerID(1), Self.stranger, facts: Self.facts)
        _ = server.takeOutput()
        server.adopt(ApplicationSettings(), extensions: [], at: .origin)
        #expect(server.takeOutput().contains(.caller(CallerID(1), .hangUp)))
    }
}
