import CloudCore
import Primitives
import Testing

private struct PlainHashes: HashFunctions {
    func md5(_ message: [UInt8]) -> [UInt8] { message }
    func sha256(_ message: [UInt8]) -> [UInt8] { message.reversed() }
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] { message }
}

@Suite struct SessionBookTests {
    private let start = Instant(nanoseconds: 0)

    private func open(_ book: inout SessionBook, _ login: String = "ada", at now: Instant) throws -> String {
        var entropy = Entropy(SeededGenerator(seed: UInt64(book.count) << 40 + UInt64(now.nanoseconds)))
        let token = try book.open(login: login, at: now, entropy: &entropy, hashes: PlainHashes())
        return token.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    private func wait(_ book: SessionBook, _ login: String, at now: Instant) -> Duration {
        do {
            try book.admit(login: login, at: now)
            return .zero
        } catch {
            guard case .tooOften(let wait) = error else { return .zero }
            return wait
        }
    }

    @Test func `a session ends when it is not used, and after half a day in any case`() throws {
        var book = SessionBook()
        let token = try open(&book, at: start)
        var now = start
        for _ in 0..<24 {
            now = now + .seconds(29 * 60)
            #expect(book.login(token: token, at: now, hashes: PlainHashes()) == "ada")
        }
        #expect(book.login(token: token, at: start + .seconds(12 * 3_600), hashes: PlainHashes()) == nil)
        let second = try open(&book, at: now)
        #expect(book.login(token: second, at: now + .seconds(30 * 60), hashes: PlainHashes()) == nil)
        #expect(book.count == 0)
    }

    @Test func `an open stream does not keep a session alive`() throws {
        var book = SessionBook()
        let token = try open(&book, at: start)
        let late = start + .seconds(29 * 60)
        #expect(book.login(token: token, at: late, hashes: PlainHashes(), isUse: false) == "ada")
        #expect(book.login(token: token, at: start + .seconds(30 * 60), hashes: PlainHashes()) == nil)
    }

    @Test func `log-out ends one session, a change of the account all of its own`() throws {
        var book = SessionBook()
        let (first, second) = (try open(&book, at: start), try open(&book, at: start))
        let other = try open(&book, "bob", at: start)
        #expect(first != second)
        book.close(token: first, hashes: PlainHashes())
        #expect(book.login(token: first, at: start, hashes: PlainHashes()) == nil)
        #expect(book.login(token: second, at: start, hashes: PlainHashes()) == "ada")
        book.closeAll(login: "ADA")
        #expect(book.login(token: second, at: start, hashes: PlainHashes()) == nil)
        #expect(book.login(token: other, at: start, hashes: PlainHashes()) == "bob")
    }

    @Test func `an account's oldest session makes room, and all together have a limit`() throws {
        var limits = CloudLimits()
        (limits.sessionsPerAccount, limits.sessions) = (2, 3)
        var book = SessionBook(limits: limits)
        let first = try open(&book, at: start)
        let second = try open(&book, at: start + .seconds(1))
        _ = book.login(token: first, at: start + .seconds(2), hashes: PlainHashes())
        _ = try open(&book, at: start + .seconds(3))
        #expect(book.login(token: second, at: start + .seconds(3), hashes: PlainHashes()) == nil)
        #expect(book.login(token: first, at: start + .seconds(3), hashes: PlainHashes()) == "ada")
        _ = try open(&book, "bob", at: start)
        #expect(throws: CloudRefusal.tooMany(what: "sessions", limit: 3)) {
            try open(&book, "carl", at: start + .seconds(3))
        }
    }

    @Test func `wrong passwords cost waits that double, and the right one ends them`() throws {
        var book = SessionBook()
        for _ in 0..<4 {
            book.failed(login: "ada", at: start)
            try book.admit(login: "ada", at: start)
        }
        var waits: [Duration] = []
        var now = start
        for _ in 0..<12 {
            book.failed(login: "Ada", at: now)
            let wait = wait(book, "ada", at: now)
            waits.append(wait)
            now = now + wait
        }
        #expect(waits.map(\.inWholeSecondsUp) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
        try book.admit(login: "bob", at: now)
        try book.admit(login: "ada", at: now)
        _ = try open(&book, at: now)
        book.failed(login: "ada", at: now)
        try book.admit(login: "ada", at: now)
    }

    @Test func `the memory of wrong passwords is bounded`() throws {
        var limits = CloudLimits()
        (limits.loginFailures, limits.freeLoginFailures) = (2, 1)
        var book = SessionBook(limits: limits)
        for login in ["a", "b", "c"] { book.failed(login: login, at: start) }
        try book.admit(login: "a", at: start)
        #expect(throws: CloudRefusal.self) { try book.admit(login: "c", at: start) }
    }
}
