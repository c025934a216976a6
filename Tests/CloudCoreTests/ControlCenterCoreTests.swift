import CloudCore
import CloudMessages
import Pairing
import Primitives
import Testing

/// Deterministic stand-in: the core only passes hashes on.
private struct FakeHashes: HashFunctions {
    func md5(_ message: [UInt8]) -> [UInt8] { Array(sha256(message).prefix(16)) }
    func sha256(_ message: [UInt8]) -> [UInt8] {
        (0..<32).map { index in message.reduce(UInt8(index)) { ($0 &* 31) &+ $1 } }
    }
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] { sha256(key + message) }
}

@Suite struct ControlCenterCoreTests {
    private let start = CloudTime(now: Instant(nanoseconds: 0), wall: UnixTime(seconds: 1_000_000))
    private let state = DeviceState(
        model: "Next", firmwareVersion: "1.2.0", edition: "next", registeredUsers: 2, activeCalls: 0, services: [])

    private func later(_ seconds: Int64) -> CloudTime {
        CloudTime(now: start.now + .seconds(seconds), wall: start.wall + .seconds(seconds))
    }

    private func makeCenter(minimumFirmware: String = "0.0.0") -> ControlCenterCore {
        ControlCenterCore(minimumFirmware: minimumFirmware, at: start.now)
    }

    private func add(_ core: inout ControlCenterCore, serial: String = "PBX-1", at time: CloudTime? = nil) throws
        -> PairingOffer
    {
        var entropy = Entropy(SeededGenerator(seed: 1))
        let effects = try core.addDevice(
            serial: serial, name: "Office", at: time ?? start, entropy: &entropy, hashes: FakeHashes())
        #expect(effects == [.persist])
        guard case .deliverOffer(let offer)? = core.handle(.deadline, at: time ?? start).first else {
            throw CloudRefusal.unknownToken
        }
        return offer
    }

    private func row(_ core: ControlCenterCore, at time: CloudTime? = nil) throws -> DeviceRow {
        try #require(core.rows(at: (time ?? start).wall).first)
    }

    private func credential(_ offer: PairingOffer, password: String = "pw") -> PairingCredential {
        PairingCredential(tokenID: offer.tokenID, user: "ccc-abcdefgh", password: Secret(password))
    }

