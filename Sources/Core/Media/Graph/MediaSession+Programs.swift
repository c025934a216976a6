import Primitives
import RTP

/// What a session does beyond passing on what its peers say. The graph tells it what its sides hear, and leads it through
/// each tick: `listen`, then whatever rooms and forks make of it, then `speak`.
extension MediaSession {
    /// Samples per second that the session's own codecs are worth.
    var naturalRate: Int {
        let isWideband = MediaSide.allCases.contains {
            (legs[$0.rawValue].description?.codec.sampleRate ?? 0) > 8_000
        }
        return isWideband ? 16_000 : 8_000
    }

    /// Samples of a tick.
    var samples: Int { rate / 100 }

    /// Something here is played, mixed, listened to or recorded.
    var isComposed: Bool { !terminals.isEmpty }

    /// Something here is to be done every 10 ms.
    var needsTicks: Bool {
        terminals.contains { $0.ear != nil || $0.mouth != nil } || recording != nil && isComposed
    }

    /// There is something to tell, or the next deadline may have moved.
    var hasNews: Bool { isAgreeingOnKeys || isHoldingPackets || !told.isEmpty }

    /// What is to be told now.
    mutating func takeTold() -> [MediaEvent] {
        defer { told.removeAll(keepingCapacity: true) }
        return told
    }

    // MARK: Commands

    mutating func hear(_ side: MediaSide, _ program: AudioProgram) {
        compose()
        terminals[side.rawValue].program = program
        terminals[side.rawValue].player = nil
        terminals[side.rawValue].isFinishing = false
    }

    /// What a side hears.
    func program(of side: MediaSide) -> AudioProgram {
        terminals.isEmpty ? .peer : terminals[side.rawValue].program
    }

    mutating func setOverheard(_ side: MediaSide, _ isOverheard: Bool) {
        if isOverheard { compose() }
        guard isComposed else { return }
        terminals[side.rawValue].isOverheard = isOverheard
    }

    mutating func record(_ id: RecordingID, _ layout: RecordingLayout) throws(MediaRefusal) {
        if let recording { throw .alreadyRecorded(recording.id) }
        compose()
        recording = Recording(id, layout)
    }

    mutating func stopRecording(_ id: RecordingID? = nil) throws(MediaRefusal) {
        guard let current = recording, id == nil || id == current.id else {
            if let id { throw .notRecorded(id) }
            return
        }
        for block in recording?.finish() ?? [] { told.append(.recorded(current.id, block)) }
        told.append(.recordingEnded(current.id))
        recording = nil
    }

    mutating func collect(_ side: MediaSide, _ rules: DigitRules, at now: Instant) {
        compose()
        let index = side.rawValue
        terminals[index].collection = DigitCollection(rules, of: legs[index].description, at: now)
    }

    mutating func stopCollecting(_ side: MediaSide) {
        guard isComposed else { return }
        terminals[side.rawValue].collection = nil
    }

    mutating func sendDigits(_ side: MediaSide, _ codes: [UInt8]) throws(MediaRefusal) {
        let digits = codes.compactMap { Digit(event: $0) }
        compose()
        guard digits.count == codes.count, terminals[side.rawValue].keys.press(digits) else {
            throw .keysRefused(limit: KeySender.queued)
        }
    }

    private mutating func compose() {
        if terminals.isEmpty { terminals = [Terminal(), Terminal()] }
    }

    // MARK: Set-up

    /// Makes and ends ears and mouths as programs and descriptions ask for, at `newRate`; to be called after any change.
    mutating func settle(rate newRate: Int, at now: Instant) {
        needsSettling = false
        rate = newRate
        for index in terminals.indices {
            settleEar(index)
            settleMouth(index)
            legs[index].isTapped = terminals[index].ear != nil || terminals[index].collection != nil
        }
        for side in MediaSide.allCases {
            let index = side.rawValue
            let hearsPeer =
                terminals.isEmpty || terminals[index].program == .peer && !terminals[index].keys.isActive
            if hearsPeer, !legs[index].hearsPeer { resume(side) }
            legs[index].hearsPeer = hearsPeer
        }
        noteExpectations(at: now)
        if recording == nil, terminals.allSatisfy(\.isIdle) { terminals = [] }
    }

    private mutating func settleEar(_ index: Int) {
        guard let codec = legs[index].description?.codec,
            terminals[index].needsEar(
                isRecorded: recording != nil, takesEvents: legs[index].facts?.eventReceivePayloadType != nil)
        else { return terminals[index].ear = nil }
        let present = terminals[index].ear.map { ($0.codec, $0.rate) }
        if let present, present == (codec, rate) { return }
        guard terminals[index].failedEar != codec else { return }
        do {
            let decoder = try codecs.makeDecoder(codec, rate: rate)
            switch present {
            case (codec, _)?: terminals[index].ear?.change(rateOf: decoder)
            case _?: terminals[index].ear?.change(to: codec, decoder: decoder)
            case nil: terminals[index].ear = AudioPlayout(codec: codec, decoder: decoder)
            }
            terminals[index].undecodable = terminals[index].ear?.undecodable ?? 0
        } catch {
            terminals[index].ear = nil
            terminals[index].failedEar = codec
            told.append(.refused(id, .codecUnavailable(codec)))
        }
    }

    private mutating func settleMouth(_ index: Int) {
        guard let description = legs[index].description, terminals[index].needsMouth else {
            return terminals[index].mouth = nil
        }
        if case .playing(var playlist, _) = terminals[index].program, terminals[index].player?.rate != rate {
            if let player = terminals[index].player { playlist.start = player.position }
            terminals[index].player = Player(playlist, rate: rate)
        }
        let key = AudioFramer.Key(description, rate: rate)
        guard terminals[index].mouth?.key != key else { return }
        do { terminals[index].mouth = try AudioFramer(key, codecs: codecs) } catch {
            terminals[index].mouth = nil
            terminals[index].program = .silence
            terminals[index].keys = OutgoingKeys()
            told.append(.refused(id, .codecUnavailable(description.codec)))
        }
    }

