import Media
package import Primitives
package import Settings

/// Callers in order, and the agents who serve them.
///
/// ```text
///                                    nobody answers: the next agent
///                                   ┌────────────────┐
/// entered ── full ─► overflow       ▼                │        answered            left
///    └─► waiting (music, position) ─┴─ agent free ─► ringing ─────────► talking ──────► agent wraps up
///           └─ waited too long: overflow
/// ```
///
/// The first who came is the first to be served. A caller goes on hearing music and announcements while agents ring.
package struct CallQueue: Sendable {
    /// A command, and whose it is.
    package typealias Directed = (caller: CallerID, command: ApplicationCommand)

    private enum Stage: Equatable {
        case waiting
        case ringing([String])
        case talking(String)
        /// Sent on to `overflow`.
        case overflowing
        case farewell
    }
    private struct Entry {
        let caller: CallerID
        let came: Instant
        var stage = Stage.waiting
        var nextWord: Instant?
        var talkingSince: Instant?

        var isRinging: Bool { if case .ringing = stage { true } else { false } }
    }
    private struct Agent {
        let number: String
        var isLoggedIn: Bool
        var isPaused = false
        /// Long ago for one who has not had a call.
        var idleSince: Instant
        var isLeftAloneUntil: Instant?
    }

    /// How often it is looked whether an agent is free, who may have been in a call of another kind.
    private static let look = Duration.seconds(2)

    private var settings: QueueSettings
    private let language: Language
    private var entries: [Entry] = []
    private var agents: [Agent] = []
    private var nextLook: Instant?
    /// Of calls that were served, a moving mean.
    private var meanTalk = Duration.seconds(120)
    private var output: [Directed] = []

    package init(_ settings: QueueSettings, language: Language, at now: Instant) {
        self.settings = settings
        self.language = settings.language ?? language
        adopt(settings, at: now)
    }

    /// Who waits goes on waiting; agents who stay remain as they are, unless `states` says otherwise.
    package mutating func adopt(_ new: QueueSettings, agents states: [String: AgentState] = [:], at now: Instant) {
        settings = new
        agents = new.agents.map { number in
            var agent =
                agents.first { $0.number == number }
                ?? Agent(number: number, isLoggedIn: new.startsLoggedIn, idleSince: now)
            if let state = states[number] {
                agent.isLoggedIn = state != .loggedOut
                agent.isPaused = state == .paused
            }
            return agent
        }
    }

    /// Nil: no agent of this queue.
    func state(of number: String) -> AgentState? {
        agents.first { $0.number == number }.map { $0.isLoggedIn ? $0.isPaused ? .paused : .loggedIn : .loggedOut }
    }

    // MARK: Views

    package var waitingCount: Int { entries.count { $0.stage == .waiting || $0.isRinging } }
    package func isAgent(_ number: String) -> Bool { agents.contains { $0.number == number } }
    package func isServing(_ number: String) -> Bool {
        agents.contains { $0.number == number && $0.isLoggedIn && !$0.isPaused }
    }

    package var nextDeadline: Instant? {
        var deadline = nextLook
        for entry in entries where entry.stage == .waiting || entry.isRinging {
            deadline = deadline.orEarlier(entry.nextWord).orEarlier(entry.came + patience)
        }
        return deadline
    }
    private var patience: Duration { .seconds(settings.waitSeconds) }

    // MARK: Agents

    package mutating func agent(
        _ number: String, _ action: Application.AgentAction, facts: ApplicationFacts
    ) -> [Directed] {
        guard let index = agents.firstIndex(where: { $0.number == number }) else { return [] }
        switch action {
        case .logIn:
            agents[index].isLoggedIn = true
            agents[index].isPaused = false
        case .logOut: agents[index].isLoggedIn = false
        case .pause: agents[index].isPaused = true
        case .goOn: agents[index].isPaused = false
        }
        serve(facts)
        return take()
    }

    // MARK: Callers

    package mutating func handle(
        _ event: ApplicationEvent, of caller: CallerID, facts: ApplicationFacts
    ) -> [Directed] {
        if event == .entered {
            enter(caller, facts)
        } else if let index = entries.firstIndex(where: { $0.caller == caller }) {
            handle(event, at: index, facts)
        }
        return take()
    }

    private mutating func enter(_ caller: CallerID, _ facts: ApplicationFacts) {
        let isFull = waitingCount >= settings.callers
        var entry = Entry(caller: caller, came: facts.now)
        if settings.announceSeconds > 0 { entry.nextWord = facts.now + .seconds(settings.announceSeconds) }
        entries.append(entry)
        guard !isFull else { return overflow(entries.count - 1, because: .queueFull) }
        emit(caller, .play([.said(.queueWelcome, language), .music]))
        serve(facts)
    }

    private mutating func handle(_ event: ApplicationEvent, at index: Int, _ facts: ApplicationFacts) {
        let caller = entries[index].caller
        switch (entries[index].stage, event) {
        case (.waiting, .played), (.ringing, .played): emit(caller, .play([.music]))
        case (.ringing, .answered(let number)):
            entries[index].stage = .talking(number)
            entries[index].talkingSince = facts.now
        case (.ringing(let numbers), .unanswered(let why)):
            entries[index].stage = .waiting
            // Who does not answer comes last, and is left alone for a moment.
            for agent in agents.indices where numbers.contains(agents[agent].number) {
                agents[agent].idleSince = facts.now
                agents[agent].isLeftAloneUntil = facts.now + (why == .noAnswer ? .seconds(5) : .seconds(10))
            }
            serve(facts)
        case (.overflowing, .unanswered): sayFarewell(index, .isUnavailable)
        case (.farewell, .played): emit(caller, .hangUp)
        case (let stage, .left):
            let talked = entries[index].talkingSince.map { facts.now - $0 }
            entries.remove(at: index)
            if case .talking(let number) = stage { ended(number, talked ?? .zero, facts) }
            serve(facts)
        case (.overflowing, .answered):
            entries.remove(at: index)
        case (.waiting, _), (.ringing, _), (.talking, _), (.overflowing, _), (.farewell, _): break
        }
    }

    private mutating func ended(_ number: String, _ talked: Duration, _ facts: ApplicationFacts) {
        meanTalk = (meanTalk * 3 + min(talked, .seconds(3_600))) / 4
        guard let agent = agents.firstIndex(where: { $0.number == number }) else { return }
        agents[agent].idleSince = facts.now
        agents[agent].isLeftAloneUntil = facts.now + .seconds(settings.wrapUpSeconds)
    }

    // MARK: Time

    package mutating func deadline(_ facts: ApplicationFacts) -> [Directed] {
        for index in entries.indices where entries[index].stage == .waiting || entries[index].isRinging {
            if facts.now >= entries[index].came + patience {
                if entries[index].isRinging { emit(entries[index].caller, .stopRinging) }
                overflow(index, because: .queueFull)
            } else if let word = entries[index].nextWord, facts.now >= word {
                entries[index].nextWord = facts.now + .seconds(settings.announceSeconds)
                tellPosition(index)
            }
        }
        if let look = nextLook, facts.now >= look { serve(facts) }
        return take()
    }

    /// Rings free agents for those who wait, the first first.
    private mutating func serve(_ facts: ApplicationFacts) {
        for index in entries.indices where entries[index].stage == .waiting {
            let free = freeAgents(facts)
            guard let first = free.first else { break }
            let numbers = settings.strategy == .all ? free : [first]
            entries[index].stage = .ringing(numbers)
            var connection = Connection(numbers)
            connection.patienceSeconds = settings.ringSeconds
            connection.hearing = .asBefore
            emit(entries[index].caller, .connect(connection))
        }
        nextLook = entries.contains { $0.stage == .waiting } ? facts.now + Self.look : nil
    }

    private func freeAgents(_ facts: ApplicationFacts) -> [String] {
        let taken = entries.flatMap { entry -> [String] in
            switch entry.stage {
            case .ringing(let numbers): numbers
            case .talking(let number): [number]
            case .waiting, .overflowing, .farewell: []
            }
        }
        let free = agents.filter { agent in
            agent.isLoggedIn && !agent.isPaused && !taken.contains(agent.number) && !facts.busy.contains(agent.number)
                && agent.isLeftAloneUntil.map { facts.now >= $0 } ?? true
        }
        switch settings.strategy {
        case .linear, .all: return free.map(\.number)
        case .longestIdle:
            return free.enumerated().sorted {
                ($0.element.idleSince, $0.offset) < ($1.element.idleSince, $1.offset)
            }.map(\.element.number)
        }
    }

    // MARK: What callers hear

    private mutating func tellPosition(_ index: Int) {
        let before = entries.prefix(index).count { $0.stage == .waiting || $0.isRinging }
        var prompts: [Prompt] = [.said(.queuePosition, language), .digits(String(before + 1), language)]
        if settings.tellsTime {
            let serving = max(1, agents.count { $0.isLoggedIn && !$0.isPaused })
            let seconds = meanTalk.components.seconds * Int64(before + 1) / Int64(serving)
            prompts += [
                .said(.queueTime, language), .digits(String(max(1, (seconds + 59) / 60)), language),
                .said(.minutes, language),
            ]
        }
        emit(entries[index].caller, .play(prompts + [.music]))
    }

    private mutating func overflow(_ index: Int, because word: StandardPrompt) {
        guard let number = settings.overflow else { return sayFarewell(index, word) }
        entries[index].stage = .overflowing
        var connection = Connection([number])
        connection.mayLeave = true
        connection.takesMailbox = true
        emit(entries[index].caller, .connect(connection))
    }

    private mutating func sayFarewell(_ index: Int, _ word: StandardPrompt) {
        entries[index].stage = .farewell
        emit(entries[index].caller, .play([.said(word, language), .said(.goodbye, language)]))
    }

    private mutating func emit(_ caller: CallerID, _ command: ApplicationCommand) { output.append((caller, command)) }

    private mutating func take() -> [Directed] {
        var result: [Directed] = []
        swap(&result, &output)
        return result
    }
}
