import Media
import OpusCodec
import Primitives

/// The media workers of a simulated appliance: the real `MediaSession` over virtual sockets.
final class MediaNode {
    private struct Slot {
        var session: MediaSession
        let portA: UInt16
        let portB: UInt16
        var armed: Instant?

        func port(_ side: MediaSide) -> UInt16 { side == .a ? portA : portB }
    }

    unowned let world: World
    var onEvent: (MediaEvent) -> Void = { _ in }
    private var slots: [MediaSessionID: Slot] = [:]
    private var pool = PortPool(range: 16_384...16_583)
    private var entropy: Entropy
    private let codecs = LibraryCodecs(opus: OpusEncoder.Options(complexity: 1))
    private(set) var relayedPackets = 0

    init(world: World) {
        self.world = world
        entropy = world.fork()
    }

    var sessionCount: Int { slots.count }

    func cutPower() {
        for id in slots.keys.sorted() { release(id) }
    }

    func run(_ command: MediaCommand) {
        switch command {
        case .open(let id): open(id)
        case .configure(let id, let side, let description):
            world.note(
                "media \(id.value) \(side) \(description.codec.rawValue) to \(description.remote.map { "\($0)" } ?? "nobody")"
            )
            do { try slots[id]?.session.configure(side, description, entropy: &entropy, at: world.now) } catch {
                event(.failed(id, error))
            }
        case .setEcho(let id):
            do { try slots[id]?.session.setEcho() } catch { event(.failed(id, error)) }
        case .hear(let id, _, _), .record(let id, _, _), .stopRecording(let id, _), .collect(let id, _, _),
            .stopCollecting(let id, _), .sendDigits(let id, _, _):
            event(.refused(id, .unavailable))
        case .gate: break
        case .close(let id): close(id)
        }
        if let id = command.session { arm(id) }
    }

    private func open(_ id: MediaSessionID) {
        guard let portA = pool?.take(at: world.now), let portB = pool?.take(at: world.now) else {
            return event(.failed(id, .noPortFree))
        }
        world.note("media \(id.value) opens ports \(portA) and \(portB)")
        slots[id] = Slot(
            session: MediaSession(id: id, codecs: codecs, entropy: &entropy, at: world.now), portA: portA, portB: portB)
        for side in MediaSide.allCases {
            let port = side == .a ? portA : portB
            for offset in [UInt16(0), 1] {
                world.bind(local(port + offset)) { [unowned self] bytes, source in
                    receive(bytes, isRTCP: offset == 1, from: source, session: id, side)
                }
            }
        }
        event(.opened(id, portA: portA, portB: portB))
    }

    private func local(_ port: UInt16) -> Endpoint { Endpoint(address: ApplianceNode.address, port: port) }

    private func receive(
        _ bytes: [UInt8], isRTCP: Bool, from source: Endpoint, session id: MediaSessionID, _ side: MediaSide
    ) {
        guard slots[id] != nil else { return }
        relayedPackets += 1
        var batch = PacketBatch()
        bytes.withUnsafeBytes { datagram in
            if isRTCP {
                slots[id]?.session.receiveRTCP(datagram, from: source, on: side, at: world.now)
            } else {
                slots[id]?.session.receiveRTP(datagram, from: source, on: side, at: world.now, output: &batch)
            }
        }
        flush(batch, of: id)
        arm(id)
    }

    private func flush(_ batch: borrowing PacketBatch, of id: MediaSessionID) {
        guard let slot = slots[id] else { return }
        for (entry, bytes) in batch.datagrams() {
            let port = slot.port(entry.side) + (entry.isRTCP ? 1 : 0)
            world.send(bytes, from: local(port), to: entry.destination)
        }
    }

    private func arm(_ id: MediaSessionID) {
        guard let deadline = slots[id]?.session.nextDeadline else { return }
        if let armed = slots[id]?.armed, armed <= deadline, armed >= world.now { return }
        slots[id]?.armed = deadline
        world.at(deadline) { [unowned self] in
            guard slots[id]?.armed == deadline else { return }
            slots[id]?.armed = nil
            var batch = PacketBatch()
            let silent = slots[id]?.session.handleDeadline(at: world.now, output: &batch) ?? []
            flush(batch, of: id)
            for side in silent { event(.silent(id, side)) }
            for event in slots[id]?.session.takeEvents(at: world.now) ?? [] { self.event(event) }
            arm(id)
        }
    }

    private func close(_ id: MediaSessionID) {
        guard slots[id] != nil else { return }
        var batch = PacketBatch()
        slots[id]?.session.close(at: world.now, output: &batch)
        flush(batch, of: id)
        guard let slot = slots[id] else { return }
        let a = slot.session.statistics(of: .a)
        let b = slot.session.statistics(of: .b)
        release(id)
        world.note(
            "media \(id.value) closed, a received \(a.packetsReceived) lost \(a.packetsLost), "
                + "b received \(b.packetsReceived) lost \(b.packetsLost)")
        event(.closed(id, a: a, b: b))
    }

    private func release(_ id: MediaSessionID) {
        guard let slot = slots.removeValue(forKey: id) else { return }
        for side in MediaSide.allCases {
            world.unbind(local(slot.port(side)))
            world.unbind(local(slot.port(side) + 1))
            pool?.release(slot.port(side), at: world.now)
        }
    }

    private func event(_ event: MediaEvent) {
        world.after(.microseconds(200)) { [unowned self] in onEvent(event) }
    }
}
