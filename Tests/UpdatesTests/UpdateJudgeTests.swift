import CloudMessages
import OpenSSLCrypto
import Primitives
import Testing
import Updates

struct UpdateJudgeTests {
    static let now = UnixTime(seconds: 1_800_000_000)

    static func manifest(_ change: (inout UpdateManifest) -> Void = { _ in }) -> UpdateManifest {
        var manifest = UpdateManifest(
            version: "1.3.0", board: "rpi4", sizeBytes: 1_000, sha256: [UInt8](repeating: 1, count: 32),
            issuedAt: now, expiresAt: now + .seconds(86_400))
        change(&manifest)
        return manifest
    }

    private let judge = UpdateJudge(running: "1.2.10", board: "rpi4", bundleLimit: 10_000, hashes: OpenSSLHashes())

    private func verdict(
        _ manifest: UpdateManifest, forgery: String? = nil, known: UnixTime? = nil, id: String = "a"
    ) -> Result<UpdateJudge.Verdict, UpdateRefusal> {
        Result { () throws(UpdateRefusal) in
            try judge.judge(manifest, forgery: forgery, known: known, installationID: id, at: Self.now)
        }
    }

    @Test(arguments: [
        ("1.2.10", "1.2.9", false), ("1.2.9", "1.2.10", true), ("1", "1.0.0", false), ("1.9", "2", true),
        ("0.0.1", "0.0.1.1", true),
    ])
    func `versions compare as numbers`(left: String, right: String, isOlder: Bool) throws {
        #expect((try #require(FirmwareVersion(left)) < (try #require(FirmwareVersion(right)))) == isOlder)
    }

    @Test(arguments: ["", "1.", ".1", "1.2.3.4.5", "1.a", "-1", "1 ", "9999999999", "١.٢"])
    func `what is no version is none`(text: String) { #expect(FirmwareVersion(text) == nil) }

    @Test func `a good manifest is offered, and that of what runs is not`() {
        #expect(verdict(Self.manifest()) == .success(.offered))
        #expect(verdict(Self.manifest { $0.version = "1.2.10" }) == .success(.upToDate))
        #expect(verdict(Self.manifest(), known: Self.now) == .success(.offered), "the same manifest once more")
    }

    @Test func `what is wrong with a manifest is told`() {
        let now = Self.now
        #expect(verdict(Self.manifest(), forgery: "no chain") == .failure(.forged("no chain")))
        #expect(
            verdict(Self.manifest { $0.board = "rpi3" }) == .failure(.otherBoard(found: "rpi3", own: "rpi4")))
        #expect(
            verdict(Self.manifest { $0.version = "1.2.9" }) == .failure(.older(found: "1.2.9", running: "1.2.10")))
        #expect(
            verdict(Self.manifest(), known: now + .seconds(1))
                == .failure(.replayed(issuedAt: now, known: now + .seconds(1))))
        #expect(verdict(Self.manifest { $0.expiresAt = now }) == .failure(.expired(at: now)))
        let future = now + .seconds(90_000)
        #expect(
            verdict(
                Self.manifest {
                    $0.issuedAt = future
                    $0.expiresAt = future + .seconds(9)
                }) == .failure(.fromTheFuture(issuedAt: future)))
        #expect(
            verdict(Self.manifest { $0.sizeBytes = 10_001 }) == .failure(.tooLarge(bytes: 10_001, limit: 10_000)))
        for change: @Sendable (inout UpdateManifest) -> Void in [
            { $0.sha256 = [] }, { $0.sizeBytes = 0 }, { $0.rolloutPercent = 101 }, { $0.version = "one" },
        ] {
            guard case .failure(.malformed) = verdict(Self.manifest(change)) else {
                Issue.record("not refused")
                continue
            }
        }
    }

    @Test func `a bundle as long as the limit passes`() {
        let limit = Limits().updateBundleBytes
        let judge = UpdateJudge(running: "1.0", board: "rpi4", bundleLimit: limit, hashes: OpenSSLHashes())
        for (size, passes) in [(Int64(limit), true), (Int64(limit) + 1, false)] {
            let verdict = try? judge.judge(
                Self.manifest { $0.sizeBytes = size }, forgery: nil, known: nil, installationID: "a", at: Self.now)
            #expect((verdict == .offered) == passes)
        }
    }

    @Test(arguments: [0, 1, 25, 50, 99, 100])
    func `the roll-out comes to as many installations as it says, and to each for good`(percent: Int) {
        let ids = (0..<2_000).map { "installation-\($0)" }
        func included(_ percent: Int) -> Set<String> {
            Set(ids.filter { verdict(Self.manifest { $0.rolloutPercent = percent }, id: $0) == .success(.offered) })
        }
        let now = included(percent)
        #expect(abs(now.count - percent * 20) <= 80)
        #expect(now == included(percent), "the same question has the same answer")
        #expect(now.isSubset(of: included(min(100, percent + 10))), "a wider roll-out leaves nobody behind")
        if percent == 50 {
            let next = ids.filter {
                verdict(
                    Self.manifest {
                        $0.rolloutPercent = 50
                        $0.version = "1.4.0"
                    }, id: $0) == .success(.offered)
            }
            #expect(Set(next) != now, "each version begins with others")
        }
    }
}
