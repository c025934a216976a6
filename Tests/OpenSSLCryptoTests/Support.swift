import FoundationEssentials
import Glibc
import OpenSSLCrypto
import Primitives

/// A directory that goes away with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        // In memory where that is possible: hundreds of synchronised writes to a disk take seconds.
        let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(parent)/pbx-crypto-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? ""
        precondition(!path.isEmpty, "no temporary directory")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try PrivateFile.replace(file(name), with: bytes)
        return file(name)
    }
}

/// Programs of the machine that our formats must get on with.
enum Tool {
    static func isInstalled(_ name: String) -> Bool {
        ["/usr/bin", "/usr/local/bin", "/bin"].contains { access("\($0)/\(name)", X_OK) == 0 }
    }

    /// Runs a program without a shell; returns its exit status and what it wrote on standard output and error.
    static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let directory = TemporaryDirectory()
        let outputPath = directory.file("output")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, arguments[0], &actions, nil, &pointers, environ)
        guard result == 0 else { throw FileFailure(path: arguments[0], operation: "run", code: result) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let output = String(decoding: try PrivateFile.read(outputPath), as: UTF8.self)
        return (status & 0x7F == 0 ? status >> 8 & 0xFF : -1, output)
    }
}

/// Wall time of all tests: 2026-06-01T00:00:00Z.
let testTime = UnixTime(seconds: 1_780_272_000)

func hex(_ text: String) -> [UInt8] {
    Hex.decode(text.filter { !$0.isWhitespace }) ?? []
}

func secret(_ text: String) -> Secret { Secret(hex(text)) }

extension Secret {
    /// For comparisons in tests.
    var exposed: [UInt8] { withBytes { Array($0) } }
    var exposedText: String { String(decoding: exposed, as: UTF8.self) }
}

extension CryptoError {
    static func thrown(by body: () throws -> Void) -> CryptoError? {
        do {
            try body()
            return nil
        } catch { return error as? CryptoError }
    }
}
