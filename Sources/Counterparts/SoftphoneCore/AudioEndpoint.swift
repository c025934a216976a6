package import Media
package import Primitives
import RTP

/// Where a telephone's audio begins and ends: a tone (or given samples) goes out, what comes in is measured.
///
/// Pure: whoever owns the sockets calls `tick` every `ptime` and hands over what arrives. Not `Sendable`; it lives where
/// it was made.
package struct AudioEndpoint {
    /// What one call's audio came to.
    package struct Report: Sendable, Equatable {
        package var packetsSent: UInt64 = 0
        package var packetsReceived: UInt64 = 0
        package var packetsLost: UInt64 = 0
        package var jitterMilliseconds: Double = 0
        package var concealedFrames: UInt64 = 0
        /// The frequency that dominated most of the windows heard; nil when none did.
        package var heardHertz: Double?
        /// Keys (RFC 4733 event codes) in the order in which they were heard.
        package var keys: [UInt8] = []

        package init() {}
    }

    /// 8 kHz, mono: what the detector listens to and a recording holds.
    package static let rate = 8_000

    private let codecs: any CodecFactory
    private var stream: MediaStreamDescription
    private var sender: RTPSender
    private var receiver: RTPReceiver
    private var rtcp: RTCPSession
    private var tone: ToneGenerator?
    private var script: [Int16]
    private var scriptPosition = 0
    private var detector = ToneDetector()
    private var heard: [(hertz: Double, windows: Int)] = []
    /// How many more windows the detector is given.
    private var windowsLeft: Int
    private var sent: UInt64 = 0
    private var keys: [UInt8] = []
    private var nextReport: Instant
    /// Where RTP goes; nil while the peer has put us on hold or has not said.
    package private(set) var remote: Endpoint?
    private var remoteRTCP: Endpoint?

    /// `script` is played once, at 8 kHz, before the tone; no tone and no script: silence. `listeningWindows`: of so many
    /// windows (200 ms each) the tone is sought, which costs more than all the rest. Throws `.codecUnavailable`.
    package init(
        _ stream: MediaStreamDescription, codecs: any CodecFactory, toneHertz: Double?, script: [Int16] = [],
        listeningWindows: Int = .max, entropy: inout Entropy, at now: Instant
    ) throws(MediaFailure) {
        self.codecs = codecs
        self.stream = stream
        sender = RTPSender(
            codec: stream.codec, payloadType: stream.payloadType,
            telephoneEventPayloadType: stream.telephoneEventPayloadType,
            telephoneEventClockRate: stream.telephoneEventClockRate, ptime: stream.ptime,
            encoder: try codecs.makeEncoder(stream.codec, rate: Self.rate, for: stream.opus), entropy: &entropy)
        receiver = RTPReceiver(
            codec: stream.codec, payloadType: stream.receivePayloadType,
            telephoneEventPayloadType: stream.telephoneEventReceivePayloadType,
            decoder: try codecs.makeDecoder(stream.codec, rate: Self.rate))
        rtcp = RTCPSession(entropy: &entropy)
        tone = toneHertz.map { ToneGenerator(frequency: $0, rate: Self.rate) }
        self.script = script
        windowsLeft = listeningWindows
        nextReport = now + .seconds(5)
        turn(to: stream)
    }

    /// How often `tick` is to be called; `redirect` may change it.
    package var ptime: Duration { sender.ptime }

    /// A new description is in force: the peer has moved or has put us on hold, or codec, payload types or packet time
    /// have changed. Throws `.codecUnavailable`, and nothing has changed.
    package mutating func redirect(
        _ new: MediaStreamDescription, entropy: inout Entropy, at now: Instant
    ) throws(MediaFailure) {
        if new.encoding != stream.encoding {
            let encoder = try codecs.makeEncoder(new.codec, rate: Self.rate, for: new.opus)
            let decoder = try codecs.makeDecoder(new.codec, rate: Self.rate)
            sender.change(
                to: new.codec, payloadType: new.payloadType, telephoneEventPayloadType: new.telephoneEventPayloadType,
                telephoneEventClockRate: new.telephoneEventClockRate, ptime: new.ptime, encoder: encoder,
                entropy: &entropy, at: now)
            receiver.change(
                to: new.codec, payloadType: new.receivePayloadType,
                telephoneEventPayloadType: new.telephoneEventReceivePayloadType, decoder: decoder)
        }
        stream = new
        turn(to: new)
    }

    private mutating func turn(to stream: MediaStreamDescription) {
        remote = stream.sends ? stream.remote : nil
        remoteRTCP = stream.remoteRTCP ?? stream.remote.map { Endpoint(address: $0.address, port: $0.port &+ 1) }
    }

    /// Queues a key; false when the stream has no telephone-event.
    package mutating func press(_ event: UInt8) -> Bool { sender.press(event) }

    /// One packet time: the RTP packet to send, and what was played (8 kHz samples, silence where nothing came).
    package mutating func tick(at now: Instant) -> (packet: [UInt8]?, played: [Int16]) {
        let frame = nextFrame(sender.frameSamples)
        let packet = remote == nil ? nil : sender.packet(frame, at: now)
        if packet != nil { sent += 1 }
        let (pcm, count) = receiver.read(sender.frameSamples, at: now)
        if count > 0, windowsLeft > 0, detector.process(Array(pcm[..<count])) {
            windowsLeft -= 1
            if let found = detector.tone, found.share > 0.5 { note(found.frequency) }
        }
        return (packet, pcm)
    }

    package mutating func receiveRTP(_ datagram: [UInt8], at now: Instant) {
        if case .event(let key) = receiver.receive(datagram, at: now) { keys.append(key) }
    }

    package mutating func receiveRTCP(_ datagram: [UInt8], at now: Instant) {
        datagram.withUnsafeBytes { bytes in
            _ = try? rtcp.receive(bytes, localSSRC: sender.stream.ssrc, at: now)
        }
    }

    /// A report every five seconds, for the peer's RTCP port; nil when none is due.
    package mutating func reportIfDue(at now: Instant) -> (bytes: [UInt8], to: Endpoint)? {
        guard now >= nextReport, let remoteRTCP else { return nil }
        nextReport = now + .seconds(5)
        var buffer = [UInt8](repeating: 0, count: 512)
        let size = buffer.withUnsafeMutableBytes {
            receiver.writeReport(&rtcp, sender: &sender, into: $0, at: now)
        }
        guard let size else { return nil }
        return (Array(buffer[..<size]), remoteRTCP)
    }

    package var report: Report {
        var report = Report()
        report.packetsSent = sent
        report.packetsReceived = receiver.reception.cumulativeReceived
        report.packetsLost = receiver.reception.cumulativeLost
        report.jitterMilliseconds = receiver.reception.jitterMilliseconds
        report.concealedFrames = receiver.concealedFrames
        report.heardHertz = heard.max { ($0.windows, $1.hertz) < ($1.windows, $0.hertz) }?.hertz
        report.keys = keys
        return report
    }

    private mutating func nextFrame(_ count: Int) -> [Int16] {
        guard scriptPosition < script.count else {
            return tone?.samples(count) ?? [Int16](repeating: 0, count: count)
        }
        var frame = Array(script[scriptPosition..<min(script.count, scriptPosition + count)])
        scriptPosition += count
        frame += [Int16](repeating: 0, count: count - frame.count)
        return frame
    }

    /// Windows within 10 Hz of each other are one tone.
    private mutating func note(_ hertz: Double) {
        if let index = heard.firstIndex(where: { abs($0.hertz - hertz) <= 10 }) {
            heard[index].windows += 1
        } else if heard.count < 32 {
            heard.append((hertz, 1))
        }
    }
}

extension MediaStreamDescription {
    /// All that codecs and packets are made of, without addresses and directions.
    fileprivate var encoding: MediaStreamDescription {
        var encoding = MediaStreamDescription(
            remote: nil, codec: codec, payloadType: payloadType, receivePayloadType: receivePayloadType,
            telephoneEventPayloadType: telephoneEventPayloadType,
            telephoneEventReceivePayloadType: telephoneEventReceivePayloadType,
            telephoneEventClockRate: telephoneEventClockRate, ptime: ptime)
        encoding.opus = opus
        return encoding
    }
}
