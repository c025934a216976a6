package import Primitives

/// What the appliance remembers of the addresses that SIP comes from, to hold off floods, scanners and password guessing.
///
/// A challenge is no failure: telephones meet one at every registration. Failures are wrong credentials alone; they count
/// against the address (which is ignored for a while) and against the account (which then admits nobody new for a while,
/// so that guessing from many addresses is as slow as from one). The tables are bounded; when that of the addresses is
/// full, those with nothing against them give way, and then everybody unknown is held to the rate of one more address
/// together. Registered telephones are none of its business: the caller does not ask about them.
package struct TelephonyProtection: Sendable {
    /// Wrong credentials within `window` from one address, after which the address is ignored for `banTime`.
    package static let failuresBeforeBan = 10
    package static let window = Duration.seconds(60)
    package static let banTime = Duration.seconds(60)
    /// Addresses remembered at a time.
    package static let sourceLimit = 4_096
    /// Wrong credentials for one account within `accountWindow`, from wherever, after which it is locked for `lockTime`.
    package static let failuresBeforeLock = 30
    package static let accountWindow = Duration.seconds(600)
    package static let lockTime = Duration.seconds(60)
    /// Accounts remembered at a time.
    package static let accountLimit = 1_024
    /// This many times over its rate, and an address is not even read for the rest of the second.
    package static let floodFactor = 4

    private struct Source {
        var second: Instant
        var requestsInSecond = 0
        /// Wrong credentials by the user whom they name; fewer than `failuresBeforeBan` users, as all of them count.
        var failures: [String: Int] = [:]
        var firstFailure: Instant
        /// Nothing is read until then.
        var bannedUntil: Instant?

        init(at now: Instant) {
            second = now
            firstFailure = now
        }

        func isIdle(at now: Instant) -> Bool {
            now - second > .seconds(1) && (bannedUntil ?? now) <= now
                && (failures.isEmpty || now - firstFailure > window)
        }
    }

    private struct Account {
        var failures = 0
        var firstFailure: Instant
        var lockedUntil: Instant?
    }

    private let requestsPerSecond: Int
    private var accounts: [String: Account] = [:]
    private var sources: [IPAddress: Source] = [:]
    private var overflow = Source(at: .origin)

    package init(limits: Limits) {
        requestsPerSecond = limits.challengesPerSecondPerSource
    }

    package var sourceCount: Int { sources.count }

    /// False while what comes from that address is to be ignored.
    package func hears(_ address: IPAddress, at now: Instant) -> Bool {
        guard let until = sources[address]?.bannedUntil else { return true }
        return now >= until
    }

    /// Counts a request that has proved nothing; false when it is one too many in this second.
    package mutating func admits(_ address: IPAddress, at now: Instant) -> Bool {
        guard makeRoom(for: address, at: now) else { return Self.admits(&overflow, limit: requestsPerSecond, at: now) }
        return Self.admits(&sources[address, default: Source(at: now)], limit: requestsPerSecond, at: now)
    }

    private static func admits(_ source: inout Source, limit: Int, at now: Instant) -> Bool {
        if now - source.second >= .seconds(1) {
            source.second = now
            source.requestsInSecond = 0
        }
        source.requestsInSecond += 1
        if source.requestsInSecond > floodFactor * limit {
            source.bannedUntil = max(source.bannedUntil ?? now, source.second + .seconds(1))
        }
        return source.requestsInSecond <= limit
    }

    /// Ignores an address for `banTime`: it said itself that it is up to no good.
    package mutating func ban(_ address: IPAddress, at now: Instant) {
        guard makeRoom(for: address, at: now) else { return }
        sources[address, default: Source(at: now)].bannedUntil = now + Self.banTime
    }

    /// True while an account takes no credentials from addresses where it is not registered.
    package func isLocked(_ user: String, at now: Instant) -> Bool {
        guard let until = accounts[user]?.lockedUntil else { return false }
        return now < until
    }

    /// Counts wrong credentials for a user; true when the address is ignored from now on.
    package mutating func failed(_ address: IPAddress, user: String, at now: Instant) -> Bool {
        noteFailure(of: user, at: now)
        guard makeRoom(for: address, at: now) else { return false }
        var source = sources[address] ?? Source(at: now)
        if source.failures.isEmpty || now - source.firstFailure > Self.window {
            source.firstFailure = now
            source.failures = [:]
        }
        source.failures[user, default: 0] += 1
        let isBanned = source.failures.values.reduce(0, +) >= Self.failuresBeforeBan
        if isBanned {
            source.failures = [:]
            source.bannedUntil = now + Self.banTime
        }
        sources[address] = source
        return isBanned
    }

    private mutating func noteFailure(of user: String, at now: Instant) {
        if accounts[user] == nil, accounts.count >= Self.accountLimit {
            accounts = accounts.filter { now - $0.value.firstFailure <= Self.accountWindow }
            guard accounts.count < Self.accountLimit else { return }
        }
        var account = accounts[user] ?? Account(firstFailure: now)
        if now - account.firstFailure > Self.accountWindow { account = Account(firstFailure: now) }
        account.failures += 1
        if account.failures >= Self.failuresBeforeLock {
            account = Account(firstFailure: now, lockedUntil: now + Self.lockTime)
        }
        accounts[user] = account
    }

    /// Right credentials wipe out the wrong ones before for the same user; guesses at others still count.
    package mutating func succeeded(_ address: IPAddress, user: String) { sources[address]?.failures[user] = nil }

    private mutating func makeRoom(for address: IPAddress, at now: Instant) -> Bool {
        guard sources[address] == nil, sources.count >= Self.sourceLimit else { return true }
        // At most once a second: a flood of addresses must not make every packet cost a walk over the table.
        guard now - lastSweep >= .seconds(1) else { return false }
        lastSweep = now
        sources = sources.filter { !$0.value.isIdle(at: now) }
        return sources.count < Self.sourceLimit
    }

    private var lastSweep = Instant(nanoseconds: -1_000_000_000)
}
