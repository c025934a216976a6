import ApplianceCore
import CloudLink
import CloudMessages
import ConfigurationFile
import HAL
import HTTPServer
package import Logging
import Media
import MediaEngine
import NIOCore
package import NIOPosix
import NameResolver
import OpenSSLCrypto
import Persistence
import Primitives
import RTPEngine
import RTPEngineBackend
import SIPTransaction
import SQLiteStore
import ServerLocation
import Settings
import Synchronization
import TLS
import Transport

/// A running appliance with what was bound for it.
package struct RunningAppliance: Sendable {
    package let appliance: Appliance
    package let ready: ReadyLine
    let administration: AdminServer
    private let lock: Int32

    init(appliance: Appliance, ready: ReadyLine, administration: AdminServer, lock: Int32) {
        self.appliance = appliance
        self.ready = ready
        self.administration = administration
        self.lock = lock
    }

    /// Closes everything, at once. `Appliance.drain(within:)` comes before it when calls are to end in peace.
    package func stop() async {
        await administration.shutdown()
        await appliance.shutdown()
        InstanceLock.release(lock)
    }
}

extension Appliance {
    /// Opens the store, applies the configuration, binds every listener, and serves. Blocks while the store opens: not
    /// for the event loop.
    package static func start(
        _ options: ApplianceOptions, group: MultiThreadedEventLoopGroup, pool: NIOThreadPool, logger: Logger
    ) async throws(ApplianceError) -> RunningAppliance {
        let configured = try configuration(options)
        let lock = try InstanceLock.take(in: options.dataDirectory)
        do throws(ApplianceError) {
            let store = try openStore(options, logger: logger)
            let snapshot: StoreSnapshot
            do throws(SQLiteStoreError) {
                snapshot = try applied(configured, to: store, logger: logger)
            } catch {
                throw .store(error)
            }
            try discardArtifacts(options)
            let appliance = Appliance(
                options: options, store: store, snapshot: snapshot, hashes: OpenSSLHashes(), eventLoop: group.next(),
                pool: pool, logger: logger)
            do throws(ApplianceError) {
                let reports = try appliance.markRunning(at: options.hal.clock.wallTime())
                return try await appliance.serve(group: group, lock: lock, crashReports: reports)
            } catch {
                await appliance.shutdown()
                throw error
            }
        } catch {
            InstanceLock.release(lock)
            throw error
        }
    }

    private static func configuration(_ options: ApplianceOptions) throws(ApplianceError) -> ConfiguredSettings? {
        guard let path = options.configurationPath else { return nil }
        do {
            return try ConfiguredSettings.load(path, limits: options.limits)
        } catch {
            throw .configuration(error)
        }
    }

    private static func openStore(_ options: ApplianceOptions, logger: Logger) throws(ApplianceError) -> SQLiteStore {
        var storeOptions = SQLiteStore.Options()
        storeOptions.limits = options.limits
        storeOptions.report = { logger.error("\($0)") }
        do {
            let store = try SQLiteStore(
                directory: options.dataDirectory, at: options.hal.clock.wallTime(), options: storeOptions)
            for notice in store.notices { logger.error("\(notice)") }
            return store
        } catch {
            throw .store(error)
        }
    }

    /// The store is the truth: the file is applied when it is new or has been edited, not over what the administrator,
    /// or a restore, changed since.
    private static func applied(
        _ configured: ConfiguredSettings?, to store: SQLiteStore, logger: Logger
    ) throws(SQLiteStoreError) -> StoreSnapshot {
        var snapshot = try store.snapshot()
        guard let configured else { return snapshot }
        let isKnown = configured.isMarked(in: store.directory) && snapshot.settings != ApplianceSettings()
        let difference = SettingsDifference(from: snapshot.settings, to: configured.settings)
        if isKnown {
            if !difference.isEmpty { logger.notice("the database differs from the configuration file and is kept") }
            return snapshot
        }
        if configured.settings != snapshot.settings {
            logger.info("configuration file applied, \(difference.changes.count) changes")
            for line in difference.text { logger.debug("configuration: \(line)") }
            do {
                try store.runAndWait([.replaceSettings(configured.settings)])
            } catch {
                throw .failed(error)
            }
            snapshot.settings = configured.settings
        }
        configured.mark(in: store.directory)
        return snapshot
    }

    /// Backups that a crash left half-way; the core makes new ones.
    private static func discardArtifacts(_ options: ApplianceOptions) throws(ApplianceError) {
        do {
            try PrivateFile.makeDirectory(options.artifactDirectory)
            for name in DirectoryNames.list(options.artifactDirectory) {
                try PrivateFile.remove("\(options.artifactDirectory)/\(name)")
            }
        } catch {
            throw .directory(path: options.artifactDirectory, reason: "\(error)")
        }
    }

