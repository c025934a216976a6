import ApplianceCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings
import Telemetry
import Testing

private let sample = SystemSample(
    cpuUtilization: 0.5, memoryUsedBytes: 1, memoryTotalBytes: 2, fileSystemUsedBytes: 1, fileSystemTotalBytes: 2,
    uptimeSeconds: 3)

/// The code path of every flow, against a contract that allows one thing less than the path does: the same as a path that
/// does one thing more than the contract allows.
struct MutatedContractTests {
    enum Mutation: CaseIterable { case field, host, trigger }

    /// The flows that code sends, each with all that it does.
    static let flows: [FlowID] = [
        .c3, .c4, .c5, .c6, .c7, .c8, .c13, .s3, .s5,
        .c10, .s2, .s10,
    ]

    private func contract(_ flow: FlowID, without mutation: Mutation?) -> [Flow] {
        Contract.flows.map { row in
            guard row.id == flow, let mutation else { return row }
            var row = row
            switch mutation {
            case .field: row.fields.removeLast()
            case .host: row.recipient = row.recipient == .crash ? .update : .crash
            case .trigger: row.triggers = [flow == .s10 ? .schedule : .afterCrash]
            }
            return row
        }
    }

    /// Everything that the appliance does towards the cloud; what could be seen leaving of that flow.
    private func story(_ flow: FlowID, without mutation: Mutation?) -> (left: Int, said: [String]) {
        var world = World(switches: Switch.allCases, contract: contract(flow, without: mutation))
        world.snapshot.settings.privacy.isStrict = false  // which blocks F-S10
        world.services.adopt(world.snapshot.settings)
        world.handle(.crashReports([CloudServiceTests.report()]))
        world.run()
        world.pair()
        for _ in 0..<3 {
            world.handle(.sample(sample))
            world.advance(.seconds(10))
        }
        world.admin(.setBackupPassword(World.password))
        world.admin(.backUpNow)
        world.callEnded()
        let credentials = world.credentials ?? Credentials(user: "ccc-0", password: Secret("x"))
        let stream = world.service(.callData(credentials, after: 0))
        let state = world.service(.deviceState(credentials))
        world.admin(.remoteAccess(.open(for: .seconds(600))))
        let session = world.service(.adminSession(credentials))
        world.admin(.update(.check))
        var file: ServiceReply?
        if case .provisioningToken(let token, _)? = world.admin(.makeProvisioningToken(extension: "100")) {
            file =
                world.service(
                    .provisioningFile(token: token, client: .v4(0xC633_6417), product: "softphone")
                ).reply
        }
        world.admin(.setSwitch(.controlCenter, false))
        world.run()
        var said = world.logged
        for case .problem(_, _, let detail)? in [stream.reply, state.reply, session.reply, file] { said.append(detail) }
        let left =
            switch flow {
            case .c6: world.events.count
            case .c10:
                (world.remoteWasOpened ? 1 : 0)
                    + (session.reply.map { if case .adminSession = $0 { 1 } else { 0 } } ?? 0)
            case .c13: state.reply.map { if case .deviceState = $0 { 1 } else { 0 } } ?? 0
            case .s3: file.map { if case .provisioningFile = $0 { 1 } else { 0 } } ?? 0
            case .s5: world.uplinkIsOpen || !world.recorded(.s5).filter { $0.result == "sent" }.isEmpty ? 1 : 0
            default: world.sent(flow)
            }
        return (left, said)
    }

    @Test(arguments: flows)
    func `with the contract as it is the flow leaves`(flow: FlowID) {
        #expect(story(flow, without: nil).left > 0)
    }

    @Test(arguments: flows, Mutation.allCases)
    func `what the contract does not allow does not leave, and the clause is named`(flow: FlowID, mutation: Mutation) {
        let (left, said) = story(flow, without: mutation)
        #expect(left == 0)
        let clause = Contract.flow(flow)?.clauseText ?? "?"
        #expect(said.contains { $0.contains(flow.rawValue) && $0.contains(clause) }, "\(said)")
    }
}

