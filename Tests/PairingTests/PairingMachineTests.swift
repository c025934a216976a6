import CloudMessages
import OpenSSLCrypto
import Pairing
import Persistence
import Primitives
import PrivacyContract
import Testing

/// A pairing machine with a clock, a store that may fail, and a hash that is not scrypt.
private struct Bench {
    static let serial = "4711"
    var machine: PairingMachine
    var entropy = Entropy(SeededGenerator(seed: 42))
    var now = Instant(nanoseconds: 1_000_000_000)
    var wall = UnixTime(seconds: 1_800_000_000)
    var record: PairingRecord?
    var storeFailure: StoreFailure?
    var sent: [(operation: PairingOperation, userName: String, password: Secret)] = []
    var answers: [PairingEffect] = []
    var revoked: [String] = []
    let code: PairingCode

    init(record: PairingRecord? = nil) {
        code = PairingCode(from: &entropy)
        machine = Self.machine(record)
        self.record = record
        resume()
    }

    static func machine(_ record: PairingRecord?) -> PairingMachine {
        PairingMachine(record: record, serial: serial, limits: Limits(), hashes: OpenSSLHashes())
    }

    mutating func resume(clockFloor: UnixTime? = nil) {
        take(machine.resume(isOptionOn: true, clockFloor: clockFloor, at: now, wall: wall, entropy: &entropy))
    }

    mutating func reboot(clockFloor: UnixTime? = nil) {
        machine = Self.machine(record)
        now = Instant(nanoseconds: 5_000_000_000)  // the monotonic clock starts anew
        resume(clockFloor: clockFloor)
    }

    mutating func handle(_ input: PairingInput) {
        take(machine.handle(input, at: now, wall: wall, entropy: &entropy))
    }

    private mutating func take(_ effects: [PairingEffect]) {
        for effect in effects {
            switch effect {
            case .persist(let operation, let commands):
                if let storeFailure {
                    handle(.storingFailed(operation, storeFailure))
                } else {
                    for command in commands {
                        if case .putPairing(let new) = command { record = new }
                        if case .erasePairing = command { record = nil }
                    }
                    handle(.stored(operation))
                }
            case .hash(let operation, let password, let salt): handle(.hashed(operation, Self.hash(password, salt)))
            case .send(let operation, let userName, let password, _): sent.append((operation, userName, password))
            case .answerOffer, .answerAdministrator: answers.append(effect)
            case .revoke(let tokenID): revoked.append(tokenID)
            case .credentialsChanged, .log: break
            }
        }
    }

    static func hash(_ password: Secret, _ salt: [UInt8]) -> [UInt8] {
        OpenSSLHashes().sha256(salt + password.withBytes { Array($0) })
    }

    func offer(_ tokenID: String = "token-1", serial: String = serial, issued: Int64 = 0, lifetime: Int64 = 86_400)
        -> PairingOffer
    {
        let input = PairingCode.hashInput(tokenID: tokenID, serial: serial, code: code)
        return PairingOffer(
            tokenID: tokenID, serial: serial, issuedAt: wall + .seconds(issued),
            expiresAt: wall + .seconds(issued + lifetime),
            codeHash: OpenSSLHashes().sha256(input))
    }

    mutating func receive(_ offer: PairingOffer, signed: Bool = true) -> PairingRefusal? {
        handle(.offer(offer, signatureIsValid: signed, PairingRequester(1)))
        guard case .answerOffer(_, let refusal)? = answers.popLast() else { return .busy }
        return refusal
    }

    /// The answer so far; nil while none.
    mutating func enter(_ text: String, optionOn: Bool = true) -> Result<String, PairingRefusal>? {
        answers = []
        handle(.enterCode(text, isOptionOn: optionOn, hasServer: true, PairingRequester(2)))
        guard case .answerAdministrator(_, let result)? = answers.last else { return nil }
        return result
    }

    mutating func confirm(_ reply: CloudReply = .accepted) {
        if let operation = sent.last?.operation { handle(.answered(operation, reply)) }
    }

    var wrongCode: String {
        var other = Entropy(SeededGenerator(seed: 99))
        return PairingCode(from: &other).formatted
    }
}

struct PairingOfferTests {
    @Test func `an offer is stored before it is accepted`() {
        var bench = Bench()
        #expect(bench.receive(bench.offer()) == nil)
        #expect(bench.record?.stage == .offered)
        #expect(bench.machine.stage == .offered)
    }

