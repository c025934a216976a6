import OpenSSLCrypto
import Primitives
import RTP
import Testing

/// DTLS-SRTP between two of ours, in virtual time.
@Suite struct DTLSAssociationTests {
    private static func identity(_ limits: Limits = Limits()) throws -> DTLSIdentity {
        try DTLSIdentity(limits: limits, at: testTime)
    }

    @Test(arguments: [(DTLSRole.client, DTLSRole.server), (.server, .client)])
    func `both ends come to the same keys, crosswise`(roles: (DTLSRole, DTLSRole)) throws {
        let bench = try DTLSBench(Self.identity(), Self.identity(), roles: roles)
        bench.start()
        bench.run()
        let (first, second) = (try #require(bench.keys(0)), try #require(bench.keys(1)))
        #expect(first.send == second.receive && first.receive == second.send && first.send != first.receive)
        #expect(first.send.suite == .aeadAES256GCM)
        #expect(bench.outcomes.map(\.count) == [1, 1])
        #expect(bench.ends.allSatisfy { $0.nextDeadline == nil })
        #expect(bench.sent.joined().allSatisfy { $0.count <= DTLSAssociation.datagramBytes })
        #expect(bench.sent.joined().allSatisfy { DatagramKind.of($0) == .dtls })
    }

    @Test(arguments: 1...12)
    func `a network that loses, doubles and reorders delays the keys and nothing else`(seed: UInt64) throws {
        var limits = Limits()
        limits.keyAgreement = .seconds(300)
        let bench = try DTLSBench(Self.identity(limits), Self.identity(limits), seed: seed)
        bench.network = .init(loss: 25, doubles: 20, jitter: .milliseconds(300))
        bench.start()
        bench.run(.seconds(300))
        let (first, second) = (try #require(bench.keys(0)), try #require(bench.keys(1)))
        #expect(first.send == second.receive && first.receive == second.send)
        #expect(bench.outcomes.map(\.count) == [1, 1])
    }

    @Test func `a lost flight is sent again after one second, then after two more`() throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        bench.network.lost = [[0, 1], []]
        let begin = bench.now
        bench.start()
        #expect(bench.ends[0].nextDeadline == begin + .seconds(1))
        // libssl takes the last 15 ms for nothing.
        bench.run(.milliseconds(980))
        bench.put(.deadline, to: 0)
        #expect(bench.sent[0].count == 1)
        bench.run(.milliseconds(20))
        #expect(bench.sent[0].count == 2)
        bench.run(.milliseconds(1_980))
        bench.put(.deadline, to: 0)
        #expect(bench.sent[0].count == 2)
        bench.run(.milliseconds(20))
        #expect(bench.sent[0].count == 3)
        bench.run(.seconds(1))
        #expect(bench.keys(0) != nil && bench.keys(1) != nil)
    }

    @Test func `the last flight is repeated when the client has not got it`() throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        bench.start()
        bench.run(.milliseconds(12))
        // The server's Finished is what it sends from now on.
        let flight = bench.sent[1].count
        bench.network.lost[1] = Set(flight..<(flight + 1))
        bench.run(.milliseconds(100))
        #expect(bench.keys(1) != nil && bench.keys(0) == nil)
        bench.run()
        #expect(bench.keys(0)?.send == bench.keys(1)?.receive)
        #expect(bench.outcomes.map(\.count) == [1, 1])
    }

