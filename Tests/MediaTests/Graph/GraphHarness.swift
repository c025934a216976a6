import Media
import Primitives
import RTP

/// A graph with telephones at the ends of its sessions, under virtual time.
final class GraphHarness {
    /// One telephone: says a tone, keeps what it hears.
    final class Phone {
        let session: MediaSessionID
        let side: MediaSide
        let slot: Int
        let endpoint: Endpoint
        private(set) var description: MediaStreamDescription
        /// Hz, at 16 kHz for a wideband codec.
        let rate: Int
        var sender: RTPSender
        var receiver: RTPReceiver
        var tone: ToneGenerator?
        /// Said instead of the tone, as long as it lasts.
        var script: [Int16] = []
        var isSending = true
        var due: Instant
        private(set) var heard: [Int16] = []
        /// Everything that came, in its order.
        private(set) var headers: [(header: RTPHeader, at: Instant)] = []
        private(set) var keys: [UInt8] = []

        init(
            _ session: MediaSessionID, _ side: MediaSide, slot: Int, _ description: MediaStreamDescription,
            hertz: Double?, amplitude: Double, entropy: inout Entropy, at now: Instant
        ) throws {
            self.session = session
            self.side = side
            self.slot = slot
            self.description = description
            endpoint = description.remote ?? Endpoint("192.0.2.1:1")!
            rate = description.codec.sampleRate
            due = now
            let codecs = BuiltInCodecs()
            sender = RTPSender(
                codec: description.codec, payloadType: description.payloadType,
                telephoneEventPayloadType: description.telephoneEventPayloadType, ptime: description.ptime,
                encoder: try codecs.makeEncoder(description.codec, rate: rate), entropy: &entropy)
            receiver = RTPReceiver(
                codec: description.codec, payloadType: description.payloadType,
                telephoneEventPayloadType: description.telephoneEventPayloadType,
                decoder: try codecs.makeDecoder(description.codec, rate: rate))
            tone = hertz.map { ToneGenerator(frequency: $0, amplitude: amplitude, rate: rate) }
        }

        fileprivate func next(at now: Instant) -> [UInt8]? {
            let count = sender.frameSamples
            var frame = tone?.samples(count) ?? [Int16](repeating: 0, count: count)
            if !script.isEmpty {
                let said = min(count, script.count)
                frame = Array(script[..<said]) + [Int16](repeating: 0, count: count - said)
                script.removeFirst(said)
            }
            return sender.packet(frame, at: now)
        }

        fileprivate func receive(_ bytes: [UInt8], at now: Instant) {
            bytes.withUnsafeBytes { if let header = try? RTPHeader(parsing: $0) { headers.append((header, now)) } }
            if case .event(let key) = receiver.receive(bytes, at: now) { keys.append(key) }
        }

        fileprivate func listen(_ milliseconds: Int, at now: Instant) {
            heard += receiver.read(rate * milliseconds / 1_000, at: now).pcm
        }

        /// The amplitude of a tone in the last 200 ms that were heard.
        func amplitude(_ hertz: Double) -> Double { Spectrum.amplitude(heard.suffix(rate / 5), hertz, rate: rate) }

        func forget() {
            heard.removeAll()
            headers.removeAll()
        }
    }

    static let step = 10
    var graph: MediaGraph
    var entropy = Entropy(SeededGenerator(seed: 5))
    var now = Instant.origin + .seconds(1_000)
    private(set) var phones: [Phone] = []
    private(set) var events: [MediaEvent] = []
    private var batch = PacketBatch()
    private(set) var packetsSent = 0

    init(limits: Limits = Limits(), seed: UInt64 = 3) {
        graph = MediaGraph(codecs: BuiltInCodecs(), limits: limits, entropy: Entropy(SeededGenerator(seed: seed)))
    }

    @discardableResult
    func open(_ id: UInt64) -> Int { graph.open(MediaSessionID(id), at: now) }

    /// Configures a side and puts a telephone there.
    @discardableResult
    func phone(
        _ id: UInt64, _ side: MediaSide = .a, _ codec: AudioCodec = .pcma, hertz: Double? = nil,
        amplitude: Double = 2_000, ptime: Int = 20, events: UInt8? = nil
    ) throws -> Phone {
        let session = MediaSessionID(id)
        let slot = graph.slot(of: session) ?? open(id)
        let port = 4_000 + 10 * slot + (side == .a ? 0 : 4)
        let description = MediaStreamDescription(
            remote: Endpoint("192.0.2.1:\(port)")!, codec: codec, payloadType: codec.staticPayloadType ?? 111,
            telephoneEventPayloadType: events, ptime: .milliseconds(ptime))
        command(.configure(session, side, description))
        let phone = try Phone(
            session, side, slot: slot, description, hertz: hertz, amplitude: amplitude, entropy: &entropy, at: now)
        phones.removeAll { $0.session == session && $0.side == side }
        phones.append(phone)
        return phone
    }

