import HAL
import OpenSSLCrypto
import Primitives
import Telemetry
import Testing

/// What every adapter must keep, whatever stands behind it.
struct ConformanceTests {
    private let directory = TemporaryDirectory()

    @Test(arguments: Adapter.allCases)
    func `the identity's certificate, key and serial number belong together`(adapter: Adapter) throws {
        let identity = try adapter.make(in: directory).identity
        #expect(identity.serial == "SN-0001" && identity.model == "Next")
        let chain = try Certificate.chain(pem: identity.certificateChainPEM)
        let root = try Certificate(pem: identity.vendorRootPEM)
        #expect(chain[0].subjectSerialNumber == identity.serial)
        #expect(chain[0].commonName == "Next-SN-0001")
        for purpose in [Certificate.Purpose.client, .server] {
            try Certificate.verifyChain(
                leaf: chain[0], intermediates: Array(chain.dropFirst()), root: root, at: chain[0].notBefore,
                purpose: purpose)
        }
        let digest = HashAlgorithm.sha256.hash([1, 2, 3])
        let publicKey = try #require(chain[0].publicKey)
        #expect(publicKey.isValid(signature: try identity.sign(sha256Digest: digest), sha256Digest: digest))
    }

    @Test(arguments: Adapter.allCases, [0, 31, 33])
    func `only digests of 32 bytes are signed`(adapter: Adapter, count: Int) throws {
        let identity = try adapter.make(in: directory).identity
        let error = HALError.thrown { _ = try identity.sign(sha256Digest: [UInt8](repeating: 0, count: count)) }
        #expect(error?.description.contains("refused to sign") == true)
    }

    @Test(arguments: Adapter.allCases)
    func `the identity signs certification requests and JWS through a delegated signer`(adapter: Adapter) throws {
        let identity = try adapter.make(in: directory).identity
        let chain = try Certificate.chain(pem: identity.certificateChainPEM)
        let signer = DelegatedSigner(publicKey: try #require(chain[0].publicKey)) { digest in
            try identity.sign(sha256Digest: digest)
        }
        let request = try CertificateRequest.make(subject: chain[0].subjectFields, signer: signer)
        #expect(request.subject.serialNumber == "SN-0001")
        #expect(try JWS.sign(payload: [1], chain: chain, signer: signer).utf8.count > 100)
    }

    @Test(arguments: Adapter.allCases, PartitionKind.allCases)
    func `a file holds what was last put there`(adapter: Adapter, kind: PartitionKind) throws {
        let hardware = try adapter.make(in: directory)
        let partition = hardware.partition(kind)
        #expect(try partition.list().isEmpty)
        try partition.replace("b.db", with: [1, 2, 3])
        try partition.replace("a_1-x", with: [])
        try partition.replace("b.db", with: [4])
        #expect(try partition.read("b.db") == [4])
        #expect(try partition.read("a_1-x") == [])
        #expect(try partition.list() == ["a_1-x", "b.db"])
        #expect(try hardware.partition(kind).read("b.db") == [4])
        try partition.remove("b.db")
        #expect(try partition.list() == ["a_1-x"])
        #expect(throws: HALError.notFound(name: "b.db")) { try partition.read("b.db") }
        #expect(throws: HALError.notFound(name: "b.db")) { try partition.remove("b.db") }
    }

    @Test(arguments: Adapter.allCases)
    func `the partitions do not see each other's files`(adapter: Adapter) throws {
        let hardware = try adapter.make(in: directory)
        try hardware.partition(.configuration).replace("x", with: [1])
        #expect(throws: HALError.notFound(name: "x")) { try hardware.partition(.data).read("x") }
    }

    @Test(
        arguments: Adapter.allCases,
        ["", ".", "..", "a/b", "../x", "a b", "ä", "a\0b", "x.new~", String(repeating: "a", count: 101)])
    func `a name is never a path`(adapter: Adapter, name: String) throws {
        let partition = try adapter.make(in: directory).partition(.data)
        #expect(throws: HALError.self) { try partition.replace(name, with: [1]) }
        #expect(throws: HALError.self) { try partition.read(name) }
        let error = HALError.thrown { try partition.remove(name) }
        #expect(error?.description.contains("is not a file name") == true)
        #expect(try partition.list().isEmpty)
    }

    @Test(arguments: Adapter.allCases)
    func `a name of 100 bytes and a megabyte of content are taken`(adapter: Adapter) throws {
        let partition = try adapter.make(in: directory).partition(.data)
        let name = String(repeating: "a", count: PartitionName.limitBytes)
        let content = [UInt8](repeating: 0x5A, count: 1 << 20)
        try partition.replace(name, with: content)
        #expect(try partition.read(name) == content)
        #expect(try partition.list() == [name])
        #expect(try partition.freeBytes() > 0)
    }

    @Test(arguments: Adapter.allCases)
    func `monotonic time never goes back, and wall time is this century's`(adapter: Adapter) throws {
        let clock = try adapter.make(in: directory).clock
        var last = clock.now()
        for _ in 0..<100 {
            let now = clock.now()
            #expect(now >= last)
            last = now
        }
        #expect((2020...2100).contains(clock.wallTime().civil.year))
    }

    @Test(arguments: Adapter.allCases)
    func `two generators never give the same stream`(adapter: Adapter) throws {
        let device = try adapter.make(in: directory).entropy
        var (first, second) = (device.makeEntropy(), device.makeEntropy())
        #expect(first.bytes(32) != second.bytes(32))
        #expect(first.bytes(32) != first.bytes(32))
    }

    @Test(arguments: Adapter.allCases)
    func `a sample is within its bounds`(adapter: Adapter) throws {
        let monitor = try adapter.make(in: directory).monitor
        for _ in 0..<2 {
            let sample = try monitor.sample()
            #expect((0...1).contains(sample.cpuUtilization))
            #expect(sample.memoryUsedBytes > 0 && sample.memoryUsedBytes <= sample.memoryTotalBytes)
            #expect(sample.fileSystemUsedBytes >= 0 && sample.fileSystemUsedBytes <= sample.fileSystemTotalBytes)
            #expect(sample.uptimeSeconds > 0)
        }
    }

    @Test(arguments: Adapter.allCases)
    func `watchdog and indicator take every call`(adapter: Adapter) throws {
        let hardware = try adapter.make(in: directory)
        #expect(hardware.watchdog.period > .zero)
        hardware.watchdog.kick()
        for state in IndicatorState.allCases { hardware.indicator.show(state) }
    }
}
