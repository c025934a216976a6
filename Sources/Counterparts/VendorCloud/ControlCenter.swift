import CloudCore
import CloudMessages
import CloudWire
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import OpenSSLCrypto
import Primitives
import TLS

/// The Control Center: takes the user's wishes and the appliances' registrations, delivers offers and polls states through
/// the relay. Decides nothing itself; `ControlCenterCore` does.
actor ControlCenter {
    private var core: ControlCenterCore
    private let relay: RelayClient
    private let identities: CloudIdentities
    private let log: MessageLog
    private let logger: Logger
    private let loop: any EventLoop
    private let wire = WireLimits()
    private var timer: Scheduled<Void>?
    private var revision: UInt64 = 0
    private let commit: GroupCommit<[DeviceRecord]>
    /// Call data streams in progress, by serial in lower case.
    private var streams: [String: [ObjectIdentifier: any Channel]] = [:]

    private enum Work: Sendable { case deadline, effect(ControlCenterCore.Effect) }
    private let work: AsyncStream<Work>
    private let workSource: AsyncStream<Work>.Continuation

    init(
        core: ControlCenterCore, file: ControlCenterFile, relay: RelayClient, identities: CloudIdentities,
        log: MessageLog, logger: Logger, loop: any EventLoop
    ) {
        self.core = core
        commit = GroupCommit { try file.save($0) }
        self.relay = relay
        self.identities = identities
        self.log = log
        self.logger = logger
        self.loop = loop
        (work, workSource) = AsyncStream.makeStream(of: Work.self)
    }

    private var time: CloudTime { CloudTime(now: ServerClock.now, wall: ServerClock.wall) }

    /// Delivers and polls until cancelled.
    func run() async {
        workSource.yield(.deadline)
        await withDiscardingTaskGroup { group in
            for await item in work {
                switch item {
                case .deadline: await handle(.deadline)
                case .effect(let effect): group.addTask { await self.perform(effect) }
                }
            }
            group.cancelAll()
        }
        timer?.cancel()
    }

    private func handle(_ input: ControlCenterCore.Input) async {
        do {
            try await run(core.handle(input, at: time))
        } catch {
            logger.error("cannot write the list: \(error)")
        }
    }

    /// Returns when what has changed is on the disk; throws when it cannot be written.
    private func run(_ effects: [ControlCenterCore.Effect]) async throws {
        for effect in effects {
            switch effect {
            case .persist: break
            case .closeStreams(let serial):
                for channel in streams.removeValue(forKey: serial.lowercased()).map({ Array($0.values) }) ?? [] {
                    channel.close(promise: nil)
                }
            case .deliverOffer, .pollState: workSource.yield(.effect(effect))
            }
        }
        arm()
        if effects.contains(.persist) { try await save() }
    }

    private func save() async throws {
        revision += 1
        try await commit.save(core.records, revision: revision)
    }

    private func arm() {
        timer?.cancel()
        guard let deadline = core.nextDeadline else { return }
        let wait = max(0, (deadline - ServerClock.now).wholeNanoseconds)
        let source = workSource
        timer = loop.scheduleTask(in: .nanoseconds(wait)) { _ = source.yield(.deadline) }
    }

    // MARK: Through the relay

    private func perform(_ effect: ControlCenterCore.Effect) async {
        switch effect {
        case .deliverOffer(let offer): await handle(await deliver(offer))
        case .pollState(let serial, let credential): await handle(await poll(serial: serial, credential))
        case .closeStreams, .persist: break
        }
    }

    /// F-C2: `POST /v1/offer` on `pairing`, the payload signed with the Control Center's key.
    private func deliver(_ offer: PairingOffer) async -> ControlCenterCore.Input {
        let (serial, tokenID) = (offer.serial, offer.tokenID)
        do {
            let payload = try PairingOfferBody(offer).encoded()
            let token = try JWS.sign(payload: payload, chain: identities.offerChain, signer: identities.offerKey)
            let request = RelayClient.TunnelRequest(
                method: .POST, path: "/v1/offer", headers: [("Content-Type", PairingOfferBody.contentType)],
                body: Array(token.utf8))
            let answer = try await relay.exchange(request, serial: serial, service: .pairing)
            if (200..<300).contains(answer.status) { return .offerTaken(serial: serial, tokenID: tokenID) }
            let detail = Self.detail(answer)
            return .offerRefused(serial: serial, tokenID: tokenID, status: answer.status, detail: detail)
        } catch let failure as TunnelFailure {
            return .offerFailed(serial: serial, tokenID: tokenID, failure.link)
        } catch {
            return .offerFailed(serial: serial, tokenID: tokenID, .failed("\(error)"))
        }
    }

    /// `GET /v1/state` on `control`, as the pairing user.
    private func poll(serial: String, _ credential: PairingCredential) async -> ControlCenterCore.Input {
        let tokenID = credential.tokenID
        let request = RelayClient.TunnelRequest(
            method: .GET, path: "/v1/state", headers: [("Authorization", Self.basic(credential))])
        do throws(TunnelFailure) {
            let answer = try await relay.exchange(request, serial: serial, service: .control)
            guard answer.status != 401 else { return .stateUnauthorised(serial: serial, credential) }
            guard answer.status == 200 else { throw .status(answer.status) }
            let body = try? WireJSON.decode(
                DeviceStateBody.self, from: answer.body, limit: wire.jsonBytes, what: "device state")
            guard let body else { throw .failed("its state is not understood") }
            return .state(serial: serial, tokenID: tokenID, body.state)
        } catch {
            return .stateFailed(serial: serial, tokenID: tokenID, error.link)
        }
    }

    private static func detail(_ answer: RelayClient.Answer) -> String {
        let problem = try? WireJSON.decode(
            ProblemDetails.self, from: answer.body, limit: RelayClient.bodyLimit, what: "problem details")
        return String((problem?.detail ?? "no explanation").prefix(300))
    }

    /// HTTP Basic (RFC 7617) inside the end-to-end TLS.
    static func basic(_ credential: PairingCredential) -> String {
        "Basic " + Base64.encode(Array("\(credential.user):\(credential.password.text)".utf8))
    }

    // MARK: For the web page

    /// A company's list.
    func rows(company: String) -> [DeviceRow] { core.rows(company: company, at: ServerClock.wall) }

    func isPaired(serial: String, company: String) -> Bool {
        if case .paired? = core.record(serial: serial, company: company)?.pairing { true } else { false }
    }

    func contains(serial: String, company: String) -> Bool { core.record(serial: serial, company: company) != nil }

    /// F-C1.
    func addDevice(serial: String, name: String, company: String) async throws -> DeviceRow {
        var entropy = Entropy(SystemEntropyGenerator())
        let effects = try core.addDevice(
            serial: serial, name: name, company: company, at: time, entropy: &entropy, hashes: OpenSSLHashes())
        let row = core.row(serial: serial, company: company, at: ServerClock.wall)
        try await run(effects)
        guard let row else { throw CloudRefusal.notFound(what: "appliance \(serial)") }
        return row
    }

    func removeDevice(serial: String, company: String) async throws {
        try await run(try core.removeDevice(serial: serial, company: company))
    }

    /// F-C6: call records of an appliance, from a cursor on, as they come; in memory only (R7).
    ///
    /// Returns when the appliance ends the stream, throws when it cannot be had.
    nonisolated func passCallData(
        serial: String, company: String, after cursor: UInt64, to write: (CallRecord) async throws -> Void
    ) async throws {
        let credential = try await credential(serial: serial, company: company)
        let request = RelayClient.TunnelRequest(
            method: .GET, path: "/v1/calls?after=\(cursor)",
            headers: [("Authorization", Self.basic(credential)), ("Accept", ServerSentEvent.contentType)])
        var parser = ServerSentEventParser(limits: wire)
        var buffer = CallDataBuffer()
        try await relay.stream(request, serial: serial, service: .control) { channel in
            await self.keep(channel, serial: serial.lowercased())
        } receive: { bytes in
            for event in try parser.feed(bytes.readableBytesView) where event.event == "call" {
                let record = try event.callRecord(limits: wire)
                let size = Int64(event.data.utf8.count)
                log.record(peer: serial, what: "call record", fields: ["record": .opaque(bytes: size)], bytes: size)
                guard buffer.append(record) else { throw TunnelFailure.failed("the browser does not keep up") }
            }
            while let record = buffer.take() { try await write(record) }
        }
    }

    func credential(serial: String, company: String) throws(CloudRefusal) -> PairingCredential {
        try core.credential(serial: serial, company: company)
    }

    /// A stream that ends when the pairing does.
    private func keep(_ channel: any Channel, serial: String) {
        let id = ObjectIdentifier(channel)
        streams[serial, default: [:]][id] = channel
        channel.closeFuture.whenComplete { [weak self] _ in
            Task { await self?.forget(id, serial: serial) }
        }
    }

    private func forget(_ id: ObjectIdentifier, serial: String) {
        streams[serial]?[id] = nil
        if streams[serial]?.isEmpty == true { streams[serial] = nil }
    }

    // MARK: For appliances, over mutual TLS

    nonisolated var applianceRouter: Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.addMiddleware {
            AnswerProblems(logger: logger)
            IdentifyPeer()
        }
        router.post("/v1/pairings") { request, context in try await self.register(request, context) }
        router.delete("/v1/pairings/:token") { _, context in try await self.revoke(context) }
        return router
    }

    private func register(_ request: Request, _ context: PeerContext) async throws -> Response {
        var request = request
        let serial = try context.applianceSerial()
        let bytes = try await request.body(upTo: wire.jsonBytes, what: "pairing registration")
        let registration = try PairingRegistration.decode(bytes, limits: wire)
        log.record(
            peer: serial, what: "POST /v1/pairings",
            fields: [
                // Not what they are: a log must not outlive the pairing (R8).
                "tokenId": .secret(length: registration.tokenID.utf8.count),
                "userName": .secret(length: registration.user.utf8.count),
                "password": .secret(length: registration.password.count),
            ], bytes: Int64(bytes.count))
        let credential = PairingCredential(
            tokenID: registration.tokenID, user: registration.user, password: registration.password)
        // Answered when it is written: an appliance that has its answer forgets the password.
        try await run(try core.register(credential, peerSerial: serial, at: time))
        return .noContent
    }

    private func revoke(_ context: PeerContext) async throws -> Response {
        let serial = try context.applianceSerial()
        let tokenID = try context.parameters.require("token")
        log.record(
            peer: serial, what: "DELETE /v1/pairings/{token}",
            fields: ["revocation": .secret(length: tokenID.utf8.count)],
            bytes: 0)
        try await run(try core.revoke(tokenID: tokenID, peerSerial: serial))
        return .noContent
    }
}
