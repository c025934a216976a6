import Glibc
import OpenSSLCrypto
import Testing

@Suite struct PrivateFilePipeTests {
    @Test func `a named pipe or a device is refused at once, it never holds the thread`() throws {
        let directory = "/tmp/private-file-\(getpid())"
        #expect(mkdir(directory, 0o700) == 0)
        defer { rmdir(directory) }
        let path = directory + "/pipe"
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        #expect(throws: FileFailure.self) { try PrivateFile.read(path) }
        #expect(throws: FileFailure.self) { try PrivateFile.read("/dev/zero") }
        #expect(throws: FileFailure.self) { try PrivateFile.read(directory) }
    }
}
