import Glibc
import OpenSSLCrypto
import Testing

struct PrivateFileTests {
    private let directory = TemporaryDirectory()

    @Test func `a file is replaced whole, with the mode asked for`() throws {
        let path = directory.file("a")
        try PrivateFile.replace(path, with: [1, 2, 3])
        #expect(try PrivateFile.permissions(path) == 0o600)
        try PrivateFile.replace(path, with: [4], mode: 0o644)
        #expect(try PrivateFile.permissions(path) == 0o644)
        #expect(try PrivateFile.read(path) == [4])
        #expect(!PrivateFile.exists(path + PrivateFile.temporarySuffix))
        try PrivateFile.remove(path)
        #expect(!PrivateFile.exists(path))
        #expect(throws: FileFailure(path: path, operation: "open", code: ENOENT)) { try PrivateFile.read(path) }
    }

    @Test func `what an earlier cut left behind does not lend its permissions`() throws {
        let path = directory.file("key")
        try PrivateFile.replace(path + PrivateFile.temporarySuffix, with: [9], mode: 0o666)
        try PrivateFile.replace(path, with: [1])
        #expect(try PrivateFile.permissions(path) == 0o600)
    }

    @Test func `reading stops at its limit`() throws {
        let path = try directory.write("big", [UInt8](repeating: 1, count: 100_000))
        #expect(try PrivateFile.read(path, limit: 100_000).count == 100_000)
        #expect(throws: FileFailure(path: path, operation: "read", code: EFBIG)) {
            try PrivateFile.read(path, limit: 99_999)
        }
    }

    @Test func `directories are made with their parents`() throws {
        let path = directory.file("x/y/z")
        try PrivateFile.makeDirectory(path)
        #expect(try PrivateFile.permissions(path) == 0o700)
        try PrivateFile.makeDirectory(path)
        let file = try directory.write("plain", [])
        #expect(throws: FileFailure.self) { try PrivateFile.makeDirectory("\(file)/under") }
        #expect(throws: FileFailure.self) { try PrivateFile.replace(directory.file("none/a"), with: []) }
        #expect(throws: FileFailure.self) { try PrivateFile.remove(directory.file("none")) }
    }

    @Test func `a failure names operation, path and reason`() {
        let failure = FileFailure(path: "/p", operation: "open", code: ENOENT)
        #expect(failure.description == "cannot open /p: No such file or directory")
        #expect(failure.isNotFound && !failure.isDiskFull)
        #expect(FileFailure(path: "/p", operation: "write", code: ENOSPC).isDiskFull)
    }
}
