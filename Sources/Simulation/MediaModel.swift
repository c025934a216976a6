import Applications
import Media
import Primitives

/// Media workers without media: ports, sessions and who would hear whom, for worlds with so many calls that their packets
/// would be most of the work.
final class MediaModel: SimulatedMedia {
    /// What a session was told.
    struct Session {
        let portA: UInt16
        let portB: UInt16
        let number: Int
        var streams: [MediaSide: MediaStreamDescription] = [:]
        var programs: [MediaSide: AudioProgram] = [:]
        var isEcho = false
        /// The sides whose silence has been told.
        var silent: Set<MediaSide> = []
        /// Counts what a side was to hear, so that the end of what played before is told to nobody.
        var plays: [MediaSide: Int] = [:]
        var collectors: [MediaSide: DigitCollector] = [:]
        /// When each recording began.
        var recordings: [RecordingID: Instant] = [:]
    }

    unowned let world: World
    var onEvent: (MediaEvent) -> Void = { _ in }
    private(set) var sessions: [UInt64: Session] = [:]
    /// Sessions that were told something, or closed, since somebody looked.
    private var touched: Set<UInt64> = []
    /// Of thousand sessions, so many find no port.
    var refusalsPerMille: UInt64 = 0
    /// Whether whoever has that endpoint sends anything.
    var isSpeaking: (Endpoint) -> Bool = { _ in true }
    /// Commands for sessions that are not there.
    private(set) var strayCommands: [String] = []
    private var entropy: Entropy
    private var pool = PortPool(range: 16_384...16_583)
    private var count = 0
    /// Counts power cuts: what an earlier start had to tell is lost.
    private var boot = 0

    init(world: World) {
        self.world = world
        entropy = world.fork()
    }

    var sessionCount: Int { sessions.count }
    var nextDeadline: Instant? { nil }

    func cutPower() {
        for id in sessions.keys.sorted() { release(id) }
        boot += 1
    }

    /// The numbers of those sessions, ascending; from now on they are looked at.
    func takeTouched() -> [UInt64] {
        defer { touched.removeAll(keepingCapacity: true) }
        return touched.sorted()
    }

    func run(_ command: MediaCommand) {
        if let session = command.session { touched.insert(session.value) }
        switch command {
        case .open(let id): open(id, mayFail: true)
        case .openForHelp(let id): open(id, mayFail: false)
        case .close(let id):
            if sessions[id.value] == nil { strayCommands.append("close of session \(id.value)") }
            for recording in (sessions[id.value]?.recordings.keys.sorted() ?? []) { stop(recording, of: id.value) }
            release(id.value)
            event(.closed(id, a: StreamStatistics(), b: StreamStatistics()))
        case .configure(let id, let side, let stream):
            guard sessions[id.value] != nil else { return strayCommands.append("description for session \(id.value)") }
            world.note(
                "media \(id.value) \(side) \(stream.codec.rawValue) to \(stream.remote.map { "\($0)" } ?? "nobody")"
                    + " party \(stream.party ?? -1)\(stream.sends ? "" : ", not sent")\(stream.receives ? "" : ", not heard")"
            )
            sessions[id.value]?.streams[side] = stream
            sessions[id.value]?.silent.remove(side)
            listen(id, side)
        case .setEcho(let id): sessions[id.value]?.isEcho = true
        case .hear(let id, let side, let program):
            guard sessions[id.value] != nil else { return strayCommands.append("program for session \(id.value)") }
            world.note("media \(id.value) \(side) hears \(Self.name(of: program))")
            sessions[id.value]?.programs[side] = program
            sessions[id.value]?.plays[side, default: 0] += 1
            if case .playing(let playlist, let afterwards) = program, let duration = playlist.duration {
                play(id, side, for: duration, then: afterwards)
            }
        case .collect(let id, let side, let rules):
            sessions[id.value]?.collectors[side] = DigitCollector(rules, at: world.now)
            awaitDigits(id, side)
        case .stopCollecting(let id, let side): sessions[id.value]?.collectors[side] = nil
        case .record(let id, let recording, _): sessions[id.value]?.recordings[recording] = world.now
        case .stopRecording(let id, let recording): stop(recording, of: id.value)
        case .gate, .sendDigits: break
        }
    }