    @Test func `what is wrong with an offer is told`() {
        var bench = Bench()
        #expect(bench.receive(bench.offer(), signed: false) == .signature)
        #expect(bench.receive(bench.offer(serial: "4712")) == .otherSerial)
        #expect(bench.receive(bench.offer(issued: -100_000)) == .expired)
        #expect(bench.receive(bench.offer(issued: 301)) == .issuedInFuture)
        #expect(bench.receive(bench.offer(lifetime: 86_401)) == .lifetime(.seconds(86_401), limit: .seconds(86_400)))
        #expect(bench.receive(bench.offer(lifetime: -1)) == .malformedOffer("expiresAt"))
        #expect(bench.receive(bench.offer("../etc")) == .malformedOffer("tokenId"))
        #expect(bench.receive(bench.offer("")) == .malformedOffer("tokenId"))
        var short = bench.offer()
        short.codeHash = [1]
        #expect(bench.receive(short) == .malformedOffer("codeHash"))
        #expect(bench.record == nil)
    }

    @Test func `extreme times are refused without trapping`() {
        var bench = Bench()
        for (issued, expires) in [(Int64.min, Int64.max), (0, .max), (.max, .max), (.min, 0)] {
            var offer = bench.offer()
            offer.issuedAt = UnixTime(milliseconds: issued)
            offer.expiresAt = UnixTime(milliseconds: expires)
            #expect(bench.receive(offer) != nil)
        }
    }

    @Test func `a repeated offer is accepted once and changes nothing`() {
        var bench = Bench()
        let offer = bench.offer()
        #expect(bench.receive(offer) == nil)
        _ = bench.enter(bench.wrongCode)
        #expect(bench.receive(offer) == nil)
        #expect(bench.record?.wrongAttempts == 1)
    }

    @Test func `a newer offer replaces the older, which cannot come back`() {
        var bench = Bench()
        let old = bench.offer("old", issued: -10)
        #expect(bench.receive(old) == nil)
        #expect(bench.receive(bench.offer("new")) == nil)
        #expect(bench.receive(old) == .replayed)
        var changed = bench.offer("new")
        changed.codeHash[0] ^= 1
        #expect(bench.receive(changed) == .replayed)
    }

    @Test func `a full disk refuses the offer and leaves what was`() {
        var bench = Bench()
        bench.storeFailure = .diskFull
        #expect(bench.receive(bench.offer()) == .storage(.diskFull))
        #expect(bench.machine.stage == .unpaired)
    }
}

struct PairingEntryTests {
    private func offered() -> Bench {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        return bench
    }

    @Test func `the right code makes a user, stores it, and sends it once`() {
        var bench = offered()
        #expect(bench.enter(bench.code.formatted) == nil)  // waits for the Control Center
        #expect(bench.record?.stage == .confirming)
        #expect(bench.sent.count == 1)
        #expect(bench.sent[0].userName.hasPrefix("ccc-") && bench.sent[0].userName.utf8.count == 12)
        #expect(bench.sent[0].password.count == 27)  // 160 bits in base64url
        bench.confirm()
        #expect(bench.machine.stage == .paired && bench.record?.stage == .paired)
        #expect(bench.record?.user?.passwordHash == Bench.hash(bench.sent[0].password, bench.record?.user?.salt ?? []))
    }

    @Test func `the option has to be on, and an offer has to be there`() {
        var bench = offered()
        #expect(bench.enter(bench.code.formatted, optionOn: false) == .failure(.optionOff))
        var empty = Bench()
        #expect(empty.enter(empty.code.formatted) == .failure(.noOffer))
    }

