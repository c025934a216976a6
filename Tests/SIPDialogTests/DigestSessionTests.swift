import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage
import Testing

struct DigestSessionTests {
    static let hashes = OpenSSLHashes()

    static func session(realm: String? = nil) -> DigestSession {
        DigestSession(username: "trunk", password: Secret("s3cret"), realm: realm, hashes: hashes)
    }

    static func challenge(_ status: Int, _ values: String...) throws -> SIPResponse {
        var made = response(status, to: try invite())
        let name: SIPHeaderName = status == 407 ? .proxyAuthenticate : .wwwAuthenticate
        for value in values { made.headers.append(name, value) }
        return made
    }

    static func authorised(_ session: inout DigestSession, uri: String = "sip:bob@example.net") throws -> SIPRequest {
        var request = try invite(uri: uri)
        var entropy = Entropy(SeededGenerator(seed: 1))
        session.authorise(&request, entropy: &entropy)
        return request
    }

    static func digest(_ realm: String, nonce: String, _ rest: String = "algorithm=SHA-256, qop=\"auth\"") -> String {
        "Digest realm=\"\(realm)\", nonce=\"\(nonce)\", \(rest)"
    }

    @Test func `our own server accepts it, over several requests with one nonce`() throws {
        var server = DigestAuthenticator(
            realm: "pbx", secret: Secret([UInt8](repeating: 7, count: 32)), hashes: Self.hashes,
            algorithms: [.sha512t256, .sha256, .md5])
        var entropy = Entropy(SeededGenerator(seed: 1))
        var session = Self.session()
        #expect(try Self.authorised(&session).authorizations().isEmpty)
        var refusal = response(401, to: try invite())
        for value in server.challenges(at: .origin, entropy: &entropy) {
            refusal.headers.append(.wwwAuthenticate, value)
        }
        #expect(session.receive(refusal) == .retry)
        for count in 1...3 {
            let request = try Self.authorised(&session)
            let credentials = try #require(request.authorizations().first)
            #expect(credentials.parameters["nc"] == "0000000\(count)")
            #expect(credentials.parameters["algorithm"] == "SHA-512-256")
            let verdict = server.verify(
                credentials, method: .invite, uri: "sip:bob@example.net", password: Secret("s3cret"), at: .origin)
            #expect(verdict == .ok)
            #expect(session.receive(response(200, to: request)) == .answered)
        }
    }

    @Test(
        arguments: [
            (["MD5", "SHA-256"], "SHA-256"), (["SHA-256", "MD5"], "SHA-256"), (["MD5", "MD5-sess"], "MD5"),
            (["SHA-256-sess", "MD5"], "SHA-256-sess"), (["SHA-512-256", "SHA-256"], "SHA-512-256"),
            (["SHA-256", "SHA-512-256"], "SHA-256"), (["SHA-1", "MD5"], "MD5"),
        ] as [([String], String)])
    func `the strongest algorithm of a realm is taken, of equals the topmost`(offered: [String], taken: String) throws {
        var session = Self.session()
        var refusal = response(401, to: try invite())
        for token in offered {
            refusal.headers.append(
                .wwwAuthenticate, Self.digest("pbx", nonce: "n", "algorithm=\(token), qop=\"auth-int,auth\""))
        }
        #expect(session.receive(refusal) == .retry)
        let credentials = try Self.authorised(&session).authorizations()
        #expect(credentials.map { $0.parameters["algorithm"] } == [taken])
        #expect(credentials.first?.parameters["qop"] == "auth")
    }

