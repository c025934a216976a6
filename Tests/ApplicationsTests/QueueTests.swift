import Applications
import Media
import Primitives
import Settings
import Testing

/// Callers in a queue, and their agents.
@Suite struct QueueTests {
    private var queue: CallQueue
    private var now = Instant.origin
    private let wall = UnixTime(seconds: 1_800_000_000)
    private var busy: Set<String> = []

    init() { queue = Self.make() }

    private static func make(_ change: (inout QueueSettings) -> Void = { _ in }) -> CallQueue {
        var settings = QueueSettings(extension: "700", name: "Service")
        settings.agents = ["101", "102"]
        settings.strategy = .linear
        settings.callers = 3
        settings.waitSeconds = 100
        settings.wrapUpSeconds = 20
        change(&settings)
        return CallQueue(settings, language: .english, at: .origin)
    }

    private var facts: ApplicationFacts { ApplicationFacts(now: now, wall: wall, busy: busy) }

    private mutating func tell(_ event: ApplicationEvent, _ caller: UInt64) -> [String] {
        Self.summary(queue.handle(event, of: CallerID(caller), facts: facts))
    }

    private mutating func advance(_ seconds: Int) -> [String] {
        let end = now + .seconds(seconds)
        var told: [String] = []
        while let due = queue.nextDeadline, due <= end {
            now = max(now, due)
            told += Self.summary(queue.deadline(facts))
        }
        now = end
        return told
    }

    /// `1 rings 101`, `2 hears queue-position 2`.
    private static func summary(_ commands: [CallQueue.Directed]) -> [String] {
        commands.map { caller, command in
            switch command {
            case .connect(let connection): "\(caller.value) rings \(connection.numbers.joined(separator: "+"))"
            case .play(let prompts): "\(caller.value) hears " + prompts.map(word).joined(separator: " ")
            case .hangUp: "\(caller.value) ends"
            case .stopRinging: "\(caller.value) stops"
            default: "\(caller.value) \(command)"
            }
        }
    }

    private static func word(_ prompt: Prompt) -> String {
        switch prompt {
        case .said(let name, _): name.rawValue
        case .digits(let text, _): text
        case .music: "music"
        default: "\(prompt)"
        }
    }

    @Test mutating func `the first caller rings the first agent, the next one the next, the third waits`() {
        #expect(tell(.entered, 1) == ["1 hears queue-welcome music", "1 rings 101"])
        #expect(tell(.entered, 2).last == "2 rings 102")
        #expect(tell(.entered, 3) == ["3 hears queue-welcome music"])
        #expect(tell(.played, 3) == ["3 hears music"])
        #expect(queue.waitingCount == 3)
        #expect(tell(.entered, 4) == ["4 hears queue-full goodbye"], "the queue is full")
        #expect(tell(.played, 4) == ["4 ends"])
    }

    @Test mutating func `an agent is left alone after a call, then serves the next one`() {
        _ = tell(.entered, 1)
        _ = tell(.answered(by: "101"), 1)
        busy = ["102"]
        _ = tell(.entered, 2)
        now = now + .seconds(60)
        #expect(tell(.left, 1) == [])
        #expect(!advance(19).contains("2 rings 101"))
        #expect(advance(3).contains("2 rings 101"))
    }

    @Test mutating func `who does not answer is left for the next one, who is away is not rung`() {
        busy = ["102"]
        _ = tell(.entered, 1)
        #expect(tell(.unanswered(.noAnswer), 1) == [])
        #expect(advance(4) == [])
        #expect(advance(4).first == "1 rings 101")
        busy = []
        #expect(tell(.unanswered(.noAnswer), 1) == ["1 rings 102"])
    }

    @Test func `the longest idle is rung first, and all at once if so wished`() {
        var idle = Self.make { $0.strategy = .longestIdle }
        let early = ApplicationFacts(now: .origin + .seconds(10), wall: wall)
        _ = idle.handle(.entered, of: CallerID(1), facts: early)
        _ = idle.handle(.answered(by: "101"), of: CallerID(1), facts: early)
        _ = idle.handle(.left, of: CallerID(1), facts: early)
        let late = ApplicationFacts(now: .origin + .seconds(99), wall: wall)
        #expect(Self.summary(idle.handle(.entered, of: CallerID(2), facts: late)).last == "2 rings 102")
        var all = Self.make { $0.strategy = .all }
        #expect(Self.summary(all.handle(.entered, of: CallerID(1), facts: facts)).last == "1 rings 101+102")
    }

    @Test mutating func `agents log out, pause, and come back`() {
        _ = queue.agent("101", .logOut, facts: facts)
        _ = queue.agent("102", .pause, facts: facts)
        #expect(!queue.isServing("101") && !queue.isServing("102"))
        #expect(tell(.entered, 1) == ["1 hears queue-welcome music"])
        #expect(Self.summary(queue.agent("102", .goOn, facts: facts)) == ["1 rings 102"])
        #expect(queue.agent("999", .logIn, facts: facts).isEmpty && !queue.isAgent("999"))
        #expect(Self.summary(queue.agent("101", .logIn, facts: facts)) == [] && queue.isServing("101"))
    }

    @Test func `who has to log in is not there before`() {
        let queue = Self.make { $0.startsLoggedIn = false }
        #expect(!queue.isServing("101"))
    }

    @Test mutating func `the position and the time are told again and again, and the wait has an end`() {
        queue = Self.make {
            $0.agents = []
            $0.announceSeconds = 30
        }
        _ = tell(.entered, 1)
        _ = tell(.entered, 2)
        let told = advance(31)
        #expect(
            told == [
                "1 hears queue-position 1 queue-time 2 minutes music",
                "2 hears queue-position 2 queue-time 4 minutes music",
            ])
        #expect(advance(70).filter { $0.contains("queue-full") }.count == 2)
        #expect(tell(.played, 1) == ["1 ends"] && tell(.left, 1) == [])
    }

    @Test mutating func `the overflow takes who waits too long, agents that ring are left`() {
        queue = Self.make { $0.overflow = "500" }
        _ = tell(.entered, 1)
        let told = advance(101)
        #expect(told.contains("1 stops") && told.last == "1 rings 500")
        #expect(tell(.unanswered(.busy), 1) == ["1 hears is-unavailable goodbye"])
        #expect(tell(.played, 1) == ["1 ends"])
    }

    @Test mutating func `who leaves makes room for the next`() {
        _ = tell(.entered, 1)
        busy = ["102"]
        _ = tell(.entered, 2)
        #expect(tell(.left, 1) == ["2 rings 101"])
        #expect(tell(.left, 2) == [] && queue.waitingCount == 0 && queue.nextDeadline == nil)
    }
}
