import Backup
import OpenSSLCrypto
import Primitives
import Testing

struct TarArchiveTests {
    private let parts = [
        ArchivePart(name: "manifest.json", bytes: Array("{}".utf8)), ArchivePart(name: "empty", bytes: []),
        ArchivePart(name: "block", bytes: [UInt8](repeating: 7, count: 512)),
        ArchivePart(name: "more", bytes: [UInt8](repeating: 9, count: 1_000)),
    ]
    private let limit = 100_000

    @Test func `what is written reads back`() throws {
        let archive = try TarArchive.write(parts, modifiedAt: 1_800_000_000, limit: limit)
        #expect(archive.count.isMultiple(of: 512))
        #expect(try TarArchive.read(archive, limit: limit) == parts)
        #expect(try TarArchive.read(TarArchive.write([], modifiedAt: 0, limit: limit), limit: limit).isEmpty)
    }

    @Test(arguments: [
        "", ".", "..", "../x", "a/b", "/etc", ".hidden", "a\0b", "ä", "a b", String(repeating: "a", count: 101),
    ])
    func `a name that is no flat name is neither written nor read`(name: String) throws {
        #expect(throws: ArchiveFormatError.unsafeName(name)) {
            try TarArchive.write([ArchivePart(name: name, bytes: [])], modifiedAt: 0, limit: limit)
        }
        guard (1...100).contains(name.utf8.count), !name.contains("\0") else { return }
        var archive = try TarArchive.write([ArchivePart(name: "x", bytes: [])], modifiedAt: 0, limit: limit)
        for (index, byte) in name.utf8.enumerated() { archive[index] = byte }
        fixChecksum(&archive)
        #expect(throws: ArchiveFormatError.self) { try TarArchive.read(archive, limit: limit) }
    }

    @Test func `a link, a directory, a path prefix and a false size are refused`() throws {
        let good = try TarArchive.write([ArchivePart(name: "x", bytes: [1])], modifiedAt: 0, limit: limit)
        for type in "123456789gxLK" {
            var archive = good
            archive[156] = type.asciiValue ?? 0
            fixChecksum(&archive)
            #expect(throws: ArchiveFormatError.notARegularFile(offset: 0)) {
                try TarArchive.read(archive, limit: limit)
            }
        }
        var prefixed = good
        prefixed[345] = UInt8(ascii: "p")
        fixChecksum(&prefixed)
        #expect(throws: ArchiveFormatError.self) { try TarArchive.read(prefixed, limit: limit) }
        for size in ["77777777777\0", "00000002000\0", "-0000000001\0", "           \0"] {
            var archive = good
            for (index, byte) in size.utf8.enumerated() { archive[124 + index] = byte }
            fixChecksum(&archive)
            #expect(throws: ArchiveFormatError.self) { try TarArchive.read(archive, limit: limit) }
        }
    }

    @Test func `limits are reached`() throws {
        let many = (0...TarArchive.maximumParts).map { ArchivePart(name: "p\($0)", bytes: []) }
        #expect(throws: ArchiveFormatError.tooManyParts(limit: 64)) {
            try TarArchive.write(many, modifiedAt: 0, limit: limit)
        }
        #expect(throws: ArchiveFormatError.tooLarge(limit: 1_000)) {
            try TarArchive.write(parts, modifiedAt: 0, limit: 1_000)
        }
        let archive = try TarArchive.write(parts, modifiedAt: 0, limit: limit)
        #expect(throws: ArchiveFormatError.tooLarge(limit: 1_000)) { try TarArchive.read(archive, limit: 1_000) }
        #expect(throws: ArchiveFormatError.repeatedName("more")) {
            try TarArchive.write(parts + [parts[3]], modifiedAt: 0, limit: limit)
        }
    }

    @Test func `an archive cut short or continued is refused`() throws {
        let archive = try TarArchive.write(parts, modifiedAt: 0, limit: limit)
        for count in stride(from: 0, to: archive.count, by: 256) {
            #expect(throws: ArchiveFormatError.self) { try TarArchive.read(Array(archive.prefix(count)), limit: limit) }
        }
        let continued = archive + [UInt8](repeating: 1, count: 512)
        #expect(throws: ArchiveFormatError.self) { try TarArchive.read(continued, limit: limit) }
    }

    @Test func `mutated archives never trap`() throws {
        let archive = try TarArchive.write(parts, modifiedAt: 0, limit: limit)
        var entropy = Entropy(SeededGenerator(seed: 5))
        for _ in 0..<500 {
            var mutant = archive
            for _ in 0..<(1 + Int(entropy.next() % 4)) {
                mutant[Int(entropy.next() % UInt64(mutant.count))] = UInt8(truncatingIfNeeded: entropy.next())
            }
            if entropy.next() % 2 == 0 { fixChecksum(&mutant) }
            _ = try? TarArchive.read(mutant, limit: limit)
        }
    }

    private func fixChecksum(_ archive: inout [UInt8]) {
        for index in 148..<156 { archive[index] = 0x20 }
        let sum = String(archive[0..<512].reduce(0) { $0 + Int($1) }, radix: 8)
        let text = String(repeating: "0", count: 6 - sum.count) + sum + "\0 "
        for (index, byte) in text.utf8.enumerated() { archive[148 + index] = byte }
    }
}

struct BackupManifestTests {
    private let parts = [ArchivePart(name: "a", bytes: [1, 2]), ArchivePart(name: "b", bytes: [])]
    private let hashes = OpenSSLHashes()
    private var manifest: BackupManifest {
        BackupManifest(
            describing: parts, firmwareVersion: "1.0", serial: "4711", created: UnixTime(seconds: 0), hashes: hashes)
    }

    @Test func `the parts it describes are accepted`() throws {
        try manifest.verify(parts, hashes: hashes)
    }

    @Test func `every difference is told`() {
        let cases: [([ArchivePart], BackupManifestError)] = [
            ([parts[0]], .missingPart("b")),
            (parts + [ArchivePart(name: "c", bytes: [])], .extraPart("c")),
            ([ArchivePart(name: "a", bytes: [1]), parts[1]], .size("a")),
            ([ArchivePart(name: "a", bytes: [1, 3]), parts[1]], .digest("a")),
        ]
        for (found, error) in cases {
            #expect(throws: error) { try manifest.verify(found, hashes: hashes) }
        }
        var newer = manifest
        newer.format = 2
        #expect(throws: BackupManifestError.format(2)) { try newer.verify(parts, hashes: hashes) }
    }

    @Test func `its JSON escapes what has to be escaped`() {
        var strange = manifest
        strange.serial = "a\"b\\c\u{1}\n"
        #expect(strange.json.contains(#""serial": "a\"b\\c\u0001\n""#))
    }

    @Test func `the serial number is no part of a backup password`() throws {
        #expect(throws: BackupRefusal.passwordHoldsSerial) {
            try BackupPassword.check(Secret("my-Sn4711x-box"), serial: "SN4711X")
        }
        #expect(throws: BackupRefusal.passwordTooShort(bytes: 9, minimum: 10)) {
            try BackupPassword.check(Secret("123456789"), serial: "S")
        }
        #expect(throws: BackupRefusal.passwordTooLong(limit: 1_024)) {
            try BackupPassword.check(Secret(String(repeating: "x", count: 1_025)), serial: "S")
        }
        try BackupPassword.check(Secret("correct horse battery"), serial: "SN4711X")
    }
}