    @Test func `a server and two proxies are met together, each realm once`() throws {
        var session = Self.session()
        #expect(session.receive(try Self.challenge(407, Self.digest("p1", nonce: "a"))) == .retry)
        _ = try Self.authorised(&session)
        #expect(
            session.receive(
                try Self.challenge(407, Self.digest("p2", nonce: "b"), Self.digest("p2", nonce: "c", "algorithm=MD5")))
                == .retry)
        _ = try Self.authorised(&session)
        #expect(session.receive(try Self.challenge(401, Self.digest("pbx", nonce: "d", "opaque=\"o\""))) == .retry)
        var request = try Self.authorised(&session)
        var entropy = Entropy(SeededGenerator(seed: 2))
        session.authorise(&request, entropy: &entropy)  // once more takes their place
        #expect(request.headers.all(.proxyAuthorization).count == 2)
        #expect(request.headers.all(.authorization).count == 1)
        let realms = request.authorizations().map { $0.parameters["realm"] }
        #expect(Set(realms) == ["p1", "p2", "pbx"])
        let own = request.authorizations().first { $0.parameters["realm"] == "pbx" }
        #expect(own?.parameters["opaque"] == "o" && own?.parameters["nc"] == nil)  // without qop
    }

    @Test func `both kinds in one response are met`() throws {
        var session = Self.session()
        var both = try Self.challenge(401, Self.digest("pbx", nonce: "a"))
        both.headers.append(.proxyAuthenticate, Self.digest("proxy", nonce: "b"))
        #expect(session.receive(both) == .retry)
        let request = try Self.authorised(&session)
        #expect(request.headers.contains(.authorization) && request.headers.contains(.proxyAuthorization))
    }

    struct Row: CustomTestStringConvertible {
        let name: String
        /// How many requests used the first nonce before the second challenge.
        let uses: Int
        let nonce: String
        let isStale: Bool
        let verdict: DigestSession.Verdict
        var testDescription: String { name }
    }

    @Test(arguments: [
        Row(name: "the same nonce", uses: 1, nonce: "a", isStale: false, verdict: .wrongCredentials),
        Row(name: "the same nonce later", uses: 3, nonce: "a", isStale: false, verdict: .wrongCredentials),
        Row(name: "the same nonce, stale", uses: 1, nonce: "a", isStale: true, verdict: .retry),
        Row(name: "another nonce", uses: 1, nonce: "b", isStale: false, verdict: .wrongCredentials),
        Row(name: "another nonce, stale", uses: 1, nonce: "b", isStale: true, verdict: .retry),
        Row(name: "another nonce after several uses", uses: 2, nonce: "b", isStale: false, verdict: .retry),
        Row(name: "another nonce, never used", uses: 0, nonce: "b", isStale: false, verdict: .retry),
    ])
    func `a second challenge`(row: Row) throws {
        var session = Self.session()
        _ = session.receive(try Self.challenge(401, Self.digest("pbx", nonce: "a")))
        for use in 0..<row.uses {
            _ = try Self.authorised(&session)
            if use < row.uses - 1 { _ = session.receive(response(200, to: try invite())) }
        }
        let stale = row.isStale ? "stale=TRUE, " : ""
        let again = Self.digest("pbx", nonce: row.nonce, "\(stale)algorithm=SHA-256, qop=\"auth\"")
        #expect(session.receive(try Self.challenge(401, again)) == row.verdict)
        let credentials = try Self.authorised(&session).authorizations().first
        guard row.verdict == .retry else {
            #expect(credentials == nil)  // what is wrong is not sent again
            return
        }
        #expect(credentials?.parameters["nonce"] == row.nonce)
        #expect(credentials?.parameters["nc"] == (row.nonce == "a" ? "00000002" : "00000001"))
    }

    @Test func `a server that finds every nonce stale is left`() throws {
        var session = Self.session()
        var verdicts: [DigestSession.Verdict] = []
        for round in 0..<(DigestSession.challengeLimit + 1) {
            let value = Self.digest("pbx", nonce: "\(round)", "stale=true, algorithm=MD5, qop=\"auth\"")
            verdicts.append(session.receive(try Self.challenge(401, value)))
            _ = try Self.authorised(&session)
        }
        #expect(verdicts == [.retry, .retry, .retry, .retry, .tooManyChallenges])
        #expect(!session.hasChallenge)
    }

    @Test(arguments: [
        "Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\", algorithm=SHA-1",
        "Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"", "Digest realm=\"x\"", "???",
    ])
    func `what cannot be met is unsupported`(value: String) throws {
        var session = Self.session()
        #expect(session.receive(try Self.challenge(401, value)) == .unsupported)
        #expect(session.receive(try Self.challenge(401)) == .unsupported)
        #expect(try Self.authorised(&session).authorizations().isEmpty)
    }

    @Test func `another realm than ours is not answered`() throws {
        var session = Self.session(realm: "pbx")
        #expect(session.receive(try Self.challenge(401, Self.digest("evil", nonce: "n"))) == .unsupported)
        #expect(session.receive(try Self.challenge(401, Self.digest("pbx", nonce: "n"))) == .retry)
    }

    @Test func `domain says where credentials go unasked`() throws {
        var session = Self.session()
        let value = Self.digest("pbx", nonce: "n", "domain=\"sip:example.net sip:example.org:5070\", qop=\"auth\"")
        #expect(session.receive(try Self.challenge(401, value)) == .retry)
        // Where it was asked for they go, whatever the domain says.
        #expect(try Self.authorised(&session, uri: "sip:x@192.0.2.9").headers.contains(.authorization))
        #expect(try !Self.authorised(&session, uri: "sip:x@192.0.2.9").headers.contains(.authorization))
        #expect(try !Self.authorised(&session, uri: "sip:x@example.org").headers.contains(.authorization))
        #expect(try Self.authorised(&session, uri: "sip:x@example.org:5070").headers.contains(.authorization))
        #expect(try Self.authorised(&session, uri: "sip:x@EXAMPLE.net").headers.contains(.authorization))
    }

    @Test func `the number of realms is bounded`() throws {
        var session = Self.session()
        for index in 0..<20 {
            _ = session.receive(try Self.challenge(407, Self.digest("p\(index)", nonce: "n")))
            _ = session.receive(response(200, to: try invite()))
        }
        #expect(try Self.authorised(&session).headers.all(.proxyAuthorization).count == DigestSession.realmLimit)
        var many = response(407, to: try invite())
        for index in 0..<20 { many.headers.append(.proxyAuthenticate, Self.digest("q\(index)", nonce: "n")) }
        var other = Self.session()
        #expect(other.receive(many) == .retry)
        #expect(try Self.authorised(&other).headers.all(.proxyAuthorization).count == DigestSession.realmLimit)
    }

    @Test func `provisional responses change nothing, and no secret is shown`() throws {
        var session = Self.session()
        _ = session.receive(try Self.challenge(401, Self.digest("pbx", nonce: "a")))
        #expect(session.receive(response(180, to: try invite())) == .answered)
        #expect(session.hasChallenge)
        #expect(!"\(session)".contains("s3cret"))
    }
}
