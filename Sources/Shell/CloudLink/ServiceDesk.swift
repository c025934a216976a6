import ApplianceCore
import CloudMessages
import CloudWire
import NIOCore
import Primitives

/// Matches the core's replies with the streams that wait for them.
///
/// `@unchecked Sendable`: confined to `eventLoop`.
final class ServiceDesk: @unchecked Sendable {
    /// The core answers from memory or after a transaction; later than this it will not.
    static let patience = TimeAmount.seconds(30)

    /// A call data stream's queue: bounded, and `overflow` ends it (the consumer comes back with its cursor).
    typealias Events = AsyncStream<ByteBuffer>

    private struct Waiting {
        let promise: EventLoopPromise<ServiceReply>
        let timeout: Scheduled<Void>
    }

    private let eventLoop: any EventLoop
    private let limits: Limits
    private let sink: @Sendable (Input) -> Void
    private var nextID: UInt64 = 1
    private var waiting: [ServiceRequestID: Waiting] = [:]
    private var streams: [ServiceRequestID: Events.Continuation] = [:]

    init(eventLoop: any EventLoop, limits: Limits, sink: @escaping @Sendable (Input) -> Void) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.sink = sink
    }

    /// Hands a request to the core. The future completes with its reply, or a 503 after `patience`.
    func ask(_ request: ServiceRequest) -> EventLoopFuture<(ServiceRequestID, ServiceReply)> {
        eventLoop.flatSubmit { [self] in
            let id = ServiceRequestID(nextID)
            nextID += 1
            guard waiting.count < limits.uplinkStreams else {
                return eventLoop.makeSucceededFuture((id, Self.overload))
            }
            let promise = eventLoop.makePromise(of: ServiceReply.self)
            let timeout = eventLoop.scheduleTask(in: Self.patience) { [self] in expire(id) }
            waiting[id] = Waiting(promise: promise, timeout: timeout)
            sink(.service(id, request))
            return promise.futureResult.map { (id, $0) }
        }
    }

    /// The stream of events that follows a `.callDataStream` reply.
    func events(of id: ServiceRequestID) -> EventLoopFuture<Events?> {
        eventLoop.submit { [self] in
            guard let stream = pendingStreams.removeValue(forKey: id) else { return nil }
            return stream
        }
    }

    private var pendingStreams: [ServiceRequestID: Events] = [:]

    /// The peer went away: the core may forget the request.
    func closed(_ id: ServiceRequestID) {
        eventLoop.execute { [self] in
            pendingStreams[id] = nil
            guard let stream = streams.removeValue(forKey: id) else { return }
            stream.finish()
            sink(.serviceClosed(id))
        }
    }

    /// The connection of a session is gone, after so many bytes to the other side.
    func sessionEnded(_ id: ServiceRequestID, bytesSent: Int64) {
        eventLoop.execute { [self] in sink(.sessionEnded(id, bytesSent: bytesSent)) }
    }

    func reply(_ reply: ServiceReply, to id: ServiceRequestID) {
        // Nobody waits any more: the core must not keep a call data stream for it.
        guard let request = waiting.removeValue(forKey: id) else { return sink(.serviceClosed(id)) }
        request.timeout.cancel()
        if case .callDataStream = reply {
            // Room for all that the core may queue, and keep-alives. What does not fit ends the stream, it is not lost.
            let (stream, continuation) = Events.makeStream(
                bufferingPolicy: .bufferingOldest(limits.callRecordQueue + 16))
            streams[id] = continuation
            pendingStreams[id] = stream
        }
        request.promise.succeed(reply)
    }

    private func expire(_ id: ServiceRequestID) {
        reply(Self.overload, to: id)
        sink(.serviceClosed(id))
    }

    func event(_ record: CallRecord, on id: ServiceRequestID) {
        guard let stream = streams[id], let event = try? ServerSentEvent(record) else { return }
        guard case .enqueued = stream.yield(ByteBuffer(bytes: event.encoded)) else { return closed(id) }
    }

    func keepAlive(_ id: ServiceRequestID) {
        eventLoop.execute { [self] in _ = streams[id]?.yield(ByteBuffer(bytes: ServerSentEvent.keepAlive)) }
    }

    func end(_ id: ServiceRequestID) {
        pendingStreams[id] = nil
        streams.removeValue(forKey: id)?.finish()
    }

    private static let overload = ServiceReply.problem(
        status: 503, title: "Service Unavailable", detail: "the appliance did not answer in time; try again in a minute"
    )
}
