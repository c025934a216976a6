package import CloudMessages
import Pairing
package import Primitives

/// Both clocks at the moment of an input.
package struct CloudTime: Sendable, Hashable {
    package var now: Instant
    package var wall: UnixTime
    package init(now: Instant, wall: UnixTime) {
        self.now = now
        self.wall = wall
    }
}

/// The Control Center's side of pairing and of the paired connection (F-C1 to F-C4, F-C6).
///
///     none ──add──> waiting(code shown) ──registration──> paired ──revocation, 401──> none
///                        │ offer is delivered again and again until taken
///                        └─ 24 h pass: the row says that the code has expired; add again
///
/// Pure: deliveries and polls are effects, their outcomes come back as inputs. Call data is not in here at all: it
/// passes through `CallDataBuffer` (R7).
package struct ControlCenterCore: Sendable {
    /// Why a request through the relay had no answer.
    package enum LinkFailure: Sendable, Hashable {
        /// The relay itself does not answer.
        case relayUnavailable
        /// The relay answers, the appliance is not connected to it.
        case applianceAbsent
        /// Connected, but TLS or HTTP failed.
        case failed(String)
    }

    package enum Input: Sendable, Equatable {
        case deadline
        /// 2xx of the appliance to the offer.
        case offerTaken(serial: String, tokenID: String)
        case offerRefused(serial: String, tokenID: String, status: Int, detail: String)
        case offerFailed(serial: String, tokenID: String, LinkFailure)
        case state(serial: String, tokenID: String, DeviceState)
        /// The appliance refuses the pairing user (401): it has dissolved the pairing.
        case stateUnauthorised(serial: String, PairingCredential)
        case stateFailed(serial: String, tokenID: String, LinkFailure)
    }

    package enum Effect: Sendable, Equatable {
        case deliverOffer(PairingOffer)
        case pollState(serial: String, PairingCredential)
        /// The credential is void: streams that use it are to be closed.
        case closeStreams(serial: String)
        /// Records have changed: write them.
        case persist
    }

    struct Device {
        var record: DeviceRecord
        /// When to deliver or poll next; nil while one is under way, or when there is nothing to do.
        var nextAttempt: Instant?
        var failures = 0
        var lastFailure: LinkFailure?
        var refusal: String?
        var deviceState: DeviceState?
    }

    private(set) var devices: [Device] = []
    /// Where a serial stands in `devices`, by its lower case.
    private var positions: [String: Int] = [:]
    private let limits: CloudLimits
    /// Appliances with an older firmware are shown as needing maintenance; compared as dotted numbers.
    let minimumFirmware: String

    package init(
        records: [DeviceRecord] = [], limits: CloudLimits = CloudLimits(), minimumFirmware: String = "0.0.0",
        at now: Instant
    ) {
        self.limits = limits
        self.minimumFirmware = minimumFirmware
        // After a restart the appliances come back one after the other; so do the questions to them.
        let pause = Duration.seconds(1) / max(1, limits.statePollsPerSecond)
        devices = records.enumerated().map { index, record in
            Device(record: record, nextAttempt: Self.needsWork(record) ? now + pause * index : nil)
        }
        indexPositions()
    }

    private mutating func indexPositions() {
        positions = [:]
        for (index, device) in devices.enumerated() { positions[device.record.serial.lowercased()] = index }
    }

    /// Between two polls of one appliance: longer with a large fleet, so that all of them together stay within the rate.
    private var pollInterval: Duration {
        max(limits.statePoll, Duration.seconds(devices.count) / max(1, limits.statePollsPerSecond))
    }

    private static func needsWork(_ record: DeviceRecord) -> Bool {
        switch record.pairing {
        case .none, .waiting(_, _, isDelivered: true): false
        case .waiting(_, _, isDelivered: false), .paired: true
        }
    }

    /// What is to be kept across a restart; passwords included, so the file must be private.
    package var records: [DeviceRecord] { devices.map(\.record) }

    /// When `.deadline` next has work to do.
    package var nextDeadline: Instant? { devices.compactMap(\.nextAttempt).min() }

    // MARK: The user

    /// F-C1: the user enters a serial and a display name. Makes a new code, also when an older one was waiting.
    ///
    /// The serial is public: who knows it, proves nothing. Another company's entry is taken over only when it is neither
    /// paired nor waiting with a valid code.
    package mutating func addDevice(
        serial: String, name: String, company: String = "", at time: CloudTime, entropy: inout Entropy,
        hashes: some HashFunctions
    ) throws(CloudRefusal) -> [Effect] {
        guard CloudNames.isIdentifier(serial, limit: limits.serialBytes) else {
            throw .invalid(what: "serial number", reason: "letters, digits and dashes, at most \(limits.serialBytes)")
        }
        guard CloudNames.isDisplayName(name, limit: limits.nameBytes) else {
            throw .invalid(what: "name", reason: "1 to \(limits.nameBytes) bytes without control characters")
        }
        let position = index(of: serial)
        if let position { try checkFree(devices[position].record, as: serial, for: company, at: time.wall) }
        guard position != nil || devices.count < limits.devices else {
            throw .tooMany(what: "appliances", limit: limits.devices)
        }
        let tokenID = entropy.hexToken(bytes: 16)
        let code = PairingCode(from: &entropy)
        let offer = PairingOffer(
            tokenID: tokenID, serial: serial, issuedAt: time.wall,
            expiresAt: time.wall + limits.codeLifetime,
            codeHash: hashes.sha256(PairingCode.hashInput(tokenID: tokenID, serial: serial, code: code)))
        let own = position.map { devices[$0].record }.flatMap { $0.company == company ? $0 : nil }
        let record = DeviceRecord(
            serial: serial, name: name, company: company, firstRegistration: own?.firstRegistration,
            pairing: .waiting(code: Secret(code.formatted), offer: offer, isDelivered: false))
        let device = Device(record: record, nextAttempt: time.now)
        if let position {
            devices[position] = device
        } else {
            positions[serial.lowercased()] = devices.count
            devices.append(device)
        }
        return [.persist]
    }

    private func checkFree(
        _ record: DeviceRecord, as serial: String, for company: String, at wall: UnixTime
    ) throws(CloudRefusal) {
        switch record.pairing {
        case .none: break
        case .paired: throw record.company == company ? .alreadyPaired(serial: serial) : .claimed(serial: serial)
        case .waiting(_, let offer, _):
            guard record.company == company || wall > offer.expiresAt else { throw .claimed(serial: serial) }
        }
    }

    /// The user removes an appliance from the list; a pairing is forgotten here, the appliance is not told.
    package mutating func removeDevice(serial: String, company: String = "") throws(CloudRefusal) -> [Effect] {
        guard let position = index(of: serial), devices[position].record.company == company else {
            throw .notFound(what: "appliance \(serial)")
        }
        devices.remove(at: position)
        indexPositions()
        return [.closeStreams(serial: serial), .persist]
    }

    // MARK: The appliance, over mutual TLS

    /// F-C3. The peer's certificate must have the serial that the code was made for. Repeating it is harmless.
    package mutating func register(
        _ credential: PairingCredential, peerSerial: String, at time: CloudTime
    ) throws(CloudRefusal) -> [Effect] {
        guard let position = devices.firstIndex(where: { tokenID(of: $0) == credential.tokenID }) else {
            throw .unknownToken
        }
        guard sameSerial(devices[position].record.serial, peerSerial) else { throw .foreignIdentity }
        if case .waiting(_, let offer, _) = devices[position].record.pairing, time.wall > offer.expiresAt {
            throw .codeExpired
        }
        devices[position].record.pairing = .paired(credential)
        devices[position].record.firstRegistration = devices[position].record.firstRegistration ?? time.wall
        devices[position].nextAttempt = time.now
        devices[position].failures = 0
        devices[position].lastFailure = nil
        return [.persist]
    }

    /// F-C4. Harmless when nothing, or another pairing, is there.
    package mutating func revoke(tokenID: String, peerSerial: String) throws(CloudRefusal) -> [Effect] {
        guard let position = devices.firstIndex(where: { self.tokenID(of: $0) == tokenID }) else { return [] }
        guard sameSerial(devices[position].record.serial, peerSerial) else { throw .foreignIdentity }
        return dissolve(position)
    }

    private mutating func dissolve(_ position: Int) -> [Effect] {
        let record = devices[position].record
        devices[position] = Device(
            record: DeviceRecord(
                serial: record.serial, name: record.name, company: record.company,
                firstRegistration: record.firstRegistration, pairing: .none),
            nextAttempt: nil)
        return [.closeStreams(serial: record.serial), .persist]
    }

    // MARK: Outcomes and time

    package mutating func handle(_ input: Input, at time: CloudTime) -> [Effect] {
        switch input {
        case .deadline: return startDueWork(at: time)
        case .offerTaken(let serial, let tokenID):
            guard let position = index(of: serial, tokenID: tokenID),
                case .waiting(let code, let offer, _) = devices[position].record.pairing
            else { return [] }
            devices[position].record.pairing = .waiting(code: code, offer: offer, isDelivered: true)
            devices[position].nextAttempt = nil
            devices[position].lastFailure = nil
            devices[position].refusal = nil
            return [.persist]
        case .offerRefused(let serial, let tokenID, let status, let detail):
            guard let position = index(of: serial, tokenID: tokenID), isWaiting(devices[position]) else { return [] }
            devices[position].refusal = "the appliance refuses the code (\(status)): \(detail)"
            retryLater(position, at: time)
            return []
        case .offerFailed(let serial, let tokenID, let failure):
            guard let position = index(of: serial, tokenID: tokenID), isWaiting(devices[position]) else { return [] }
            devices[position].lastFailure = failure
            retryLater(position, at: time)
            return []
        case .state(let serial, let tokenID, let state):
            guard let position = index(of: serial, tokenID: tokenID), !isWaiting(devices[position]) else { return [] }
            devices[position].deviceState = state
            devices[position].lastFailure = nil
            devices[position].failures = 0
            devices[position].nextAttempt = time.now + pollInterval
            return []
        case .stateUnauthorised(let serial, let credential):
            // Said of a password that has been replaced meanwhile, it means nothing.
            guard let position = index(of: serial, tokenID: credential.tokenID),
                case .paired(credential) = devices[position].record.pairing
            else { return [] }
            return dissolve(position)
        case .stateFailed(let serial, let tokenID, let failure):
            guard let position = index(of: serial, tokenID: tokenID), !isWaiting(devices[position]) else { return [] }
            devices[position].lastFailure = failure
            retryLater(position, at: time)
            return []
        }
    }

    private mutating func startDueWork(at time: CloudTime) -> [Effect] {
        var effects: [Effect] = []
        for position in devices.indices {
            guard let due = devices[position].nextAttempt, due <= time.now else { continue }
            devices[position].nextAttempt = nil
            switch devices[position].record.pairing {
            case .none, .waiting(_, _, isDelivered: true): break
            case .waiting(_, let offer, isDelivered: false):
                if time.wall <= offer.expiresAt { effects.append(.deliverOffer(offer)) }
            case .paired(let credential):
                effects.append(.pollState(serial: devices[position].record.serial, credential))
            }
        }
        return effects
    }

    /// Doubles the wait up to a cap; no jitter is needed with one Control Center.
    private mutating func retryLater(_ position: Int, at time: CloudTime) {
        let doublings = min(devices[position].failures, 6)
        devices[position].failures += 1
        let wait = min(limits.offerRetry * (1 << doublings), limits.offerRetryCap)
        devices[position].nextAttempt = time.now + wait
    }

    // MARK: Looking things up

    /// Only while paired, and for the company in whose list the appliance is.
    package func credential(serial: String, company: String = "") throws(CloudRefusal) -> PairingCredential {
        guard let position = index(of: serial), devices[position].record.company == company else {
            throw .notFound(what: "appliance \(serial)")
        }
        guard case .paired(let credential) = devices[position].record.pairing else {
            throw .unavailable(what: "appliance \(serial), which is not paired,")
        }
        return credential
    }

    /// What is known of an appliance in a company's list; nil when it is not in it.
    package func record(serial: String, company: String = "") -> DeviceRecord? {
        index(of: serial).map { devices[$0].record }.flatMap { $0.company == company ? $0 : nil }
    }

    private func index(of serial: String) -> Int? { positions[serial.lowercased()] }

    private func index(of serial: String, tokenID: String) -> Int? {
        index(of: serial).flatMap { self.tokenID(of: devices[$0]) == tokenID ? $0 : nil }
    }

    private func sameSerial(_ left: String, _ right: String) -> Bool { left.lowercased() == right.lowercased() }

    private func tokenID(of device: Device) -> String? {
        switch device.record.pairing {
        case .none: nil
        case .waiting(_, let offer, _): offer.tokenID
        case .paired(let credential): credential.tokenID
        }
    }

    private func isWaiting(_ device: Device) -> Bool {
        if case .waiting = device.record.pairing { true } else { false }
    }
}
