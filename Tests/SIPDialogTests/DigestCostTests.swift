import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import Synchronization
import Testing

/// OpenSSL's functions, counted.
final class CountingHashes: HashFunctions {
    private let digests = Atomic(0)
    private let tags = Atomic(0)
    private let hasSHA512t256: Bool

    init(hasSHA512t256: Bool = true) {
        self.hasSHA512t256 = hasSHA512t256
    }

    func md5(_ message: [UInt8]) -> [UInt8] {
        digests.add(1, ordering: .relaxed)
        return OpenSSLHashes().md5(message)
    }
    func sha256(_ message: [UInt8]) -> [UInt8] {
        digests.add(1, ordering: .relaxed)
        return OpenSSLHashes().sha256(message)
    }
    func sha512t256(_ message: [UInt8]) -> [UInt8]? {
        digests.add(1, ordering: .relaxed)
        return hasSHA512t256 ? OpenSSLHashes().sha512t256(message) : nil
    }
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        tags.add(1, ordering: .relaxed)
        return OpenSSLHashes().hmacSHA256(key: key, message: message)
    }

    /// How many digests and HMACs there were since the last call.
    func take() -> [Int] {
        [digests.exchange(0, ordering: .relaxed), tags.exchange(0, ordering: .relaxed)]
    }
}

/// What a registration costs, and that the cost tells nobody anything.
struct DigestCostTests {
    static let uri = "sip:192.0.2.1"
    let hashes = CountingHashes()

    func authenticator(_ algorithms: [DigestAlgorithm] = [.sha256, .md5]) -> DigestAuthenticator {
        DigestAuthenticator(
            realm: "pbx", secret: Secret([UInt8](repeating: 7, count: 32)), hashes: hashes, algorithms: algorithms)
    }

    func credentials(
        _ authenticator: DigestAuthenticator, username: String = "100", password: String = "s3cret", nc: UInt32 = 1,
        seed: UInt64 = 1
    ) throws -> AuthenticationParameters {
        var entropy = Entropy(SeededGenerator(seed: seed))
        let challenges = try authenticator.challenges(at: .origin, entropy: &entropy).map {
            try AuthenticationParameters(parsing: $0)
        }
        let made = DigestClient.authorization(
            for: challenges, username: username, password: Secret(password), method: .register, uri: Self.uri, nc: nc,
            cnonce: "c0ffee", hashes: OpenSSLHashes())
        return try AuthenticationParameters(parsing: try #require(made).description)
    }

    func examined(_ authenticator: DigestAuthenticator, _ credentials: AuthenticationParameters) throws
        -> DigestCredentials
    {
        guard
            case .complete(let examined) = authenticator.examine(
                credentials, method: .register, uri: Self.uri, at: .origin)
        else { throw UnexpectedMessage() }
        return examined
    }

    @Test func `a challenge costs one HMAC, examining another, verifying two hashes`() throws {
        var authenticator = authenticator()
        authenticator.prepare(username: "100", password: Secret("s3cret"))
        _ = hashes.take()
        let credentials = try credentials(authenticator)
        #expect(hashes.take() == [0, 1])
        let examined = try examined(authenticator, credentials)
        #expect(examined.isNonceCurrent && examined.username == "100")
        #expect(hashes.take() == [0, 1])
        #expect(authenticator.verify(examined, password: Secret("s3cret"), at: .origin) == .ok)
        #expect(hashes.take() == [2, 0])
    }

    @Test(arguments: [[.sha256], [.sha256Session], [.md5], [.sha512t256]] as [[DigestAlgorithm]])
    func `known and unknown users answer alike in form and cost`(algorithms: [DigestAlgorithm]) throws {
        var authenticator = authenticator(algorithms)
        authenticator.prepare(username: "100", password: Secret("s3cret"))
        let cases: [(String, Secret?)] = [("100", Secret("s3cret")), ("999", nil)]
        var costs: [[Int]] = []
        for (username, password) in cases {
            let wrong = try credentials(authenticator, username: username, password: "guess")
            _ = hashes.take()
            let verdict = authenticator.verify(
                wrong, method: .register, uri: Self.uri, password: password, at: .origin)
            #expect(verdict == .badCredentials)
            costs.append(hashes.take())
        }
        #expect(costs[0] == costs[1])
        #expect(costs[0] == [algorithms[0].isSession ? 3 : 2, 1])
        #expect(authenticator.rememberedNonces == 0)
    }

    @Test func `the password's hash is made once, and anew when the password changes`() throws {
        var authenticator = authenticator([.sha256])
        var costs: [Int] = []
        for (count, password) in [(1, "s3cret"), (2, "s3cret"), (3, "changed"), (4, "changed"), (5, "s3cret")]
            as [(UInt32, String)]
        {
            let examined = try examined(authenticator, credentials(authenticator, password: password, nc: count))
            _ = hashes.take()
            #expect(authenticator.verify(examined, password: Secret(password), at: .origin) == .ok)
            costs.append(hashes.take()[0])
        }
        #expect(costs == [3, 2, 3, 2, 3])
        // The old password is none any more.
        let old = try examined(authenticator, credentials(authenticator, password: "changed", nc: 6))
        #expect(authenticator.verify(old, password: Secret("s3cret"), at: .origin) == .badCredentials)
        authenticator.forget(username: "100")
        let again = try examined(authenticator, credentials(authenticator, nc: 7))
        _ = hashes.take()
        #expect(authenticator.verify(again, password: Secret("s3cret"), at: .origin) == .ok)
        #expect(hashes.take() == [3, 0])
    }

    @Test func `the table of passwords is bounded`() throws {
        var authenticator = DigestAuthenticator(
            realm: "pbx", secret: Secret([UInt8](repeating: 7, count: 32)), hashes: hashes, algorithms: [.sha256],
            secretCapacity: 4)
        _ = hashes.take()
        for user in 0..<20 { authenticator.prepare(username: "\(user)", password: Secret("x")) }
        #expect(hashes.take() == [20, 0])
        for user in 16..<20 { authenticator.prepare(username: "\(user)", password: Secret("x")) }
        #expect(hashes.take() == [0, 0])
    }

    @Test func `credentials that cannot be ours cost no hash`() throws {
        let authenticator = authenticator()
        var bad = try credentials(authenticator)
        _ = hashes.take()
        for (name, value) in [
            ("realm", "other"), ("qop", "auth-int"), ("nonce", "short"), ("algorithm", "SHA-1"),
            ("uri", "sip:203.0.113.1"),
        ] {
            bad.parameters.set(name, value)
            _ = authenticator.examine(bad, method: .register, uri: Self.uri, at: .origin)
        }
        #expect(hashes.take() == [0, 0])
    }

    @Test func `SHA-512-256 is offered where the hash is there`() throws {
        var entropy = Entropy(SeededGenerator(seed: 1))
        let all: [DigestAlgorithm] = [.sha512t256, .sha256, .md5]
        let with = authenticator(all)
        #expect(with.challenges(at: .origin, entropy: &entropy).count == 3)
        let without = DigestAuthenticator(
            realm: "pbx", secret: Secret([UInt8](repeating: 7, count: 32)),
            hashes: CountingHashes(hasSHA512t256: false), algorithms: all)
        #expect(without.algorithms == [.sha256, .md5])
        #expect(without.challenges(at: .origin, entropy: &entropy).count == 2)
    }
}