    /// A former run that crashed leaves a report (F-S10).
    nonisolated private func markRunning(at wall: UnixTime) throws(ApplianceError) -> [CrashReport] {
        do {
            return try marker.begin(
                model: identity.model, codename: options.boardName, version: options.firmwareVersion, at: wall)
        } catch {
            throw .directory(path: options.dataDirectory, reason: "\(error)")
        }
    }

    // MARK: Sockets

    private func serve(
        group: MultiThreadedEventLoopGroup, lock: Int32, crashReports: [CrashReport]
    ) async throws(ApplianceError) -> RunningAppliance {
        hal.indicator.show(.starting)
        let transport = SIPTransport(eventLoop: eventLoop, limits: options.limits) { [weak self] event in
            guard let self else { return }
            switch event {
            case .message(let bytes, let flow): takeOnLoop(.sipMessage(bytes, flow))
            case .closed(let flow): takeOnLoop(.sipFlowClosed(flow))
            case .counted(let counter, let count): takeOnLoop(.counted(counter.rawValue, by: count))
            case .overload(let isOverloaded): takeOnLoop(.overload(isOverloaded))
            }
        }
        self.transport = transport
        var ready = ReadyLine(serial: identity.serial)
        let tls: TLSIdentity
        let mediaCertificate: CertificateFingerprint?
        sounds = makeSounds()
        do {
            tls = try TLSIdentity(device: hal.identity, pool: pool)
            (engine, mediaCertificate) = try makeMediaBackend()
            var resolving = NameResolver.Options()
            resolving.servers = options.nameServers
            resolving.limits = options.limits
            names = try NameResolver(resolving) { [weak self] in self?.post(.resolved($0, $1)) }
            cloud = try makeCloudLink(transport)
        } catch {
            throw .part("\(error)")
        }
        let listening = try await bind(transport, tls, &ready)
        prepareTrunkTLS()
        begin(listening: listening, mediaCertificate: mediaCertificate, crashReports: crashReports)
        // From here on telephones are answered; what follows takes its time beside that.
        let administration = try await administer(with: tls, group: group, &ready)
        prepareSounds(settings)
        sounds?.find()
        readPrompts()
        hal.indicator.show(.ready)
        return RunningAppliance(appliance: self, ready: ready, administration: administration, lock: lock)
    }

    /// Has the music on hold composed, which takes some hundredths of a second on a small board: not on the event loop, in
    /// the middle of the first hold.
    nonisolated func prepareSounds(_ settings: ApplianceSettings) {
        guard settings.features.musicOnHold, settings.media.backend == .builtin else { return }
        pool.submit { _ in _ = MusicOnHold.builtIn }
    }

    /// What carries media, and the certificate for keys by DTLS; nil: there are none.
    private func makeMediaBackend() throws -> (any MediaBackend, CertificateFingerprint?) {
        // Two sessions a call at most: one may be wound up while the next has begun.
        let calls = (settings.sip.calls ?? options.limits.calls) + options.limits.emergencyCalls
        let sessionsLimit = calls * 2
        switch settings.media.backend {
        case .builtin:
            let keying = try DTLSIdentity(limits: options.limits, at: hal.clock.wallTime())
            return (try makeMediaEngine(keying, sessionsLimit: sessionsLimit), keying.fingerprint)
        case .rtpengine:
            var relay = RTPEngineBackend.Options(
                control: settings.media.rtpengine, address: settings.media.address, sessionsLimit: sessionsLimit)
            relay.limits = options.limits
            let backend = try RTPEngineBackend(
                relay, entropy: hal.entropy.makeEntropy(),
                onHealth: { [weak self, logger] health in
                    if health.isReachable { logger.notice("\(health)") } else { logger.error("\(health)") }
                    let counter = health.isReachable ? "media.relay-answers" : "media.relay-silent"
                    self?.post(.counted(counter, by: 1))
                },
                onEvent: { [weak self, sounds] event in self?.mediaEvent(event, sounds) })
            return (backend, nil)
        }
    }

