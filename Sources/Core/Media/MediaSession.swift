package import Primitives
package import RTP

/// The media of one call: two legs and what runs between them. Pure: the shell's workers and the simulator feed it.
///
/// ```text
///            accept: RTP? payload type? latched source? order?          relay: own SSRC, numbers, payload type
/// peer a ──▶ leg a ──────────────────────────────────────────▶ route ─┬───────────────────────────▶ leg b ──▶ peer b
///                                                                     └ transcode: conceal, decode, encode ┘
/// ```
/// The relay path neither allocates nor counts references. A value owns its codecs: copies share their state, so keep
/// one. Not `Sendable`; a session lives where it was made.
package struct MediaSession {
    private enum Route { case none, relay, transcode }

    package let id: MediaSessionID
    let codecs: any CodecFactory
    let protection: (any PacketProtection)?
    private let keying: (any KeyAgreementFactory)?
    let earlyKeyDatagrams: Int
    private let silence: Duration
    private let places: LegPlaces
    /// By side; at home in `places`.
    let legs: UnsafeMutablePointer<MediaLeg>
    /// By side.
    var agreements = [LegKeyAgreement(), LegKeyAgreement()]
    var failures: [(side: MediaSide, failure: KeyAgreementFailure)] = []
    /// True while `nextDeadline` may come earlier with a datagram, and `takeFailure` may have something to tell.
    package internal(set) var isAgreeingOnKeys = false
    /// By source side.
    private var routes: [Route] = [.none, .none]
    /// Empty while nothing is transcoded: an empty place takes as much room as a full one, and most calls are relayed.
    private var transcoders: [Transcoder?] = []
    /// For relayed events whose durations count in another clock on the other side.
    private var eventMappers: [EventMapper?] = [nil, nil]
    /// By source side: for relayed streams whose sides do not send and take keys in the same way. Empty while there is none.
    var relayedKeys: [RelayedKeys?] = []
    /// A bit for each side whose packets wait.
    private var holding: UInt8 = 0
    private(set) var isEcho = false
    /// By side, what is made and listened to here; empty while the peers only hear each other.
    var terminals: [Terminal] = []
    /// Samples per second of what is made and listened to.
    var rate = 8_000
    var recording: Recording?
    /// A program has ended by itself: `settle` has work.
    var needsSettling = false
    /// What is to be told beside reports.
    var told: [MediaEvent] = []
    /// A report was due since `takeEvents`.
    private var hasFigures = false
    private var figuresAt: Instant?
    /// How both sides stood when a party left one of them, still to be told.
    private var departures: [MediaEvent] = []
    private var departuresDue: Instant?

    /// Without `protection`, a description with keys is refused; without `keying`, one that has them agreed on.
    package init(
        id: MediaSessionID, codecs: any CodecFactory, protection: (any PacketProtection)? = nil,
        keying: (any KeyAgreementFactory)? = nil, limits: Limits = Limits(), entropy: inout Entropy, at now: Instant
    ) {
        self.id = id
        self.codecs = codecs
        self.protection = protection
        self.keying = keying
        earlyKeyDatagrams = limits.earlyKeyDatagrams
        silence = limits.mediaSilence
        places = LegPlaces(
            MediaLeg(side: .a, entropy: &entropy, at: now), MediaLeg(side: .b, entropy: &entropy, at: now))
        legs = places.legs
    }

    // MARK: Set-up

    /// Sets or replaces one side's description, as `MediaCommand.configure` says. On an error the session is unchanged.
    package mutating func configure(
        _ side: MediaSide, _ description: MediaStreamDescription, entropy: inout Entropy, at now: Instant
    ) throws(MediaFailure) {
        var descriptions = descriptions
        descriptions[side.rawValue] = description
        let protected = try legs[side.rawValue].protection(for: description, using: protection)
        let isAnotherParty = legs[side.rawValue].isAnotherParty(description)
        let agreement = try agreements[side.rawValue].renewed(
            for: description, isAnotherParty: isAnotherParty, using: keying, at: now)
        try route(descriptions)
        if isAnotherParty {
            departures.append(.figures(id, a: statistics(of: .a), b: statistics(of: .b)))
            departuresDue = now
        }
        agreements[side.rawValue] = agreement
        noteAgreements()
        legs[side.rawValue].configure(description, protection: protected, entropy: &entropy, at: now)
        noteExpectations(at: now)
    }

    /// Whose silence would be missed: that of a side that somebody hears.
    mutating func noteExpectations(at now: Instant) {
        for side in MediaSide.allCases {
            let index = side.rawValue
            let isPassedOn = routes[index] != .none && legs[sink(of: side).rawValue].hearsPeer
            let isTaken = isComposed && terminals[index].ear != nil
            legs[index].expectAudio(isPassedOn || isTaken, at: now)
        }
    }

    /// What a side's peer hears again after something else begins a talk spurt.
    mutating func resume(_ side: MediaSide) {
        legs[side.rawValue].breakRelay()
        desynchronise(isEcho ? side.rawValue : side.other.rawValue)
    }

    private mutating func desynchronise(_ index: Int) {
        if !transcoders.isEmpty { transcoders[index]?.desynchronise() }
    }

    /// Whether what a side says is decoded on its way to the other.
    func isTranscoding(_ index: Int) -> Bool {
        routes[index] == .transcode && legs[sink(of: legs[index].side).rawValue].hearsPeer
    }

    /// Side `a` hears itself.
    package mutating func setEcho() throws(MediaFailure) {
        let before = isEcho
        isEcho = true
        do { try route(descriptions) } catch {
            isEcho = before
            throw error
        }
    }

    /// The places of the legs.
    static let sides = 0..<2
    private var descriptions: [MediaStreamDescription?] { Self.sides.map { legs[$0].description } }

    func sink(of source: MediaSide) -> MediaSide { isEcho ? source : source.other }

    private mutating func route(_ descriptions: [MediaStreamDescription?]) throws(MediaFailure) {
        var newRoutes = routes
        var newTranscoders = transcoders.isEmpty ? [nil, nil] : transcoders
        var newEventMappers: [EventMapper?] = [nil, nil]
        for source in MediaSide.allCases {
            let index = source.rawValue
            guard let from = descriptions[index], let to = descriptions[sink(of: source).rawValue] else {
                newRoutes[index] = .none
                newTranscoders[index] = nil
                continue
            }
            if Self.canRelay(from, to) {
                newRoutes[index] = .relay
                newTranscoders[index] = nil
                let clocks = (TelephoneEventClock(from), TelephoneEventClock(to))
                if clocks.0 != clocks.1 { newEventMappers[index] = EventMapper(source: clocks.0, sink: clocks.1) }
            } else {
                let key = Transcoder.Key(from: from, to: to)
                newRoutes[index] = .transcode
                if newTranscoders[index]?.key != key { newTranscoders[index] = try Transcoder(key, codecs: codecs) }
            }
        }
        routes = newRoutes
        transcoders = newTranscoders.contains { $0 != nil } ? newTranscoders : []
        eventMappers = newEventMappers
        for source in MediaSide.allCases {
            let index = source.rawValue
            let isRelayed = routes[index] == .relay
            crossKeys(
                of: source, from: isRelayed ? descriptions[index] : nil,
                to: descriptions[sink(of: source).rawValue])
        }
        if !relayedKeys.contains(where: { $0 != nil }) { relayedKeys = [] }
    }

    /// Whether what `from` says goes to `to` as it is. The same codec is relayed; G.711 with another packet time is
    /// repacketised, which loses nothing. G.722 and Opus are not: a packet time is a wish (RFC 8866 section 6.4), and a
    /// second coding would cost quality.
    package static func canRelay(_ from: MediaStreamDescription, _ to: MediaStreamDescription) -> Bool {
        from.codec == to.codec && (G711Law(from.codec) == nil || from.ptime == to.ptime)
    }

    // MARK: Packets

    /// A datagram arrived on the RTP port of `side`; what it causes is appended to `output`, at most
    /// `PacketBatch.roomForOneInput` datagrams. Everything invalid is dropped and counted. A protected datagram is
    /// decrypted where it stands.
    package mutating func receiveRTP(
        _ buffer: UnsafeMutableRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant,
        output: inout PacketBatch
    ) {
        pass(buffer, from: source, on: side, at: now, output: &output)
    }

    /// The same; true when there is something to tell, or the next deadline may have moved. To ask for that afterwards
    /// would copy the session to look at it.
    mutating func receiveNews(
        _ buffer: UnsafeMutableRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant,
        output: inout PacketBatch
    ) -> Bool {
        pass(buffer, from: source, on: side, at: now, output: &output)
        return hasNews || isHoldingPackets
    }

    private mutating func pass(
        _ buffer: UnsafeMutableRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant,
        output: inout PacketBatch
    ) {
        let index = side.rawValue
        let legs = legs
        if agreements[index].isListening,
            takeMultiplexed(buffer, from: source, on: side, at: now, output: &output)
        {
            return
        }
        if legs[index].isReport(UnsafeRawBufferPointer(buffer)) {
            return receiveRTCP(buffer, from: source, on: side, at: now)
        }
        guard let accepted = legs[index].accept(buffer, from: source, at: now) else { return }
        let datagram = UnsafeRawBufferPointer(buffer)
        if legs[index].isTapped { tap(index, accepted, datagram, at: now) }
        let sink = sink(of: side).rawValue
        guard legs[sink].hearsPeer, legs[sink].destination != nil else {
            legs[sink].breakRelay()
            desynchronise(index)
            return
        }
        if !relayedKeys.isEmpty,
            relayedKeys[index]?.take(accepted, datagram, at: now, sink: &legs[sink], output: &output) == true
        {
            return
        }
        switch (routes[index], accepted) {
        case (.none, _): break
        case (.relay, .audio(let header, let arrival)):
            legs[sink].relay(
                header, arrival: arrival, isEvent: false, payload: header.payload(of: datagram), at: now,
                output: &output)
        case (.relay, .event(let header, let arrival)):
            relayEvent(
                header, arrival: arrival, payload: header.payload(of: datagram), from: index, to: sink, at: now,
                output: &output)
        case (.transcode, .audio(let header, let arrival)):
            let outcome = transcoders[index]?.audio(
                header, arrival: arrival, payload: header.payload(of: datagram), at: now, sink: &legs[sink],
                output: &output)
            settle(outcome, of: index)
            if outcome?.isLate == true { legs[index].countDiscarded(header) }
        case (.transcode, .event(let header, _)):
            let parsed = transcoders[index]?.event(
                header, payload: header.payload(of: datagram), at: now, sink: &legs[sink], output: &output)
            holding &= ~(1 << UInt8(index))
            if parsed == false { legs[index].countUndecodable() }
        case (.relay, .comfortNoise(let header, let arrival)):
            guard legs[sink].facts?.sendsComfortNoise == true else { return legs[sink].skipRelayed() }
            legs[sink].relay(
                header, arrival: arrival, isEvent: false, isNoise: true, payload: header.payload(of: datagram),
                at: now, output: &output)
        case (.transcode, .comfortNoise(let header, let arrival)):
            transcoders[index]?.comfortNoise(
                header, arrival: arrival, payload: header.payload(of: datagram), at: now, sink: &legs[sink],
                output: &output)
            holding &= ~(1 << UInt8(index))
        }
    }

    /// The same for bytes that must stay as they are: a protected datagram is copied first.
    package mutating func receiveRTP(
        _ datagram: UnsafeRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant,
        output: inout PacketBatch
    ) {
        guard legs[side.rawValue].decrypts else {
            // Nothing is written to what is not decrypted.
            let unchanged = UnsafeMutableRawBufferPointer(mutating: datagram)
            pass(unchanged, from: source, on: side, at: now, output: &output)
            return
        }
        withUnsafeTemporaryAllocation(byteCount: datagram.count, alignment: 16) { copy in
            copy.copyMemory(from: datagram)
            receiveRTP(copy, from: source, on: side, at: now, output: &output)
        }
    }

    /// Relays an event as it is, or with its duration in the other side's clock.
    private mutating func relayEvent(
        _ header: RTPHeader, arrival: ReceptionStatistics.Arrival, payload: UnsafeRawBufferPointer, from index: Int,
        to sink: Int, at now: Instant, output: inout PacketBatch
    ) {
        guard eventMappers[index] != nil else {
            legs[sink].relay(
                header, arrival: arrival, isEvent: true, payload: payload, at: now, output: &output)
            return
        }
        guard let event = try? TelephoneEvent(parsing: payload) else {
            legs[index].countUndecodable()
            return
        }
        // Timestamps stay the source's here; the leg moves them as it moves those of the audio.
        if eventMappers[index]?.isNew(event, timestamp: header.timestamp) == true {
            eventMappers[index]?.begin(event, timestamp: header.timestamp, outgoingStart: header.timestamp)
        }
        guard let mapped = eventMappers[index]?.map(event) else { return }
        var header = header
        header.timestamp = mapped.timestamp
        withUnsafeTemporaryAllocation(byteCount: TelephoneEvent.sizeBytes, alignment: 4) { bytes in
            guard (try? mapped.event.write(into: bytes)) != nil else { return }
            legs[sink].relay(
                header, arrival: arrival, isEvent: true, payload: UnsafeRawBufferPointer(bytes), at: now,
                output: &output)
        }
    }

    /// A datagram arrived on the RTCP port of `side`. Reports end here: each leg is an RTP session of its own. A protected
    /// datagram is decrypted where it stands.
    package mutating func receiveRTCP(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant
    ) {
        legs[side.rawValue].acceptReport(datagram, from: source, at: now)
        let feeding = isEcho ? side : side.other
        if !transcoders.isEmpty {
            transcoders[feeding.rawValue]?.expectLoss(fractionOf256: legs[side.rawValue].rtcp.fractionLostByPeer)
        }
        guard isComposed else { return }
        terminals[side.rawValue].mouth?.expectLoss(fractionOf256: legs[side.rawValue].rtcp.fractionLostByPeer)
    }

    /// The same for bytes that must stay as they are.
    package mutating func receiveRTCP(
        _ datagram: UnsafeRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant
    ) {
        withUnsafeTemporaryAllocation(byteCount: datagram.count, alignment: 16) { copy in
            copy.copyMemory(from: datagram)
            receiveRTCP(copy, from: source, on: side, at: now)
        }
    }

    // MARK: Deadlines

    /// True while packets of a network that reorders wait for others, at most until `nextDeadline`.
    package var isHoldingPackets: Bool { holding != 0 }

    /// When `handleDeadline` next has work: a report, a silence, a side that is not heard, a key agreement, or packets that
    /// wait for others. It moves later with every packet received, except while `isAgreeingOnKeys` or `isHoldingPackets`.
    package var nextDeadline: Instant? {
        var earliest = departuresDue.orEarlier(collectionDeadline)
        for index in Self.sides {
            if let due = agreements[index].nextDeadline { earliest = min(earliest ?? due, due) }
            if let due = legs[index].nextReport { earliest = min(earliest ?? due, due) }
            if let due = legs[index].silenceDeadline(limit: silence) { earliest = min(earliest ?? due, due) }
            if !transcoders.isEmpty, let due = transcoders[index]?.nextDeadline { earliest = min(earliest ?? due, due) }
            if let due = legs[index].watchDeadline { earliest = min(earliest ?? due, due) }
        }
        return earliest
    }

    /// Sends due reports and names the sides that have newly fallen silent. Called early, it does nothing.
    package mutating func handleDeadline(at now: Instant, output: inout PacketBatch) -> [MediaSide] {
        var silent: [MediaSide] = []
        handleCollectionDeadlines(at: now)
        for index in Self.sides {
            handleKeyDeadline(index, at: now, output: &output)
            releaseHeld(index, at: now, output: &output)
            legs[index].watch(at: now)
            if let due = legs[index].nextReport, due <= now {
                legs[index].report(at: now, output: &output)
                hasFigures = true
            }
            if let due = legs[index].silenceDeadline(limit: silence), due <= now {
                legs[index].markSilent()
                silent.append(legs[index].side)
            }
        }
        return silent
    }

    /// Plays what has waited long enough for packets of the same side that have not come.
    private mutating func releaseHeld(_ index: Int, at now: Instant, output: inout PacketBatch) {
        guard !transcoders.isEmpty, let due = transcoders[index]?.nextDeadline, due <= now else { return }
        let legs = legs
        let sink = sink(of: legs[index].side).rawValue
        guard legs[sink].hearsPeer else {
            holding &= ~(1 << UInt8(index))
            transcoders[index]?.desynchronise()
            return
        }
        let outcome = transcoders[index]?.handleDeadline(at: now, sink: &legs[sink], output: &output)
        settle(outcome, of: index)
    }

    private mutating func settle(_ outcome: Transcoder.Outcome?, of index: Int) {
        guard let outcome else { return }
        for _ in 0..<outcome.undecodable { legs[index].countUndecodable() }
        let bit = UInt8(1) << UInt8(index)
        holding = outcome.isHolding ? holding | bit : holding & ~bit
    }

    /// What is to be told after `handleDeadline`: keys pressed and what was played, sides that are not heard or are heard
    /// again, and now and then how both stand.
    package mutating func takeEvents(at now: Instant) -> [MediaEvent] {
        var events = told + takeDepartures()
        told.removeAll()
        for index in Self.sides {
            if let path = legs[index].takePathChange() { events.append(.audioPath(id, legs[index].side, path)) }
        }
        // Two legs report at different times; once for both is enough.
        if hasFigures, figuresAt.map({ now - $0 >= MediaLeg.reportInterval * 4 / 5 }) ?? true {
            figuresAt = now
            events.append(.figures(id, a: statistics(of: .a), b: statistics(of: .b)))
        }
        hasFigures = false
        return events
    }

    /// The last figures of parties that have left a side to others, once; `takeEvents` tells them too.
    package mutating func takeDepartures() -> [MediaEvent] {
        departuresDue = nil
        var events: [MediaEvent] = []
        swap(&events, &departures)
        return events
    }

    /// The last reports, with BYE; nothing is to be fed to the session afterwards.
    package mutating func close(at now: Instant, output: inout PacketBatch) {
        for index in Self.sides where legs[index].description != nil {
            legs[index].report(isLast: true, at: now, output: &output)
            closeKeyAgreement(index, at: now, output: &output)
        }
    }

    package func statistics(of side: MediaSide) -> StreamStatistics { legs[side.rawValue].statistics }
}
