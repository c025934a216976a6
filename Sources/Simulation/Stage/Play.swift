package import Media
import Primitives
import SoftphoneCore

/// Who appears in the scenarios; the names are those of RFC 5359.
package enum Person: String, Sendable, CaseIterable {
    case alice = "Alice"
    case bob = "Bob"
    case carol = "Carol"
    case dave = "Dave"

    package var number: String {
        switch self {
        case .alice: "100"
        case .bob: "101"
        case .carol: "102"
        case .dave: "103"
        }
    }

    var password: String { "stage-\(rawValue.lowercased())-\(number)" }
}

/// One scenario on one stage: its telephones, and what is asked of them. What a body is written with.
package final class Play {
    package let stage: any Stage
    private(set) var lines: [StageLine] = []
    /// What is being waited for.
    private(set) var awaited = "the beginning"

    init(_ stage: any Stage) { self.stage = stage }

    // MARK: Telephones

    /// A telephone of that user, registered; called again, another one.
    package func telephone(
        _ person: Person, codecs: [AudioCodec] = [.pcma, .pcmu], takesAnnouncements: Bool = false
    ) throws(ScenarioFailure) -> StageLine {
        let line = try line(person, codecs: codecs, takesAnnouncements: takesAnnouncements)
        line.plugIn()
        try wait("\(line.name) registered") { line.isRegistered }
        return line
    }

    /// A telephone that has yet to be plugged in.
    package func line(
        _ person: Person, codecs: [AudioCodec] = [.pcma, .pcmu], takesAnnouncements: Bool = false,
        registers: Bool = true
    ) throws(ScenarioFailure) -> StageLine {
        var account = SoftphoneAccount(
            user: person.number, displayName: person.rawValue, password: Secret(person.password),
            domain: "pbx.example", codecs: codecs)
        account.takesAnnouncements = takesAnnouncements
        account.registers = registers
        return try add(person.rawValue, account)
    }

    /// The network beyond the static trunk `telco`: it is called for every number outside, and calls in with `number`.
    func provider(_ number: String) throws(ScenarioFailure) -> StageLine {
        var account = SoftphoneAccount(
            user: number, displayName: "", password: Secret(""), domain: "pbx.example", codecs: [.pcma])
        account.registers = false
        return try add("Outside", account)
    }

    private func add(_ name: String, _ account: SoftphoneAccount) throws(ScenarioFailure) -> StageLine {
        let count = lines.count { $0.number == account.user }
        let index = lines.count
        guard index < Ear.voices.count else { throw ScenarioFailure("no voice is left for \(name)", at: stage.now) }
        let line = try StageLine(
            stage, name: count == 0 ? name : "\(name)/\(count + 1)", index: index, account: account
        ) { [unowned self] in lines.map(\.name) }
        lines.append(line)
        return line
    }

    /// The telephone outside; there is one if the scenario said so.
    package func outside() throws(ScenarioFailure) -> StageLine {
        guard let line = lines.first(where: { $0.name == "Outside" }) else {
            throw ScenarioFailure("the scenario has no provider", at: stage.now)
        }
        return line
    }

    // MARK: Time

    /// Lets time pass until that holds; nil: for as long as the stage's patience lasts.
    package func wait(
        _ what: String, within limit: Duration? = nil, _ condition: () -> Bool
    ) throws(ScenarioFailure) {
        awaited = what
        stage.note("wait: \(what)")
        try stage.wait(what, within: limit ?? stage.patience) { condition() || stage.violation != nil }
        if let violation = stage.violation { throw violation }
    }

    package func pass(_ duration: Duration) throws(ScenarioFailure) {
        stage.advance(duration)
        if let violation = stage.violation { throw violation }
    }

    package func require(_ condition: Bool, _ text: @autoclosure () -> String) throws(ScenarioFailure) {
        guard condition else { throw ScenarioFailure(text(), at: stage.now) }
    }

    // MARK: What happens often

    /// `caller` calls, `callee` rings and answers, and both hear each other.
    package func connect(
        _ caller: StageLine, _ callee: StageLine, dialling number: String? = nil
    ) throws(ScenarioFailure) {
        caller.call(number ?? callee.number)
        try answer(callee)
        try conversation(caller, callee)
    }

    package func answer(_ line: StageLine) throws(ScenarioFailure) {
        try rings(line)
        line.answer()
        try wait("\(line.name) talks") { line.isTalking }
    }

    package func rings(_ line: StageLine, within limit: Duration? = nil) throws(ScenarioFailure) {
        try wait("\(line.name) rings", within: limit) { line.isRinging }
    }

    /// These hear each other, everybody all the others, and nothing else.
    package func conversation(_ parties: StageLine...) throws(ScenarioFailure) {
        for party in parties {
            let others = parties.filter { $0 !== party }.map(\.name).sorted()
            try hears(party, .voices(others))
        }
    }

    package func hears(_ line: StageLine, _ heard: Heard) throws(ScenarioFailure) {
        try wait("\(line.name) hears \(heard)") { line.isTalking && line.hears == heard }
    }

    package func holds(_ line: StageLine) throws(ScenarioFailure) {
        try wait("\(line.name) can hold") { line.isSteady }
        line.hold(true)
        try wait("\(line.name) holds") { line.isHolding && line.isSteady }
    }

    package func takesBack(_ line: StageLine) throws(ScenarioFailure) {
        try wait("\(line.name) can take back") { line.isSteady }
        line.hold(false)
        try wait("\(line.name) has taken back") { !line.isHolding && line.isSteady }
    }

    /// Dials a code; the appliance answers, confirms and hangs up.
    package func dial(_ code: String, on line: StageLine) throws(ScenarioFailure) {
        try wait("\(line.name) is free") { line.isIdle }
        let before = line.answerCount
        line.call(code)
        try wait("the confirmation of \(code)") { line.isIdle }
        try require(
            line.answerCount == before + 1,
            "\(code) of \(line.name) was not confirmed, but refused with \(line.lastFailure ?? 0)")
    }

    /// Calls in vain.
    package func refused(_ line: StageLine, calling number: String, with status: Int) throws(ScenarioFailure) {
        try wait("\(line.name) is free") { line.isIdle }
        line.call(number)
        try wait("the refusal of \(number)") { line.isIdle }
        try require(
            line.lastFailure == status,
            "\(number) is refused to \(line.name) with \(line.lastFailure.map(String.init) ?? "nothing"), not \(status)"
        )
    }

    package func idle(_ lines: StageLine...) throws(ScenarioFailure) {
        for line in lines { try wait("\(line.name) is free") { line.isIdle } }
    }

    package func hangUp(_ lines: StageLine...) throws(ScenarioFailure) {
        for line in lines { line.hangUp() }
        for line in lines { try wait("\(line.name) has hung up") { line.isIdle } }
    }

    /// The newest record, once there are that many.
    package func record(_ count: Int) throws(ScenarioFailure) -> StageRecord {
        for _ in 0..<20 {
            let records = try stage.records()
            if records.count >= count, let last = records.last {
                try require(records.count == count, "\(records.count) records of \(count) calls")
                return last
            }
            stage.advance(.milliseconds(500))
        }
        throw ScenarioFailure("the record of call \(count) was not written", at: stage.now)
    }

    // MARK: The end

    /// Everybody hangs up and goes; nothing is left.
    func end() throws(ScenarioFailure) {
        for line in lines where !line.isIdle { line.hangUp() }
        try wait("everybody has hung up", within: .seconds(90)) { lines.allSatisfy(\.isIdle) }
        for line in lines where line.isRegistered { line.unplug() }
        try wait("everybody has gone", within: .seconds(90)) { lines.allSatisfy { !$0.isRegistered } }
        try stage.comeToRest()
        if let violation = stage.violation { throw violation }
    }

    /// What stood on the stage when it failed.
    package var report: [String] {
        ["awaited: \(awaited)"] + lines.map { "\($0)" }
            + lines.flatMap { line in line.story.suffix(12).map { "  \(line.name) \($0)" } }
    }
}
