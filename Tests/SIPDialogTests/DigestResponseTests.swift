import OpenSSLCrypto
import Primitives
import SIPDialog
import Testing

struct DigestResponseTests {
    /// The request of RFC 7616 section 3.9.1.
    static func example(_ algorithm: DigestAlgorithm, qop: String? = "auth") -> DigestResponse.Fields {
        DigestResponse.Fields(
            algorithm: algorithm, username: "Mufasa", realm: "http-auth@example.org",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nonceCount: qop == nil ? nil : "00000001",
            clientNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop: qop, method: "GET",
            uri: "/dir/index.html")
    }

    @Test(arguments: [
        (DigestAlgorithm.md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (.sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ])
    func `RFC 7616 section 3-9-1`(algorithm: DigestAlgorithm, expected: String) {
        let password = Secret("Circle of Life")
        #expect(DigestResponse.compute(Self.example(algorithm), password: password, using: OpenSSLHashes()) == expected)
    }

    @Test func `RFC 2617 section 3-5`() {
        let fields = DigestResponse.Fields(
            algorithm: .md5, username: "Mufasa", realm: "testrealm@host.com",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            nonceCount: "00000001", clientNonce: "0a4f113b", qop: "auth", method: "GET", uri: "/dir/index.html")
        let response = DigestResponse.compute(fields, password: Secret("Circle Of Life"), using: OpenSSLHashes())
        #expect(response == "6629fae49393a05397450978507c4ef1")
    }

    /// Computed with Python's hashlib from the formulas of RFC 7616 section 3.4.
    @Test(
        arguments: [
            (.md5Session, "auth", "e783283f46242139c486a698fec7211d"),
            (.sha256Session, "auth", "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7"),
            (.sha512t256, "auth", "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"),
            (.sha512t256Session, "auth", "3f2a34f923c38b0fb26dce2fdfc2ce326c23cecf86fbb1444f3e51fbbc2cb92e"),
            (.md5, nil, "7b2cc3b30e75b4777ea31027084363fd"),
            (.sha256, nil, "a1306b0595a6c7fe96c448631fb5cfbd5107bd1fe1da729d978dd7446b812363"),
            (.md5Session, nil, "37a7f42db2090a3fcac4e26e747d4fc8"),
            (.sha256Session, nil, "30bc0742357e535c85094121d22cf826b794be0667e19537beb7b28f2251c274"),
        ] as [(DigestAlgorithm, String?, String)])
    func `session algorithms and the form without qop`(algorithm: DigestAlgorithm, qop: String?, expected: String) {
        let fields = Self.example(algorithm, qop: qop)
        #expect(DigestResponse.compute(fields, password: Secret("Circle of Life"), using: OpenSSLHashes()) == expected)
    }

    @Test func `what cannot be computed is nil`() {
        let hashes = OpenSSLHashes()
        let password = Secret("x")
        #expect(DigestResponse.compute(Self.example(.md5, qop: "auth-int"), password: password, using: hashes) == nil)
        var fields = Self.example(.md5)
        fields.nonceCount = nil
        #expect(DigestResponse.compute(fields, password: password, using: hashes) == nil)
        fields = Self.example(.md5Session, qop: nil)
        fields.clientNonce = nil
        #expect(DigestResponse.compute(fields, password: password, using: hashes) == nil)
    }

    @Test func `algorithm tokens are read in any case, absent means MD5`() {
        #expect(DigestAlgorithm(token: nil) == .md5)
        #expect(DigestAlgorithm(token: "sha-256") == .sha256)
        #expect(DigestAlgorithm(token: "MD5-SESS") == .md5Session)
        #expect(DigestAlgorithm(token: "sha-512-256-SESS") == .sha512t256Session)
        #expect(DigestAlgorithm(token: "SHA-1") == nil)
    }
}
