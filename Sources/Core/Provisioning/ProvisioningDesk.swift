import LogPolicy
package import Persistence
package import Primitives
package import Settings

/// Identifies softphones and keeps the log of their queries (F-S3, F-S4, X13, R2).
///
/// A token is a secret of 160 bits; only its SHA-256 is kept. It lives for a day, and after its first use for
/// `graceAfterUse`, so that a lost answer can be fetched again and a copied link soon cannot.
package struct ProvisioningDesk: Sendable {
    /// 160 bits.
    package static let tokenBytes = 20
    package static let tokenLifetime = Duration.seconds(24 * 3600)
    package static let graceAfterUse = Duration.seconds(600)
    package static let pruneInterval = LogClass.sweepInterval
    /// Tokens that wait to be used, over all extensions.
    package static let maximumTokens = 1_000
    package static let productBytes = 64
    /// Queries with an unknown token that are answered (and logged) within `rateWindow`; the rest is refused with 429.
    package static let queriesPerWindow = 60
    package static let rateWindow = Duration.seconds(60)

    private var tokens: [ProvisioningTokenRecord]
    private let hashes: any HashFunctions
    private var window: (start: Instant, count: Int)?

    package init(tokens: [ProvisioningTokenRecord], hashes: any HashFunctions) {
        self.tokens = tokens
        self.hashes = hashes
    }

    package var tokenCount: Int { tokens.count }

    /// A new token for an extension; give it out only after `command` is committed, then call `committed(_:)`.
    package func makeToken(
        extension: String, wall: UnixTime, entropy: inout Entropy
    ) throws(ProvisioningRefusal) -> (token: Secret, record: ProvisioningTokenRecord) {
        guard tokens.filter({ $0.expiresAt > wall }).count < Self.maximumTokens else {
            throw .tooManyTokens(limit: Self.maximumTokens)
        }
        // Letters and digits alone: nothing that a shell, a URL or a person could take for something else.
        let text = entropy.hexToken(bytes: Self.tokenBytes)
        let record = ProvisioningTokenRecord(
            tokenHash: hashes.sha256(Array(text.utf8)), extension: `extension`, expiresAt: wall + Self.tokenLifetime)
        return (Secret(text), record)
    }

    package mutating func committed(_ record: ProvisioningTokenRecord) {
        if let index = tokens.firstIndex(where: { $0.tokenHash == record.tokenHash }) {
            tokens[index] = record
        } else {
            tokens.append(record)
        }
    }

    /// What a query leads to; the same work and the same log line whether the token is known or not.
    package struct Answer: Sendable, Equatable {
        /// Nil: not identified.
        package var user: UserSettings?
        /// To be committed before the answer is given.
        package var commands: [StoreCommand]
    }

    package mutating func query(
        token: Secret, client: IPAddress, product: String, settings: ApplianceSettings, at now: Instant, wall: UnixTime
    ) throws(ProvisioningRefusal) -> Answer {
        let hash = token.withBytes { hashes.sha256(Array($0)) }
        var found: Int?
        // Every record is compared, in constant time each: the time tells nothing about how near a guess came.
        for (index, record) in tokens.enumerated() where constantTimeEquals(record.tokenHash, hash) { found = index }
        var commands: [StoreCommand] = [
            .appendProvisioningLog(Self.logEntry(client: client, product: product, wall: wall))
        ]
        guard let index = found, tokens[index].expiresAt > wall,
            let user = settings.users.first(where: { $0.extension == tokens[index].extension })
        else {
            // Guesses alone are limited, so that a stranger's cannot keep a client with a token from its file.
            try admit(at: now)
            return Answer(user: nil, commands: commands)
        }
        let limit = wall + Self.graceAfterUse
        if tokens[index].expiresAt > limit {
            tokens[index].expiresAt = limit
            commands.append(.putProvisioningToken(tokens[index]))
        }
        return Answer(user: user, commands: commands)
    }

    /// R2, and tokens that are over.
    package mutating func prune(wall: UnixTime) -> [StoreCommand] {
        let expired = tokens.filter { $0.expiresAt <= wall }
        tokens.removeAll { $0.expiresAt <= wall }
        let horizon = LogClass.provisioning.anonymisedHorizon(at: wall)
        return expired.map { .removeProvisioningToken(tokenHash: $0.tokenHash) }
            + (horizon.map { [.pruneProvisioningLog(olderThan: $0)] } ?? [])
    }

    /// Anonymised when written (Q12, Q13): network, hour, and the product without what a client adds to it.
    package static func logEntry(client: IPAddress, product: String, wall: UnixTime) -> ProvisioningLogEntry {
        let line = AnonymousLine(address: client, at: wall)
        return ProvisioningLogEntry(
            hour: line.hour, network: line.network, product: AnonymousLine.product(product, limit: productBytes))
    }

    private mutating func admit(at now: Instant) throws(ProvisioningRefusal) {
        if let current = window, now < current.start + Self.rateWindow {
            guard current.count < Self.queriesPerWindow else { throw .tooManyQueries(limit: Self.queriesPerWindow) }
            window = (current.start, current.count + 1)
        } else {
            window = (now, 1)
        }
    }
}

/// Why a token or a file is not given out. `status` follows HTTP.
package enum ProvisioningRefusal: Error, Sendable, Hashable {
    case noSuchExtension(String)
    case tooManyTokens(limit: Int)
    case tooManyQueries(limit: Int)
    /// Unknown, expired or withdrawn: not told apart.
    case notIdentified
    case storage(StoreFailure)

    package var status: Int {
        switch self {
        case .noSuchExtension: 404
        case .tooManyTokens, .storage: 503
        case .tooManyQueries: 429
        case .notIdentified: 401
        }
    }
}

extension ProvisioningRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noSuchExtension(let number):
            "no user has the extension \(number); add one to the configuration file, then 'pbxctl apply'"
        case .tooManyTokens(let limit): "\(limit) tokens wait to be used; wait until some expire"
        case .tooManyQueries(let limit): "more than \(limit) configuration queries a minute; try again in a minute"
        case .notIdentified: "the token is not known or has expired; ask the administrator for a new one"
        case .storage(let failure): "nothing was changed, because the storage failed (\(failure.summary))"
        }
    }
}
