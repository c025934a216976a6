import ApplianceCore
import CloudCore
import CloudMessages
import CloudWire
import LogPolicy
import OpenSSLCrypto
import Pairing
import Primitives
import PrivacyContract

/// The vendor cloud of a simulated world: the real cores of its servers, without sockets.
final class CloudNode {
    unowned let world: World
    private(set) var controlCenter: ControlCenterCore
    var monitoring = MonitoringCore()
    var backups = BackupServerCore()
    /// F-C11: who opened the remote configuration.
    var accessLog = AccessLog()
    private(set) var relay = RelayCore()
    /// The remote access server's book of who is open.
    private(set) var remoteAccess = RelayCore()
    private var remoteUplink: UplinkID?
    private var updates = UpdateServerCore()
    private(set) var crashes = CrashServerCore()
    /// The newest release, and the one before.
    private var releases: [UpdateManifest] = []
    private var uplink: UplinkID?
    /// Ciphertext by backup id, and encrypted identities by key id.
    var contents: [String: [UInt8]] = [:]
    var keys: [String: [UInt8]] = [:]
    private var armedDeadline: Instant?
    private var entropy: Entropy
    /// Answers are lost after the server has done its work, as if the connection broke.
    var losesReplies = false
    /// Bytes that each server saw, per flow.
    var received: [FlowID: Int64] = [:]
    /// The names of the fields that each server saw, per flow, however often.
    private(set) var seenFields: [FlowID: Set<FieldName>] = [:]
    private(set) var useCounts: [FlowID: Int] = [:]
    /// Every name under which a pairing user was ever handed over.
    private(set) var pairingUsers: [String] = []
    /// Every credential that was ever handed over, the latest password of each user.
    private(set) var pairingCredentials: [Credentials] = []

    init(world: World) {
        self.world = world
        entropy = world.fork()
        controlCenter = ControlCenterCore(at: world.now)
    }

    private var time: CloudTime { CloudTime(now: world.now, wall: world.wall) }

    // MARK: - The user of the Control Center

