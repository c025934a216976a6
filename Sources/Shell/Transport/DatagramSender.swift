import CSockets
import Glibc
import Primitives

/// Datagrams on their way out of one socket: collected during one turn of the loop, sent by one `sendmmsg`.
///
/// The bytes are copied into one buffer, so nothing is allocated for a datagram. Confined to the loop. The descriptor is
/// another's: after `end` it is not touched.
final class DatagramSender {
    enum Flushing {
        case done
        /// The socket takes no more for the moment: flush again in a while.
        case blocked
    }

    private static let capacity = 64
    private static let bufferBytes = 524_288

    private var descriptor: Int32
    private let batch: OpaquePointer
    private let buffer: UnsafeMutableRawPointer
    /// The datagrams `first ..< count` wait; their bytes end at `usedBytes`.
    private var first: Int32 = 0
    private var count: Int32 = 0
    private var usedBytes = 0

    /// Nil without memory.
    init?(descriptor: Int32) {
        guard let batch = csockets_batch_create(Int32(Self.capacity), 0) else { return nil }
        self.descriptor = descriptor
        self.batch = batch
        buffer = .allocate(byteCount: Self.bufferBytes, alignment: 16)
    }

    deinit {
        csockets_batch_destroy(batch)
        buffer.deallocate()
    }

    var isEmpty: Bool { first == count }

    func end() { descriptor = -1 }

    /// How full the receive buffer of the socket is, and what it had no room for since it was made; nil when it cannot
    /// be known.
    func measureBacklog() -> (thousandths: Int, drops: UInt32)? {
        guard descriptor >= 0 else { return nil }
        var drops: UInt32 = 0
        let fill = csockets_receive_backlog(descriptor, &drops)
        return fill < 0 ? nil : (Int(fill), drops)
    }

    /// False when it could not be taken: the buffer is full although everything that could be sent has been. `source` is
    /// wanted where the socket is bound to all addresses. `lost` as for `flush`.
    func append(_ bytes: [UInt8], to remote: Endpoint, from source: IPAddress?, lost: inout Int) -> Bool {
        if count == Self.capacity || usedBytes + bytes.count > Self.bufferBytes { _ = flush(lost: &lost) }
        guard count < Self.capacity, usedBytes + bytes.count <= Self.bufferBytes, descriptor >= 0 else { return false }
        let place = buffer + usedBytes
        bytes.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { place.copyMemory(from: base, byteCount: bytes.count) }
        }
        var address = csockets_address(remote.address, port: remote.port)
        csockets_set(batch, count, place, bytes.count, &address)
        if let source {
            var local = csockets_address(source, port: 0)
            guard csockets_set_source(batch, count, &local) == 0 else { return false }
        }
        count += 1
        usedBytes += bytes.count
        return true
    }

    /// Sends what waits. A datagram that the system refuses (no route, too large) is left out and added to `lost`.
    func flush(lost: inout Int) -> Flushing {
        while first < count, descriptor >= 0 {
            let sent = csockets_send(descriptor, batch, first, count - first)
            if sent > 0 {
                first += sent
            } else if sent == -EAGAIN || sent == -ENOBUFS {
                return .blocked
            } else if sent != -EINTR {
                first += 1
                lost += 1
            }
        }
        (first, count, usedBytes) = (0, 0, 0)
        return .done
    }
}

extension csockets_address {
    init(_ address: IPAddress, port: UInt16) {
        switch address {
        case .v4(let bits): self.init(high: 0, low: UInt64(bits), port: port, isV6: 0)
        case .v6(let high, let low): self.init(high: high, low: low, port: port, isV6: 1)
        }
    }
}
