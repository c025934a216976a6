import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import OpenSSLCrypto
import Primitives
import SIPTransaction
import TLS
import Transport

/// A transport whose events can be awaited.
final class Station: Sendable {
    let group: MultiThreadedEventLoopGroup
    let transport: SIPTransport
    private let events: Inbox

    init(group: MultiThreadedEventLoopGroup, limits: Limits, clientTLS: NIOSSLContext? = nil) {
        let events = Inbox()
        self.group = group
        self.events = events
        transport = SIPTransport(eventLoop: group.next(), limits: limits, clientTLS: clientTLS) { events.put($0) }
    }

    func next() async throws -> SIPTransportEvent { await events.next() }
    func nextIfAny() -> SIPTransportEvent? { events.nextIfAny() }

    func message() async throws -> ([UInt8], SIPFlow) {
        let event = try await next()
        guard case .message(let bytes, let flow) = event else { throw Unexpected(event: event) }
        return (bytes, flow)
    }

    func send(_ bytes: [UInt8], on flow: SIPFlow) async throws {
        try await transport.eventLoop.submit { [transport] in transport.send(bytes, on: flow) }.get()
    }

    /// In one turn of the loop.
    func send(_ messages: [[UInt8]], on flow: SIPFlow) async throws {
        try await transport.eventLoop.submit { [transport] in
            for bytes in messages { transport.send(bytes, on: flow) }
        }.get()
    }

    func connectionCount() async throws -> Int {
        try await transport.eventLoop.submit { [transport] in transport.connectionCount }.get()
    }

    func close(_ flow: SIPFlow) async throws {
        try await transport.eventLoop.submit { [transport] in transport.close(flow) }.get()
    }

    struct Unexpected: Error { let event: SIPTransportEvent }
}

/// Events in order; a waiting reader is woken by the next one.
final class Inbox: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var events: [SIPTransportEvent] = []
    private var waiting: CheckedContinuation<SIPTransportEvent, Never>?

    func put(_ event: SIPTransportEvent) {
        let reader: CheckedContinuation<SIPTransportEvent, Never>? = lock.withLock {
            if waiting == nil { events.append(event) }
            defer { waiting = nil }
            return waiting
        }
        reader?.resume(returning: event)
    }

    func nextIfAny() -> SIPTransportEvent? { lock.withLock { events.isEmpty ? nil : events.removeFirst() } }

    func next() async -> SIPTransportEvent {
        await withCheckedContinuation { continuation in
            let event: SIPTransportEvent? = lock.withLock {
                if events.isEmpty {
                    waiting = continuation
                    return nil
                }
                return events.removeFirst()
            }
            if let event { continuation.resume(returning: event) }
        }
    }
}

extension Limits {
    /// Deadlines that the test did not set do not fall due while it waits for its turn on a busy machine.
    fileprivate var patient: Limits {
        let usual = Limits()
        var patient = self
        if sipMessageTime == usual.sipMessageTime { patient.sipMessageTime = .seconds(3_600) }
        if sipConnectTime == usual.sipConnectTime { patient.sipConnectTime = .seconds(3_600) }
        return patient
    }
}

/// Server and client on loops of their own, shut down afterwards.
func withStations(
    limits: Limits = Limits(), clientLimits: Limits = Limits(), clientTLS: NIOSSLContext? = nil,
    _ body: (Station, Station) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let server = Station(group: group, limits: limits.patient)
    let client = Station(group: group, limits: clientLimits.patient, clientTLS: clientTLS)
    let result: Result<Void, any Error>
    do { result = .success(try await body(server, client)) } catch { result = .failure(error) }
    await server.transport.shutdown()
    await client.transport.shutdown()
    try await group.shutdownGracefully()
    try result.get()
}

/// A plain TCP connection and what it receives.
func rawConnection(
    to endpoint: Endpoint, group: MultiThreadedEventLoopGroup, reads: Bool = true
) async throws -> (any Channel, AsyncStream<[UInt8]>) {
    let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
    let channel = try await ClientBootstrap(group: group)
        .channelOption(.autoRead, value: reads)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Collector(continuation))
            }
        }
        .connect(to: try endpoint.socketAddress).get()
    return (channel, stream)
}

final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncStream<[UInt8]>.Continuation
    init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Array(unwrapInboundIn(data).readableBytesView))
    }
    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
}

/// A PKI of its own with a server certificate for 127.0.0.1.
struct TestTLS {
    let server: NIOSSLContext
    let client: NIOSSLContext

    init() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("pki-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let now = UnixTime(seconds: Int64(Date().timeIntervalSince1970))
        let pki = try DevelopmentPKI.create(directory: directory, at: now)
        let chain = try String(contentsOfFile: "\(directory)/servers/relay.pem", encoding: .utf8)
        let key = try String(contentsOfFile: "\(directory)/servers/relay.key", encoding: .utf8)
        let identity = try TLSIdentity(chainPEM: chain, keyPEM: key)
        server = try TLSConfigurations.context(
            try TLSConfigurations.server(
                identity: identity, clientRootPEM: nil, requireClient: false, alpn: [], floor: .tls12))
        client = try TLSConfigurations.context(
            try TLSConfigurations.client(identity: nil, rootPEM: pki.root.pem, alpn: [], floor: .tls12))
    }
}

/// A plain UDP socket and what it receives.
func rawDatagrams(
    group: MultiThreadedEventLoopGroup
) async throws -> (any Channel, AsyncStream<[UInt8]>) {
    let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
    let channel = try await DatagramBootstrap(group: group)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(DatagramCollector(continuation))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    return (channel, stream)
}

final class DatagramCollector: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private let continuation: AsyncStream<[UInt8]>.Continuation
    init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Array(unwrapInboundIn(data).data.readableBytesView))
    }
}

/// A TCP listener that accepts and says nothing.
func mute(group: MultiThreadedEventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
}
