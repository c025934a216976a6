import Archive
import Backup
import OpenSSLCrypto
import Persistence
import Primitives
import Testing

struct BackupArchiveTests {
    private var entropy = Entropy(SeededGenerator(seed: 21))
    private let parts = [
        ArchivePart(name: "configuration.sqlite", bytes: (0..<5_000).map { UInt8(truncatingIfNeeded: $0 * 7) }),
        ArchivePart(name: "greeting.wav", bytes: []),
    ]
    private let password = Secret("correct horse battery")
    private let archive = BackupArchive(limit: 1 << 20)

    private mutating func made() throws -> (file: [UInt8], key: [UInt8]) {
        let record = try BackupKeyFactory.make(password: password, workFactorLog2: 4, entropy: &entropy)
        #expect(record.recipient.hasPrefix("age1") && record.keyID.hasPrefix("key-"))
        let file = try archive.make(
            parts, recipient: record.recipient, firmwareVersion: "1.2", serial: "4711",
            created: UnixTime(milliseconds: 1_800_000_000_123), entropy: &entropy)
        return (file, record.encryptedIdentity)
    }

    @Test mutating func `what was backed up is restored`() throws {
        let (file, key) = try made()
        let (manifest, restored) = try archive.open(file, encryptedIdentity: key, password: password)
        #expect(restored == parts)
        #expect(manifest.serial == "4711" && manifest.firmwareVersion == "1.2")
        #expect(manifest.created == UnixTime(milliseconds: 1_800_000_000_123))
    }

    @Test mutating func `the wrong password opens nothing`() throws {
        let (file, key) = try made()
        #expect(throws: ArchiveError.crypto(.wrongPassphrase)) {
            try archive.open(file, encryptedIdentity: key, password: Secret("correct horse batterz"))
        }
    }

    @Test mutating func `another identity opens nothing`() throws {
        let (file, _) = try made()
        let other = try AgeIdentity.generate(using: &entropy)
        #expect(throws: ArchiveError.crypto(.noMatchingIdentity)) { try archive.open(file, identity: other) }
    }

    @Test mutating func `a flipped bit anywhere, and a file cut short, are refused`() throws {
        let identity = try AgeIdentity.generate(using: &entropy)
        let file = try archive.make(
            parts, recipient: "\(identity.recipient)", firmwareVersion: "1", serial: "1", created: UnixTime(seconds: 0),
            entropy: &entropy)
        for index in stride(from: 0, to: file.count, by: 13) {
            var damaged = file
            damaged[index] ^= 1 << UInt8(index % 8)
            #expect(throws: ArchiveError.self) { try archive.open(damaged, identity: identity) }
        }
        for count in [0, 1, file.count / 2, file.count - 1] {
            #expect(throws: ArchiveError.self) { try archive.open(Array(file.prefix(count)), identity: identity) }
        }
        #expect(throws: ArchiveError.self) { try archive.open(file + [0], identity: identity) }
    }

    @Test mutating func `content over the limit is refused when made and when opened`() throws {
        let identity = try AgeIdentity.generate(using: &entropy)
        let zeros = [ArchivePart(name: "zeros", bytes: [UInt8](repeating: 0, count: 3 << 20))]
        #expect(throws: ArchiveError.format(.tooLarge(limit: 1 << 20))) {
            try archive.make(
                zeros, recipient: "\(identity.recipient)", firmwareVersion: "1", serial: "1",
                created: UnixTime(seconds: 0), entropy: &entropy)
        }
        // Three megabytes of zeros compress to a few kilobytes: a small file that would unpack beyond the limit.
        let bomb = try BackupArchive(limit: 4 << 20).make(
            zeros, recipient: "\(identity.recipient)", firmwareVersion: "1", serial: "1", created: UnixTime(seconds: 0),
            entropy: &entropy)
        #expect(bomb.count < 100_000)
        #expect(throws: ArchiveError.tooLarge(limit: 1 << 20)) { try archive.open(bomb, identity: identity) }
    }

    @Test mutating func `a part with a path is not packed`() throws {
        let identity = try AgeIdentity.generate(using: &entropy)
        #expect(throws: ArchiveError.format(.unsafeName("../passwd"))) {
            try archive.make(
                [ArchivePart(name: "../passwd", bytes: [])], recipient: "\(identity.recipient)", firmwareVersion: "1",
                serial: "1", created: UnixTime(seconds: 0), entropy: &entropy)
        }
    }

    @Test mutating func `ciphertext that holds no archive of ours is refused`() throws {
        let identity = try AgeIdentity.generate(using: &entropy)
        for content in [[], Array("hello".utf8), [0x1F, 0x8B, 8, 0]] as [[UInt8]] {
            let file = try AgeFile.encrypt(content, to: [identity.recipient], using: &entropy)
            #expect(throws: ArchiveError.self) { try archive.open(file, identity: identity) }
        }
    }
}
