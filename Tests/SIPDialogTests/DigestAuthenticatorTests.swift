import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import Testing

struct DigestAuthenticatorTests {
    static let key = Secret([UInt8](repeating: 7, count: 32))
    static let password = Secret("s3cret")
    static let uri = "sip:192.0.2.1"

    static func authenticator(capacity: Int = 4_096, realm: String = "pbx", key: Secret = key) -> DigestAuthenticator {
        DigestAuthenticator(realm: realm, secret: key, hashes: OpenSSLHashes(), nonceCapacity: capacity)
    }

    static func challenges(
        _ authenticator: DigestAuthenticator, at now: Instant = .origin, seed: UInt64 = 1, stale: Bool = false
    ) throws -> [AuthenticationParameters] {
        var entropy = Entropy(SeededGenerator(seed: seed))
        return try authenticator.challenges(at: now, entropy: &entropy, stale: stale).map {
            try AuthenticationParameters(parsing: $0)
        }
    }

    static func credentials(
        _ challenges: [AuthenticationParameters], username: String = "100", password: Secret = password, nc: UInt32 = 1,
        uri: String = uri
    ) throws -> AuthenticationParameters {
        let made = DigestClient.authorization(
            for: challenges, username: username, password: password, method: .register, uri: uri, nc: nc,
            cnonce: "c0ffee", hashes: OpenSSLHashes())
        // By way of the wire, as in a header.
        return try AuthenticationParameters(parsing: try #require(made).description)
    }

    @Test func `SHA-256 is offered first, then MD5, with the same nonce`() throws {
        let offered = try Self.challenges(Self.authenticator(realm: "a \"quoted\\realm\""))
        #expect(offered.map { $0.parameters["algorithm"] } == ["SHA-256", "MD5"])
        #expect(offered[0].parameters["nonce"] == offered[1].parameters["nonce"])
        #expect(offered.allSatisfy { $0.parameters["qop"] == "auth" && $0.parameters["opaque"] != nil })
        #expect(offered.allSatisfy { $0.parameters["realm"] == "a \"quoted\\realm\"" })
        #expect(offered.allSatisfy { !$0.parameters.contains("stale") })
        let stale = try Self.challenges(Self.authenticator(), stale: true)
        #expect(stale.allSatisfy { $0.parameters["stale"] == "true" })
    }

    @Test(arguments: [0, 1])
    func `right credentials are taken with either algorithm`(index: Int) throws {
        var authenticator = Self.authenticator()
        let credentials = try Self.credentials([Self.challenges(authenticator)[index]])
        let verdict = authenticator.verify(
            credentials, method: .register, uri: Self.uri, password: Self.password, at: seconds(1))
        #expect(verdict == .ok)
    }

    @Test func `the client prefers SHA-256 in any order, and skips what it cannot do`() throws {
        let offered = try Self.challenges(Self.authenticator())
        #expect(try Self.credentials(offered.reversed()).parameters["algorithm"] == "SHA-256")
        let odd = try [
            "Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\", algorithm=SHA-1",
            "Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"", "Digest realm=\"x\"",
        ].map { try AuthenticationParameters(parsing: $0) }
        let made = DigestClient.authorization(
            for: odd, username: "u", password: Self.password, method: .invite, uri: "sip:x", nc: 1, cnonce: "c",
            hashes: OpenSSLHashes())
        #expect(made == nil)
        #expect(try Self.credentials(odd + offered).parameters["realm"] == "pbx")
    }

    @Test func `a wrong password and an unknown user look the same`() throws {
        var authenticator = Self.authenticator()
        let offered = try Self.challenges(authenticator)
        let wrong = try Self.credentials(offered, password: Secret("guess"))
        for password in [Self.password, nil] {
            let verdict = authenticator.verify(wrong, method: .register, uri: Self.uri, password: password, at: .origin)
            #expect(verdict == .badCredentials)
        }
        let right = try Self.credentials(offered)
        #expect(
            authenticator.verify(right, method: .register, uri: Self.uri, password: nil, at: .origin) == .badCredentials
        )
        // Nothing that failed was remembered.
        #expect(authenticator.rememberedNonces == 0)
        #expect(
            authenticator.verify(right, method: .invite, uri: Self.uri, password: Self.password, at: .origin)
                == .badCredentials)
        #expect(
            authenticator.verify(right, method: .register, uri: Self.uri, password: Self.password, at: .origin) == .ok)
    }

    @Test func `a count is taken once and must grow`() throws {
        var authenticator = Self.authenticator()
        let offered = try Self.challenges(authenticator)
        for (nc, expected) in [(1, .ok), (1, .replay), (3, .ok), (2, .replay), (4, .ok)]
            as [(UInt32, DigestAuthenticator.Verdict)]
        {
            let credentials = try Self.credentials(offered, nc: nc)
            let verdict = authenticator.verify(
                credentials, method: .register, uri: Self.uri, password: Self.password, at: seconds(1))
            #expect(verdict == expected)
        }
    }

    @Test func `a nonce ages, and a stale nonce is challenged anew`() throws {
        var authenticator = Self.authenticator()
        let offered = try Self.challenges(authenticator, at: seconds(10))
        func verdict(nc: UInt32, at now: Instant) throws -> DigestAuthenticator.Verdict {
            authenticator.verify(
                try Self.credentials(offered, nc: nc), method: .register, uri: Self.uri, password: Self.password,
                at: now)
        }
        #expect(try verdict(nc: 1, at: seconds(310)) == .ok)
        #expect(try verdict(nc: 2, at: seconds(311)) == .stale)
        #expect(try verdict(nc: 3, at: seconds(9)) == .stale)  // from the future: not of this run
    }

    @Test func `a nonce of another key, realm or maker is stale for who knows the password`() throws {
        let other = Self.authenticator(key: Secret([UInt8](repeating: 8, count: 32)))
        var authenticator = Self.authenticator()
        let credentials = try Self.credentials(Self.challenges(other))
        #expect(
            authenticator.verify(credentials, method: .register, uri: Self.uri, password: Self.password, at: .origin)
                == .stale)
        let guess = try Self.credentials(Self.challenges(other), password: Secret("guess"))
        #expect(
            authenticator.verify(guess, method: .register, uri: Self.uri, password: Self.password, at: .origin)
                == .badCredentials)
        let realm = try Self.credentials(Self.challenges(Self.authenticator(realm: "other")))
        #expect(
            authenticator.verify(realm, method: .register, uri: Self.uri, password: Self.password, at: .origin)
                == .badCredentials)
    }

    @Test func `the table of nonces is bounded, and eviction opens no replay`() throws {
        var authenticator = Self.authenticator(capacity: 4)
        var used: [AuthenticationParameters] = []
        for index in 0..<10 as Range<UInt64> {
            let now = seconds(Int64(index))
            let credentials = try Self.credentials(Self.challenges(authenticator, at: now, seed: index))
            used.append(credentials)
            let verdict = authenticator.verify(
                credentials, method: .register, uri: Self.uri, password: Self.password, at: now)
            #expect(verdict == .ok)
            #expect(authenticator.rememberedNonces <= 4)
        }
        let again = used.map {
            authenticator.verify($0, method: .register, uri: Self.uri, password: Self.password, at: seconds(20))
        }
        #expect(again == [.stale, .stale, .stale, .stale, .stale, .stale, .replay, .replay, .replay, .replay])
        // What has expired makes room by itself.
        let late = try Self.credentials(Self.challenges(authenticator, at: seconds(1_000), seed: 99))
        _ = authenticator.verify(late, method: .register, uri: Self.uri, password: Self.password, at: seconds(1_000))
        #expect(authenticator.rememberedNonces == 1)
    }

    @Test func `without qop a nonce is good for one request`() throws {
        var authenticator = Self.authenticator()
        var challenge = try Self.challenges(authenticator)[1]
        challenge.parameters.remove("qop")
        let credentials = try Self.credentials([challenge])
        #expect(!credentials.parameters.contains("nc"))
        for expected in [DigestAuthenticator.Verdict.ok, .replay] {
            let verdict = authenticator.verify(
                credentials, method: .register, uri: Self.uri, password: Self.password, at: .origin)
            #expect(verdict == expected)
        }
    }

    @Test(
        arguments: [
            ("username", nil, .malformed), ("realm", nil, .malformed), ("nonce", nil, .malformed),
            ("uri", nil, .malformed),
            ("response", nil, .malformed), ("cnonce", nil, .malformed), ("nc", nil, .malformed),
            ("nc", "1", .malformed),
            ("nc", "0000000g", .malformed), ("uri", "sip:203.0.113.1", .malformed), ("qop", "auth-int", .unsupported),
            ("qop", "none", .unsupported), ("algorithm", "SHA-512-256", .unsupported),
            ("algorithm", "SHA-256-sess", .unsupported), ("userhash", "true", .unsupported),
            ("nonce", "made-up", .badCredentials), ("response", "", .badCredentials),
            ("response", "00", .badCredentials),
            ("cnonce", "other", .badCredentials), ("username", "101", .badCredentials),
        ] as [(String, String?, DigestAuthenticator.Verdict)])
    func `fields that are missing or wrong`(name: String, value: String?, expected: DigestAuthenticator.Verdict) throws
    {
        var authenticator = Self.authenticator()
        var credentials = try Self.credentials(Self.challenges(authenticator))
        if let value { credentials.parameters.set(name, value) } else { credentials.parameters.remove(name) }
        let verdict = authenticator.verify(
            credentials, method: .register, uri: Self.uri, password: Self.password, at: .origin)
        #expect(verdict == expected)
    }

    @Test func `another scheme is unsupported`() throws {
        var authenticator = Self.authenticator()
        let basic = try AuthenticationParameters(parsing: "Bearer token=\"x\"")
        #expect(
            authenticator.verify(basic, method: .register, uri: Self.uri, password: nil, at: .origin) == .unsupported)
    }

    @Test(arguments: [
        ("sip:192.0.2.1", true), ("sip:192.0.2.1:5060", true), ("sip:192.0.2.1;transport=udp", true),
        ("sip:192.0.2.1:5061", false), ("sips:192.0.2.1", false), ("sip:x@192.0.2.1", false), ("garbage", false),
    ])
    func `digest-uri and Request-URI name the same server`(written: String, matches: Bool) throws {
        var authenticator = Self.authenticator()
        let credentials = try Self.credentials(Self.challenges(authenticator), uri: written)
        let verdict = authenticator.verify(
            credentials, method: .register, uri: Self.uri, password: Self.password, at: .origin)
        #expect(verdict == (matches ? .ok : .malformed))
    }

    @Test func `mutated credentials never trap and never pass`() throws {
        var generator = SeededGenerator(seed: 5)
        var authenticator = Self.authenticator()
        let valid = try Self.credentials(Self.challenges(authenticator)).description
        let significant = try AuthenticationParameters(parsing: valid)
        for _ in 0..<1_000 {
            var bytes = Array(valid.utf8)
            for _ in 0..<(1 + generator.next() % 3) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(
                    truncatingIfNeeded: 32 + generator.next() % 95)
            }
            guard let mutated = try? AuthenticationParameters(parsing: String(decoding: bytes, as: UTF8.self)) else {
                continue
            }
            let verdict = authenticator.verify(
                mutated, method: .register, uri: Self.uri, password: Self.password, at: .origin)
            if verdict == .ok || verdict == .replay {
                // Only what does not enter the digest may have changed: opaque, names of parameters nobody reads, case.
                for name in ["username", "realm", "nonce", "cnonce", "nc", "uri"] {
                    #expect(mutated.parameters[name] == significant.parameters[name])
                }
            }
        }
    }

    @Test func `secrets stay out of every description`() {
        #expect(!"\(Self.authenticator())".contains("7, 7, 7"))
    }
}
