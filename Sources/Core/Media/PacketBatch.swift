package import Primitives

/// Outgoing datagrams in one block of memory that the caller allocates once and flushes again and again.
///
/// The bytes of a datagram stay where they are until `removeAll`, so that a batched system call may point at them.
package struct PacketBatch: ~Copyable {
    /// What to send where.
    package struct Entry: Sendable {
        /// Which session's, by the number that `PacketBatch.slot` had.
        package var slot: Int
        package var side: MediaSide
        /// Goes out of the RTCP socket of `side`; a report that shares the RTP port does not.
        package var isRTCP: Bool
        package var destination: Endpoint
        package var size: Int

        /// Whether both go out of the same socket.
        package func isFromSocket(of other: Entry) -> Bool {
            slot == other.slot && side == other.side && isRTCP == other.isRTCP
        }
    }

    /// The most datagrams one input to a `MediaSession` can make: 240 ms in 10 ms packets, and some air.
    package static let roomForOneInput = 40

    package let capacity: Int
    package let packetBytes: Int
    package private(set) var count = 0
    /// The session whose packets come next; whoever feeds several sets it.
    package var slot = 0
    /// Datagrams that found no room since the batch was made.
    package private(set) var overflowCount: UInt64 = 0
    private let slab: UnsafeMutableRawPointer
    private let entries: UnsafeMutablePointer<Entry>

    package init(capacity: Int = 64, packetBytes: Int = Limits().rtpPacketBytes) {
        precondition(capacity > 0 && packetBytes > 0, "a batch needs room for one packet")
        self.capacity = capacity
        self.packetBytes = packetBytes
        slab = .allocate(byteCount: capacity * packetBytes, alignment: 16)
        entries = .allocate(capacity: capacity)
    }

    deinit {
        slab.deallocate()
        entries.deallocate()
    }

    package var hasRoomForOneInput: Bool { capacity - count >= Self.roomForOneInput }

    /// Where to write the next datagram; nil, and counted, when there is no room. Nothing is kept until `commit`.
    package mutating func reserve() -> UnsafeMutableRawBufferPointer? {
        guard count < capacity else {
            overflowCount += 1
            return nil
        }
        return UnsafeMutableRawBufferPointer(start: slab + count * packetBytes, count: packetBytes)
    }

    /// Keeps the first `size` bytes of what `reserve` gave.
    package mutating func commit(size: Int, side: MediaSide, isRTCP: Bool = false, to destination: Endpoint) {
        precondition(count < capacity && size <= packetBytes, "commit follows a successful reserve")
        (entries + count).initialize(
            to: Entry(slot: slot, side: side, isRTCP: isRTCP, destination: destination, size: size))
        count += 1
    }

    package func entry(_ index: Int) -> Entry {
        precondition(index >= 0 && index < count, "no such packet")
        return entries[index]
    }

    /// The bytes of a datagram, valid until `removeAll`.
    package func bytes(_ index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < count, "no such packet")
        return UnsafeRawBufferPointer(start: slab + index * packetBytes, count: entries[index].size)
    }

    package mutating func removeAll() { count = 0 }

    /// A copy of everything, for a virtual network that keeps datagrams; allocates.
    package func datagrams() -> [(entry: Entry, bytes: [UInt8])] {
        (0..<count).map { (entry($0), Array(bytes($0))) }
    }
}