    func command(_ command: MediaCommand) {
        graph.handle(command, at: now)
        drain()
    }

    func hear(_ id: UInt64, _ side: MediaSide = .a, _ program: AudioProgram) {
        command(.hear(MediaSessionID(id), side, program))
    }

    @discardableResult
    func close(_ id: UInt64) -> Int? {
        let slot = graph.close(MediaSessionID(id), at: now, output: &batch)
        phones.removeAll { $0.session == MediaSessionID(id) }
        drain()
        return slot
    }

    /// Moves a session to another graph; its slot there.
    func move(_ id: UInt64, to other: GraphHarness) -> Int? {
        guard let slot = graph.slot(of: MediaSessionID(id)), let session = graph.take(slot: slot, at: now) else {
            return nil
        }
        phones.removeAll { $0.slot == slot }
        defer { other.drain() }
        return other.graph.adopt(session, at: other.now)
    }

    /// Events that came since they were taken last.
    func takeEvents() -> [MediaEvent] {
        defer { events.removeAll() }
        return events
    }

    /// Lets time pass: telephones speak and listen, the graph does what is due.
    func run(_ milliseconds: Int) {
        for _ in 0..<milliseconds / Self.step {
            for phone in phones where phone.due <= now {
                phone.due = phone.due + phone.sender.ptime
                guard var bytes = phone.next(at: now), phone.isSending else { continue }
                bytes.withUnsafeMutableBytes {
                    graph.receiveRTP(
                        $0, from: phone.endpoint, slot: phone.slot, side: phone.side, at: now, output: &batch)
                }
                drain()
            }
            runDeadlines()
            for phone in phones { phone.listen(Self.step, at: now) }
            now = now + .milliseconds(Self.step)
        }
    }

    func runDeadlines() {
        while let due = graph.nextDeadline, due <= now {
            graph.handleDeadline(at: now, output: &batch)
            drain()
        }
    }

    private func drain() {
        for (entry, bytes) in batch.datagrams() where !entry.isRTCP {
            packetsSent += 1
            phones.first { $0.slot == entry.slot && $0.side == entry.side }?.receive(bytes, at: now)
        }
        batch.removeAll()
        events += graph.takeEvents()
    }
}

/// What a stretch of samples is made of.
enum Spectrum {
    /// The amplitude of a sine wave at `hertz` (Goertzel behind a Hann window).
    static func amplitude(_ pcm: some Collection<Int16>, _ hertz: Double, rate: Int) -> Double {
        guard !pcm.isEmpty else { return 0 }
        var window = ToneGenerator(frequency: Double(rate) / Double(pcm.count), amplitude: 16_384, rate: rate)
        // The window is a raised cosine: a quarter turn ahead of the generator's sine.
        let turns = window.samples(pcm.count + pcm.count / 4 + 1)
        var reference = ToneGenerator(frequency: hertz, amplitude: 16_384, rate: rate)
        let waves = reference.samples(pcm.count + 1)
        var quadrature = ToneGenerator(frequency: hertz, amplitude: 16_384, rate: rate)
        let shift = max(1, Int((Double(rate) / hertz / 4).rounded()))
        let shifted = Array(quadrature.samples(pcm.count + shift).dropFirst(shift))
        let angle = Double(shift) * hertz / Double(rate) * 2 * Double.pi
        var sine = 0.0
        var late = 0.0
        var sum = 0.0
        for (index, sample) in pcm.enumerated() {
            let weight = (1 - Double(turns[index + pcm.count / 4]) / 16_384) / 2
            sine += Double(sample) * weight * Double(waves[index]) / 16_384
            late += Double(sample) * weight * Double(shifted[index]) / 16_384
            sum += weight
        }
        // shifted = sin(x + angle), so that the cosine's part follows.
        let (cosAngle, sinAngle) = circle(angle)
        let cosine = (late - sine * cosAngle) / sinAngle
        return 2 * (sine * sine + cosine * cosine).squareRoot() / sum
    }

    private static func circle(_ angle: Double) -> (Double, Double) {
        var cosine = 1.0
        var sine = angle
        var term = 1.0
        var odd = angle
        for step in 1...12 {
            term *= -angle * angle / Double((2 * step - 1) * 2 * step)
            odd *= -angle * angle / Double(2 * step * (2 * step + 1))
            cosine += term
            sine += odd
        }
        return (cosine, sine)
    }

    /// The largest step between two samples.
    static func largestStep(_ pcm: some Collection<Int16>) -> Int {
        zip(pcm, pcm.dropFirst()).map { abs(Int($0) - Int($1)) }.max() ?? 0
    }
}
