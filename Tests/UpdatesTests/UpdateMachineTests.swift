import CloudMessages
import OpenSSLCrypto
import Primitives
import PrivacyContract
import Testing
import Updates

struct UpdateMachineTests {
    private struct Bench {
        var machine = UpdateMachine(
            judge: UpdateJudge(running: "1.2.10", board: "rpi4", bundleLimit: 10_000, hashes: OpenSSLHashes()))
        var now = Instant(nanoseconds: 1)
        var entropy = Entropy(SeededGenerator(seed: 4))
        let requester = UpdateRequester(9)

        init(isOn: Bool = true, hasServer: Bool = true, looksByItself: Bool = true) {
            handle(.wanted(isOn: isOn, hasServer: hasServer, looksByItself: looksByItself))
        }

        @discardableResult
        mutating func handle(_ input: UpdateMachine.Input) -> [UpdateMachine.Effect] {
            machine.handle(input, at: now, wall: UpdateJudgeTests.now, entropy: &entropy)
        }

        mutating func answer(_ reply: CloudReply, known: UnixTime? = nil) -> [UpdateMachine.Effect] {
            handle(.answered(reply, installationID: "a", known: known))
        }

        mutating func offer(_ change: (inout UpdateManifest) -> Void = { _ in }) {
            handle(.check(requester))
            _ = answer(.update(UpdateJudgeTests.manifest(change), forgery: nil))
        }

        static func refusal(_ effects: [UpdateMachine.Effect]) -> UpdateRefusal? {
            for case .answer(_, .failure(let refusal)) in effects { return refusal }
            return nil
        }
    }

    @Test func `off or without a server nothing is asked, not even when asked to`() {
        var off = Bench(isOn: false)
        #expect(off.machine.nextDeadline == nil)
        #expect(Bench.refusal(off.handle(.check(off.requester))) == .switchedOff)
        #expect(Bench.refusal(off.handle(.install(off.requester))) == .switchedOff)
        var homeless = Bench(hasServer: false)
        #expect(homeless.machine.nextDeadline == nil)
        #expect(Bench.refusal(homeless.handle(.check(homeless.requester))) == .noServer)
    }

    @Test func `it asks by itself within an hour, and then once a day`() throws {
        var bench = Bench()
        let first = try #require(bench.machine.nextDeadline)
        #expect(first - bench.now <= UpdateMachine.spread)
        bench.now = first
        #expect(bench.handle(.timePassed) == [.query(.schedule)] && bench.machine.nextDeadline == nil)
        #expect(bench.answer(.accepted).isEmpty, "nobody asked, nobody is answered")
        let second = try #require(bench.machine.nextDeadline)
        let pause = second - bench.now
        #expect(pause >= UpdateMachine.interval && pause < UpdateMachine.interval + UpdateMachine.spread)
        bench.handle(.wanted(isOn: true, hasServer: true, looksByItself: false))
        #expect(bench.machine.nextDeadline == nil)
    }

    @Test func `a manifest that is believed is remembered, offered, fetched and handed over`() {
        var bench = Bench()
        #expect(bench.handle(.check(bench.requester)) == [.query(.administrator)])
        let manifest = UpdateJudgeTests.manifest()
        let effects = bench.answer(.update(manifest, forgery: nil))
        #expect(effects.contains(.believed(issuedAt: manifest.issuedAt)))
        #expect(bench.machine.status.offer == manifest && bench.machine.status.phase == .idle)
        #expect(bench.handle(.install(bench.requester)).first == .fetch(manifest))
        #expect(bench.handle(.fetched(.accepted)) == [.handOver(manifest)])
        bench.handle(.handedOver)
        #expect(bench.machine.status.phase == .handedOver)
        // And it goes on looking.
        #expect(bench.handle(.check(bench.requester)) == [.query(.administrator)])
    }

    @Test func `a manifest that is not believed offers nothing, and takes back what was offered`() {
        var bench = Bench()
        bench.offer()
        bench.handle(.check(bench.requester))
        let effects = bench.answer(.update(UpdateJudgeTests.manifest { $0.version = "1.0" }, forgery: nil))
        #expect(Bench.refusal(effects) == .older(found: "1.0", running: "1.2.10"))
        #expect(Bench.refusal(bench.handle(.install(bench.requester))) == .nothingToInstall)
        bench.offer()
        bench.handle(.check(bench.requester))
        #expect(Bench.refusal(bench.answer(.unreachable("no route"))) == .server("no route"))
        #expect(bench.machine.status.offer != nil, "a server that is away takes nothing back")
    }

    @Test func `a version that is held back is not installed`() {
        var bench = Bench()
        bench.offer { $0.rolloutPercent = 0 }
        #expect(bench.machine.status.isHeldBack)
        #expect(Bench.refusal(bench.handle(.install(bench.requester))) == .heldBack(version: "1.3.0", percent: 0))
    }

    @Test func `a broken download goes on after a pause, and is given up in the end`() throws {
        var bench = Bench()
        bench.offer()
        bench.handle(.install(bench.requester))
        for _ in 0..<UpdateMachine.resumptions {
            #expect(bench.handle(.fetched(.unreachable("reset"))).isEmpty)
            #expect(Bench.refusal(bench.handle(.check(bench.requester))) == .busy("1.3.0 is being fetched"))
            bench.now = try #require(bench.machine.nextDeadline)
            #expect(bench.handle(.timePassed) == [.fetch(UpdateJudgeTests.manifest())])
        }
        #expect(bench.handle(.fetched(.unreachable("reset"))).count == 1)
        #expect(bench.machine.status.phase == .idle)
    }

    @Test func `a bundle that is not the manifest's is no use a second time`() {
        var bench = Bench()
        bench.offer()
        bench.handle(.install(bench.requester))
        let said = bench.handle(.fetched(.refused(status: 422, detail: "its SHA-256 is another", retryAfter: nil)))
        #expect(said.count == 1 && bench.machine.status.phase == .idle)
        #expect(bench.machine.status.outcome?.contains("SHA-256") == true)
        bench.handle(.install(bench.requester))
        bench.handle(.fetched(.accepted))
        bench.handle(.handOverFailed("no space"))
        #expect(bench.machine.status.phase == .idle && bench.machine.status.outcome?.contains("no space") == true)
    }

    @Test func `switched off in a pause, nothing is fetched any more`() throws {
        var bench = Bench()
        bench.offer()
        bench.handle(.install(bench.requester))
        bench.handle(.fetched(.unreachable("reset")))
        bench.handle(.wanted(isOn: false, hasServer: true, looksByItself: true))
        #expect(bench.machine.nextDeadline == nil && bench.machine.status.phase == .idle)
    }
}
