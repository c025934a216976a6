import OpenSSLCrypto
import Primitives
import Testing

struct HashTests {
    @Test(arguments: [
        (HashAlgorithm.md5, "900150983cd24fb0d6963f7d28e17f72"),  // RFC 1321 A.5
        (.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),  // RFC 3174
        (.sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),  // FIPS 180-4 examples
        (.sha384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
        (
            .sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
                + "454d4423643ce80e2a9ac94fa54ca49f"
        ),
        (.sha512t256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    ])
    func `the digest of abc is the standard's`(algorithm: HashAlgorithm, digest: String) {
        #expect(Hex.encode(algorithm.hash(Array("abc".utf8))) == digest)
        #expect(algorithm.hash([]).count == algorithm.digestBytes)
    }

    @Test(arguments: [
        (HashAlgorithm.sha1, "b617318655057264e28bc0b6fb378c8ef146be00"),  // RFC 2202 case 1
        (.sha256, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),  // RFC 4231 case 1
        (
            .sha512,
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"
                + "be9d914eeb61f1702e696c203a126854"
        ),
    ])
    func `the HMAC of RFC 4231 case 1 comes out`(algorithm: HashAlgorithm, tag: String) {
        let key = [UInt8](repeating: 0x0B, count: 20)
        #expect(Hex.encode(algorithm.hmac(key: key, message: Array("Hi There".utf8))) == tag)
        #expect(algorithm.hmac(key: Secret(key), message: Array("Hi There".utf8)) == hex(tag))
    }

    @Test func `an HMAC takes an empty key, and one longer than a block`() {
        let empty = HashAlgorithm.sha256.hmac(key: [], message: [])
        #expect(Hex.encode(empty) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
        let long = [UInt8](repeating: 0xAA, count: 131)  // RFC 4231 case 6
        let tag = OpenSSLHashes().hmacSHA256(
            key: long, message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(Hex.encode(tag) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func `contexts that a thread keeps mix nothing up`() {
        let hashes = OpenSSLHashes()
        let short = Array("abc".utf8)
        let digests = HashAlgorithm.allCases.map { $0.hash(short) }
        let keys: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 200), [], [2]]
        for _ in 0..<3 {
            for (algorithm, digest) in zip(HashAlgorithm.allCases, digests) {
                #expect(algorithm.hash([]) != digest)
                #expect(algorithm.hash(short) == digest)
            }
            for key in keys {
                let tag = HashAlgorithm.sha256.hmac(key: key, message: short)
                #expect(hashes.hmacSHA256(key: key, message: short) == tag)
            }
        }
        #expect(hashes.hmacSHA256(key: [], message: []) == HashAlgorithm.sha256.hmac(key: [], message: []))
    }

    @Test func `the core sees the same functions through its protocol`() {
        let hashes: any HashFunctions = OpenSSLHashes()
        #expect(hashes.md5([]).count == 16)
        #expect(hashes.sha256([1, 2, 3]) == HashAlgorithm.sha256.hash([1, 2, 3]))
    }

    @Test func `hashing piece by piece equals hashing at once`() {
        let message = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let hasher = SHA256Hasher()
        hasher.update([])
        for start in stride(from: 0, to: message.count, by: 777) {
            hasher.update(Array(message[start..<min(start + 777, message.count)]))
        }
        #expect(hasher.digest() == HashAlgorithm.sha256.hash(message))
        hasher.update([9])
        #expect(hasher.digest() == HashAlgorithm.sha256.hash(message + [9]))
    }

    @Test(arguments: [("SHA-256", HashAlgorithm.sha256), ("sha1", .sha1), ("SHA512", .sha512), ("MD5", .md5)])
    func `names of hash functions are read in every spelling`(name: String, algorithm: HashAlgorithm) {
        #expect(HashAlgorithm(name: name) == algorithm)
        #expect(HashAlgorithm(name: "\(name)x") == nil)
    }

    @Test func `the system's generator does not repeat itself`() {
        var entropy = Entropy.system
        #expect(entropy.bytes(32) != entropy.bytes(32))
        #expect(SystemEntropyGenerator.bytes(0).isEmpty)
        #expect(Set((0..<64).map { _ in entropy.next() }).count == 64)
    }
}
