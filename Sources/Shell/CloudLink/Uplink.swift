import ApplianceCore
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Primitives
import PrivacyContract
import TLS
import Transport

/// The one outbound connection to the relay (WIRE.md, Uplink): dialled, kept alive, dialled again with back-off.
///
///     closed --open--> dialling --welcome--> up --lost--> waiting --back-off over--> dialling
///        ^                |failed----------------------------^                          |
///        +---------------- close, from every state -------------------------------------+
///
/// `@unchecked Sendable`: confined to `eventLoop`.
final class Uplink: @unchecked Sendable {
    static let protocolName = "pbx-uplink/1"
    static let relayUnit = "relay"
    static let remoteAccessUnit = "remote-access"
    /// From the start of a dial to the relay's welcome.
    static let welcomeTimeout = TimeAmount.seconds(20)

    private enum State {
        case closed
        case dialling(relay: String, attempt: UInt64)
        case up(relay: String, channel: any Channel)
        case waiting(relay: String, Scheduled<Void>)
    }

    private let tls: NIOSSLContext
    /// The role in the certificate of who may be at the other end.
    private let unit: String
    private let services: UplinkServices
    private let limits: Limits
    private var entropy: Entropy
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let report: @Sendable (UplinkEvent) -> Void
    private var state = State.closed
    private var attempt: UInt64 = 0
    private var connection: (any Channel)?
    private var backoff = RetryBackoff(base: .seconds(1), cap: .seconds(60))

    init(
        tls: NIOSSLContext, unit: String = Uplink.relayUnit, services: UplinkServices, limits: Limits, entropy: Entropy,
        eventLoop: any EventLoop,
        logger: Logger, report: @escaping @Sendable (UplinkEvent) -> Void
    ) {
        self.tls = tls
        self.unit = unit
        self.services = services
        self.limits = limits
        self.entropy = entropy
        self.eventLoop = eventLoop
        self.logger = logger
        self.report = report
    }

    /// Dials, unless it is held open to that address already.
    func open(relay: String, under permit: Permit) {
        switch state {
        case .closed: break
        case .dialling(relay, _), .up(relay, _), .waiting(relay, _): return
        case .dialling, .up, .waiting: close()
        }
        backoff.reset()
        dial(relay)
    }

    func close() {
        if case .waiting(_, let timer) = state { timer.cancel() }
        state = .closed
        attempt += 1
        connection?.close(promise: nil)
        connection = nil
    }

    private func dial(_ relay: String) {
        attempt += 1
        let number = attempt
        state = .dialling(relay: relay, attempt: number)
        guard let colon = relay.lastIndex(of: ":"), let port = Int(relay[relay.index(after: colon)...]) else {
            return failed(number, "cloud.relay '\(relay)' is not host:port")
        }
        let host = String(relay[..<colon].filter { $0 != "[" && $0 != "]" })
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .connectTimeout(.seconds(10))
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try prepare(channel, host: host, number: number) }
            }
            .connect(host: host, port: port)
            .whenComplete { [self] result in
                switch result {
                case .success(let channel): connected(channel, number)
                case .failure(let error): failed(number, "no connection to \(relay): \(CloudClient.reason(error))")
                }
            }
    }

    /// TLS first; HTTP/2 with the roles turned round once the relay has shown who it is.
    private func prepare(_ channel: any Channel, host: String, number: UInt64) throws {
        let name = IPAddress(host) == nil ? host : nil
        let handler = try NIOSSLClientHandler(context: tls, serverHostname: name)
        let established = AfterHandshake { [self] channel, negotiated in
            guard negotiated == Self.protocolName else {
                throw UplinkError("the relay does not speak \(Self.protocolName)")
            }
            if let name, !ServerName.isProved(name, by: channel) {
                throw UplinkError("the relay's certificate does not name \(name)")
            }
            guard PeerCertificate.subjectOnLoop(of: channel)?.organizationalUnit == unit else {
                throw UplinkError("the server's certificate is not a \(unit)'s")
            }
            try UplinkConnection.configure(
                channel, services: services, relay: channel.remoteAddress.flatMap { Endpoint($0) }, limits: limits
            ) { [self] external in welcomed(number, external, channel) }
        } failed: { [self] error in
            failed(number, CloudClient.reason(error))
        }
        try channel.pipeline.syncOperations.addHandlers(handler, established)
    }

    private func connected(_ channel: any Channel, _ number: UInt64) {
        guard number == attempt else { return channel.close(promise: nil) }
        connection = channel
        let patience = eventLoop.scheduleTask(in: Self.welcomeTimeout) { [self] in
            guard case .dialling(_, number) = state else { return }
            failed(number, "the relay did not welcome us in time")
        }
        channel.closeFuture.whenComplete { [self] _ in
            patience.cancel()
            failed(number, "the connection to the relay is closed")
        }
    }

    private func welcomed(_ number: UInt64, _ external: Endpoint, _ channel: any Channel) {
        guard number == attempt else { return }
        switch state {
        case .dialling(let relay, _), .up(let relay, _): state = .up(relay: relay, channel: channel)
        case .closed, .waiting: return
        }
        backoff.reset()
        report(.up(external: external))
    }

    private func failed(_ number: UInt64, _ reason: String) {
        let relay: String
        switch state {
        case .dialling(let address, _), .up(let address, _): relay = address
        case .closed, .waiting: return
        }
        guard number == attempt else { return }
        connection?.close(promise: nil)
        connection = nil
        let pause = backoff.next(retryAfter: nil, entropy: &entropy)
        logger.debug("uplink down, next dial in \(pause.wholeMilliseconds) ms: \(reason)")
        let timer = eventLoop.scheduleTask(in: .nanoseconds(pause.wholeNanoseconds)) { [self] in dial(relay) }
        state = .waiting(relay: relay, timer)
        report(.down(reason: reason))
    }
}

/// Why a connection to the relay, or a stream on it, is not used.
struct UplinkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
