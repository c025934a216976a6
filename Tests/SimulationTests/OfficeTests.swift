import Media
import Primitives
import SoftphoneCore
import Testing

@testable import Simulation

@Suite struct OfficeTests {
    @Test(arguments: 1...4)
    func `a random office holds what must hold of calls`(seed: UInt64) {
        let outcome = OfficeRun.play(seed: seed, for: .seconds(30), trace: Trace(isMuted: true))
        #expect(outcome.failure == nil, "\(outcome.failure.map { "\($0)" } ?? "")")
        #expect(outcome.calls > 3 && outcome.looks > 300)
    }

    @Test func `the same seed gives the same office`() {
        func hash(_ seed: UInt64) -> String {
            let trace = Trace()
            _ = OfficeRun.play(seed: seed, for: .seconds(5), trace: trace)
            return trace.finish()
        }
        #expect(hash(3) == hash(3))
        #expect(hash(3) != hash(4))
    }

    /// Seeds that once failed, with what they found.
    @Test(arguments: [
        // Who had asked for a transfer and hung up was still sent what the other one said, and heard in the call.
        (UInt64(8), Int64(60))
    ])
    func `an office that once failed holds`(seed: UInt64, seconds: Int64) {
        let outcome = OfficeRun.play(seed: seed, for: .seconds(seconds), trace: Trace(isMuted: true))
        #expect(outcome.failure == nil, "\(outcome.failure.map { "\($0)" } ?? "")")
    }

    @Test func `every action that the table has is taken`() {
        var taken: Set<String> = []
        for seed in UInt64(1)...2 {
            let outcome = OfficeRun.play(
                seed: seed, for: .seconds(90), gap: .milliseconds(100), trace: Trace(isMuted: true))
            taken.formUnion(outcome.actions.keys)
        }
        let missing = OfficeAction.all.map(\.name).filter { !taken.contains($0) }
        #expect(missing.isEmpty)
    }

    @Test func `a failure names seed, step, virtual time and how to play it again`() {
        let failure = OfficeFailure(
            seed: 42, step: 1_234, duration: .seconds(60),
            cause: ScenarioFailure("the sky has fallen", at: .origin + .milliseconds(1_500)))
        for part in ["seed 42", "step 1234", "1500 ms", "the sky has fallen", "make sim-office SEED=42"] {
            #expect("\(failure)".contains(part))
        }
    }

    @Test func `the end of a trace is kept for who wants to read it`() {
        let tail = OfficeRun.tail(seed: 5, for: .seconds(5), lines: 20)
        #expect(tail.count == 20)
    }

    // MARK: The checker itself

    /// A world whose media workers are told what call control has not said.
    private func violations(_ disturb: (Office, OfficeLine) -> Void) throws -> [String] {
        let world = World(seed: 1, scenario: "disturbed", trace: Trace(isMuted: true), media: .model)
        var plan = Office.Plan()
        (plan.users, plan.actions, plan.peopleDecide, plan.portRefusalsPerMille) = (3, [], false, 0)
        let office = Office(world, plan: plan)
        for line in office.lines { line.connect() }
        try world.pass(.seconds(5))
        let line = try #require(office.desks[0].freeLine)
        line.call(Office.echo)
        try world.wait("the call", within: .seconds(30)) { line.activity == .talking }
        #expect(world.violations.isEmpty)
        disturb(office, line)
        line.command(.hold(true))
        world.advance(.seconds(2))
        return world.violations.map(\.text)
    }

    @Test func `a media session without a call is found`() throws {
        let found = try violations { office, _ in office.model.run(.open(MediaSessionID(99))) }
        #expect(found.contains { $0.contains("media session 99 outlives its call") })
    }

    @Test func `a stream to somebody who does not belong to the call is found`() throws {
        let found = try violations { office, line in
            guard let session = office.model.sessions.keys.first, var stream = line.stream else { return }
            stream.remote = Endpoint(address: .v4(0xC000_0299), port: 4_000)
            office.model.run(.configure(MediaSessionID(session), .b, stream))
        }
        #expect(found.contains { $0.contains("who has left side b") })
    }

    @Test func `a room that the call is not in is found`() throws {
        let found = try violations { office, _ in
            guard let session = office.model.sessions.keys.first else { return }
            office.model.run(.hear(MediaSessionID(session), .a, .room(RoomID(7), RoomParticipation())))
        }
        #expect(found.contains { $0.contains("hears room 7") })
    }
}
