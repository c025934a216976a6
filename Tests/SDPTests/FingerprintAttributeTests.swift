import Primitives
import SDP
import Testing

/// RFC 8122, RFC 4145, RFC 5763.
@Suite struct FingerprintAttributeTests {
    private static func digits(_ count: Int, _ fill: String = "4a") -> String {
        Array(repeating: fill, count: count).joined(separator: ":")
    }

    private func description(session: [String] = [], media: [String], proto: String = "UDP/TLS/RTP/SAVP") throws
        -> SessionDescription
    {
        let lines =
            ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1"] + session.map { "a=\($0)" }
            + ["m=audio 4000 \(proto) 0"] + media.map { "a=\($0)" }
        return try SessionDescription.parse(Array(lines.joined(separator: "\r\n").utf8))
    }

    @Test func `a fingerprint is written and read back`() throws {
        let fingerprint = try #require(CertificateFingerprint(.sha256, digest: (0..<32).map { UInt8($0 * 8) }))
        let attribute = SDPAttribute.fingerprint(fingerprint)
        #expect(attribute.name == "fingerprint")
        #expect(attribute.value?.hasPrefix("sha-256 00:08:10:18:") == true && attribute.value?.hasSuffix(":F8") == true)
        #expect(CertificateFingerprint(try #require(attribute.value)) == fingerprint)
        #expect(CertificateFingerprint(.sha256, digest: [1]) == nil)
    }

    @Test(arguments: [
        "", "sha-256", "sha-256 ", "sha-256 \(digits(31))", "sha-256 \(digits(33))", "sha-1 \(digits(20))",
        "md5 \(digits(16))", "sha-256 \(digits(32, "4"))", "sha-256 \(digits(32, "4g"))", "sha-256 \(digits(32)):",
        "sha-256 \(digits(32)) x", "sha-512 \(digits(32))", "sha-256 \(digits(32, "é"))", "sha-256 +1:\(digits(31))",
    ])
    func `what is no fingerprint that we believe is none`(text: String) {
        #expect(CertificateFingerprint(text) == nil)
    }

    @Test(arguments: ["SHA-256  \(digits(32, "AB"))", "sha-256\t\(digits(32, "ab"))"])
    func `case and blanks do not matter`(text: String) {
        #expect(CertificateFingerprint(text)?.digest == [UInt8](repeating: 0xAB, count: 32))
    }

    @Test func `a section's own lines count, else the session's`() throws {
        let (one, two) = (Self.digits(32, "01"), Self.digits(32, "02"))
        let session = ["fingerprint:sha-256 \(one)", "setup:passive"]
        let inherited = try description(session: session, media: [])
        #expect(inherited.fingerprints(of: inherited.media[0]).map(\.digest[0]) == [1])
        #expect(inherited.setup(of: inherited.media[0]) == .passive)
        let own = try description(session: session, media: ["fingerprint:sha-256 \(two)", "setup: ACTIVE "])
        #expect(own.fingerprints(of: own.media[0]).map(\.digest[0]) == [2])
        #expect(own.setup(of: own.media[0]) == .active)
        // What cannot be read does not give way to the session's.
        let broken = try description(session: session, media: ["fingerprint:sha-256 zz", "setup:never"])
        #expect(broken.fingerprints(of: broken.media[0]).isEmpty && broken.hasFingerprint(broken.media[0]))
        #expect(broken.setup(of: broken.media[0]) == .holdconn)
        let none = try description(media: [])
        #expect(none.setup(of: none.media[0]) == nil && !none.hasFingerprint(none.media[0]))
    }

    @Test func `only those under the strongest hash function count, and only the first eight`() throws {
        let mixed = try description(media: [
            "fingerprint:sha-1 \(Self.digits(20))", "fingerprint:sha-256 \(Self.digits(32))",
            "fingerprint:sha-512 \(Self.digits(64, "07"))", "fingerprint:sha-384 \(Self.digits(48))",
            "fingerprint:sha-512 \(Self.digits(64, "08"))",
        ])
        #expect(mixed.fingerprints(of: mixed.media[0]).map(\.digest[0]) == [7, 8])
        let many = try description(media: Array(repeating: "fingerprint:sha-256 \(Self.digits(32))", count: 100))
        #expect(many.fingerprints(of: many.media[0]).count == 8)
    }

    @Test(arguments: [
        ("UDP/TLS/RTP/SAVP", true, false), ("UDP/TLS/RTP/SAVPF", true, false), ("udp/tls/rtp/savpf", true, false),
        ("RTP/SAVP", false, true), ("RTP/AVP", false, false), ("TCP/DTLS/RTP/SAVP", false, false),
    ])
    func `profiles are told apart`(proto: String, isDTLS: Bool, isSDES: Bool) throws {
        let section = try description(media: [], proto: proto).media[0]
        #expect(section.isDTLSProfile == isDTLS && section.isSecureProfile == isSDES)
    }
}
