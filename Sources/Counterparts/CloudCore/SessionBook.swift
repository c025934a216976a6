package import Primitives

/// Who is logged in to the Control Center: sessions in memory, and the brake on guessing passwords.
///
/// A session's token is known to the browser alone; here is its hash. It ends after `sessionIdle` without a request, after
/// `sessionLifetime` whatever happens, at logout, and when the account changes. A restart ends all.
package struct SessionBook: Sendable {
    private struct Session {
        var login: String
        var startedAt: Instant
        var usedAt: Instant
    }

    private struct Failures {
        var login: String
        var count: Int
        /// No attempt is looked at before.
        var until: Instant
    }

    /// By the hash of the token; looked up, never iterated over for an effect.
    private var sessions: [[UInt8]: Session] = [:]
    /// Oldest first.
    private var failures: [Failures] = []
    private let limits: CloudLimits

    package init(limits: CloudLimits = CloudLimits()) { self.limits = limits }

    package var count: Int { sessions.count }

    // MARK: Logging in

    /// Before a password is looked at: after some wrong ones for this login, each costs a wait that doubles. The wait is
    /// the same whether the login exists or not.
    package func admit(login: String, at now: Instant) throws(CloudRefusal) {
        let login = login.lowercased()
        guard let entry = failures.first(where: { $0.login == login }), entry.until > now else { return }
        throw .tooOften(retryAfter: entry.until - now)
    }

    package mutating func failed(login: String, at now: Instant) {
        let login = login.lowercased()
        var entry = Failures(login: login, count: 0, until: now)
        if let position = failures.firstIndex(where: { $0.login == login }) { entry = failures.remove(at: position) }
        entry.count += 1
        let beyond = entry.count - limits.freeLoginFailures
        if beyond >= 0 {
            entry.until = now + min(limits.loginPause * (1 << min(beyond, 10)), limits.loginPauseCap)
        }
        failures.append(entry)
        if failures.count > limits.loginFailures { failures.removeFirst() }
    }

    /// The password was right. The token is for the browser; who has it, is `login`.
    package mutating func open(
        login: String, at now: Instant, entropy: inout Entropy, hashes: some HashFunctions
    ) throws(CloudRefusal) -> Secret {
        let login = login.lowercased()
        failures.removeAll { $0.login == login }
        expire(at: now)
        let own = sessions.filter { $0.value.login == login }
        if own.count >= limits.sessionsPerAccount,
            let oldest = own.min(by: { ($0.value.usedAt, Hex.encode($0.key)) < ($1.value.usedAt, Hex.encode($1.key)) })
        {
            sessions[oldest.key] = nil
        }
        guard sessions.count < limits.sessions else { throw .tooMany(what: "sessions", limit: limits.sessions) }
        let token = entropy.hexToken(bytes: 32)
        sessions[hashes.sha256(Array(token.utf8))] = Session(login: login, startedAt: now, usedAt: now)
        return Secret(token)
    }

    // MARK: Using it

    /// Whose session this is; counts as use unless `isUse` is false. Nil: log in again.
    package mutating func login(
        token: String, at now: Instant, hashes: some HashFunctions, isUse: Bool = true
    ) -> String? {
        let key = hashes.sha256(Array(token.utf8))
        guard let session = sessions[key] else { return nil }
        guard isAlive(session, at: now) else {
            sessions[key] = nil
            return nil
        }
        if isUse { sessions[key]?.usedAt = now }
        return session.login
    }

    package mutating func close(token: String, hashes: some HashFunctions) {
        sessions[hashes.sha256(Array(token.utf8))] = nil
    }

    /// The account is gone, or its password or role is another: all its sessions end.
    package mutating func closeAll(login: String) {
        let login = login.lowercased()
        sessions = sessions.filter { $0.value.login != login }
    }

    private func isAlive(_ session: Session, at now: Instant) -> Bool {
        now - session.usedAt < limits.sessionIdle && now - session.startedAt < limits.sessionLifetime
    }

    private mutating func expire(at now: Instant) {
        sessions = sessions.filter { isAlive($0.value, at: now) }
    }
}