    // MARK: From the peers

    /// Takes what a side has sent to whatever listens to it.
    mutating func tap(_ index: Int, _ accepted: MediaLeg.Accepted, _ datagram: UnsafeRawBufferPointer, at now: Instant)
    {
        switch accepted {
        case .audio(let header, let arrival):
            let kept = terminals[index].ear?.audio(
                header, arrival: arrival, payload: header.payload(of: datagram), at: now)
            if kept == .late, !isTranscoding(index) { legs[index].countDiscarded(header) }
        case .event(let header, let arrival):
            terminals[index].ear?.event(header, arrival: arrival)
            if let digit = terminals[index].collection?.read(header.payload(of: datagram), header) {
                take(digit, .event, index, at: now)
            }
        case .comfortNoise(let header, let arrival):
            _ = terminals[index].ear?.comfortNoise(header, arrival: arrival, payload: header.payload(of: datagram))
        }
    }

    private mutating func take(_ digit: Digit, _ source: DigitSource, _ index: Int, at now: Instant) {
        let side = legs[index].side
        told.append(.digit(id, side, digit, how: source))
        if let outcome = terminals[index].collection?.take(digit, at: now) { collected(index, outcome) }
    }

    private mutating func collected(_ index: Int, _ outcome: DigitCollector.Outcome) {
        terminals[index].collection = nil
        needsSettling = true
        told.append(.collected(id, legs[index].side, outcome))
    }

    /// The earliest time by which a key is awaited.
    var collectionDeadline: Instant? {
        var earliest: Instant?
        for index in terminals.indices { earliest = earliest.orEarlier(terminals[index].collection?.nextDeadline) }
        return earliest
    }

    mutating func handleCollectionDeadlines(at now: Instant) {
        for index in terminals.indices {
            if let outcome = terminals[index].collection?.handleDeadline(at: now) { collected(index, outcome) }
        }
    }

    // MARK: A tick

    /// What a side says in this tick; nil when nothing listens.
    func said(_ side: MediaSide) -> UnsafeBufferPointer<Int16>? {
        guard isComposed, terminals[side.rawValue].ear != nil else { return nil }
        return UnsafeBufferPointer(terminals[side.rawValue].said[0..<samples])
    }

    /// Where what a side hears is to be put; nil when nothing is made for it.
    func heard(_ side: MediaSide) -> UnsafeMutableBufferPointer<Int16>? {
        guard isComposed, terminals[side.rawValue].mouth != nil else { return nil }
        return terminals[side.rawValue].heard[0..<samples]
    }

    /// First in a tick: what both sides say, and what is played to them.
    mutating func listen(at now: Instant) {
        for index in terminals.indices {
            if terminals[index].ear != nil { listen(index, at: now) }
            if terminals[index].player != nil, terminals[index].mouth != nil { play(index) }
        }
        guard let id = recording?.id else { return }
        let (a, b) = (said(.a), said(.b))
        let (count, rate) = (samples, rate)
        recording?.write(a: a, b: b, count: count, rate: rate)
        while let block = recording?.takeBlock() { told.append(.recorded(id, block)) }
    }

    private mutating func listen(_ index: Int, at now: Instant) {
        let said = terminals[index].said[0..<samples]
        _ = terminals[index].ear?.read(into: said, at: now)
        while let count = terminals[index].ear?.undecodable, count > terminals[index].undecodable {
            terminals[index].undecodable += 1
            if !isTranscoding(index) { legs[index].countUndecodable() }
        }
        guard terminals[index].collection != nil, legs[index].facts?.eventReceivePayloadType == nil else { return }
        if let digit = terminals[index].collection?.listen(UnsafeBufferPointer(said), rate: rate) {
            take(digit, .inBand, index, at: now)
        }
    }

    private mutating func play(_ index: Int) {
        let heard = terminals[index].heard[0..<samples]
        let count = terminals[index].player?.read(into: heard) ?? 0
        UnsafeMutableBufferPointer(rebasing: heard[count...]).update(repeating: 0)
        guard count < samples, case .playing(_, let then) = terminals[index].program else { return }
        told.append(.played(id, legs[index].side))
        terminals[index].player = nil
        terminals[index].program = then == .peer ? .peer : .silence
        terminals[index].isFinishing = true
        needsSettling = true
    }

    /// Last in a tick: sends what the sides hear, at most a few packets.
    mutating func speak(at now: Instant, output: inout PacketBatch) {
        for index in terminals.indices where terminals[index].mouth != nil {
            let heard = terminals[index].heard[0..<samples]
            if terminals[index].keys.isActive {
                let tick = terminals[index].keys.tick(
                    at: now, leg: &legs[index], heard: heard, rate: rate, output: &output)
                if !terminals[index].keys.isActive { needsSettling = true }
                switch tick {
                case .silent: terminals[index].mouth?.pause()
                case .tone:
                    terminals[index].mouth?.push(
                        UnsafeBufferPointer(heard), at: now, leg: &legs[index], output: &output)
                }
                continue
            }
            terminals[index].mouth?.push(UnsafeBufferPointer(heard), at: now, leg: &legs[index], output: &output)
            guard terminals[index].isFinishing else { continue }
            terminals[index].isFinishing = false
            terminals[index].mouth?.finish(at: now, leg: &legs[index], output: &output)
        }
    }

    /// Ticks have been left out: what comes now begins a talk spurt.
    mutating func pauseSpeaking() {
        for index in terminals.indices { terminals[index].mouth?.pause() }
    }
}
