import ApplianceCore
import Primitives
import PrivacyContract

/// The appliance's second uplink, to the remote access server (F-C10), and the sessions on it.
extension ApplianceNode {
    func openRemoteAccess(_ permit: Permit) {
        used(permit)
        remote.isWanted = true
        dialRemote(after: .milliseconds(20))
    }

    func closeRemoteAccess() {
        remote.isWanted = false
        remoteLost("closed by the owner")
    }

    private func dialRemote(after delay: Duration) {
        let attempt = remote.nextAttempt()
        afterwards(delay) { [unowned self] in
            guard remote.isCurrent(attempt), remote.isWanted, !remote.isUp else { return }
            guard !world.cloudIsUnreachable, let external = world.cloud.remoteAccessOpened(serial: Self.serial) else {
                dialRemote(after: .seconds(1) + entropy.jitter(upTo: .seconds(4)))
                return
            }
            remote.isUp = true
            world.note("remote access up as \(external)")
            input(.remoteLink(.up(external: external)))
        }
    }

    func remoteLost(_ reason: String) {
        guard remote.isUp else { return }
        remote.isUp = false
        world.note("remote access down: \(reason)")
        endSessions()
        input(.remoteLink(.down(reason: reason)))
        if remote.isWanted { dialRemote(after: .seconds(1) + entropy.jitter(upTo: .seconds(4))) }
    }

    /// Both ends of each session see its connection end.
    func endSessions() {
        world.cloud.remoteAccessClosed()
        for (id, session) in sessions.sorted(by: { $0.key < $1.key }) { end(id, session) }
    }

    private func end(_ id: ServiceRequestID, _ session: RemoteSession) {
        sessions[id] = nil
        input(.sessionEnded(id, bytesSent: session.sent))
        session.reply(session.isOpen ? nil : .problem(status: 0, title: "cut off", detail: ""))
    }

    /// A session of the Control Center: its first request, and if that is let in an answer of so many bytes after a while.
    /// `reply` hears `.adminSession` and then nil at the session's end, or why there was none.
    func session(_ credentials: Credentials, answering bytes: Int64, reply: @escaping (ServiceReply?) -> Void) {
        guard remote.isUp else { return reply(.problem(status: 404, title: "not open", detail: "")) }
        nextRequest += 1
        let id = ServiceRequestID(nextRequest)
        sessions[id] = RemoteSession(size: bytes, reply: reply)
        input(.service(id, .adminSession(credentials)))
    }

    /// True when the reply was one of a session's.
    func sessionReply(_ id: ServiceRequestID, _ answer: ServiceReply) -> Bool {
        guard var session = sessions[id] else { return false }
        guard case .adminSession(let permit) = answer else {
            sessions[id] = nil
            session.reply(answer)
            return true
        }
        used(permit)
        session.isOpen = true
        session.sent = session.size
        sessions[id] = session
        world.cloud.saw(.c10, permit.fieldNames, bytes: session.size)
        session.reply(answer)
        afterwards(.milliseconds(200)) { [unowned self] in
            if let session = sessions[id] { end(id, session) }
        }
        return true
    }
}

/// A connection through the remote access server.
struct RemoteSession {
    let size: Int64
    var sent: Int64 = 0
    var isOpen = false
    let reply: (ServiceReply?) -> Void

    init(size: Int64, reply: @escaping (ServiceReply?) -> Void) {
        self.size = size
        self.reply = reply
    }
}
