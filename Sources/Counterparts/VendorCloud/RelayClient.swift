import CloudCore
import CloudMessages
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Primitives

/// The Control Center's way to an appliance: through the relay's service port to a service, and inside that pipe TLS end
/// to end with the appliance and HTTP/1.1. One connection for one request.
struct RelayClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
        var type: String?
    }

    struct TunnelRequest: Sendable {
        var method: HTTPMethod
        var path: String
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
    }

    static let bodyLimit = 65_536
    static let patience = TimeAmount.seconds(10)

    private let relay: Endpoint
    /// Towards the relay.
    private let outer: NIOSSLContext
    /// Towards the appliance.
    private let inner: NIOSSLContext
    private let group: any EventLoopGroup

    init(relay: Endpoint, outer: NIOSSLContext, inner: NIOSSLContext, group: any EventLoopGroup) {
        self.relay = relay
        self.outer = outer
        self.inner = inner
        self.group = group
    }

    /// Sends one request and collects the answer, all within `patience`.
    func exchange(
        _ request: TunnelRequest, serial: String, service: UplinkService, for client: IPAddress? = nil
    ) async throws(TunnelFailure) -> Answer {
        let connection = try await connect(serial: serial, service: service, for: client)
        let channel = connection.channel
        let timeout = channel.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
        defer { timeout.cancel() }
        return try await TunnelFailure.wrap {
            try await connection.executeThenClose { inbound, outbound in
                try await send(request, serial: serial, outbound)
                var answer: Answer?
                for try await part in inbound {
                    switch part {
                    case .head(let head):
                        answer = Answer(
                            status: Int(head.status.code), body: [], type: head.headers.first(name: "content-type"))
                    case .body(let buffer):
                        answer?.body += buffer.readableBytesView
                        guard answer?.body.count ?? 0 <= Self.bodyLimit else {
                            throw TunnelFailure.failed("answer too long")
                        }
                    case .end:
                        if let answer { return answer }
                    }
                }
                throw TunnelFailure.failed("the appliance closed the connection before it answered")
            }
        }
    }

    /// Sends one request and hands over the answer's body as it arrives; reading stops while `receive` is busy.
    ///
    /// `opened` gets the channel, so that the stream can be ended from outside.
    func stream(
        _ request: TunnelRequest, serial: String, service: UplinkService, opened: @Sendable (any Channel) async -> Void,
        receive: (ByteBuffer) async throws -> Void
    ) async throws(TunnelFailure) {
        let connection = try await connect(serial: serial, service: service)
        await opened(connection.channel)
        try await TunnelFailure.wrap {
            try await connection.executeThenClose { inbound, outbound in
                try await send(request, serial: serial, outbound)
                for try await part in inbound {
                    switch part {
                    case .head(let head):
                        guard head.status == .ok else { throw TunnelFailure.status(Int(head.status.code)) }
                    case .body(let buffer): try await receive(buffer)
                    case .end: return
                    }
                }
            }
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    private func send(
        _ request: TunnelRequest, serial: String, _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws {
        var headers = HTTPHeaders([("Host", RelayName.serverName(serial: serial)), ("Connection", "close")])
        for header in request.headers { headers.add(name: header.name, value: header.value) }
        if !request.body.isEmpty { headers.add(name: "Content-Length", value: String(request.body.count)) }
        let head = HTTPRequestHead(version: .http1_1, method: request.method, uri: request.path, headers: headers)
        try await outbound.write(.head(head))
        if !request.body.isEmpty { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: request.body)))) }
        try await outbound.write(.end(nil))
    }

    /// Dials the relay, opens the pipe, and sets up TLS and HTTP inside it.
    private func connect(
        serial: String, service: UplinkService, for client: IPAddress? = nil
    ) async throws(TunnelFailure) -> Connection {
        let connect = ServiceConnectRequest(service: service, serial: serial.lowercased(), client: client)
        let loop = group.next()
        let tunnel = loop.makePromise(of: Void.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop).connectTimeout(.seconds(5))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers([
                            NIOSSLClientHandler(context: outer, serverHostname: nil),
                            TunnelHandler(request: connect.encoded, opened: tunnel),
                        ])
                    }
                }
                .connect(host: "\(relay.address)", port: Int(relay.port)).get()
        } catch {
            tunnel.fail(error)
            throw .relayUnavailable("\(error)")
        }
        return try await TunnelFailure.wrap(orClose: channel) {
            try await tunnel.futureResult.get()
            return try await channel.eventLoop.submit {
                let operations = channel.pipeline.syncOperations
                try operations.addHandler(
                    NIOSSLClientHandler(context: inner, serverHostname: RelayName.serverName(serial: serial)))
                try operations.addHTTPClientHandlers()
                return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
            }.get()
        }
    }
}

/// Why a request through the relay had no usable answer.
enum TunnelFailure: Error, Sendable {
    case relayUnavailable(String)
    /// The appliance is not connected, or does not offer the service.
    case absent
    case status(Int)
    case failed(String)

    var link: ControlCenterCore.LinkFailure {
        switch self {
        case .relayUnavailable: .relayUnavailable
        case .absent: .applianceAbsent
        case .status(let status): .failed("status \(status)")
        case .failed(let reason): .failed(reason)
        }
    }

    fileprivate static func wrap<Value: Sendable>(
        orClose channel: (any Channel)? = nil, _ body: () async throws -> Value
    ) async throws(TunnelFailure) -> Value {
        do {
            return try await body()
        } catch {
            channel?.close(promise: nil)
            throw error as? TunnelFailure ?? .failed(String("\(error)".prefix(200)))
        }
    }
}

/// Sends the CONNECT and removes itself from the conversation when the relay has answered.
private final class TunnelHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: [UInt8]
    private let opened: EventLoopPromise<Void>
    private var received: [UInt8] = []
    private var isDone = false
    private var timeout: Scheduled<Void>?

    init(request: [UInt8], opened: EventLoopPromise<Void>) {
        self.request = request
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: RelayClient.patience) { channel.close(promise: nil) }
        if channel.isActive { send(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
        context.fireChannelActive()
    }

    private func send(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return context.fireChannelRead(data) }
        received += unwrapInboundIn(data).readableBytesView
        guard received.count <= 4_096 else { return fail(.failed("the relay's answer is too long"), context) }
        guard received.suffix(4).elementsEqual([13, 10, 13, 10]) else { return }
        let words = String(decoding: received.prefix { $0 != 13 }, as: UTF8.self).split(separator: " ")
        switch words.dropFirst().first.flatMap({ Int($0) }) {
        case 200?:
            isDone = true
            timeout?.cancel()
            opened.succeed(())
        case 404?, 503?: fail(.absent, context)
        case let status: fail(.failed("the relay answers \(status ?? 0)"), context)
        }
    }

    private func fail(_ failure: TunnelFailure, _ context: ChannelHandlerContext) {
        guard !isDone else { return }
        isDone = true
        timeout?.cancel()
        opened.fail(failure)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.relayUnavailable("it closed the connection"), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isDone { return context.fireErrorCaught(error) }
        fail(.relayUnavailable("\(error)"), context)
    }
}
