import Archive
import Backup
import Foundation
import OpenSSLCrypto
import Primitives
import Testing

private func tool(_ name: String) -> String? {
    ["/usr/bin/", "/bin/", "/usr/local/bin/"].map { $0 + name }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}

/// WIRE.md, Backup: what the appliance makes is opened by stock tools.
@Suite(.enabled(if: tool("age") != nil && tool("tar") != nil, "age or tar is not installed"))
struct StockToolsTests {
    @Test func `age and tar open a backup`() throws {
        var entropy = Entropy.system
        let identity = try AgeIdentity.generate(using: &entropy)
        let part = ArchivePart(name: "configuration.sqlite", bytes: Array("the configuration".utf8))
        let file = try BackupArchive().make(
            [part], recipient: "\(identity.recipient)", firmwareVersion: "1", serial: "4711",
            created: UnixTime(seconds: 1_800_000_000), entropy: &entropy)

        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("backup-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = folder.appendingPathComponent("key.txt")
        let backup = folder.appendingPathComponent("backup.age")
        let packed = folder.appendingPathComponent("backup.tgz")
        try Data(identity.text().withBytes { Array($0) } + [0x0A]).write(to: key)
        try Data(file).write(to: backup)

        #expect(try run("age", ["-d", "-i", key.path, "-o", packed.path, backup.path]) == "")
        #expect(try run("tar", ["tzf", packed.path]) == "manifest.json\nconfiguration.sqlite\n")
        #expect(try run("tar", ["xzOf", packed.path, "configuration.sqlite"]) == "the configuration")
    }

    private func run(_ name: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(tool(name)))
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return text
    }
}