struct StrictModeTests {
    @Test func `strict mode is on until the owner says otherwise, and shown`() {
        var world = World(switches: Switch.allCases)
        guard case .privacy(let flows, true)? = world.admin(.privacy) else {
            Issue.record("not strict")
            return
        }
        let blocked = flows.filter(\.isBlocked)
        #expect(blocked.map(\.flow) == [.s10] && blocked.allSatisfy { !$0.isOn })
        var settings = world.snapshot.settings
        settings.privacy.isStrict = false
        world.services.adopt(settings)
        world.handle(.deadline)
        guard case .privacy(let relaxed, false)? = world.admin(.privacy) else {
            Issue.record("still strict")
            return
        }
        #expect(relaxed.allSatisfy { !$0.isBlocked })
    }

    @Test func `the setting is obeyed from the start`() {
        var world = World(switches: Switch.allCases)
        world.snapshot.settings.privacy.isStrict = false
        world.reboot()
        guard case .privacy(_, false)? = world.admin(.privacy) else {
            Issue.record("strict")
            return
        }
    }
}

struct LedgerSigningTests {
    @Test func `the ledger is signed ten minutes after it began to grow`() throws {
        var world = World()
        world.pair()
        #expect(world.histories.ledgerCheckpoints.isEmpty && !world.histories.ledger.isEmpty)
        world.advance(.seconds(601))
        let last = try #require(world.histories.ledger.last)
        let checkpoint = try #require(world.histories.ledgerCheckpoints.last)
        #expect(checkpoint.sequence == last.sequence && checkpoint.hash == last.hash)
        world.advance(.seconds(3_600))
        #expect(world.histories.ledgerCheckpoints.count == 1, "nothing new, nothing to sign")
    }

    @Test func `sixty-four entries are signed at once`() throws {
        var world = World(switches: [.controlCenter, .callData, .relay])
        world.pair()
        world.service(.callData(try #require(world.credentials), after: 0))
        while world.histories.ledger.count < 63 { world.callEnded() }
        #expect(world.histories.ledgerCheckpoints.isEmpty)
        world.callEnded()
        #expect(world.histories.ledgerCheckpoints.map(\.sequence) == [64])
        while world.histories.ledger.count < 128 { world.callEnded() }
        #expect(world.histories.ledgerCheckpoints.map(\.sequence) == [64, 128])
    }

    @Test func `what a power cut left unsigned is signed after the start`() throws {
        var world = World()
        world.pair()
        #expect(world.histories.ledgerCheckpoints.isEmpty)
        let before = try #require(world.histories.ledger.last)
        world.reboot()
        world.run()
        #expect((world.histories.ledgerCheckpoints.last?.sequence ?? 0) >= before.sequence)
    }

    @Test func `a key that is not there holds nothing up, and is asked again`() {
        var world = World()
        world.signatureFails = true
        world.pair()
        world.advance(.seconds(650))
        #expect(world.histories.ledgerCheckpoints.isEmpty)
        #expect(world.logged.contains { $0.contains("could not be signed") })
        world.signatureFails = false
        world.advance(.seconds(600))
        #expect(world.histories.ledgerCheckpoints.count == 1)
    }

    @Test func `a Control Center that asks all the time fills no ledger, and each byte is in it`() throws {
        var world = World(switches: [.controlCenter, .relay])
        world.pair()
        let credentials = try #require(world.credentials)
        for _ in 0..<100 { world.service(.deviceState(credentials)) }
        #expect(world.recorded(.c13).map(\.result) == ["sent"])
        let one = try #require(world.recorded(.c13).first).bytes
        world.advance(.seconds(3_601))
        #expect(world.recorded(.c13).map(\.result) == ["sent", "sent 99 answers"])
        #expect(world.recorded(.c13).map(\.bytes) == [one, one * 99])
        for _ in 0..<5 { world.service(.deviceState(credentials)) }
        world.admin(.setSwitch(.controlCenter, false))
        #expect(world.recorded(.c13).last?.result == "sent 5 answers")
        #expect(world.recorded(.c13).reduce(0) { $0 + $1.bytes } == one * 105)
    }
}