    // MARK: Sounds and keys

    private func play(
        _ id: MediaSessionID, _ side: MediaSide, for duration: Duration, then afterwards: AudioProgram.Afterwards
    ) {
        guard let session = sessions[id.value], let count = session.plays[side] else { return }
        world.after(duration) { [unowned self] in
            guard let present = sessions[id.value], present.number == session.number, present.plays[side] == count
            else { return }
            touched.insert(id.value)
            sessions[id.value]?.programs[side] = afterwards == .peer ? .peer : .silence
            event(.played(id, side))
        }
    }

    /// Somebody whose media come to that endpoint presses a key.
    func press(_ digit: Digit, at endpoint: Endpoint) {
        for id in sessions.keys.sorted() {
            for side in MediaSide.allCases where sessions[id]?.streams[side]?.remote == endpoint {
                guard sessions[id]?.streams[side]?.receives == true else { continue }
                let session = MediaSessionID(id)
                event(.digit(session, side, digit, how: .event))
                guard let outcome = sessions[id]?.collectors[side]?.take(digit, at: world.now) else { continue }
                sessions[id]?.collectors[side] = nil
                event(.collected(session, side, outcome))
            }
        }
    }

    private func awaitDigits(_ id: MediaSessionID, _ side: MediaSide) {
        guard let session = sessions[id.value], let due = session.collectors[side]?.nextDeadline else { return }
        world.at(due) { [unowned self] in
            guard let present = sessions[id.value], present.number == session.number,
                present.collectors[side] != nil
            else { return }
            if let outcome = sessions[id.value]?.collectors[side]?.handleDeadline(at: world.now) {
                sessions[id.value]?.collectors[side] = nil
                return event(.collected(id, side, outcome))
            }
            awaitDigits(id, side)
        }
    }

    /// Three seconds of a recording stand for all of it.
    private func stop(_ recording: RecordingID, of id: UInt64) {
        guard let began = sessions[id]?.recordings.removeValue(forKey: recording) else { return }
        var recorder = Recorder(rate: 8_000, layout: .mixed)
        recorder.write(a: nil, b: nil, count: min(3, Int((world.now - began).components.seconds)) * 8_000)
        recorder.finish()
        while let block = recorder.takeBlock() { event(.recorded(recording, block)) }
        event(.recordingEnded(recording))
    }

    private static func name(of program: AudioProgram) -> String {
        switch program {
        case .peer: "the peer"
        case .silence: "silence"
        case .playing: "a playlist"
        case .room(let room, _): "room \(room.value)"
        case .listening(let other): "session \(other.session.value)"
        }
    }

    private func open(_ id: MediaSessionID, mayFail: Bool) {
        let isRefused = entropy.next() % 1_000 < refusalsPerMille
        guard !(mayFail && isRefused), let a = pool?.take(at: world.now) else { return event(.failed(id, .noPortFree)) }
        guard let b = pool?.take(at: world.now) else {
            pool?.release(a, at: world.now)
            return event(.failed(id, .noPortFree))
        }
        count += 1
        sessions[id.value] = Session(portA: a, portB: b, number: count)
        event(.opened(id, portA: a, portB: b))
    }

    private func release(_ id: UInt64) {
        touched.insert(id)
        guard let session = sessions.removeValue(forKey: id) else { return }
        pool?.release(session.portA, at: world.now)
        pool?.release(session.portB, at: world.now)
    }

    /// Every minute a side is listened to; its silence is told once.
    private func listen(_ id: MediaSessionID, _ side: MediaSide) {
        guard let session = sessions[id.value], let party = session.streams[side] else { return }
        world.after(.seconds(60)) { [unowned self] in
            guard let present = sessions[id.value], present.number == session.number,
                present.streams[side] == party, !present.silent.contains(side)
            else { return }
            if party.receives, let remote = party.remote, !isSpeaking(remote) {
                sessions[id.value]?.silent.insert(side)
                world.note("media \(id.value) \(side) is silent")
                return event(.silent(id, side))
            }
            listen(id, side)
        }
    }

    private func event(_ event: MediaEvent) {
        let boot = boot
        world.after(.microseconds(200)) { [unowned self] in
            if boot == self.boot { onEvent(event) }
        }
    }
}
