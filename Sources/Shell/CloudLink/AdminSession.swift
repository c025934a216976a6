import ApplianceCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Primitives
import Synchronization

/// One remote session (F-C10): a connection whose first request proved the pairing user to the core, and got a permit.
/// Further ones must say the same; after a wrong one nothing is answered any more.
final class AdminSession: Sendable {
    private enum State: Sendable {
        case closed
        case open(authorization: String)
    }
    private let responder: ServiceResponder
    private let counter: OutboundByteCounter
    private let state = Mutex(State.closed)

    init(responder: ServiceResponder, counter: OutboundByteCounter) {
        self.responder = responder
        self.counter = counter
    }

    func respond(to request: Request, on channel: any Channel, _ writer: consuming ResponseWriter) async throws {
        let authorization = request.headers[.authorization] ?? ""
        let known: String? = state.withLock { if case .open(let value) = $0 { value } else { nil } }
        if let known {
            guard Secret(authorization).matches(Secret(known)) else {
                let detail = "a session has one pairing user; open another connection"
                try await responder.send(.problem(status: 401, title: "not authenticated", detail: detail), writer)
                return channel.close(promise: nil)
            }
        } else if let refusal = try await open(request, authorization, channel) {
            return try await responder.send(refusal, writer)
        }
        guard let administer = responder.configuration.administer else {
            let detail = "this appliance has no administration that could be reached"
            return try await responder.send(.problem(status: 404, title: "Not Found", detail: detail), writer)
        }
        let response = try await administer(request, channel)
        try await writer.write(response: response.head, body: response.body)
    }

    /// Asks the core; nil: the session is open.
    private func open(
        _ request: Request, _ authorization: String, _ channel: any Channel
    ) async throws -> ServiceReply? {
        let credentials: Credentials
        do {
            credentials = try responder.credentials(request)
        } catch {
            return .problem(status: error.status, title: error.title, detail: error.detail)
        }
        let (id, reply) = try await responder.desk.ask(.adminSession(credentials)).get()
        guard case .adminSession = reply else { return reply }
        state.withLock { $0 = .open(authorization: authorization) }
        let (desk, counter) = (responder.desk, counter)
        // Also when it is gone by now.
        channel.closeFuture.whenComplete { _ in desk.sessionEnded(id, bytesSent: counter.count) }
        return nil
    }
}

/// Counts what is written between a protocol and the TLS below it.
final class OutboundByteCounter: Sendable {
    private let total = Mutex<Int64>(0)

    var count: Int64 { total.withLock { $0 } }

    var handler: any ChannelHandler { Handler(self) }

    private func add(_ bytes: Int) { total.withLock { $0 += Int64(bytes) } }

    private final class Handler: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let counter: OutboundByteCounter
        init(_ counter: OutboundByteCounter) { self.counter = counter }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            counter.add(unwrapOutboundIn(data).readableBytes)
            context.write(data, promise: promise)
        }
    }
}
