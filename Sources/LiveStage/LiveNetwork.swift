import CSockets
import Primitives
import Simulation

/// The telephones' sockets on loopback, and the clock: datagrams are delivered while somebody waits.
final class LiveNetwork {
    private struct Socket {
        let descriptor: Int32
        let endpoint: Endpoint
        let sink: ([UInt8], Endpoint) -> Void
    }

    private static let batchSize: Int32 = 32
    private static let datagramBytes = 4_096
    private let poll = csockets_epoll()
    private let received = csockets_batch_create(batchSize, datagramBytes)
    private let sent = csockets_batch_create(1, 0)
    private var sockets: [UInt64: Socket] = [:]
    private var tokens: [Endpoint: UInt64] = [:]
    private var nextToken: UInt64 = 1
    private var ready = [UInt64](repeating: 0, count: 64)

    deinit {
        for socket in sockets.values { csockets_close(socket.descriptor) }
        csockets_close(poll)
        csockets_batch_destroy(received)
        csockets_batch_destroy(sent)
    }

    /// `CLOCK_MONOTONIC`.
    var now: Instant { Instant(nanoseconds: csockets_monotonic()) }

    /// A socket at that address; port 0: any. Nil when the port is taken.
    func bind(_ endpoint: Endpoint, _ sink: @escaping ([UInt8], Endpoint) -> Void) -> Endpoint? {
        var address = csockets_address(endpoint)
        let descriptor = csockets_udp(&address, 0)
        guard descriptor >= 0 else { return nil }
        let bound = Endpoint(address: endpoint.address, port: UInt16(clamping: csockets_local_port(descriptor)))
        let token = nextToken
        nextToken += 1
        guard csockets_epoll_add(poll, descriptor, token) >= 0 else {
            csockets_close(descriptor)
            return nil
        }
        sockets[token] = Socket(descriptor: descriptor, endpoint: bound, sink: sink)
        tokens[bound] = token
        return bound
    }

    func close(_ endpoint: Endpoint) {
        guard let token = tokens.removeValue(forKey: endpoint), let socket = sockets.removeValue(forKey: token) else {
            return
        }
        _ = csockets_epoll_remove(poll, socket.descriptor)
        csockets_close(socket.descriptor)
    }

    func send(_ bytes: [UInt8], from source: Endpoint, to destination: Endpoint) {
        guard let token = tokens[source], let socket = sockets[token], let sent else { return }
        var address = csockets_address(destination)
        bytes.withUnsafeBytes { datagram in
            csockets_set(sent, 0, datagram.baseAddress, datagram.count, &address)
            _ = csockets_send(socket.descriptor, sent, 0, 1)
        }
    }

    /// Waits at most `milliseconds` for datagrams, and delivers what there is.
    func deliver(within milliseconds: Int32) {
        let count = csockets_epoll_wait(poll, &ready, Int32(ready.count), milliseconds)
        guard count > 0, let received else { return }
        for token in ready[..<Int(count)] {
            guard let socket = sockets[token] else { continue }
            let datagrams = csockets_receive(socket.descriptor, received)
            guard datagrams > 0 else { continue }
            for index in 0..<datagrams {
                var source = csockets_address()
                guard csockets_received_source(received, index, &source) == 0,
                    let bytes = csockets_received_bytes(received, index)
                else { continue }
                let size = csockets_received_size(received, index)
                socket.sink(Array(UnsafeRawBufferPointer(start: bytes, count: size)), source.endpoint)
            }
        }
    }
}

extension csockets_address {
    init(_ endpoint: Endpoint) {
        switch endpoint.address {
        case .v4(let bits): self.init(high: 0, low: UInt64(bits), port: endpoint.port, isV6: 0)
        case .v6(let high, let low): self.init(high: high, low: low, port: endpoint.port, isV6: 1)
        }
    }

    var endpoint: Endpoint {
        let address = isV6 != 0 ? IPAddress.v6(high, low) : .v4(UInt32(truncatingIfNeeded: low))
        return Endpoint(address: address, port: port)
    }
}
