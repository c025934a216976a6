import CloudCore
import CloudMessages
import Primitives
import Testing

private struct Hashes: HashFunctions {
    func md5(_ message: [UInt8]) -> [UInt8] { message }
    func sha256(_ message: [UInt8]) -> [UInt8] { Array(repeating: message.first ?? 0, count: 32) }
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] { message }
}

/// Whose appliance it is, and how the polls of a large fleet are spread.
@Suite struct ControlCenterCompanyTests {
    private var entropy = Entropy(SeededGenerator(seed: 5))
    private let start = CloudTime(now: Instant(nanoseconds: 0), wall: UnixTime(seconds: 1_000_000))

    private func later(_ seconds: Int64) -> CloudTime {
        CloudTime(now: start.now + .seconds(seconds), wall: start.wall + .seconds(seconds))
    }

    private mutating func add(
        _ core: inout ControlCenterCore, _ serial: String, _ company: String, at time: CloudTime? = nil
    ) throws {
        _ = try core.addDevice(
            serial: serial, name: serial, company: company, at: time ?? start, entropy: &entropy, hashes: Hashes())
    }

    private func pair(_ core: inout ControlCenterCore, _ serial: String, at time: CloudTime) throws {
        let effects = core.handle(.deadline, at: time)
        let offer = try #require(
            effects.compactMap { effect -> PairingOffer? in
                if case .deliverOffer(let offer) = effect, offer.serial == serial { offer } else { nil }
            }.first)
        let credential = PairingCredential(tokenID: offer.tokenID, user: "ccc-a", password: Secret("pw"))
        _ = try core.register(credential, peerSerial: serial, at: time)
    }

    @Test mutating func `a company sees and touches its own appliances alone`() throws {
        var core = ControlCenterCore(at: start.now)
        try add(&core, "PBX-1", "a")
        try add(&core, "PBX-2", "b")
        #expect(core.rows(company: "a", at: start.wall).map(\.serial) == ["PBX-1"])
        #expect(core.record(serial: "pbx-1", company: "a")?.serial == "PBX-1")
        #expect(core.record(serial: "PBX-1", company: "b") == nil)
        #expect(core.row(serial: "PBX-2", company: "a", at: start.wall) == nil)
        #expect(throws: CloudRefusal.notFound(what: "appliance PBX-1")) {
            try core.removeDevice(serial: "PBX-1", company: "b")
        }
        try pair(&core, "PBX-1", at: start)
        #expect(try core.credential(serial: "PBX-1", company: "a").user == "ccc-a")
        #expect(throws: CloudRefusal.notFound(what: "appliance PBX-1")) {
            try core.credential(serial: "PBX-1", company: "b")
        }
    }

    @Test mutating func `another company gets an appliance only when it is neither paired nor waiting`() throws {
        var core = ControlCenterCore(at: start.now)
        try add(&core, "PBX-1", "a")
        #expect(throws: CloudRefusal.claimed(serial: "pbx-1")) { try add(&core, "pbx-1", "b") }
        let expired = later(86_401)
        try add(&core, "PBX-1", "b", at: expired)
        #expect(core.rows(company: "a", at: expired.wall).isEmpty)
        try pair(&core, "PBX-1", at: expired)
        #expect(throws: CloudRefusal.claimed(serial: "PBX-1")) { try add(&core, "PBX-1", "a", at: later(200_000)) }
        #expect(throws: CloudRefusal.alreadyPaired(serial: "PBX-1")) { try add(&core, "PBX-1", "b", at: expired) }
        let token = try core.credential(serial: "PBX-1", company: "b").tokenID
        _ = try core.revoke(tokenID: token, peerSerial: "PBX-1")
        try add(&core, "PBX-1", "a", at: expired)
        // What the other company knew of it is gone.
        #expect(core.row(serial: "PBX-1", company: "a", at: expired.wall)?.firstRegistration == nil)
        #expect(core.rows(company: "b", at: expired.wall).isEmpty)
    }

    @Test mutating func `positions stay right when appliances are removed`() throws {
        var core = ControlCenterCore(at: start.now)
        for number in 0..<5 { try add(&core, "PBX-\(number)", "a") }
        _ = try core.removeDevice(serial: "PBX-1", company: "a")
        _ = try core.removeDevice(serial: "PBX-3", company: "a")
        for serial in ["PBX-0", "PBX-2", "PBX-4"] {
            #expect(core.record(serial: serial, company: "a")?.serial == serial)
        }
        #expect(core.record(serial: "PBX-1", company: "a") == nil)
    }

    @Test mutating func `a large fleet is polled at a bounded rate, after a restart too`() throws {
        var limits = CloudLimits()
        limits.statePollsPerSecond = 20
        var core = ControlCenterCore(limits: limits, at: start.now)
        let count = 300
        for number in 0..<count { try add(&core, "P\(number)", "a") }
        let offers = core.handle(.deadline, at: start)
        for case .deliverOffer(let offer) in offers {
            let credential = PairingCredential(tokenID: offer.tokenID, user: "u", password: Secret("pw"))
            _ = try core.register(credential, peerSerial: offer.serial, at: start)
        }
        var restarted = ControlCenterCore(records: core.records, limits: limits, at: start.now)
        let state = DeviceState(
            model: "m", firmwareVersion: "1", edition: "next", registeredUsers: 0, activeCalls: 0, services: [])
        var polls: [Int64: Int] = [:]
        for tick in 0..<600 {
            let time = CloudTime(now: start.now + .milliseconds(tick * 100), wall: start.wall)
            for case .pollState(let serial, let credential) in restarted.handle(.deadline, at: time) {
                polls[Int64(tick) / 10, default: 0] += 1
                _ = restarted.handle(.state(serial: serial, tokenID: credential.tokenID, state), at: time)
            }
        }
        #expect(polls.values.max() ?? 0 <= 22)
        // Each appliance four times in a minute: every 15 seconds.
        #expect((1_180...1_220).contains(polls.values.reduce(0, +)))
        #expect(restarted.rows(at: start.wall).allSatisfy { $0.registrationStatus == .online })
    }

    @Test mutating func `each reason that a row has is one that the page can say`() throws {
        var core = ControlCenterCore(minimumFirmware: "2.0", at: start.now)
        try add(&core, "PBX-1", "a")
        func reason(_ core: ControlCenterCore, at time: CloudTime) -> DeviceRow.Reason? {
            core.row(serial: "PBX-1", company: "a", at: time.wall)?.reason
        }
        #expect(reason(core, at: start) == .waitingForAppliance)
        #expect(reason(core, at: later(86_401)) == .codeExpired)
        try pair(&core, "PBX-1", at: start)
        #expect(reason(core, at: start) == .stateUnknown)
        let credential = try core.credential(serial: "PBX-1", company: "a")
        _ = core.handle(.stateFailed(serial: "PBX-1", tokenID: credential.tokenID, .failed("x")), at: start)
        #expect(reason(core, at: start) == .notAnswering)
        _ = core.handle(.stateFailed(serial: "PBX-1", tokenID: credential.tokenID, .relayUnavailable), at: start)
        #expect(reason(core, at: start) == .relayUnavailable)
        let state = DeviceState(
            model: "m", firmwareVersion: "1.9", edition: "next", registeredUsers: 0, activeCalls: 0, services: [])
        _ = core.handle(.state(serial: "PBX-1", tokenID: credential.tokenID, state), at: start)
        #expect(reason(core, at: start) == .firmwareOld)
        _ = core.handle(.stateUnauthorised(serial: "PBX-1", credential), at: start)
        #expect(reason(core, at: start) == .notPaired)
    }
}
