import Primitives
import RTP

/// Keys that are pressed towards a side, one after the other: as telephone events, or as tones to one that takes none.
struct OutgoingKeys {
    private enum Current {
        case event(KeySender)
        case tone(DigitTones)
    }
    /// What became of a tick.
    enum Tick { case silent, tone }

    private var waiting: [Digit] = []
    private var current: Current?
    /// Ticks until the next packet of an event.
    private var ticksLeft = 0
    private var ticksPerPacket = 2

    var isActive: Bool { current != nil || !waiting.isEmpty }

    /// False, and nothing queued, when too many would wait.
    mutating func press(_ digits: [Digit]) -> Bool {
        guard waiting.count + digits.count <= KeySender.queued else { return false }
        waiting += digits
        return true
    }

    /// Goes on by one tick: sends a packet that is due, or fills `heard` with a tone.
    mutating func tick(
        at now: Instant, leg: inout MediaLeg, heard: UnsafeMutableBufferPointer<Int16>, rate: Int,
        output: inout PacketBatch
    ) -> Tick {
        if current == nil { begin(leg, rate: rate) }
        switch current {
        case .event(var sender):
            ticksLeft -= 1
            guard ticksLeft <= 0 else { return .silent }
            ticksLeft = ticksPerPacket
            if let packet = sender.next(at: leg.resumption(at: now)) {
                Self.send(packet, at: now, leg: &leg, output: &output)
            }
            current = sender.isActive ? .event(sender) : nil
            if current == nil, let next = waiting.first, leg.eventPayloadType != nil {
                // The same sender goes on, and keeps the pause between two keys.
                waiting.removeFirst()
                _ = sender.press(next.event)
                current = .event(sender)
            }
            return .silent
        case .tone(var tones):
            let count = tones.read(into: heard)
            UnsafeMutableBufferPointer(rebasing: heard[count...]).update(repeating: 0)
            current = tones.isFinished ? nil : .tone(tones)
            return .tone
        case nil: return .silent
        }
    }

    private mutating func begin(_ leg: borrowing MediaLeg, rate: Int) {
        guard !waiting.isEmpty else { return }
        guard leg.eventPayloadType != nil, let description = leg.description else {
            current = .tone(DigitTones(waiting, rate: rate))
            waiting.removeAll()
            return
        }
        ticksPerPacket = max(1, Int(clamping: description.ptime.wholeMilliseconds / 10))
        var sender = KeySender(
            ptime: Room.tick * ticksPerPacket, clockRate: description.telephoneEventClockRate)
        _ = sender.press(waiting.removeFirst().event)
        ticksLeft = 0
        current = .event(sender)
    }

    private static func send(
        _ packet: KeySender.Packet, at now: Instant, leg: inout MediaLeg, output: inout PacketBatch
    ) {
        guard let destination = leg.destination, let payloadType = leg.eventPayloadType, let slot = output.reserve(),
            (try? packet.event.write(
                into: UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]))) != nil
        else { return }
        let header = leg.stream.nextHeader(
            payloadType: payloadType, timestamp: packet.timestamp, marker: packet.isFirst)
        leg.send(
            header, payloadBytes: TelephoneEvent.sizeBytes, isEvent: true, in: slot, to: destination, at: now,
            output: &output)
    }
}
