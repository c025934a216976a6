import CloudMessages
import Pairing
import Persistence
package import Primitives
import PrivacyContract
import Settings

/// What the owner asks about remote access.
package enum RemoteAccessCommand: Sendable, Hashable {
    case status
    /// On from now for so long.
    case open(for: Duration)
}

/// How remote access stands, for the owner.
package struct RemoteAccessStatus: Sendable, Equatable {
    /// `off`, `waiting` (why in `detail`), `connecting`, `up`.
    package var state: String
    package var detail: String
    /// When it ends by itself.
    package var end: UnixTime?
    /// Sessions that are open now.
    package var sessions: Int
    package init(state: String, detail: String, end: UnixTime?, sessions: Int) {
        self.state = state
        self.detail = detail
        self.end = end
        self.sessions = sessions
    }
}

/// The second uplink (F-C10), and who came in through it.
struct ConnectedRemoteAccess: Sendable {
    enum Link: Sendable { case off, dialling, up }
    var link = Link.off
    /// The server that the open uplink goes to.
    var address: String?
    /// Ends with the wall clock or with this one, whichever comes first: a clock that is set back extends nothing.
    var endsAt: Instant?
    /// Sessions with a permit, in the order of their ids.
    var sessions: [ServiceRequestID] = []
    /// When the ledger last said that it is up.
    var recordedAt: Instant?
    /// Why it is wanted and not open; said once.
    var refusal: EgressRefusal?
    /// Sessions at a time.
    static let simultaneousSessions = 16
    /// As long as the owner says nothing else.
    static let ordinaryDuration = Duration.seconds(4 * 3_600)
    static let longestDuration = Duration.seconds(7 * 86_400)
}

/// Remote configuration through the remote access server (F-C10): an uplink of its own, up only while the owner has switched
/// it on and no longer than the owner said, offering one service. A session is the Control Center's, which proves itself by
/// its certificate and by the pairing user, inside TLS that ends in the appliance.
extension ConnectedServices {
    /// What a session carries: the gate compares it with the contract.
    static let sessionFields: [FieldName] = [.adminSession]

    mutating func remoteAccess(_ command: RemoteAccessCommand, _ id: AdminRequestID) {
        switch command {
        case .status: reply(id, .remoteAccess(remoteAccessStatus))
        case .open(let duration):
            guard duration > .zero, duration <= ConnectedRemoteAccess.longestDuration else {
                return reply(id, .refused(status: 400, detail: "remote access is opened for up to 7 days"))
            }
            switchRemoteAccessOn(for: duration, id)
        }
    }

    /// Switch and end are one transaction: on without an end is never stored.
    mutating func switchRemoteAccessOn(
        for duration: Duration = ConnectedRemoteAccess.ordinaryDuration, _ id: AdminRequestID
    ) {
        var next = state
        next.remoteAccessEnd = wall + duration
        // Known from here on, so that whatever else is remembered meanwhile does not take the end away.
        state = next
        store(
            [.setSwitch(.remoteAccess, true), .putServiceState(next)],
            then: .remoteAccess(
                end: wall + duration, monotonicEnd: now + duration, generation: generation(of: .remoteAccess), id))
    }

    mutating func remoteAccessStored(
        end: UnixTime, monotonicEnd: Instant, generation: UInt64, _ id: AdminRequestID, _ outcome: StoreOutcome
    ) {
        if case .failed(let failure) = outcome { return refuse(id, failure) }
        guard generation == self.generation(of: .remoteAccess) else {
            return reply(id, .refused(status: 409, detail: "remote-access was switched off in the meantime"))
        }
        switches[.remoteAccess] = true
        remote.endsAt = monotonicEnd
        reply(id, .done("remote access is on until \(end.rfc3339)"))
    }

    var remoteAccessStatus: RemoteAccessStatus {
        let (state, detail) = remoteState
        return RemoteAccessStatus(
            state: state, detail: detail, end: switches[.remoteAccess] == true ? self.state.remoteAccessEnd : nil,
            sessions: remote.sessions.count)
    }

    private var remoteState: (String, String) {
        switch remote.link {
        case .up: return ("up", "the Control Center can configure this appliance")
        case .dialling: return ("connecting", "the remote access server does not answer yet")
        case .off: break
        }
        guard switches[.remoteAccess] == true else {
            return ("off", "'pbxctl remote-access on' opens it for some hours")
        }
        if switches[.controlCenter] != true { return ("waiting", "the Control Center is switched off") }
        if pairing.stage != .paired { return ("waiting", "the appliance is not paired") }
        if settings.cloud.remoteAccess == nil { return ("waiting", "no remote access server is configured") }
        return ("waiting", remote.refusal.map { "\($0)" } ?? "it opens")
    }

