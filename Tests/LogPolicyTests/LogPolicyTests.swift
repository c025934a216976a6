import LogPolicy
import Primitives
import Testing

private let day = Duration.seconds(86_400)
private let start = UnixTime(seconds: 1_767_225_600)

struct LogPolicyTests {
    @Test
    func `a configuration query is never written as it was, and its anonymised line is gone within twelve months`() {
        #expect(LogClass.provisioning.originalLifetime == nil)
        #expect(LogClass.provisioning.originalHorizon(at: start) == nil)
        // Swept once a day: written at any moment of a day, it is gone 365 days later.
        let horizon = LogClass.provisioning.anonymisedHorizon(at: start + day * 364)
        #expect(horizon == start)
    }

    @Test func `an access is written twice in one step; the original goes within 14 days, the copy stays`() {
        var log = AccessLog()
        let address = IPAddress.v4(0xC633_6417)
        log.append(address, at: start + .seconds(1_234))
        #expect(log.originals == [AccessLog.Access(at: start + .seconds(1_234), address: address)])
        #expect(log.anonymised.map(\.network) == [.v4(0xC633_6400)])
        #expect(log.anonymised.map(\.hour) == [start])
        let early = log.expire(at: start + day * 12)
        #expect(!early && log.originals.count == 1)
        let late = log.expire(at: start + day * 14)
        #expect(late && log.originals.isEmpty && log.anonymised.count == 1)
        _ = log.expire(at: start + day * 4_000)
        #expect(log.anonymised.count == 1)
    }

    @Test func `a log that is full forgets its oldest lines`() {
        var log = AccessLog()
        for number in 0...AccessLog.maximumLines {
            log.append(.v4(UInt32(truncatingIfNeeded: number)), at: start + .seconds(Int64(number)))
        }
        #expect(log.originals.count == AccessLog.maximumLines && log.anonymised.count == AccessLog.maximumLines)
        #expect(log.originals.first?.at == start + .seconds(1))
    }

    @Test(arguments: [
        ("softphone", "softphone"), ("softphone/5.1 (device 0000-1111)", "softphone/5.1 "), ("a;b", "a"),
        ("ü@host", ""),
    ])
    func `a product name ends before what a client adds to it`(text: String, kept: String) {
        #expect(AnonymousLine.product(text, limit: 64) == kept)
        #expect(AnonymousLine.product(String(repeating: "x", count: 100), limit: 64).count == 64)
    }

    @Test func `an IPv6 address keeps its first 48 bits`() throws {
        let address = try #require(IPAddress("2001:db8:1:2:3:4:5:6"))
        #expect(AnonymousLine(address: address, at: start).network == IPAddress("2001:db8:1::"))
    }
}
