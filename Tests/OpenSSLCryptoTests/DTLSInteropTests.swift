import OpenSSLCrypto
import Primitives
import RTP
import Testing

/// DTLS-SRTP with the `openssl` program at the other end of real sockets.
@Suite struct DTLSInteropTests {
    private struct Case: CustomTestStringConvertible {
        var profile: String
        var suite: SRTPSuite?
        var role: DTLSRole
        var testDescription: String { "\(profile), we are the \(role)" }
    }
    private static let profiles: [(String, SRTPSuite?)] = [
        ("SRTP_AEAD_AES_256_GCM", .aeadAES256GCM), ("SRTP_AEAD_AES_128_GCM", .aeadAES128GCM),
        ("SRTP_AES128_CM_SHA1_80", .aesCM128HMACSHA1Tag80),
        ("SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", .aesCM128HMACSHA1Tag80), ("SRTP_AES128_CM_SHA1_32", nil),
        ("", nil),
    ]
    private static let cases = profiles.enumerated().flatMap { index, profile in
        [DTLSRole.client, .server].map { Case(profile: profile.0, suite: profile.1, role: $0) }
    }

    /// The other end's certificate, in files for the program.
    private struct Credentials {
        let directory = TemporaryDirectory()
        let certificate: Certificate
        let certificatePath: String
        let keyPath: String

        init() throws {
            let key = try ECDSAKey.generate()
            let template = CertificateTemplate(
                subject: SubjectFields(commonName: "counterpart"), role: .clientAndServer,
                notBefore: UnixTime(seconds: 1_600_000_000), notAfter: UnixTime(seconds: 4_000_000_000))
            certificate = try Certificate.selfSigned(template, key: key)
            certificatePath = try directory.write("certificate.pem", Array(certificate.pem.utf8))
            keyPath = try directory.write("key.pem", try key.pem().exposed)
        }

        func fingerprint() throws -> CertificateFingerprint {
            try #require(CertificateFingerprint(.sha256, digest: certificate.fingerprint))
        }
    }

    /// The program is ready when this returns; a server's port is on the same address as ours.
    private static func make(
        _ role: DTLSRole, profile: String, host: UInt32, credentials: Credentials,
        expecting fingerprint: CertificateFingerprint, more: [String] = []
    ) throws -> DTLSCounterpart {
        let identity = try DTLSIdentity(at: testTime)
        let socket = try #require(LoopbackSocket(host: host))
        let address = "127.\(host >> 16).\(host >> 8 & 255).\(host & 255)"
        let parameters = KeyAgreementParameters(role: role, peerFingerprints: [fingerprint])
        let association = try identity.makeAgreement(parameters, at: .origin)
        var arguments = ["openssl", role == .client ? "s_server" : "s_client", "-dtls1_2"]
        var port: UInt16?
        if role == .client {
            // Free a moment ago, on an address that this test alone has.
            port = try #require(LoopbackSocket(host: host)).port
            arguments += ["-accept", "\(address):\(try #require(port))", "-Verify", "1"]
        } else {
            arguments += ["-connect", "\(address):\(socket.port)"]
        }
        arguments += ["-cert", credentials.certificatePath, "-key", credentials.keyPath]
        arguments += ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "88"]
        if !profile.isEmpty { arguments += ["-use_srtp", profile] }
        let program = try PipedProgram(arguments + more)
        if role == .client { try #require(program.waits(for: "ACCEPT"), "\(program.text)") }
        let counterpart = DTLSCounterpart(program, socket, association, port: port)
        counterpart.put(.start)
        return counterpart
    }

    @Test(arguments: zip(UInt32(1)..., cases).map { ($0, $1) })
    private func `the same profile and keys as OpenSSL's own programs, or none`(number: UInt32, variant: Case) throws {
        let credentials = try Credentials()
        let counterpart = try Self.make(
            variant.role, profile: variant.profile, host: 0x54_0100 + number, credentials: credentials,
            expecting: credentials.fingerprint())
        guard let suite = variant.suite else {
            #expect(counterpart.run { !$0.outcomes.isEmpty })
            #expect(counterpart.outcomes == [.failed(.noCommonProfile)])
            return
        }
        #expect(counterpart.run { !$0.outcomes.isEmpty && $0.exported != nil }, "\(counterpart.program.text)")
        guard case .agreed(let send, let receive)? = counterpart.outcomes.first else {
            Issue.record("\(counterpart.outcomes)")
            return
        }
        #expect(send.suite == suite && receive.suite == suite)
        let material = try #require(counterpart.exported)
        let (key, salt) = (suite.keyBytes, suite.saltBytes)
        let client = material[..<key] + material[(2 * key)..<(2 * key + salt)]
        let server = material[key..<(2 * key)] + material[(2 * key + salt)..<(2 * key + 2 * salt)]
        #expect(send.keyAndSalt == Secret(variant.role == .client ? client : server))
        #expect(receive.keyAndSalt == Secret(variant.role == .client ? server : client))
        let name = try #require(variant.profile.split(separator: ":").last)
        #expect(counterpart.program.waits(for: "SRTP Extension negotiated, profile=\(name)"))
        counterpart.put(.close)
        #expect(
            counterpart.run {
                $0.program.text.contains(variant.role == .client ? "DONE" : "closed")
            }, "\(counterpart.program.text)")
    }

    @Test(arguments: [DTLSRole.client, .server])
    func `OpenSSL's programs are refused with bad_certificate when the fingerprint is another's`(role: DTLSRole) throws
    {
        let credentials = try Credentials()
        let stranger = try DTLSIdentity(at: testTime).fingerprint
        let counterpart = try Self.make(
            role, profile: "SRTP_AES128_CM_SHA1_80", host: role == .client ? 0x54_0201 : 0x54_0202,
            credentials: credentials, expecting: stranger)
        #expect(counterpart.run { !$0.outcomes.isEmpty })
        #expect(counterpart.outcomes == [.failed(.wrongCertificate)])
        #expect(counterpart.run { $0.program.text.contains("bad certificate") }, "\(counterpart.program.text)")
    }

    @Test func `a server that asks for a cookie gets it, and one with a small MTU its fragments`() throws {
        let credentials = try Credentials()
        let counterpart = try Self.make(
            .client, profile: "SRTP_AEAD_AES_128_GCM", host: 0x54_0301, credentials: credentials,
            expecting: credentials.fingerprint(), more: ["-listen", "-mtu", "300"])
        #expect(counterpart.run { !$0.outcomes.isEmpty }, "\(counterpart.program.text)")
        guard case .agreed? = counterpart.outcomes.first else {
            Issue.record("\(counterpart.outcomes)")
            return
        }
    }

    @Test(arguments: [["-cipher", "ECDHE-ECDSA-AES128-SHA"], ["-cipher", "DHE-RSA-AES128-GCM-SHA256"]])
    func `weaker cipher suites are refused`(more: [String]) throws {
        let credentials = try Credentials()
        let host: UInt32 = more[1].hasPrefix("E") ? 0x54_0401 : 0x54_0402
        let counterpart = try Self.make(
            .server, profile: "SRTP_AEAD_AES_128_GCM", host: host, credentials: credentials,
            expecting: credentials.fingerprint(), more: more)
        #expect(counterpart.run { !$0.outcomes.isEmpty }, "\(counterpart.program.text)")
        #expect(counterpart.outcomes == [.failed(.refused(reason: "no shared cipher"))])
    }
}
