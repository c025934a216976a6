import Primitives
import Testing

@Suite struct InstantTests {
    @Test func `adding more than an instant can hold saturates`() {
        #expect(Instant(nanoseconds: .max - 1) + .seconds(10) == Instant(nanoseconds: .max))
        #expect(Instant(nanoseconds: .min + 1) - .seconds(10) == Instant(nanoseconds: .min))
    }

    @Test func `durations longer than 292 years saturate`() {
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
    ])
    func `wall time prints as RFC 3339`(milliseconds: Int64, text: String) {
        #expect(UnixTime(milliseconds: milliseconds).rfc3339 == text)
    }
}

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("[2001:db8::1]", "2001:db8::1"), ("::", "::"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:192.0.2.1", "::ffff:c000:201"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func `an address parses and prints in canonical form`(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", ":::", "1::2::3", "12345::", "::1%lo", "g::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "[::1", "::1]", "1.2.3.4:5", "1:", ":1", "::1.2.3", "2001:db8:::1",
    ])
    func `what is not an address is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `anonymising keeps a /24 or a /48`() {
        #expect(IPAddress("192.0.2.77")?.anonymised.description == "192.0.2.0")
        #expect(IPAddress("2001:db8:1:2::77")?.anonymised.description == "2001:db8:1::")
    }

    @Test func `every printed address parses back`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2_000 {
            let mask = generator.next() & generator.next()
            let address = IPAddress.v6(generator.next() & mask, generator.next() & generator.next() & ~mask)
            #expect(IPAddress(address.description) == address)
        }
    }

    @Test(arguments: ["192.0.2.1:5060", "[2001:db8::1]:5061"])
    func `an endpoint round-trips`(text: String) {
        #expect(Endpoint(text)?.description == text)
    }

    @Test(arguments: ["192.0.2.1", "192.0.2.1:65536", "192.0.2.1:-1", "::1:5060", "host:5060", ":5060"])
    func `what is not an endpoint is refused`(text: String) {
        #expect(Endpoint(text) == nil)
    }
}

@Suite struct EncodingTests {
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `base64 follows RFC 4648 section 10`(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg=", "Zh==", "Zg===", "Z g=", "Zm9v\n", "Zm9_"])
    func `base64 that is not strict is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func `the URL alphabet has no padding problem`() {
        for count in 0..<64 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 250) }
            let text = Base64.encode(bytes, alphabet: .url, padding: false)
            #expect(!text.contains { "+/=".contains($0) })
            #expect(Base64.decode(text, alphabet: .url) == bytes)
        }
    }

    @Test func `hexadecimal round-trips and refuses odd or foreign digits`() {
        #expect(Hex.decode("00ffA5") == [0, 255, 0xA5])
        #expect(Hex.encode([0, 255, 0xA5]) == "00ffa5")
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
    }
}

@Suite struct SecretTests {
    @Test func `a secret never shows in any textual form`() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])", "\(Optional(secret) as Any)"] {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("104"))
        }
    }

    @Test func `secrets compare by content`() {
        #expect(Secret("a") == Secret("a"))
        #expect(Secret("a") != Secret("b"))
        #expect(Secret("a") != Secret("aa"))
        #expect(Secret("") == Secret([]))
    }
}

@Suite struct EntropyTests {
    @Test func `the same seed gives the same bytes`() {
        var first = Entropy(SeededGenerator(seed: 7))
        var second = Entropy(SeededGenerator(seed: 7))
        #expect(first.bytes(33) == second.bytes(33))
        #expect(first.hexToken(bytes: 8).utf8.count == 16)
    }

    @Test func `jitter stays below its limit`() {
        var entropy = Entropy(SeededGenerator(seed: 1))
        for _ in 0..<100 { #expect(entropy.jitter(upTo: .milliseconds(5)) < .milliseconds(5)) }
        #expect(entropy.jitter(upTo: .zero) == .zero)
        #expect(entropy.jitter(upTo: .seconds(-1)) == .zero)
    }
}

@Suite struct BoundedQueueTests {
    @Test func `a full queue refuses and counts, and keeps its order`() {
        var queue = BoundedQueue<Int>(capacity: 3)
        let accepted = (1...4).map { queue.append($0) }
        #expect(accepted == [true, true, true, false])
        #expect(queue.refusedCount == 1)
        let first = queue.popFirst()
        let again = queue.append(5)
        let rest = (0..<4).map { _ in queue.popFirst() }
        #expect(first == 1)
        #expect(again)
        #expect(rest == [2, 3, 5, nil])
    }
}
