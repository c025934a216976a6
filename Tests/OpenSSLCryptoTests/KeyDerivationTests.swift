import OpenSSLCrypto
import Primitives
import Testing

struct KeyDerivationTests {
    @Test func `HKDF gives the keys of RFC 5869 A1 and A3`() throws {
        let input = [UInt8](repeating: 0x0B, count: 22)
        let first = try HKDF.derive(
            inputKey: input, salt: hex("000102030405060708090a0b0c"), info: hex("f0f1f2f3f4f5f6f7f8f9"), byteCount: 42)
        let firstWanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        #expect(Hex.encode(first) == firstWanted)
        let third = try HKDF.derive(inputKey: input, info: [], byteCount: 42)
        let thirdWanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        #expect(Hex.encode(third) == thirdWanted)
    }

    @Test(arguments: [0, 255 * 32 + 1, -1])
    func `HKDF refuses a length outside of the RFC's`(byteCount: Int) {
        #expect(throws: CryptoError.invalidLength(what: "HKDF output", bytes: byteCount, expected: "1...8160")) {
            try HKDF.derive(inputKey: [1], info: [], byteCount: byteCount)
        }
    }

    @Test func `HKDF reaches its longest output`() throws {
        #expect(try HKDF.derive(inputKey: [1], info: [], byteCount: 255 * 32).count == 255 * 32)
    }

    // RFC 7914 section 12; the fourth vector needs 1 GiB and is left to the limit test.
    @Test(arguments: [
        ("", "", 16, 1, 1, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"),
        ("password", "NaCl", 1024, 8, 16, "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"),
        (
            "pleaseletmein", "SodiumChloride", 16384, 8, 1,
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        ),
    ])
    func `scrypt gives the keys of RFC 7914`(
        password: String, salt: String, n: Int, r: Int, p: Int, key: String
    ) throws {
        let derived = try Scrypt.derive(password: Secret(password), salt: Array(salt.utf8), n: n, r: r, p: p)
        #expect(Hex.encode(derived.exposed) == key)
    }

    @Test(arguments: [(0, 8), (1, 8), (1000, 8), (1 << 21, 8), (1 << 25, 1), (16, 0), (16, 65)])
    func `scrypt refuses costs that make no sense or eat the memory`(n: Int, r: Int) {
        #expect(CryptoError.thrown { _ = try Scrypt.derive(password: Secret("x"), salt: [], n: n, r: r) } != nil)
    }
}
