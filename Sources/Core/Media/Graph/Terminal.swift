import Primitives
import RTP

/// What one side of a session has beyond a stream that is passed on: an ear where its voice ends, a mouth where audio of
/// our own making begins, and what listens and speaks there. It is changed where it stands, so that a tick copies nothing.
final class Terminal {
    var program = AudioProgram.peer
    /// Another session listens to what this side says.
    var isOverheard = false
    var ear: AudioPlayout?
    var mouth: AudioFramer?
    var player: Player?
    var keys = OutgoingKeys()
    var collection: DigitCollection?
    /// What the side says and hears in the present tick, as far as there is an ear and a mouth.
    let said = SampleBuffer(count: Room.samplesAtMost)
    let heard = SampleBuffer(count: Room.samplesAtMost)
    /// The program has ended within the present tick: what is begun of a packet is to be sent.
    var isFinishing = false
    /// What could not be made for the ear: not tried again.
    var failedEar: AudioCodec?
    /// Undecodable payloads that the leg knows of.
    var undecodable: UInt64 = 0

    var isInRoom: Bool {
        if case .room = program { true } else { false }
    }

    /// Whether something here wants to know what the side says; `takesEvents`: its keys come as telephone events.
    func needsEar(isRecorded: Bool, takesEvents: Bool) -> Bool {
        isInRoom || isOverheard || isRecorded || collection != nil && !takesEvents
    }

    /// Whether something is made here for the side to hear.
    var needsMouth: Bool {
        switch program {
        case .peer, .silence: keys.isActive
        case .playing, .listening: true
        case .room(_, let participation): participation.mayHear || keys.isActive
        }
    }

    /// Nothing here is of any use.
    var isIdle: Bool { program == .peer && !isOverheard && !keys.isActive && collection == nil }
}

/// Keys that a side is pressing for us, while somebody waits for them.
struct DigitCollection {
    private var collector: DigitCollector
    private var reader: TelephoneEventReader
    private var detector: InBandDigitDetector?
    /// Of `detector`.
    private var rate = 0

    init(_ rules: DigitRules, of description: MediaStreamDescription?, at now: Instant) {
        collector = DigitCollector(rules, at: now)
        let clock = description.map { TelephoneEventClock($0) } ?? TelephoneEventClock(audio: 8_000, event: 8_000)
        reader = TelephoneEventReader(clock)
    }

    var nextDeadline: Instant? { collector.nextDeadline }

    /// A key that begins with this packet.
    mutating func read(_ payload: UnsafeRawBufferPointer, _ header: RTPHeader) -> Digit? {
        guard let event = try? TelephoneEvent(parsing: payload) else { return nil }
        let reading = reader.read(event, header)
        return reading.isNew ? reading.digit : nil
    }

    /// A key that is heard in the audio.
    mutating func listen(_ pcm: UnsafeBufferPointer<Int16>, rate: Int) -> Digit? {
        if detector == nil || self.rate != rate {
            detector = InBandDigitDetector(rate: rate)
            self.rate = rate
        }
        return detector?.process(pcm)
    }

    mutating func take(_ digit: Digit, at now: Instant) -> DigitCollector.Outcome? { collector.take(digit, at: now) }

    mutating func handleDeadline(at now: Instant) -> DigitCollector.Outcome? { collector.handleDeadline(at: now) }
}

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