    // MARK: The uplink

    var remoteAccessDeadline: Instant? {
        guard switches[.remoteAccess] == true else { return nil }
        return remote.endsAt ?? now
    }

    /// Off by itself at its end; a boot knows the wall clock's end only.
    mutating func reviewRemoteAccess() {
        if switches[.remoteAccess] == true {
            let end = state.remoteAccessEnd
            if remote.endsAt == nil {
                // Never later than the stored end, and never longer than anybody can have said.
                let rest = end.map { min(max($0 - wall, .zero), ConnectedRemoteAccess.longestDuration) } ?? .zero
                remote.endsAt = now + rest
            }
            let isOver = end.map { wall >= $0 } ?? true
            if isOver || remote.endsAt.map({ now >= $0 }) == true { endRemoteAccess() }
        } else {
            remote.endsAt = nil
        }
        reviewRemoteUplink()
    }

    private mutating func endRemoteAccess() {
        effects.append(.log(.notice, "the time of remote access is over: it is off"))
        turnOff(.remoteAccess)
        remote.endsAt = nil
        var next = state
        next.remoteAccessEnd = nil
        state = next
        store([.setSwitch(.remoteAccess, false), .putServiceState(next)], then: .serviceState(nil, ""))
    }

    private mutating func reviewRemoteUplink() {
        let isOn = switches[.controlCenter] == true && switches[.remoteAccess] == true
        let wanted = isOn && pairing.stage == .paired && !isDraining ? settings.cloud.remoteAccess : nil
        guard wanted != remote.address else { return }
        if remote.address != nil {
            effects.append(.closeRemoteAccess)
            remote.address = nil
            remote.link = .off
            remote.sessions = []  // each still reports its bytes
        }
        guard let wanted else {
            remote.refusal = nil
            return
        }
        if let refusal = roomRefusal(for: .c10) { return remoteRefused(refusal, isCounted: false) }
        switch gate.permitConnection(.c10, fields: Self.sessionFields, switches: switches) {
        case .success(let permit):
            remote.address = wanted
            remote.link = .dialling
            remote.refusal = nil
            effects.append(.openRemoteAccess(permit))
        case .failure(let refusal): remoteRefused(refusal, isCounted: true)
        }
    }

    private mutating func remoteRefused(_ refusal: EgressRefusal, isCounted: Bool) {
        guard remote.refusal != refusal else { return }
        remote.refusal = refusal
        if !isCounted { gate.count(refusal) }
        effects.append(.log(.warning, "\(refusal)"))
    }

    mutating func remoteLinkChanged(_ event: UplinkEvent) {
        guard remote.address != nil else { return }  // late
        switch event {
        case .up:
            guard remote.link != .up else { return }
            remote.link = .up
            if remote.recordedAt.map({ now - $0 >= Self.locationInterval }) ?? true {
                remote.recordedAt = now
                // Address and serial are the connection's own; no byte of a session has left yet.
                record(.c10, .remoteAccess, [], bytes: 0, result: "connected")
            }
            effects.append(.log(.notice, "remote access is up"))
        case .down(let reason):
            remote.link = .dialling
            remote.sessions = []
            effects.append(.log(.notice, "remote access is down: \(reason)"))
        }
    }

    // MARK: Sessions

    /// The credential was right: the session gets its permit, if the flow is on and there is room.
    mutating func openSession(_ id: ServiceRequestID) {
        if let refusal = roomRefusal(for: .c10) {
            gate.count(refusal)
            return reply(id, .problem(status: 503, title: "overloaded", detail: "\(refusal)"))
        }
        guard remote.sessions.count < ConnectedRemoteAccess.simultaneousSessions else {
            let detail = "\(ConnectedRemoteAccess.simultaneousSessions) sessions are open; close one first"
            return reply(id, .problem(status: 503, title: "too many sessions", detail: detail))
        }
        switch gate.permitConnection(.c10, fields: Self.sessionFields, switches: switches) {
        case .success(let permit):
            remote.sessions.append(id)
            reply(id, .adminSession(permit))
        case .failure(let refusal):
            record(.c10, .remoteAccess, [], bytes: 0, result: "denied \(refusal.kind)")
            reply(id, .problem(status: 403, title: "remote access is off", detail: "\(refusal)"))
        }
    }

    /// A session's connection is gone: what it has sent is in the ledger now.
    mutating func sessionEnded(_ id: ServiceRequestID, bytesSent: Int64) {
        remote.sessions.removeAll { $0 == id }
        credentials.waiting[id] = nil
        guard bytesSent > 0 else { return }
        record(.c10, .remoteAccess, Self.sessionFields, bytes: bytesSent, result: "sent")
    }
}