    /// F-C1; returns the code that the page shows.
    func addDevice(serial: String) throws(ScenarioFailure) -> String {
        do {
            run(
                try controlCenter.addDevice(
                    serial: serial, name: "Simulated office", at: time, entropy: &entropy, hashes: world.hashes))
        } catch { throw ScenarioFailure("adding the device: \(error)", at: world.now) }
        arm()
        guard let code = row?.code else { throw ScenarioFailure("no code is shown", at: world.now) }
        return code.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// A well-formed code that is not the one shown.
    func someOtherCode() -> String { PairingCode(from: &entropy).formatted }

    var row: DeviceRow? { controlCenter.rows(at: world.wall).first }

    /// The credential that the Control Center would use now.
    var credential: PairingCredential? { try? controlCenter.credential(serial: ApplianceNode.serial) }

    // MARK: - Relay

    func relayAccepts(serial: String) -> Endpoint? {
        let external = Endpoint(
            address: .v4(0xCB00_7107), port: 40_000 + UInt16(world.now.nanoseconds / 1_000_000 % 1000))
        uplink = try? relay.uplinkUp(serial: serial, external: external)
        return uplink == nil ? nil : external
    }

    func relayLost() {
        if let uplink { relay.uplinkDown(uplink) }
        uplink = nil
    }

    // MARK: - Remote access, updates

    func remoteAccessOpened(serial: String) -> Endpoint? {
        let external = Endpoint(address: .v4(0xCB00_7107), port: 50_000)
        remoteUplink = try? remoteAccess.uplinkUp(serial: serial, external: external)
        return remoteUplink == nil ? nil : external
    }

    func remoteAccessClosed() {
        if let remoteUplink { remoteAccess.uplinkDown(remoteUplink) }
        remoteUplink = nil
    }

    /// A firmware for the simulated board, signed now.
    func release(_ version: String, percent: Int) {
        publish(
            UpdateManifest(
                version: version, board: "process", sizeBytes: 1_000, sha256: [UInt8](repeating: 7, count: 32),
                rolloutPercent: percent, issuedAt: world.wall, expiresAt: world.wall + .seconds(30 * 86_400)))
    }

    /// Somebody serves the manifest again that the newest one replaced.
    func replayRelease() {
        guard releases.count > 1 else { return }
        publish(releases[releases.count - 2])
    }

    private func publish(_ manifest: UpdateManifest) {
        releases.append(manifest)
        try? updates.publish(system: "linux-process", version: manifest.version, signedManifest: [])
    }

    private func update(_ message: OutboundMessage) throws(CloudRefusal) -> CloudReply {
        if case .bundle? = message[.version] { return .accepted }
        guard let request = try? HTTPMapping.request(for: message, at: world.wall) else {
            throw .invalid(what: "query", reason: "it cannot be written")
        }
        let manifest = try updates.answer(WireFields.query(of: request))
        guard manifest != nil, let release = releases.last else { return .accepted }
        return .update(release, forgery: nil)
    }

    private var link: ControlCenterCore.LinkFailure? {
        if world.cloudIsUnreachable { return .applianceAbsent }
        return relay.uplink(serial: ApplianceNode.serial) == nil || !world.appliance.isOn ? .applianceAbsent : nil
    }

    // MARK: - Control Center at work

    private func arm() {
        guard let deadline = controlCenter.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline, armedDeadline >= world.now { return }
        armedDeadline = deadline
        world.at(deadline) { [unowned self] in
            guard armedDeadline == deadline else { return }
            armedDeadline = nil
            handle(.deadline)
        }
    }

    private func handle(_ input: ControlCenterCore.Input) {
        run(controlCenter.handle(input, at: time))
        arm()
    }

    private func run(_ effects: [ControlCenterCore.Effect]) {
        for effect in effects {
            switch effect {
            case .deliverOffer(let offer): deliver(offer)
            case .pollState(let serial, let credential): poll(serial, credential)
            case .closeStreams: break
            case .persist: break
            }
        }
    }

    private func deliver(_ offer: PairingOffer) {
        world.after(.milliseconds(30)) { [unowned self] in
            if let link { return handle(.offerFailed(serial: offer.serial, tokenID: offer.tokenID, link)) }
            world.note("offer delivered")
            world.appliance.request(.offer(offer, signatureIsValid: true)) { [unowned self] reply in
                world.after(.milliseconds(30)) { [unowned self] in
                    switch reply {
                    case nil: handle(.offerFailed(serial: offer.serial, tokenID: offer.tokenID, .failed("cut off")))
                    case .problem(let status, _, let detail):
                        handle(
                            .offerRefused(serial: offer.serial, tokenID: offer.tokenID, status: status, detail: detail))
                    case .noContent, .deviceState, .provisioningFile, .callDataStream, .adminSession:
                        handle(.offerTaken(serial: offer.serial, tokenID: offer.tokenID))
                    }
                }
            }
        }
    }

    private func poll(_ serial: String, _ credential: PairingCredential) {
        world.after(.milliseconds(30)) { [unowned self] in
            if let link { return handle(.stateFailed(serial: serial, tokenID: credential.tokenID, link)) }
            let credentials = Credentials(user: credential.user, password: credential.password)
            world.appliance.request(.deviceState(credentials)) { [unowned self] reply in
                world.after(.milliseconds(30)) { [unowned self] in
                    switch reply {
                    case nil: handle(.stateFailed(serial: serial, tokenID: credential.tokenID, .failed("cut off")))
                    case .deviceState(let state, _): handle(.state(serial: serial, tokenID: credential.tokenID, state))
                    case .problem(401, _, _): handle(.stateUnauthorised(serial: serial, credential))
                    case .problem(let status, _, _):
                        handle(.stateFailed(serial: serial, tokenID: credential.tokenID, .failed("status \(status)")))
                    case .noContent, .provisioningFile, .callDataStream, .adminSession:
                        handle(.stateFailed(serial: serial, tokenID: credential.tokenID, .failed("unexpected answer")))
                    }
                }
            }
        }
    }

    // MARK: - What the appliance sends

    /// What passed the appliance's outer wall, whoever carried it.
    func saw(_ flow: FlowID, _ fields: [FieldName], bytes: Int64) {
        received[flow, default: 0] += bytes
        seenFields[flow, default: []].formUnion(fields)
        useCounts[flow, default: 0] += 1
    }

    /// When the answer arrives, what it is, and the bytes that the message took.
    func receive(_ message: OutboundMessage, artifact: [UInt8]?) -> (Duration, CloudReply, Int64) {
        let delay = Duration.milliseconds(20) + entropy.jitter(upTo: .milliseconds(60))
        guard !world.cloudIsUnreachable else { return (.seconds(10), .unreachable("connection timed out"), 0) }
        let bytes = Int64(200 + message.fields.count * 40 + (artifact?.count ?? 0))
        saw(message.flow, WireFields.of(message, artifact: artifact, at: world.wall), bytes: bytes)
        let reply: CloudReply
        do { reply = try serve(message, artifact: artifact) } catch {
            reply = .refused(status: error.status, detail: "\(error)", retryAfter: nil)
        }
        world.note("cloud answers \(message.flow.rawValue) \(Summary.of(reply))")
        return losesReplies ? (.seconds(10), .unreachable("connection reset"), bytes) : (delay, reply, bytes)
    }

    private func serve(_ message: OutboundMessage, artifact: [UInt8]?) throws(CloudRefusal) -> CloudReply {
        let serial = ApplianceNode.serial
        switch message.flow {
        case .c3:
            guard case .text(let user)? = message[.userName], case .secret(let password)? = message[.password],
                case .text(let token)? = message[.tokenID]
            else { throw .invalid(what: "pairing", reason: "fields are missing") }
            if !pairingUsers.contains(user) { pairingUsers.append(user) }
            pairingCredentials.removeAll { $0.user == user }
            pairingCredentials.append(Credentials(user: user, password: password))
            run(
                try controlCenter.register(
                    PairingCredential(tokenID: token, user: user, password: password), peerSerial: serial, at: time))
            arm()
            return .accepted
        case .c4:
            if case .text(let token)? = message[.revocation] {
                run(try controlCenter.revoke(tokenID: token, peerSerial: serial))
            }
            return .accepted
        case .c5:
            guard case .metrics(let points)? = message[.metrics] else {
                throw .invalid(what: "metrics", reason: "there are none")
            }
            try monitoring.receive(points, serial: serial, at: world.wall)
            return .accepted
        case .c7: return .serviceStatus(backups.serviceStatus(serial: serial))
        case .c8: return try store(message, artifact: artifact ?? [], serial: serial)
        case .s2: return try update(message)
        case .s10:
            let names = CrashReport.wireNames
            try crashes.receive(
                names.map { name in
                    switch message[FieldName(name)] {
                    case .text(let text)?: (name, text)
                    case .time(let time)?: (name, time.rfc3339)
                    default: (name, "")
                    }
                })
            return .accepted
        case .c1, .c2, .c6, .c9, .c10, .c11, .c12, .c13, .s1, .s3, .s4, .s5, .s6, .s7, .s8, .s9, .s11:
            throw .invalid(what: "flow \(message.flow.rawValue)", reason: "no server takes it")
        }
    }

    /// The encrypted identity travels as bytes, a backup as an artifact whose name is its id.
    private func store(_ message: OutboundMessage, artifact: [UInt8], serial: String) throws(CloudRefusal) -> CloudReply
    {
        guard case .text(let keyID)? = message[.keyID] else { throw .invalid(what: "backup", reason: "no key id") }
        switch message[.ciphertext] {
        case .bytes(let identity)?:
            _ = try backups.putKey(serial: serial, keyID: keyID, sizeBytes: identity.count)
            keys[keyID] = identity
            return .accepted
        case .artifact(let id, let sizeBytes)?:
            guard case .time(let created)? = message[.time], sizeBytes == Int64(artifact.count) else {
                throw .invalid(what: "backup", reason: "fields are missing")
            }
            let digest = world.hashes.sha256(artifact)
            let announcement = BackupServerCore.Announcement(
                id: id, createdAt: created, keyID: keyID, sha256: digest, sizeBytes: sizeBytes, offset: 0)
            guard try backups.begin(announcement, serial: serial) == .receive else { return .accepted }
            try backups.received(sizeBytes, serial: serial, id: id)
            _ = try backups.commit(serial: serial, id: id, sha256: digest, at: world.wall)
            contents[id] = artifact
            return .accepted
        case .text, .integer, .time, .secret, .metrics, .callRecord, .bundle, .implied, nil:
            throw .invalid(what: "backup", reason: "no ciphertext")
        }
    }
}
