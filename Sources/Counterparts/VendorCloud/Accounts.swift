import CloudCore
import Glibc
import Hummingbird
import NIOPosix
import OpenSSLCrypto
import Primitives

/// Who uses the Control Center: accounts, passwords, sessions. Hashes passwords on the thread pool, a few at a time.
actor Accounts {
    /// A request's user, with a session that is alive.
    struct Principal: Sendable {
        var account: Account
        var company: Company

        func require(_ right: AccountRight) throws(CloudRefusal) {
            guard account.role.rights.contains(right) else { throw .forbidden(right) }
        }
    }

    static let cookieName = "pbx-session"

    private var book: AccountBook
    private var sessions: SessionBook
    private var entropy = Entropy(SystemEntropyGenerator())
    private var checks = 0
    private var revision: UInt64 = 0
    private let commit: GroupCommit<AccountBook>
    private let limits: CloudLimits
    private let lock: Int32
    private let pool = NIOThreadPool.singleton
    private let hashes = OpenSSLHashes()
    /// Checked where there is no such login, so that an answer takes the same time.
    private static let nobody = Result { try PasswordVerifier(of: Secret(SystemEntropyGenerator.bytes(16))) }

    init(file: AccountsFile, limits: CloudLimits) throws {
        self.limits = limits
        commit = GroupCommit { try file.save($0) }
        lock = try file.lock()
        book = try file.load(limits: limits)
        sessions = SessionBook(limits: limits)
    }

    deinit { close(lock) }

    // MARK: Sessions

    func logIn(login: String, password: Secret) async throws -> (token: Secret, principal: Principal) {
        // Nobody has such a login, and what is remembered of it would be the sender's to choose.
        guard login.utf8.count <= limits.loginBytes else { throw CloudRefusal.unauthenticated }
        try sessions.admit(login: login, at: ServerClock.now)
        let account = book.account(login: login)
        guard try await matches(password, verifier: account?.verifier), let account,
            let company = book.company(id: account.company), book.account(login: login) == account
        else {
            sessions.failed(login: login, at: ServerClock.now)
            throw CloudRefusal.unauthenticated
        }
        let token = try sessions.open(login: login, at: ServerClock.now, entropy: &entropy, hashes: hashes)
        return (token, Principal(account: account, company: company))
    }

    func logOut(_ request: Request) {
        if let token = Self.token(of: request) { sessions.close(token: token, hashes: hashes) }
    }

    /// The user of a request. Throws when it has no session.
    func principal(of request: Request) throws(CloudRefusal) -> Principal {
        guard let token = Self.token(of: request),
            let login = sessions.login(token: token, at: ServerClock.now, hashes: hashes),
            let account = book.account(login: login), let company = book.company(id: account.company)
        else { throw .unauthenticated }
        return Principal(account: account, company: company)
    }

    func principal(of request: Request, having right: AccountRight) throws(CloudRefusal) -> Principal {
        let principal = try principal(of: request)
        try principal.require(right)
        return principal
    }

    /// Asked before each call record on a stream: one that is open when the session ends, or the role changes, gets no more.
    /// That a stream is open does not count as use.
    func mayStill(_ right: AccountRight, _ request: Request) -> Bool {
        guard let token = Self.token(of: request),
            let login = sessions.login(token: token, at: ServerClock.now, hashes: hashes, isUse: false)
        else { return false }
        return book.account(login: login)?.role.rights.contains(right) == true
    }

    private static func token(of request: Request) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let trimmed = pair.drop { $0 == " " }
                if trimmed.hasPrefix("\(cookieName)=") { return String(trimmed.dropFirst(cookieName.count + 1)) }
            }
        }
        return nil
    }

    /// Out of reach of scripts, sent to this server alone and for no other site's requests. Not `Secure`: the page is plain
    /// HTTP on loopback.
    static func cookie(_ token: Secret) -> String {
        "\(cookieName)=\(token.text); Path=/; HttpOnly; SameSite=Strict"
    }

    static let noCookie = "\(cookieName)=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"

    // MARK: Accounts of a company

    func colleagues(of principal: Principal) -> [Account] { book.accounts(company: principal.company.id) }

    func add(
        login: String, name: String, role: AccountRole, password: Secret, by principal: Principal
    ) async throws {
        try stillActs(principal)
        try AccountBook.check(password: password)
        guard book.account(login: login) == nil else { throw CloudRefusal.alreadyExists(what: "login \(login)") }
        let verifier = try await hash(password)
        try stillActs(principal)
        try book.add(
            Account(login: login, name: name, company: principal.company.id, role: role, verifier: verifier))
        try await save()
    }

    /// Bodies may be slow, and so are checks of passwords: whose role or password has changed meanwhile does nothing more.
    private func stillActs(_ principal: Principal) throws(CloudRefusal) {
        guard book.account(login: principal.account.login) == principal.account else { throw .unauthenticated }
    }

    func remove(login: String, by principal: Principal) async throws {
        try stillActs(principal)
        try book.remove(login: login, company: principal.company.id)
        sessions.closeAll(login: login)
        try await save()
    }

    func setRole(_ role: AccountRole, of login: String, by principal: Principal) async throws {
        try stillActs(principal)
        try book.setRole(role, of: login, company: principal.company.id)
        sessions.closeAll(login: login)
        try await save()
    }

    /// The own password; all sessions of the account end.
    func setPassword(_ new: Secret, current: Secret, of principal: Principal) async throws {
        let login = principal.account.login
        try stillActs(principal)
        try AccountBook.check(password: new)
        try sessions.admit(login: login, at: ServerClock.now)
        guard try await matches(current, verifier: principal.account.verifier) else {
            sessions.failed(login: login, at: ServerClock.now)
            throw CloudRefusal.invalid(what: "current password", reason: "it is wrong")
        }
        let verifier = try await hash(new)
        try stillActs(principal)
        try book.setVerifier(verifier, of: login, company: principal.company.id)
        sessions.closeAll(login: login)
        try await save()
    }

    // MARK: The slow parts

    private func matches(_ password: Secret, verifier: String?) async throws -> Bool {
        let known = verifier.flatMap(PasswordVerifier.init(text:))
        let isRight = try await slowly { try (known ?? Self.nobody.get()).matches(password) }
        return isRight && known != nil
    }

    private func hash(_ password: Secret) async throws -> String {
        try await slowly { try PasswordVerifier(of: password).text }
    }

    private func slowly<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        guard checks < limits.passwordChecks else { throw CloudRefusal.unavailable(what: "the check of passwords") }
        checks += 1
        defer { checks -= 1 }
        return try await pool.runIfActive(work)
    }

    private func save() async throws {
        revision += 1
        try await commit.save(book, revision: revision)
    }
}