    @Test(arguments: [0, 1])
    func `another certificate than the signalled one fails at both ends without a key`(wronged: Int) throws {
        let identities = [try Self.identity(), try Self.identity()]
        let stranger = try Self.identity()
        let roles: [DTLSRole] = [.client, .server]
        let ends = try [0, 1].map { index in
            let expected = index == wronged ? stranger.fingerprint : identities[1 - index].fingerprint
            return try identities[index].makeAgreement(
                KeyAgreementParameters(role: roles[index], peerFingerprints: [expected]),
                at: .origin + .seconds(1_000))
        }
        let bench = DTLSBench(ends)
        bench.start()
        bench.run()
        #expect(bench.outcomes[wronged] == [.failed(.wrongCertificate)])
        guard case .failed(.refused(let reason))? = bench.outcomes[1 - wronged].first else {
            Issue.record("\(bench.outcomes)")
            return
        }
        #expect(reason.contains("bad certificate"))
        // It came in the clear, where anyone could have said it: the limit decides.
        #expect(bench.now >= .origin + .seconds(1_030))
    }

    @Test(arguments: [[2, 40], [2, 80], [1, 0], [1, 90], [2, 40, 0]] as [[UInt8]])
    func `a forged alert in the clear ends no handshake`(body: [UInt8]) throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, UInt8(body.count)] + body
        func forge() {
            for end in 0...1 { bench.put(.datagram(alert + alert), to: end) }
        }
        bench.start(disturbedBy: forge, every: .milliseconds(4))
        bench.run()
        forge()
        #expect(bench.keys(0) != nil && bench.keys(0)?.send == bench.keys(1)?.receive)
        #expect(bench.outcomes.map(\.count) == [1, 1])
    }

    @Test func `a handshake record beside a forged alert is still read`() throws {
        let (client, server) = (try Self.identity(), try Self.identity())
        let bench = try DTLSBench(client, server)
        bench.network.loss = 100
        bench.put(.start, to: 1)
        bench.put(.start, to: 0)
        let hello = try #require(bench.sent[0].first)
        let alert: [UInt8] = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40]
        bench.put(.datagram(alert + hello + alert + [21, 254]), to: 1)
        #expect(!bench.sent[1].isEmpty)
    }

    @Test func `no fingerprint lets nobody in, and one of several is enough`() throws {
        let (client, server) = (try Self.identity(), try Self.identity())
        let other = try Self.identity()
        for (fingerprints, isRight) in [([], false), ([other.fingerprint, server.fingerprint], true)] {
            let bench = DTLSBench([
                try client.makeAgreement(
                    KeyAgreementParameters(role: .client, peerFingerprints: fingerprints), at: .origin),
                try server.makeAgreement(
                    KeyAgreementParameters(role: .server, peerFingerprints: [client.fingerprint]), at: .origin),
            ])
            bench.start()
            bench.run()
            #expect((bench.keys(0) != nil) == isRight)
        }
    }

    @Test(arguments: [(CertificateFingerprint.HashFunction.sha384, HashAlgorithm.sha384), (.sha512, .sha512)])
    func `longer hashes are understood`(function: CertificateFingerprint.HashFunction, hash: HashAlgorithm) throws {
        let (client, server) = (try Self.identity(), try Self.identity())
        let fingerprint = try #require(CertificateFingerprint(function, digest: hash.hash(server.certificate.der)))
        let bench = DTLSBench([
            try client.makeAgreement(
                KeyAgreementParameters(role: .client, peerFingerprints: [fingerprint]), at: .origin),
            try server.makeAgreement(
                KeyAgreementParameters(role: .server, peerFingerprints: [client.fingerprint]), at: .origin),
        ])
        bench.start()
        bench.run()
        #expect(bench.keys(0) != nil)
    }

    @Test func `two clients refuse each other, two servers wait until the limit`() throws {
        let clients = try DTLSBench(Self.identity(), Self.identity(), roles: (.client, .client))
        clients.start()
        clients.run()
        for outcome in clients.outcomes {
            guard case .failed(.refused)? = outcome.first else {
                Issue.record("\(outcome)")
                continue
            }
        }
        let servers = try DTLSBench(Self.identity(), Self.identity(), roles: (.server, .server))
        let begin = servers.now
        servers.start()
        servers.run()
        #expect(servers.outcomes == Array(repeating: [.failed(.timedOut(after: .seconds(30)))], count: 2))
        #expect(servers.now >= begin + .seconds(30))
        #expect(servers.ends.allSatisfy { $0.nextDeadline == nil })
    }

    @Test func `a client that nobody answers gives up at the limit`() throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        bench.network.loss = 100
        bench.start()
        bench.run()
        #expect(bench.outcomes[0] == [.failed(.timedOut(after: .seconds(30)))])
        // At 0, 1, 3, 7 and 15 seconds.
        #expect(bench.sent[0].count == 5)
    }

    @Test func `garbage among the datagrams is passed over, before and after the keys`() throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        var random = SeededGenerator(seed: 3)
        func garble() {
            for end in 0...1 {
                for _ in 0..<40 {
                    let count = Int.random(in: 0...1_600, using: &random)
                    var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                    if !bytes.isEmpty { bytes[0] = UInt8.random(in: 20...63, using: &random) }
                    bench.put(.datagram(bytes), to: end)
                }
                bench.put(.datagram([UInt8](repeating: 22, count: 65_536)), to: end)
            }
        }
        bench.start(disturbedBy: garble, every: .milliseconds(5))
        bench.run()
        #expect(bench.keys(0)?.send == bench.keys(1)?.receive && bench.keys(0) != nil)
        #expect(bench.outcomes.map(\.count) == [1, 1])
    }

    @Test func `flipped bits never give keys that differ, and never trap`() throws {
        for seed in 0..<30 {
            let identities = (try Self.identity(), try Self.identity())
            let bench = try DTLSBench(identities.0, identities.1)
            bench.start()
            var random = SeededGenerator(seed: UInt64(seed))
            for _ in 0..<8 {
                bench.run(.milliseconds(4))
                for end in 0...1 {
                    guard var bytes = bench.sent[1 - end].last else { continue }
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1 << UInt8.random(in: 0...7, using: &random)
                    bench.put(.datagram(bytes), to: end)
                }
            }
            bench.run()
            if let first = bench.keys(0), let second = bench.keys(1) {
                #expect(first.send == second.receive && first.receive == second.send)
            }
            #expect(bench.outcomes.allSatisfy { $0.count == 1 })
        }
    }

    @Test(arguments: [0, 1])
    func `the end that closes tells the other, once`(closing: Int) throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        bench.start()
        bench.run()
        bench.put(.close, to: closing)
        bench.run()
        bench.put(.close, to: closing)
        bench.put(.close, to: 1 - closing)
        bench.run()
        #expect(bench.outcomes[1 - closing].last == .closed && bench.outcomes[1 - closing].count == 2)
        #expect(bench.outcomes[closing].count == 1)
        #expect(bench.ends.allSatisfy { $0.nextDeadline == nil })
    }

    @Test func `an association that was closed early says nothing more`() throws {
        let bench = try DTLSBench(Self.identity(), Self.identity())
        bench.start()
        bench.put(.close, to: 0)
        let count = bench.sent[0].count
        bench.run(.seconds(10))
        #expect(bench.sent[0].count == count && bench.outcomes[0].isEmpty && bench.ends[0].nextDeadline == nil)
    }

    @Test func `the certificate names nobody, and each process has its own`() throws {
        let (first, second) = (try Self.identity(), try Self.identity())
        #expect(first.fingerprint != second.fingerprint && first.certificate.publicKey != second.certificate.publicKey)
        #expect(first.certificate.subject == "CN = DTLS-SRTP")
        #expect(first.certificate.notBefore < testTime && first.certificate.notAfter > testTime)
        #expect(first.fingerprint.digest == first.certificate.fingerprint)
        #expect(throws: CryptoError.self) {
            try DTLSIdentity(certificate: first.certificate, key: try ECDSAKey.generate())
        }
    }
}

extension DatagramKind {
    static func of(_ bytes: [UInt8]) -> DatagramKind { bytes.withUnsafeBytes { DatagramKind($0) } }
}
