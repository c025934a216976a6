import Foundation
import OpenSSLCrypto
import Primitives
import RTP
import Testing

/// The published vectors: RFC 3711 appendix B, RFC 7714 sections 16 and 17; and what libsrtp2 makes of the same packets.
@Suite struct SRTPVectorTests {
    private static let masterKey = hex("E1F97A0D3E018BE0D64FA32C06DE4139")
    private static let masterSalt = hex("0EC675AD498AFEEBB6960B3AABE6")

    /// RFC 3711 appendix B.3.
    @Test(arguments: [
        (0, 16, "C61E7A93744F39EE10734AFE3FF7A087"), (2, 14, "30CBBC08863D8C85D49DB34A9AE1"),
        (
            1, 94,
            """
            CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098\
            6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2
            """
        ),
    ])
    func `keys are derived as in the appendix`(label: Int, count: Int, expected: String) throws {
        let derived = try SRTPKeyDerivation.derive(
            label: UInt8(label), key: Self.masterKey, salt: Self.masterSalt, byteCount: count)
        #expect(derived.withBytes { Array($0) } == hex(expected))
    }

    @Test func `session keys are those three`() throws {
        let master = try #require(
            SRTPMasterKey(suite: .aesCM128HMACSHA1Tag80, keyAndSalt: Secret(Self.masterKey + Self.masterSalt)))
        let keys = try SRTPKeyDerivation.sessionKeys(master, for: .rtp)
        #expect(keys.encryption == Secret(hex("C61E7A93744F39EE10734AFE3FF7A087")))
        #expect(keys.salt == Secret(hex("30CBBC08863D8C85D49DB34A9AE1")))
        #expect(keys.authentication == Secret(hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")))
        #expect(try SRTPKeyDerivation.sessionKeys(master, for: .rtcp) != keys)
    }

    /// RFC 3711 appendix B.2: zeros encrypt to the keystream.
    @Test func `the keystream is that of the appendix, to its last block`() throws {
        let keys = SRTPSessionKeys(
            encryption: Secret(hex("2B7E151628AED2A6ABF7158809CF4F3C")),
            salt: Secret(hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD")),
            authentication: Secret([UInt8](repeating: 0, count: 20)))
        let protector = try SRTPProtector(.aesCM128HMACSHA1Tag80, sessionKeys: keys)
        let payload = 0xFF02 * 16
        var packet = [UInt8](repeating: 0, count: 12 + payload + 10)
        packet[0] = 0x80
        let size = try packet.withUnsafeMutableBytes { bytes in
            try protector.protectRTP(bytes, size: 12 + payload)
        }
        #expect(size == packet.count)
        func block(_ number: Int) -> [UInt8] { Array(packet[(12 + number * 16)..<(28 + number * 16)]) }
        #expect(block(0) == hex("E03EAD0935C95E80E166B16DD92B4EB4"))
        #expect(block(1) == hex("D23513162B02D0F72A43A2FE4A5F97AB"))
        #expect(block(2) == hex("41E95B3BB0A2E8DD477901E4FCA894C0"))
        #expect(block(0xFEFF) == hex("EC8CDF7398607CB0F2D21675EA9EA1E4"))
        #expect(block(0xFF00) == hex("362B7C3C6773516318A077D7FC5073AE"))
        #expect(block(0xFF01) == hex("6A2CC3787889374FBEB4C81B17BA6C44"))
    }

    private static let key128 = hex("000102030405060708090a0b0c0d0e0f")
    private static let key256 = key128 + hex("101112131415161718191a1b1c1d1e1f")

    private func keys(_ key: [UInt8]) -> SRTPSessionKeys {
        SRTPSessionKeys(
            encryption: Secret(key), salt: Secret(hex("517569642070726f2071756f")), authentication: Secret([]))
    }

    /// RFC 7714 sections 16.1.1 to 16.2.2.
    @Test(arguments: [
        (
            SRTPSuite.aeadAES128GCM, key128,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce"
        ),
        (
            .aeadAES256GCM, key256,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13"
        ),
    ])
    func `RTP is sealed and opened as in RFC 7714`(suite: SRTPSuite, key: [UInt8], sealed: String) throws {
        let header = hex("8040f17b8041f8d35501a0b2")
        let plain = header + Array("Gallia est omnis divisa in partes tres".utf8)
        #expect(try SRTPProtector(suite, sessionKeys: keys(key)).protect(plain) == header + hex(sealed))
        #expect(try SRTPUnprotector(suite, sessionKeys: keys(key)).unprotect(header + hex(sealed)) == plain)
    }

    /// RFC 7714 sections 17.1 to 17.3; the index is 0x5d4.
    @Test(arguments: [
        (
            SRTPSuite.aeadAES128GCM, key128,
            "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"
        ),
        (
            .aeadAES256GCM, key256,
            "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"
        ),
    ])
    func `RTCP is sealed and opened as in RFC 7714`(suite: SRTPSuite, key: [UInt8], sealed: String) throws {
        let header = hex("81c8000d4d617273")
        let plain =
            header
            + hex("4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef")
        let protector = try SRTPProtector(suite, sessionKeys: keys(key), rtcpIndex: 0x5D4)
        #expect(try protector.protect(plain, isRTCP: true) == header + hex(sealed))
        let unprotector = try SRTPUnprotector(suite, sessionKeys: keys(key))
        #expect(try unprotector.unprotect(header + hex(sealed), isRTCP: true) == plain)
    }

    @Test func `RTCP that is authenticated only is taken as in RFC 7714`() throws {
        let plain = hex(
            "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef")
        let sealed = plain + hex("841dd9683dd78ec92ae58790125f62b3000005d4")
        let unprotector = try SRTPUnprotector(.aeadAES128GCM, sessionKeys: keys(Self.key128))
        #expect(try unprotector.unprotect(sealed, isRTCP: true) == plain)
    }

    @Test func `packets are those of libsrtp2, over a rollover and out of order`() throws {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Vectors/libsrtp2/streams.txt")
        let text = try String(contentsOf: url, encoding: .utf8)
        var pair: (SRTPProtector, SRTPUnprotector)?
        var checked = 0
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ").map(String.init)
            if fields[0] == "key" {
                let suite = try #require(SRTPSuite(rawValue: fields[1]))
                let key = try #require(SRTPMasterKey(suite: suite, keyAndSalt: Secret(hex(fields[2]))))
                pair = (try SRTPProtector(key, rtcpIndex: 1), try SRTPUnprotector(key))
                continue
            }
            let (protector, unprotector) = try #require(pair)
            let isRTCP = fields[0] == "rtcp"
            let (plain, protected) = (hex(fields[1]), hex(fields[2]))
            #expect(try protector.protect(plain, isRTCP: isRTCP) == protected, "\(line)")
            #expect(try unprotector.unprotect(protected, isRTCP: isRTCP) == plain, "\(line)")
            checked += 1
        }
        #expect(checked == 56)
    }
}
