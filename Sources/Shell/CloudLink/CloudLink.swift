package import ApplianceCore
package import CloudMessages
import HAL
package import Logging
package import NIOCore
package import NIOPosix
import NIOSSL
import Primitives
package import PrivacyContract
package import Settings
import TLS

/// The egress gate's shell: the only code of the appliance that opens connections to vendor servers.
///
/// Every way out takes a `Permit`, which the core's gate alone can make; a message that does not fit its permit is not
/// sent. What comes back, and what comes in through the relay, reaches the core as `Input` through `sink`.
///
/// `@unchecked Sendable`: mutable state is confined to `eventLoop`, where every method is called that is not `async`.
package final class CloudLink: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private let client: CloudClient
    private let uplink: Uplink
    /// To the remote access server (F-C10).
    private let remote: Uplink
    private let desk: ServiceDesk
    private let sink: @Sendable (Input) -> Void
    private let logger: Logger
    private var settings: CloudSettings
    private var running: [CloudRequestID: Task<Void, Never>] = [:]

    /// Opens nothing. Throws when the HAL's certificates cannot be used.
    package init(
        _ configuration: CloudLinkConfiguration, settings: CloudSettings, eventLoop: any EventLoop, pool: NIOThreadPool,
        logger: Logger, sink: @escaping @Sendable (Input) -> Void
    ) throws(TLSFailure) {
        self.eventLoop = eventLoop
        self.settings = settings
        self.sink = sink
        self.logger = logger
        do throws(TLSError) {
            let identity = try TLSIdentity(device: configuration.identity, pool: pool)
            let root = configuration.identity.vendorRootPEM
            client = try CloudClient(
                identity: identity, rootPEM: root, configuration: configuration, eventLoop: eventLoop, pool: pool)
            desk = ServiceDesk(eventLoop: eventLoop, limits: configuration.limits, sink: sink)
            let responder = ServiceResponder(desk: desk, configuration: configuration)
            let services = try UplinkServices(
                identity: identity, rootPEM: root, configuration: configuration, responder: responder, logger: logger)
            uplink = Uplink(
                tls: try TLSConfigurations.context(
                    TLSConfigurations.client(identity: identity, rootPEM: root, alpn: [Uplink.protocolName])),
                services: services, limits: configuration.limits, entropy: configuration.entropy, eventLoop: eventLoop,
                logger: logger
            ) { sink(.uplink($0)) }
            remote = Uplink(
                tls: try TLSConfigurations.context(
                    TLSConfigurations.client(identity: identity, rootPEM: root, alpn: [Uplink.protocolName])),
                unit: Uplink.remoteAccessUnit, services: services.offering([.admin]), limits: configuration.limits,
                entropy: configuration.entropy, eventLoop: eventLoop, logger: logger
            ) { sink(.remoteLink($0)) }
        } catch {
            throw TLSFailure(error)
        }
    }

    /// New addresses of the servers. A running uplink stays where it is: the core closes it and opens it anew, with a
    /// permit, when the relay moved.
    package func update(_ settings: CloudSettings) {
        eventLoop.preconditionInEventLoop()
        self.settings = settings
    }

    /// Sends one message; the answer comes back as `Input.cloudReply`.
    package func send(_ message: OutboundMessage, permit: Permit) {
        eventLoop.preconditionInEventLoop()
        guard permit.flow == message.flow, permit.recipient == message.recipient,
            message.fields.allSatisfy({ permit.fieldNames.contains($0.name) })
        else {
            logger.error("\(message.flow.rawValue) does not fit its permit and was not sent")
            return answer(message, .unreachable("the message does not fit its permit"), 0)
        }
        let server: String? =
            switch message.recipient {
            case .controlCenter: settings.controlCenter
            case .backup: settings.backup
            case .monitoring: settings.monitoring
            case .update: settings.update
            case .crash: settings.crash
            case .relay, .remoteAccess, .voucherCenter, .push, .client: nil
            }
        guard let server else {
            return answer(message, .unreachable("no server for \(message.recipient.rawValue) is configured"), 0)
        }
        let id = message.id
        running[id] = Task { [client, eventLoop] in
            let (reply, bytes) = await client.execute(message, under: permit, server: server)
            eventLoop.execute { [self] in
                running[id] = nil
                answer(message, reply, bytes)
            }
        }
    }

    /// Stops a message on its way; the answer still comes, with what had left by then.
    package func cancel(_ id: CloudRequestID) {
        eventLoop.preconditionInEventLoop()
        running[id]?.cancel()
    }

    /// Fetches one of our own backups, or the encrypted identity that opens it, for a restore that the administrator
    /// asked for (the request half of F-C8). `permit` must be one of F-C8 to the backup server. Reports the outcome as
    /// `Input.cloudReply` for `id`; `cancel` stops it.
    package func fetch(
        _ object: BackupObject, as id: CloudRequestID, permit: Permit
    ) async throws(BackupFetchError) -> FetchedObject {
        let fetched: Fetched
        do {
            fetched = try await eventLoop.flatSubmit { [self] in begin(object, as: id, permit: permit) }.get()
        } catch {
            throw .unreachable("\(error)")
        }
        return try fetched.result.get()
    }

    private struct Fetched: Sendable {
        var result: Result<FetchedObject, BackupFetchError>
        var bytesSent: Int64
    }

    private func begin(
        _ object: BackupObject, as id: CloudRequestID, permit: Permit
    ) -> EventLoopFuture<Fetched> {
        let promise = eventLoop.makePromise(of: Fetched.self)
        let finish: @Sendable (Fetched) -> Void = { [self] fetched in
            running[id] = nil
            let reply: CloudReply =
                switch fetched.result {
                case .success: .accepted
                case .failure(.refused(let status, let detail)):
                    .refused(status: status, detail: detail, retryAfter: nil)
                case .failure(let error): .unreachable("\(error)")
                }
            sink(.cloudReply(id, reply, bytesSent: fetched.bytesSent))
            promise.succeed(fetched)
        }
        guard permit.flow == .c8, permit.recipient == .backup else {
            finish(Fetched(result: .failure(.notPermitted), bytesSent: 0))
            return promise.futureResult
        }
        guard let server = settings.backup else {
            finish(Fetched(result: .failure(.noServer), bytesSent: 0))
            return promise.futureResult
        }
        running[id] = Task { [client, eventLoop] in
            var bytes: Int64 = 0
            let result: Result<FetchedObject, BackupFetchError>
            do throws(BackupFetchError) {
                result = .success(try await client.fetch(object, under: permit, server: server, counting: &bytes))
            } catch {
                result = .failure(error)
            }
            let fetched = Fetched(result: result, bytesSent: bytes)
            eventLoop.execute { finish(fetched) }
        }
        return promise.futureResult
    }

    /// Holds the uplink open from now on; F-S5. The permit must be for it.
    package func openUplink(permit: Permit) {
        eventLoop.preconditionInEventLoop()
        guard permit.flow == .s5, permit.recipient == .relay else {
            return logger.error("the permit is not for the uplink; nothing was opened")
        }
        guard let relay = settings.relay else {
            return sink(.uplink(.down(reason: "no relay is configured")))
        }
        uplink.open(relay: relay, under: permit)
    }

    /// Closes the uplink and all streams on it.
    package func closeUplink() {
        eventLoop.preconditionInEventLoop()
        uplink.close()
    }

    /// Holds the uplink to the remote access server open from now on; F-C10. The permit must be for it.
    package func openRemoteAccess(permit: Permit) {
        eventLoop.preconditionInEventLoop()
        guard permit.flow == .c10, permit.recipient == .remoteAccess else {
            return logger.error("the permit is not for remote access; nothing was opened")
        }
        guard let server = settings.remoteAccess else {
            return sink(.remoteLink(.down(reason: "no remote access server is configured")))
        }
        remote.open(relay: server, under: permit)
    }

    /// Closes it at once, and every session with it.
    package func closeRemoteAccess() {
        eventLoop.preconditionInEventLoop()
        remote.close()
    }

    package func reply(_ reply: ServiceReply, to id: ServiceRequestID) { desk.reply(reply, to: id) }

    /// One more record on a call data stream, under its permit (F-C6).
    package func event(_ record: CallRecord, on id: ServiceRequestID, permit: Permit) {
        guard permit.flow == .c6 else { return logger.error("the permit is not for F-C6; the record was not sent") }
        desk.event(record, on: id)
    }

    package func end(_ id: ServiceRequestID) { desk.end(id) }

    /// Closes everything; waits for requests under way at most as long as their time-outs.
    package func shutdown() async {
        try? await eventLoop.submit { [self] in
            uplink.close()
            remote.close()
        }.get()
        await client.shutdown()
    }

    private func answer(_ message: OutboundMessage, _ reply: CloudReply, _ bytes: Int64) {
        sink(.cloudReply(message.id, reply, bytesSent: bytes))
    }
}

/// The HAL's certificates or key do not work for TLS.
package struct TLSFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ error: TLSError) { description = "the device identity cannot be used for TLS: \(error)" }
}

/// What a restore fetches from the backup server.
package enum BackupObject: Sendable, Hashable {
    case backup(id: String)
    case key(id: String)
}

/// What came, and for a backup the id of the key that opens it, as the server says.
package struct FetchedObject: Sendable {
    package var bytes: [UInt8]
    package var keyID: String?
}

/// Why nothing was fetched.
package enum BackupFetchError: Error, Sendable, Hashable {
    case notPermitted
    case noServer
    case invalidName(String)
    case refused(status: Int, detail: String)
    case unreachable(String)
}

extension BackupFetchError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notPermitted: "the gate gave no permit for F-C8; switch 'backup' on first"
        case .noServer: "no backup server is configured; set cloud.backup"
        case .invalidName(let name): "'\(name)' is no backup id; see 'pbxctl backup list'"
        case .refused(let status, let detail): "the backup server refused (\(status)): \(detail)"
        case .unreachable(let reason): "the backup server cannot be reached: \(reason)"
        }
    }
}
