import ArgumentParser
import Softphone
import SoftphoneCore

struct Call: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Register, call a number, hang up after some seconds, and report what was heard.")

    @Argument(help: "The number to call.") var number: String
    @OptionGroup var phone: PhoneOptions
    @Option(help: "Hang up so many seconds after the answer.") var seconds = 5.0
    @Option(help: "Fail unless a tone of so many hertz (±10) was heard.") var expectTone: Double?

    func run() async throws {
        guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds is above 0, at most 3600") }
        let session = try await Session(phone)
        var iterator = session.reports.makeAsyncIterator()
        var isRegistered = false
        var outcome: SoftphoneReport?
        loop: while let report = await iterator.next() {
            guard let report else {
                session.runner.command(.hangUp)
                break
            }
            switch report.event {
            case "registered" where !isRegistered:
                isRegistered = true
                session.runner.command(.call(number))
            case "registration-failed": break loop
            case "established": session.runner.hangUp(after: .milliseconds(Int64(seconds * 1000)))
            case "ended", "failed":
                outcome = report
                break loop
            default: break
            }
        }
        try await session.end(&iterator, isRegistered: isRegistered)
        guard let outcome, outcome.event == "ended" else { throw ExitCode(1) }
        if let expectTone, abs((outcome.heardHertz ?? 0) - expectTone) > 10 { throw ExitCode(1) }
    }
}

struct Answer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Register and answer calls, until SIGTERM or after a number of calls.")

    @OptionGroup var phone: PhoneOptions
    @Option(help: "Answer after so many milliseconds of ringing.") var after = 200
    @Option(help: "End after so many calls; 0: never.") var calls = 0

    func run() async throws {
        guard after >= 0, after <= 60_000, calls >= 0 else {
            throw ValidationError("--after is 0 to 60000, --calls at least 0")
        }
        let session = try await Session(phone, answersAfter: .milliseconds(Int64(after)))
        var iterator = session.reports.makeAsyncIterator()
        var isRegistered = false
        var count = 0
        while let report = await iterator.next() {
            guard let report else { break }
            if report.event == "registered" { isRegistered = true }
            if report.event == "registration-failed", !isRegistered { break }
            if report.event == "ended" { count += 1 }
            if calls > 0, count >= calls { break }
        }
        try await session.end(&iterator, isRegistered: isRegistered)
        if !isRegistered { throw ExitCode(1) }
    }
}
