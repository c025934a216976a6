package import Media
package import Primitives
import RTP

/// rtpengine as a media backend: media commands in, `ng` datagrams and media events out (sans-IO).
///
/// It is asked with a ping whether it lives whenever it has said nothing for `pingInterval`. When it does not answer,
/// every session fails with `.relayUnreachable` and so does each new one at once, until a ping is answered again; calls
/// that it may still have of us are then deleted. A call that it does not know any more (a new process) fails with
/// `.relayLost`. What it cannot do is refused (`MediaRefusal.unavailable`), and the session goes on as it was.
package struct RelayController: Sendable {
    package enum Input: Sendable {
        case command(MediaCommand)
        case datagram([UInt8])
        case deadline
    }
    package enum Effect: Hashable, Sendable {
        /// Send to rtpengine's control port.
        case transmit([UInt8])
        case event(MediaEvent)
        case health(RelayHealth)
    }
    package struct Options: Sendable {
        /// Sessions open at a time.
        package var sessionsLimit: Int
        /// Of all ports.
        package var isV4 = true
        /// The control protocol carries them in the clear, so that it must not leave the machine.
        package var mayCarryKeys = true
        package var limits = Limits()

        package init(sessionsLimit: Int) { self.sessionsLimit = sessionsLimit }
    }
    package static let pingInterval = Duration.seconds(2)
    /// Calls to be deleted when it is back.
    package static let waitingDeletions = 1_024

    package private(set) var health = RelayHealth.unknown
    /// Datagrams that were no answer to anything.
    package private(set) var strayDatagrams: UInt64 = 0
    private let options: Options
    private let prefix: String
    private var transactions: RelayTransactions
    private var sessions: [MediaSessionID: RelaySession] = [:]
    /// Those that may have something to ask for, in the order in which they may.
    private var runnable: [MediaSessionID] = []
    private var deletions: [String] = []
    private var opened: UInt64 = 0
    private var nextPing: Instant
    private var lastHeard: Instant?
    private var effects: [Effect] = []

    /// - Parameter entropy: for a name that no other controller's calls and cookies have.
    package init(_ options: Options, entropy: inout Entropy, at now: Instant) {
        self.options = options
        prefix = "pbx" + entropy.hexToken(bytes: 8)
        transactions = RelayTransactions(prefix: prefix)
        nextPing = now
    }

    package var sessionCount: Int { sessions.count }

    /// When `.deadline` next has work to do.
    package var nextDeadline: Instant {
        // Without room an answer comes first, or is given up.
        let waits = transactions.hasRoom ? sessions.values.compactMap(\.nextDeadline).min() : nil
        let ping = transactions.isPinging ? nil : nextPing
        let earliest = [transactions.nextDeadline, ping, waits].compactMap { $0 }.min()
        return earliest ?? nextPing
    }

    package mutating func handle(_ input: Input, at now: Instant) -> [Effect] {
        effects = []
        switch input {
        case .command(let command): take(command, at: now)
        case .datagram(let bytes): take(bytes, at: now)
        case .deadline: expire(at: now)
        }
        ask(at: now)
        return effects
    }

    /// Every session ends, as if each was closed and nobody answered; the requests to delete them are effects, too.
    package mutating func shutDown(at now: Instant) -> [Effect] {
        effects = []
        for id in sessions.keys.sorted() {
            guard let session = sessions[id] else { continue }
            effects.append(.transmit(transactions.begin(.delete(call: session.call), .clearing(session.call), at: now)))
            finish(session)
        }
        return effects
    }

    // MARK: Commands

    private mutating func take(_ command: MediaCommand, at now: Instant) {
        switch command {
        case .open(let id), .openForHelp(let id): open(id, at: now)
        case .configure(let id, let side, let description): configure(id, side, description)
        case .setEcho(let id): change(id) { $0.setEcho() }
        case .hear(let id, let side, .peer): change(id) { $0.silence(side, false) }
        case .hear(let id, let side, .silence): change(id) { $0.silence(side, true) }
        case .sendDigits(let id, let side, let codes):
            var isTaken = false
            change(id) { isTaken = $0.press(codes, towards: side) }
            if !isTaken { event(.refused(id, .keysRefused(limit: RelaySession.waitingDigits))) }
        case .hear(let id, _, _), .record(let id, _, _), .collect(let id, _, _): event(.refused(id, .unavailable))
        case .stopRecording(let id, let recording): event(.refused(id, .notRecorded(recording)))
        case .stopCollecting, .gate: break  // there can be none to stop
        case .close(let id): close(id)
        }
    }

    private mutating func open(_ id: MediaSessionID, at now: Instant) {
        if let ports = sessions[id]?.localPorts { return event(.opened(id, portA: ports.a, portB: ports.b)) }
        guard sessions[id] == nil else { return }
        if case .unreachable = health { return event(.failed(id, .relayUnreachable)) }
        guard sessions.count < options.sessionsLimit else {
            return event(.failed(id, .tooManySessions(limit: options.sessionsLimit)))
        }
        opened += 1
        sessions[id] = RelaySession(id: id, call: "\(prefix)-\(opened)", isV4: options.isV4)
        runnable.append(id)
    }

    private mutating func configure(_ id: MediaSessionID, _ side: MediaSide, _ description: MediaStreamDescription) {
        guard sessions[id] != nil else { return }
        if description.keyAgreement != nil { return event(.failed(id, .keyAgreementUnavailable)) }
        if let key = description.sendKey ?? description.receiveKey {
            guard options.mayCarryKeys, description.sendKey != nil, description.receiveKey?.suite == key.suite else {
                return event(.failed(id, .protectionUnavailable(key.suite)))
            }
        }
        change(id) { $0.configure(side, description) }
    }

    private mutating func change(_ id: MediaSessionID, _ body: (inout RelaySession) -> Void) {
        guard var session = sessions[id], session.phase != .lost else { return }
        body(&session)
        sessions[id] = session
        if !runnable.contains(id) { runnable.append(id) }
    }

    /// Answers in any case, so that call control never waits for a session that is not there.
    private mutating func close(_ id: MediaSessionID) {
        guard let session = sessions[id] else {
            return event(.closed(id, a: StreamStatistics(), b: StreamStatistics()))
        }
        switch session.phase {
        case .lost:
            finish(session)
            clear(session.call)
        case .opening, .open: change(id) { $0.phase = .closing }
        case .closing: break
        }
    }

    // MARK: Answers

    private mutating func take(_ bytes: [UInt8], at now: Instant) {
        guard let (purpose, answer) = transactions.take(bytes) else {
            strayDatagrams &+= 1
            return
        }
        lastHeard = now
        nextPing = now + Self.pingInterval
        if !health.isReachable {
            health = .reachable
            effects.append(.health(health))
        }
        guard case .session(let value, let request) = purpose, var session = sessions[MediaSessionID(value)] else {
            return
        }
        session.isWaiting = false
        sessions[session.id] = session
        if !runnable.contains(session.id) { runnable.append(session.id) }
        switch answer {
        case .done(let message): done(session, request, message, answer.port, at: now)
        case .refused(let reason): refused(session, request, reason)
        }
    }

    private mutating func done(
        _ before: RelaySession, _ request: RelayRequest, _ message: Bencode, _ port: UInt16?, at now: Instant
    ) {
        var session = before
        switch request {
        case .offer(_, let from, _, _): take(port, of: from.other, in: session)
        case .answer(_, let to, _, _): take(port, of: to, in: session)
        case .query:
            let events = session.take(RelayFigures(message), limits: options.limits, at: now)
            sessions[session.id] = session
            if session.phase == .open { for event in events { self.event(event) } }
        case .delete:
            // Without the call there is only a warning; then the last figures count.
            let figures = message["tags"] == nil ? nil : RelayFigures(message)
            finish(session, figures: figures)
        case .ping, .block, .unblock, .playDTMF: break
        }
    }

    private mutating func take(_ port: UInt16?, of side: MediaSide, in before: RelaySession) {
        var session = before
        guard let port, session.take(port: port, of: side) else {
            let reason = port.map { "it has moved side \(side) to port \($0)" } ?? "a description without a port"
            return fail(session, .relayRefused(reason))
        }
        if session.phase == .opening, let ports = session.localPorts {
            session.phase = .open
            event(.opened(session.id, portA: ports.a, portB: ports.b))
        }
        sessions[session.id] = session
    }

    private mutating func refused(_ session: RelaySession, _ request: RelayRequest, _ reason: String) {
        switch request {
        case .delete: finish(session)
        case .query where reason != RelayAnswer.unknownCall: break
        case .query, .block, .unblock, .playDTMF: fail(session, .relayLost)
        case .offer, .answer, .ping:
            fail(session, reason == RelayAnswer.noPorts ? .noPortFree : .relayRefused(reason))
        }
    }

    // MARK: Ends

    /// A session that was opening is gone, as if it had never been; an open one is lost until call control closes it.
    private mutating func fail(_ before: RelaySession, _ failure: MediaFailure) {
        var session = before
        switch session.phase {
        case .opening:
            sessions[session.id] = nil
            clear(session.call)
            event(.failed(session.id, failure))
        case .open:
            session.phase = .lost
            session.abandonPlan()
            sessions[session.id] = session
            event(.failed(session.id, failure))
        case .closing:
            finish(session)
            clear(session.call)
        case .lost: break
        }
    }

    private mutating func finish(_ session: RelaySession, figures: RelayFigures? = nil) {
        sessions[session.id] = nil
        let last = figures ?? session.figures
        event(.closed(session.id, a: last?.a ?? StreamStatistics(), b: last?.b ?? StreamStatistics()))
    }

    /// The call is deleted when that can be asked for.
    private mutating func clear(_ call: String) {
        if deletions.count < Self.waitingDeletions { deletions.append(call) }
    }

    private mutating func event(_ event: MediaEvent) { effects.append(.event(event)) }

    // MARK: Time

    private mutating func expire(at now: Instant) {
        let (again, lost) = transactions.expire(at: now)
        for datagram in again { effects.append(.transmit(datagram)) }
        for (purpose, begun) in lost {
            let wasHeard = lastHeard.map { $0 >= begun } ?? false
            if !wasHeard { becomeUnreachable(at: now) }
            switch purpose {
            case .ping: nextPing = now + Self.pingInterval
            case .clearing(let call):
                if !wasHeard { clear(call) }
            case .session(let value, _):
                // One answer was lost four times, or its request: what holds now is not known.
                guard let session = sessions[MediaSessionID(value)] else { continue }
                fail(session, .relayUnreachable)
            }
        }
        for id in sessions.keys.sorted() where !runnable.contains(id) {
            if let due = sessions[id]?.nextDeadline, due <= now { runnable.append(id) }
        }
        if now >= nextPing, !transactions.isPinging {
            effects.append(.transmit(transactions.begin(.ping, .ping, at: now)))
        }
    }

    private mutating func becomeUnreachable(at now: Instant) {
        if case .unreachable = health { return }
        health = .unreachable(since: now)
        effects.append(.health(health))
        transactions.removeAll()
        nextPing = now
        for id in sessions.keys.sorted() {
            if let session = sessions[id] { fail(session, .relayUnreachable) }
        }
    }

    /// Sends what the sessions have to ask for, as far as the window has room.
    private mutating func ask(at now: Instant) {
        if case .unreachable = health { return }
        while transactions.hasRoom, !deletions.isEmpty {
            let call = deletions.removeFirst()
            effects.append(.transmit(transactions.begin(.delete(call: call), .clearing(call), at: now)))
        }
        while transactions.hasRoom, !runnable.isEmpty {
            let id = runnable.removeFirst()
            guard var session = sessions[id], let request = session.nextRequest(at: now) else { continue }
            session.isWaiting = true
            sessions[id] = session
            effects.append(.transmit(transactions.begin(request, .session(id.value, request), at: now)))
        }
    }
}