    private func makeMediaEngine(
        _ keying: DTLSIdentity, sessionsLimit: Int
    ) throws(MediaEngineError) -> MediaEngine {
        let media = settings.media
        let made = try MediaEngine(
            address: media.address, ports: media.ports, sessionsLimit: sessionsLimit,
            opusComplexity: media.opusComplexity,
            share: media.cpuShare, keying: keying, limits: options.limits, workers: media.workers,
            isFilledInTurn: true, isRealtime: media.isRealtime, entropy: hal.entropy.makeEntropy()
        ) { [weak self, sounds] event in self?.mediaEvent(event, sounds) }
        let counters = made.counters
        logger.info(
            """
            media: \(counters.workers) workers\(media.isRealtime ? " that ask for real-time priority" : ""), \(counters.capacity) of processor time a second, Opus complexity \
            \(made.opusComplexity); a transcoded call takes \(made.costs.time(of: .transcoded))
            """)
        return made
    }

    private func makeCloudLink(_ transport: SIPTransport) throws(TLSFailure) -> CloudLink {
        var configuration = CloudLinkConfiguration(
            identity: hal.identity, limits: options.limits, clock: hal.clock, entropy: hal.entropy.makeEntropy(),
            artifactDirectory: options.artifactDirectory
        ) { [local = sipsAddress] channel, client in
            _ = try? transport.adopt(channel, local: local, remote: client)
        }
        configuration.updateDirectory = options.downloadDirectory
        let inbox = options.updateDirectory.map(FirmwareInbox.init(directory:))
        configuration.administer = { [weak self] request, channel in
            guard let self else { throw CancellationError() }
            return try await RemoteAdministration(backend: self, firmware: inbox).respond(to: request, on: channel)
        }
        return try CloudLink(
            configuration, settings: settings.cloud, eventLoop: eventLoop, pool: pool, logger: logger
        ) { [weak self] input in self?.takeOnLoop(input) }
    }

    /// What relayed flows name as their local address: the relay's server name takes its place for clients.
    private var sipsAddress: Endpoint {
        let listener = settings.sip.listeners.first { $0.transport == .tls } ?? settings.sip.listeners.first
        return Endpoint(address: listener?.listen.address ?? .loopbackV4, port: listener?.listen.port ?? 5061)
    }

    private func bind(
        _ transport: SIPTransport, _ identity: TLSIdentity, _ ready: inout ReadyLine
    ) async throws(ApplianceError) -> [ListenerAddress] {
        if settings.sip.listeners.isEmpty { logger.warning("no SIP listener is configured; no telephone can register") }
        var bound: [ListenerAddress] = []
        for listener in settings.sip.listeners {
            let wanted = Endpoint(address: listener.listen.address, port: listener.listen.port)
            let (kind, name): (SIPFlow.Transport, String) =
                switch listener.transport {
                case .udp: (.udp, "sip-udp")
                case .tcp: (.tcp, "sip-tcp")
                case .tls: (.tls, "sips")
                }
            let endpoint: Endpoint
            do {
                let context =
                    kind == .tls
                    ? try TLSConfigurations.context(
                        TLSConfigurations.server(
                            identity: identity, clientRootPEM: nil, requireClient: false, alpn: [], floor: .tls12))
                    : nil
                endpoint = try await transport.listen(kind, on: wanted, tls: context)
            } catch let error as SIPTransportError {
                throw .listener(error)
            } catch {
                throw .part("\(error)")
            }
            ready.add(name, endpoint)
            bound += LocalAddresses.of(endpoint).map { ListenerAddress(kind, $0) }
        }
        return bound
    }

    private func administer(
        with identity: TLSIdentity, group: MultiThreadedEventLoopGroup, _ ready: inout ReadyLine
    ) async throws(ApplianceError) -> AdminServer {
        let token: Secret
        do {
            var entropy = hal.entropy.makeEntropy()
            token = try AdminToken.load(from: hal.partition(.configuration), entropy: &entropy)
        } catch {
            throw .hardware(error)
        }
        let access = OwnerAccess(
            partition: hal.partition(.configuration), label: hal.identity.labelCodeHash, token: token)
        owner.withLock { $0 = access }
        let server = AdminServer(
            backend: self, token: token, group: group, logger: logger,
            firmware: options.updateDirectory.map(FirmwareInbox.init(directory:)))
        do {
            try await server.listen(socketPath: options.socketPath)
            if let https = settings.https {
                let tls = try TLSConfigurations.server(
                    identity: identity, clientRootPEM: nil, requireClient: false, alpn: ["http/1.1"])
                let wanted = Endpoint(address: https.address, port: https.port)
                ready.add("https", try await server.listen(https: wanted, tls: tls))
            }
            return server
        } catch let error as AdminServerError {
            await server.shutdown()
            throw .administration(error)
        } catch {
            await server.shutdown()
            throw .part("\(error)")
        }
    }
}