    @Test func `adding an appliance makes an offer whose hash is that of the code shown`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        #expect(offer.serial == "PBX-1")
        #expect(offer.expiresAt == start.wall + .seconds(86_400))
        let row = try row(core)
        #expect(row.state == .waitingWithToken)
        #expect(row.registrationStatus == .never)
        #expect(row.codeExpiresAt == offer.expiresAt)
        let text = try #require(row.code).withBytes { String(decoding: $0, as: UTF8.self) }
        let code = try PairingCode(parsing: text)
        let input = PairingCode.hashInput(tokenID: offer.tokenID, serial: offer.serial, code: code)
        #expect(offer.codeHash == FakeHashes().sha256(input))
    }

    @Test func `an offer is delivered again and again, more slowly, until it is taken`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        var gaps: [Int64] = []
        var now: Int64 = 0
        for _ in 0..<7 {
            _ = core.handle(.offerFailed(serial: "PBX-1", tokenID: offer.tokenID, .applianceAbsent), at: later(now))
            let next = try #require(core.nextDeadline)
            let effects1 = core.handle(.deadline, at: CloudTime(now: next - .nanoseconds(1), wall: start.wall))
            #expect(effects1.isEmpty)
            let gap = (next - later(now).now).components.seconds
            gaps.append(gap)
            now += gap
            let effects2 = core.handle(.deadline, at: later(now))
            #expect(effects2 == [.deliverOffer(offer)])
            #expect(core.nextDeadline == nil, "one delivery at a time")
        }
        #expect(gaps == [2, 4, 8, 16, 30, 30, 30])
        #expect(try row(core).state == .waitingWithToken)
        let effects3 = core.handle(.offerTaken(serial: "PBX-1", tokenID: offer.tokenID), at: later(now))
        #expect(effects3 == [.persist])
        #expect(core.nextDeadline == nil)
        #expect(try row(core).detail == "type the code on the appliance")
    }

    @Test func `the states of the list follow what happens`() throws {
        var core = makeCenter(minimumFirmware: "1.10")
        let offer = try add(&core)
        let token = offer.tokenID
        _ = core.handle(.offerFailed(serial: "PBX-1", tokenID: token, .relayUnavailable), at: start)
        #expect(try row(core).state == .error)
        _ = core.handle(.offerRefused(serial: "PBX-1", tokenID: token, status: 409, detail: "busy"), at: start)
        #expect(try row(core).state == .error)
        #expect(try row(core).detail.contains("busy"))
        _ = core.handle(.offerTaken(serial: "PBX-1", tokenID: token), at: start)
        #expect(try row(core, at: later(86_401)).state == .error)
        #expect(try row(core, at: later(86_401)).code == nil)
        _ = try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        #expect(try row(core).state == .paired)
        #expect(try row(core).registrationStatus == .offline)
        _ = core.handle(.state(serial: "PBX-1", tokenID: token, state), at: start)
        #expect(try row(core).state == .maintenanceNeeded)
        #expect(try row(core).registrationStatus == .online)
        #expect(try row(core).licences == "next")
        _ = core.handle(.stateFailed(serial: "PBX-1", tokenID: token, .relayUnavailable), at: start)
        #expect(try row(core).state == .error)
        _ = core.handle(.stateFailed(serial: "PBX-1", tokenID: token, .applianceAbsent), at: start)
        #expect(try row(core).state == .paired)
        #expect(try row(core).registrationStatus == .offline)
        let effects4 = core.handle(.stateUnauthorised(serial: "PBX-1", credential(offer)), at: start)
        #expect(effects4 == [.closeStreams(serial: "PBX-1"), .persist])
        #expect(try row(core).state == .unknown)
        #expect(try row(core).firstRegistration == start.wall)
    }

    @Test func `a registration must come from the appliance that the code was made for`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        #expect(throws: CloudRefusal.foreignIdentity) {
            try core.register(credential(offer), peerSerial: "PBX-2", at: start)
        }
        var unknown = credential(offer)
        unknown.tokenID = "other"
        #expect(throws: CloudRefusal.unknownToken) { try core.register(unknown, peerSerial: "PBX-1", at: start) }
        #expect(throws: CloudRefusal.codeExpired) {
            try core.register(credential(offer), peerSerial: "PBX-1", at: later(86_401))
        }
        #expect(throws: CloudRefusal.self) { try core.credential(serial: "PBX-1") }
        _ = try core.register(credential(offer), peerSerial: "pbx-1", at: later(86_400))
        #expect(try core.credential(serial: "PBX-1") == credential(offer))
    }

    @Test func `repeating a registration converges on one user`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        _ = try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        _ = try core.register(credential(offer, password: "new"), peerSerial: "PBX-1", at: later(90_000))
        #expect(try core.credential(serial: "PBX-1") == credential(offer, password: "new"))
        #expect(try row(core).firstRegistration == start.wall)
    }

    @Test func `a revocation forgets the user, closes streams, and is harmless when repeated`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        _ = try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        #expect(throws: CloudRefusal.foreignIdentity) { try core.revoke(tokenID: offer.tokenID, peerSerial: "PBX-2") }
        #expect(
            try core.revoke(tokenID: offer.tokenID, peerSerial: "PBX-1") == [.closeStreams(serial: "PBX-1"), .persist])
        #expect(try core.revoke(tokenID: offer.tokenID, peerSerial: "PBX-1").isEmpty)
        #expect(core.records.map(\.pairing) == [.none])
        #expect(throws: CloudRefusal.unknownToken) {
            try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        }
    }

    @Test func `answers about an older pairing change nothing`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        _ = try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        let older = credential(offer, password: "of an earlier attempt")
        let effects5 = core.handle(.stateUnauthorised(serial: "PBX-1", older), at: start)
        #expect(effects5.isEmpty)
        let effects6 = core.handle(.offerTaken(serial: "PBX-1", tokenID: offer.tokenID), at: start)
        #expect(effects6.isEmpty)
        #expect(try row(core).state == .paired)
    }

    @Test func `a paired appliance is polled, and only it`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        _ = try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        let effects7 = core.handle(.deadline, at: start)
        #expect(effects7 == [.pollState(serial: "PBX-1", credential(offer))])
        let effects8 = core.handle(.deadline, at: start)
        #expect(effects8.isEmpty)
        _ = core.handle(.state(serial: "PBX-1", tokenID: offer.tokenID, state), at: start)
        #expect(core.nextDeadline == start.now + .seconds(5))
    }

    @Test func `a restart goes on where it was`() throws {
        var core = makeCenter()
        let offer = try add(&core)
        let waiting = ControlCenterCore(records: core.records, at: start.now)
        #expect(waiting.nextDeadline == start.now)
        _ = try core.register(credential(offer), peerSerial: "PBX-1", at: start)
        var paired = ControlCenterCore(records: core.records, at: start.now)
        #expect(paired.handle(.deadline, at: start) == [.pollState(serial: "PBX-1", credential(offer))])
    }

    @Test func `adding again makes a new code, but not while paired`() throws {
        var core = makeCenter()
        let first = try add(&core)
        var entropy = Entropy(SeededGenerator(seed: 2))
        _ = try core.addDevice(serial: "pbx-1", name: "Office", at: start, entropy: &entropy, hashes: FakeHashes())
        #expect(core.records.count == 1)
        #expect(throws: CloudRefusal.unknownToken) {
            try core.register(credential(first), peerSerial: "PBX-1", at: start)
        }
        guard case .deliverOffer(let second)? = core.handle(.deadline, at: start).first else {
            Issue.record("the new offer is delivered")
            return
        }
        _ = try core.register(credential(second), peerSerial: "PBX-1", at: start)
        #expect(throws: CloudRefusal.alreadyPaired(serial: "PBX-1")) {
            try core.addDevice(serial: "PBX-1", name: "x", at: start, entropy: &entropy, hashes: FakeHashes())
        }
        #expect(try core.removeDevice(serial: "PBX-1").contains(.closeStreams(serial: "PBX-1")))
        #expect(core.rows(at: start.wall).isEmpty)
    }

    @Test(arguments: [
        ("", "x"), ("a b", "x"), ("a/b", "x"), (".a", "x"), (String(repeating: "1", count: 33), "x"), ("1", ""),
        ("1", "a\nb"),
    ])
    func `strange serials and names are refused`(serial: String, name: String) {
        var core = makeCenter()
        var entropy = Entropy(SeededGenerator(seed: 1))
        #expect(throws: CloudRefusal.self) {
            try core.addDevice(serial: serial, name: name, at: start, entropy: &entropy, hashes: FakeHashes())
        }
    }

    @Test func `the list has a limit`() throws {
        var limits = CloudLimits()
        limits.devices = 1
        var core = ControlCenterCore(limits: limits, at: start.now)
        _ = try add(&core)
        var entropy = Entropy(SeededGenerator(seed: 1))
        #expect(throws: CloudRefusal.tooMany(what: "appliances", limit: 1)) {
            try core.addDevice(serial: "PBX-2", name: "x", at: start, entropy: &entropy, hashes: FakeHashes())
        }
    }
}
