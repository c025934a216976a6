import ApplianceCore
import CloudMessages
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Testing

struct PairingPowerCutTests {
    /// Every place where power can fail between the offer's arrival and the end of the pairing.
    @Test(arguments: 0..<24)
    func `pairing converges to one live user wherever the power fails`(cut: Int) throws {
        var world = World(seed: UInt64(cut) + 1)
        world.run()
        let offer = world.offer()
        world.handle(.service(ServiceRequestID(900), .offer(offer, signatureIsValid: true)))
        let before = world.operations
        world.runAndCut(after: cut)
        world.run()
        if world.snapshot.pairing == nil {
            // The offer was not stored, so it was not accepted: the Control Center repeats it.
            world.service(.offer(offer, signatureIsValid: true))
        }
        _ = world.begin(.enterPairingCode(world.code.formatted))
        let done = world.operations - before
        world.runAndCut(after: max(0, cut - done + 2))
        world.advance(.seconds(1_200))
        if world.snapshot.pairing?.stage == .offered { world.admin(.enterPairingCode(world.code.formatted)) }
        world.advance(.seconds(1_200))
        try expectOneLiveUser(&world)
    }

    @Test(arguments: 0..<16)
    func `typing the code converges wherever the power fails, once or twice`(cut: Int) throws {
        for second in [nil, 0, 1, 2, 3, 5] as [Int?] {
            var world = World(seed: UInt64(cut) + 100)
            world.run()
            world.service(.offer(world.offer(), signatureIsValid: true))
            _ = world.begin(.enterPairingCode(world.code.formatted))
            world.runAndCut(after: cut)
            if let second { world.runAndCut(after: second) }
            world.advance(.seconds(1_200))
            if world.snapshot.pairing?.stage == .offered {
                world.admin(.enterPairingCode(world.code.formatted))
                world.advance(.seconds(1_200))
            }
            try expectOneLiveUser(&world)
        }
    }

    private func expectOneLiveUser(_ world: inout World) throws {
        let record = try #require(world.snapshot.pairing)
        #expect(record.stage == .paired)
        let user = try #require(record.user)
        // The Control Center's one account is the appliance's one account, password included.
        #expect(world.controlCenter.count == 1)
        let known = try #require(world.controlCenter["token-1"])
        #expect(known.user == user.name)
        #expect(World.hash(known.password, user.salt) == user.passwordHash)
        let (_, reply) = world.service(.deviceState(try #require(world.credentials)))
        guard case .deviceState? = reply else {
            Issue.record("the live user was not let in: \(String(describing: reply))")
            return
        }
        // Every other password that was ever sent is dead.
        for message in world.outbound where message.flow == .c3 {
            guard case .secret(let password)? = message[.password], password != known.password else { continue }
            let (_, stale) = world.service(.deviceState(Credentials(user: user.name, password: password)))
            guard case .problem(status: 401, _, _)? = stale else {
                Issue.record("a former password opens the appliance")
                return
            }
        }
    }

    @Test(arguments: 0..<8)
    func `switching off is done or not done, wherever the power fails`(cut: Int) {
        var world = World()
        world.pair()
        let stale = world.credentials
        _ = world.begin(.setSwitch(.controlCenter, false))
        world.runAndCut(after: cut)
        world.run()
        if world.snapshot.pairing == nil {
            #expect(world.snapshot.switches[.controlCenter] == false)
            if let stale {
                guard case .problem(status: 401, _, _)? = world.service(.deviceState(stale)).reply else {
                    Issue.record("an erased user was let in")
                    return
                }
            }
        } else {
            #expect(world.snapshot.switches[.controlCenter] == true && world.snapshot.pairing?.stage == .paired)
        }
    }

    @Test func `a full disk while the code is entered refuses clearly and sends nothing`() {
        var world = World()
        world.run()
        world.service(.offer(world.offer(), signatureIsValid: true))
        world.storeFailure = .diskFull
        guard case .refused(status: 503, let detail)? = world.admin(.enterPairingCode(world.code.formatted)) else {
            Issue.record("not refused")
            return
        }
        #expect(detail.contains("no space"))
        #expect(world.sent(.c3) == 0 && world.snapshot.pairing?.stage == .offered)
        world.storeFailure = nil
        world.admin(.enterPairingCode(world.code.formatted))
        #expect(world.snapshot.pairing?.stage == .paired)
    }

    @Test func `F-C4 erases in one transaction, closes streams, and tells the Control Center once without queueing`()
        throws
    {
        var world = World(switches: [.controlCenter, .relay, .callData, .monitoring])
        world.pair()
        let stale = try #require(world.credentials)
        let (stream, _) = world.service(.callData(stale, after: 0))
        world.silent = [.c4]
        _ = world.begin(.setSwitch(.controlCenter, false))
        // The very next effects are the end of the stream and one transaction with everything in it.
        let transactions = world.work.compactMap { effect -> [StoreCommand]? in
            if case .store(_, let commands) = effect, commands.contains(.erasePairing) { commands } else { nil }
        }
        #expect(
            transactions == [
                [
                    .erasePairing, .setSwitch(.controlCenter, false), .setSwitch(.monitoring, false),
                    .setSwitch(.callData, false), .setSwitch(.remoteAccess, false),
                ]
            ])
        world.run()
        #expect(world.ended == [stream])
        #expect(world.sent(.c4) == 1)
        world.advance(.seconds(3_600))
        #expect(world.sent(.c4) == 1)
        #expect(world.recorded(.c4).map(\.result) == ["unreachable no answer in time"])
        guard case .problem(status: 401, _, _)? = world.service(.deviceState(stale)).reply else {
            Issue.record("the old credential works")
            return
        }
    }

    @Test func `a credential is refused while its erasure waits for the disk`() throws {
        var world = World()
        world.pair()
        let stale = try #require(world.credentials)
        world.storeFailure = .diskFull
        guard case .refused(status: 503, _)? = world.admin(.setSwitch(.controlCenter, false)) else {
            Issue.record("not refused")
            return
        }
        guard case .problem(status: 401, _, _)? = world.service(.deviceState(stale)).reply else {
            Issue.record("the old credential works")
            return
        }
        guard case .refused(status: 503, _)? = world.admin(.setSwitch(.controlCenter, true)) else {
            Issue.record("switched on while erasing")
            return
        }
        world.storeFailure = nil
        world.advance(.seconds(600))
        #expect(world.snapshot.pairing == nil)
    }
}
