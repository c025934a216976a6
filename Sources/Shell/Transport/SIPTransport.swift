package import NIOCore
import NIOPosix
package import NIOSSL
package import Primitives
package import SIPTransaction

/// SIP over UDP, TCP and TLS on one event loop (RFC 3261 section 18, RFC 5626 keep-alives).
///
/// Delivers messages and closed flows to `sink` on the loop. Unless an `async` method, everything is called on the
/// loop. What is sent while the loop handles one event goes out in one system call where the socket allows it.
///
/// A stream flow that names no connection is a wish to reach its `remote` (and `peerName`): a connection that leads
/// there is used, else one is opened, and what is sent meanwhile waits. `.closed` of that same flow says that it failed.
///
/// `@unchecked Sendable`: all mutable state is confined to `eventLoop`, which every method asserts.
package final class SIPTransport: @unchecked Sendable {
    package let eventLoop: any EventLoop
    let limits: Limits
    private let sink: @Sendable (SIPTransportEvent) -> Void
    /// What connections that we open over TLS trust and present; nil: none can be opened.
    package var clientTLS: NIOSSLContext?
    var sockets: [DatagramSocket] = []
    var listeners: [any Channel] = []
    var connections = ConnectionTable()
    var opening: [ConnectionTarget: OpeningConnection] = [:]
    private var unflushed: [UInt64] = []
    var isShutDown = false

    package init(
        eventLoop: any EventLoop, limits: Limits = Limits(), clientTLS: NIOSSLContext? = nil,
        sink: @escaping @Sendable (SIPTransportEvent) -> Void
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.clientTLS = clientTLS
        self.sink = sink
    }

    /// Live TCP and TLS connections.
    package var connectionCount: Int {
        eventLoop.preconditionInEventLoop()
        return connections.count
    }

    // MARK: - Listening

    /// Binds a listener and returns the address it has; port 0 lets the system pick one. `tls` is needed for `.tls`.
    ///
    /// Any number of listeners may be bound. One on `::` takes IPv6 alone, so that one on 0.0.0.0 can stand beside it.
    package func listen(
        _ transport: SIPFlow.Transport, on endpoint: Endpoint, tls: NIOSSLContext? = nil
    ) async throws(SIPTransportError) -> Endpoint {
        do {
            switch transport {
            case .udp: return try await bindDatagrams(endpoint)
            case .tcp: return try await bindStreams(.tcp, endpoint, tls: nil)
            case .tls:
                guard let tls else { throw SIPTransportError.noTLS }
                return try await bindStreams(.tls, endpoint, tls: tls)
            }
        } catch let error as SIPTransportError {
            throw error
        } catch {
            throw .cannotListen(transport, endpoint, reason: Self.reason(error))
        }
    }

    /// Closes all listeners and connections. Nothing is delivered afterwards.
    package func shutdown() async {
        let channels = try? await eventLoop.submit { [self] in
            isShutDown = true
            let channels = listeners + sockets.map(\.channel) + connections.removeAll()
            (listeners, sockets, opening) = ([], [], [:])
            return channels
        }.get()
        for channel in channels ?? [] { try? await channel.close().get() }
    }

    // MARK: - Sending

    /// Sends one message. When that cannot be, `.closed(flow)` is reported for a stream flow, never inline.
    package func send(_ bytes: [UInt8], on flow: SIPFlow) {
        eventLoop.preconditionInEventLoop()
        switch flow.transport {
        case .udp: sendDatagram(bytes, on: flow)
        case .tcp, .tls:
            if let number = flow.connection {
                if connections[number] != nil {
                    write(bytes, to: number)
                } else {
                    sendAfterClose(bytes, on: flow)
                }
            } else {
                sendAnyWay(bytes, on: flow, reporting: flow)
            }
        }
    }

    /// Closes the connection behind a flow; nothing for UDP. `.closed` follows.
    package func close(_ flow: SIPFlow) {
        eventLoop.preconditionInEventLoop()
        let number = flow.connection ?? ConnectionTarget(flow).flatMap { connections.number(leadingTo: $0) }
        if let number { connections[number]?.channel.close(promise: nil) }
    }

    /// Writes to a live connection; one flush at the end of this turn of the loop carries all that was written in it.
    func write(_ bytes: [UInt8], to number: UInt64) {
        guard let connection = connections[number] else { return }
        guard connection.channel.isWritable else {
            report(.counted(.slowPeer))
            connection.channel.close(promise: nil)
            return
        }
        connection.channel.write(connection.channel.allocator.buffer(bytes: bytes), promise: nil)
        guard connections.markUnflushed(number) else { return }
        unflushed.append(number)
        guard unflushed.count == 1 else { return }
        eventLoop.execute { [self] in
            let numbers = unflushed
            unflushed.removeAll(keepingCapacity: true)
            for number in numbers { connections.takeUnflushed(number)?.flush() }
        }
    }

    // MARK: - Reporting

    func report(_ event: SIPTransportEvent) {
        guard !isShutDown else { return }
        sink(event)
    }

    /// From within `send`, whose caller must not be called back.
    func reportLater(_ events: [SIPTransportEvent]) {
        eventLoop.execute { [self] in for event in events { report(event) } }
    }

    static func reason(_ error: any Error) -> String {
        if let error = error as? IOError { return error.description }
        return "\(error)"
    }
}
