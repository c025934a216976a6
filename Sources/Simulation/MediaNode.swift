import Media
import OpusCodec
import Primitives

/// What carries the media of a simulated appliance.
enum MediaKind {
    /// Sessions, codecs and packets.
    case real
    /// `MediaModel`: who would hear whom, and no packets.
    case model
}

/// The media workers as the appliance's core sees them.
protocol SimulatedMedia: AnyObject {
    var onEvent: (MediaEvent) -> Void { get set }
    var sessionCount: Int { get }
    /// What would still wake up.
    var nextDeadline: Instant? { get }
    func run(_ command: MediaCommand)
    func cutPower()
}

/// The media worker of a simulated appliance: the real `MediaGraph` over virtual sockets.
final class MediaNode: SimulatedMedia {
    private struct Ports {
        let a: UInt16
        let b: UInt16

        subscript(side: MediaSide) -> UInt16 { side == .a ? a : b }
    }

    unowned let world: World
    var onEvent: (MediaEvent) -> Void = { _ in }
    private var graph: MediaGraph
    /// By the graph's slots.
    private var ports: [Ports?] = []
    private var pool = PortPool(range: 16_384...16_583)
    private var armed: Instant?
    private(set) var relayedPackets = 0

    init(world: World) {
        self.world = world
        graph = Self.makeGraph(world)
    }

    private static func makeGraph(_ world: World) -> MediaGraph {
        MediaGraph(codecs: LibraryCodecs(opus: OpusEncoder.Options(complexity: 1)), entropy: world.fork())
    }

    var sessionCount: Int { graph.sessionCount }

    /// What the graph would still wake up for.
    var nextDeadline: Instant? { graph.nextDeadline }

    func cutPower() {
        for slot in ports.indices { release(slot) }
        ports.removeAll()
        graph = Self.makeGraph(world)
    }

    func run(_ command: MediaCommand) {
        switch command {
        case .open(let id), .openForHelp(let id): open(id)
        case .close(let id): close(id)
        case .configure(let id, let side, let description):
            world.note(
                "media \(id.value) \(side) \(description.codec.rawValue) to \(description.remote.map { "\($0)" } ?? "nobody")"
            )
            graph.handle(command, at: world.now)
        default: graph.handle(command, at: world.now)
        }
        tell()
        arm()
    }

    private func open(_ id: MediaSessionID) {
        guard let portA = pool?.take(at: world.now), let portB = pool?.take(at: world.now) else {
            return event(.failed(id, .noPortFree))
        }
        world.note("media \(id.value) opens ports \(portA) and \(portB)")
        let slot = graph.open(id, at: world.now)
        while ports.count <= slot { ports.append(nil) }
        ports[slot] = Ports(a: portA, b: portB)
        for side in MediaSide.allCases {
            let port = side == .a ? portA : portB
            for offset in [UInt16(0), 1] {
                world.bind(local(port + offset)) { [unowned self] bytes, source in
                    receive(bytes, isRTCP: offset == 1, from: source, slot: slot, side)
                }
            }
        }
        event(.opened(id, portA: portA, portB: portB))
    }

    private func local(_ port: UInt16) -> Endpoint { Endpoint(address: ApplianceNode.address, port: port) }

    private func receive(_ bytes: [UInt8], isRTCP: Bool, from source: Endpoint, slot: Int, _ side: MediaSide) {
        relayedPackets += 1
        var batch = PacketBatch()
        var bytes = bytes
        bytes.withUnsafeMutableBytes { datagram in
            if isRTCP {
                graph.receiveRTCP(datagram, from: source, slot: slot, side: side, at: world.now)
            } else {
                graph.receiveRTP(datagram, from: source, slot: slot, side: side, at: world.now, output: &batch)
            }
        }
        flush(batch)
        tell()
        arm()
    }

    private func flush(_ batch: borrowing PacketBatch) {
        for (entry, bytes) in batch.datagrams() {
            guard let port = ports[entry.slot]?[entry.side] else { continue }
            world.send(bytes, from: local(port + (entry.isRTCP ? 1 : 0)), to: entry.destination)
        }
    }

    private func arm() {
        guard let deadline = graph.nextDeadline else { return }
        if let armed, armed <= deadline, armed >= world.now { return }
        armed = deadline
        world.at(deadline) { [unowned self] in
            guard armed == deadline else { return }
            armed = nil
            while let due = graph.nextDeadline, due <= world.now {
                var batch = PacketBatch()
                graph.handleDeadline(at: world.now, output: &batch)
                flush(batch)
            }
            tell()
            arm()
        }
    }

    private func close(_ id: MediaSessionID) {
        var batch = PacketBatch()
        guard let slot = graph.close(id, at: world.now, output: &batch) else { return }
        flush(batch)
        release(slot)
    }

    private func release(_ slot: Int) {
        guard let pair = ports[slot] else { return }
        ports[slot] = nil
        for side in MediaSide.allCases {
            world.unbind(local(pair[side]))
            world.unbind(local(pair[side] + 1))
            pool?.release(pair[side], at: world.now)
        }
    }

    private func tell() {
        for told in graph.takeEvents() {
            if case .closed(let id, let a, let b) = told {
                world.note(
                    "media \(id.value) closed, a received \(a.packetsReceived) lost \(a.packetsLost), "
                        + "b received \(b.packetsReceived) lost \(b.packetsLost)")
            }
            event(told)
        }
    }

    private func event(_ event: MediaEvent) {
        world.after(.microseconds(200)) { [unowned self] in onEvent(event) }
    }
}