    @Test func `a typing error costs no attempt`() {
        var bench = offered()
        for _ in 0..<20 { #expect(bench.enter("0000-0000-0001") == .failure(.typingError(.checkSymbol))) }
        #expect(bench.record?.wrongAttempts == 0)
        #expect(bench.enter(bench.code.formatted) == nil)
    }

    @Test func `five wrong codes void the offer, and the right one comes too late`() {
        var bench = offered()
        for left in [4, 3, 2, 1, 0] {
            #expect(bench.enter(bench.wrongCode) == .failure(.wrongCode(attemptsLeft: left)))
        }
        #expect(bench.enter(bench.wrongCode) == .failure(.attemptsUsedUp))
        #expect(bench.enter(bench.code.formatted) == .failure(.attemptsUsedUp))
        #expect(bench.sent.isEmpty)
        #expect(bench.machine.stage == .unpaired)
    }

    @Test func `attempts survive a restart, and so does the void`() {
        var bench = offered()
        for _ in 0..<3 { _ = bench.enter(bench.wrongCode) }
        bench.reboot()
        #expect(bench.enter(bench.wrongCode) == .failure(.wrongCode(attemptsLeft: 1)))
        #expect(bench.enter(bench.wrongCode) == .failure(.wrongCode(attemptsLeft: 0)))
        let offer = bench.record?.offer
        bench.reboot()
        #expect(bench.enter(bench.code.formatted) == .failure(.attemptsUsedUp))
        #expect(offer.map { bench.receive($0) } == .some(.replayed))
    }

    @Test func `a code is used once`() {
        var bench = offered()
        _ = bench.enter(bench.code.formatted)
        #expect(bench.enter(bench.code.formatted) == .failure(.alreadyPaired))
        bench.confirm()
        #expect(bench.enter(bench.code.formatted) == .failure(.alreadyPaired))
        #expect(bench.sent.count == 1)
    }

    @Test func `a full disk refuses the right and the wrong code alike, and nothing is half done`() {
        var bench = offered()
        bench.storeFailure = .diskFull
        #expect(bench.enter(bench.code.formatted) == .failure(.storage(.diskFull)))
        #expect(bench.enter(bench.wrongCode) == .failure(.storage(.diskFull)))
        #expect(bench.sent.isEmpty && bench.record?.stage == .offered && bench.machine.stage == .offered)
        bench.storeFailure = nil
        _ = bench.enter(bench.code.formatted)
        #expect(bench.sent.count == 1)
    }
}

struct PairingClockTests {
    @Test func `a token ends by the monotonic clock though the wall clock was set back`() {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        bench.wall = UnixTime(seconds: bench.wall.seconds - 80_000)
        bench.now = bench.now + .seconds(86_400)
        #expect(bench.enter(bench.code.formatted) == .failure(.expired))
        #expect(bench.record == nil)
    }

    @Test func `a token that expired by the wall clock stays dead when the clock is set back`() {
        var bench = Bench()
        let offer = bench.offer()
        _ = bench.receive(offer)
        let before = bench.wall
        bench.wall = before + .seconds(90_000)
        bench.handle(.timePassed)
        bench.wall = before
        #expect(bench.enter(bench.code.formatted) == .failure(.noOffer))
        #expect(bench.receive(offer) == .replayed)
    }

    @Test func `a clock set back within the lifetime does not stop a valid code`() {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        bench.wall = UnixTime(seconds: bench.wall.seconds - 50_000)
        bench.now = bench.now + .seconds(600)
        #expect(bench.enter(bench.code.formatted) == nil)
    }

    @Test func `after a restart with a clock that went back, the code waits for the clock`() {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        let lastKnown = bench.wall + .seconds(7_200)
        bench.wall = bench.wall + .seconds(60)
        bench.reboot(clockFloor: lastKnown)
        #expect(bench.enter(bench.code.formatted) == .failure(.clockBehind(since: lastKnown)))
        bench.wall = lastKnown + .seconds(60)
        #expect(bench.enter(bench.code.formatted) == nil)
    }

    @Test func `an offer that expired while the power was off is erased`() {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        bench.wall = bench.wall + .seconds(86_400)
        bench.reboot()
        #expect(bench.record == nil && bench.machine.stage == .unpaired)
    }

    @Test func `expiry is a deadline`() {
        var bench = Bench()
        _ = bench.receive(bench.offer(lifetime: 1_000))
        #expect(bench.machine.nextDeadline == bench.now + .seconds(1_000))
        bench.now = bench.now + .seconds(1_000)
        bench.handle(.timePassed)
        #expect(bench.record == nil)
        #expect(bench.machine.nextDeadline == nil)
    }
}

struct PairingConfirmationTests {
    private func confirming() -> Bench {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        _ = bench.enter(bench.code.formatted)
        return bench
    }

    @Test func `a lost answer is followed by the same user and password again, with back-off`() throws {
        var bench = confirming()
        for attempt in 1...5 {
            bench.confirm(.unreachable("time-out"))
            let deadline = try #require(bench.machine.nextDeadline)
            #expect(deadline > bench.now)
            bench.now = deadline
            bench.handle(.timePassed)
            #expect(bench.sent.count == attempt + 1)
        }
        #expect(Set(bench.sent.map(\.userName)).count == 1)
        #expect(bench.sent.allSatisfy { $0.password == bench.sent[0].password })
        bench.confirm()
        #expect(bench.machine.stage == .paired)
    }

