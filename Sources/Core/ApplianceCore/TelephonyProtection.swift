package import Primitives

/// What the appliance remembers of the addresses that SIP comes from, to hold off floods and password guessing.
///
/// A challenge is no failure: telephones meet one at every registration. Failures are wrong credentials alone. The table
/// is bounded; when it is full, addresses with nothing against them give way, and then everybody unknown is held to the
/// rate of one more address together.
package struct TelephonyProtection: Sendable {
    /// Wrong credentials within `window` from one address, after which the address is ignored for `banTime`.
    package static let failuresBeforeBan = 10
    package static let window = Duration.seconds(60)
    package static let banTime = Duration.seconds(60)
    /// Addresses remembered at a time.
    package static let sourceLimit = 4_096

    private struct Source {
        var second: Instant
        var requestsInSecond = 0
        /// Wrong credentials by the user whom they name; fewer than `failuresBeforeBan` users, as all of them count.
        var failures: [String: Int] = [:]
        var firstFailure: Instant
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

    private let requestsPerSecond: Int
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
        return source.requestsInSecond <= limit
    }

    /// Counts wrong credentials for a user; true when the address is ignored from now on.
    package mutating func failed(_ address: IPAddress, user: String, at now: Instant) -> Bool {
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