    @Test func `Retry-After delays the repetition`() throws {
        var bench = confirming()
        bench.confirm(.refused(status: 503, detail: "busy", retryAfter: .seconds(600)))
        #expect(try #require(bench.machine.nextDeadline) >= bench.now + .seconds(600))
    }

    @Test func `a power cut while confirming ends in one user with a new password`() {
        var bench = confirming()
        let first = bench.sent[0]
        bench.reboot()
        #expect(bench.sent.count == 2)
        #expect(bench.sent[1].userName == first.userName)
        #expect(bench.sent[1].password != first.password)
        bench.confirm()
        let user = bench.machine.liveUser
        #expect(user?.passwordHash == Bench.hash(bench.sent[1].password, user?.salt ?? []))
        #expect(user?.passwordHash != Bench.hash(first.password, user?.salt ?? []))
    }

    @Test func `a late answer to the message before the power cut is not taken for the new one's`() {
        var bench = confirming()
        bench.confirm(.unreachable("x"))
        let stale = bench.sent[0].operation
        bench.now = bench.machine.nextDeadline ?? bench.now
        bench.handle(.timePassed)
        bench.handle(.answered(stale, .accepted))
        #expect(bench.machine.stage == .confirming)
    }

    @Test func `the Control Center's refusal erases the user`() {
        var bench = confirming()
        bench.confirm(.refused(status: 410, detail: "gone", retryAfter: nil))
        #expect(bench.record == nil && bench.machine.liveUser == nil && bench.machine.stage == .unpaired)
        #expect(
            bench.answers.contains(.answerAdministrator(PairingRequester(2), .failure(.revokedByServer("410 gone")))))
    }

    @Test func `a disk that fills up between the Control Center's yes and the record is tried again`() throws {
        var bench = confirming()
        bench.storeFailure = .diskFull
        bench.confirm()
        #expect(bench.record?.stage == .confirming && bench.machine.liveUser != nil)
        bench.storeFailure = nil
        bench.now = try #require(bench.machine.nextDeadline)
        bench.handle(.timePassed)
        #expect(bench.record?.stage == .paired && bench.sent.count == 1)
    }
}

struct PairingSwitchOffTests {
    @Test func `switching off erases everything and tells the Control Center once`() {
        var bench = Bench()
        let offer = bench.offer()
        _ = bench.receive(offer)
        _ = bench.enter(bench.code.formatted)
        bench.confirm()
        bench.handle(.switchOff(with: [.setSwitch(.controlCenter, false)], PairingRequester(9)))
        #expect(bench.record == nil && bench.machine.liveUser == nil && bench.machine.stage == .unpaired)
        #expect(bench.revoked == [offer.tokenID])
        #expect(bench.receive(offer) == .replayed)
        #expect(bench.enter(bench.code.formatted) == .failure(.noOffer))
    }

    @Test func `the credential is dead at once, though the disk refuses the erasure, which is tried again`() throws {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        _ = bench.enter(bench.code.formatted)
        bench.confirm()
        bench.storeFailure = .diskFull
        bench.handle(.switchOff(with: [], PairingRequester(9)))
        #expect(bench.machine.liveUser == nil && bench.machine.isErasing && bench.record != nil)
        #expect(bench.answers.last == .answerAdministrator(PairingRequester(9), .failure(.erasureDelayed(.diskFull))))
        #expect(bench.receive(bench.offer("next")) == .busy)
        bench.storeFailure = nil
        bench.now = try #require(bench.machine.nextDeadline)
        bench.handle(.timePassed)
        #expect(bench.record == nil && !bench.machine.isErasing)
    }

    @Test func `an answer that comes after switching off revives nothing`() {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        _ = bench.enter(bench.code.formatted)
        bench.handle(.switchOff(with: [], nil))
        bench.confirm()
        #expect(bench.machine.stage == .unpaired && bench.record == nil)
    }

    @Test func `a new pairing starts from zero`() {
        var bench = Bench()
        _ = bench.receive(bench.offer())
        _ = bench.enter(bench.code.formatted)
        bench.confirm()
        bench.handle(.switchOff(with: [], nil))
        #expect(bench.receive(bench.offer("second")) == nil)
        _ = bench.enter(bench.code.formatted)  // the hash is bound to the token: a code of the same symbols
        bench.confirm()
        #expect(bench.machine.stage == .paired)
        #expect(bench.sent[0].userName != bench.sent[1].userName)
    }
}
