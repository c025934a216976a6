#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// File operations that survive a power cut: the small set that the database's surroundings need.
enum DurableFile {
    /// What the system call refused, with its `errno`.
    struct Failure: Error {
        let operation: String
        let path: String
        let code: Int32
        var reason: String { "cannot \(operation) \(path): \(String(cString: strerror(code)))" }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// True for a file with at least one byte.
    static func hasContent(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_size > 0
    }

    /// Makes one directory that only its owner may enter; an existing one is fine.
    static func makeDirectory(_ path: String) throws(Failure) {
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw Failure(operation: "make directory", path: path, code: errno)
        }
    }

    /// The whole content; nil when there is no such file.
    static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Failure(operation: "read", path: path, code: errno)
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = chunk.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
            if count < 0 { throw Failure(operation: "read", path: path, code: errno) }
            if count == 0 { return content }
            content += chunk[..<count]
            if content.count > limit { throw Failure(operation: "read", path: path, code: EFBIG) }
        }
    }

    /// Old content or new content, never half of it: temporary file, fsync, rename, fsync of the directory.
    static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(operation: "create", path: temporary, code: errno) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let code = errno
                close(descriptor)
                throw Failure(operation: "write", path: temporary, code: code)
            }
            written += count
        }
        let synced = fsync(descriptor)
        let code = errno
        close(descriptor)
        guard synced == 0 else { throw Failure(operation: "sync", path: temporary, code: code) }
        try rename(temporary, to: path)
    }

    /// Creates an empty file with mode 0600, so that SQLite's journals inherit it. An existing one is left alone.
    static func touch(_ path: String) throws(Failure) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(operation: "create", path: path, code: errno) }
        close(descriptor)
    }

    static func sync(_ path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        if fsync(descriptor) != 0 { throw Failure(operation: "sync", path: path, code: errno) }
    }

    static func rename(_ path: String, to target: String) throws(Failure) {
        guard systemRename(path, target) == 0 else { throw Failure(operation: "rename", path: path, code: errno) }
        try sync(parent(of: target))
    }

    /// Removing what is not there is no failure.
    static func remove(_ path: String) throws(Failure) {
        if unlink(path) != 0, errno != ENOENT { throw Failure(operation: "remove", path: path, code: errno) }
    }

    /// Removes a file whose bytes are to be gone from the medium, too: zeros first, then fsync, then the name. On flash
    /// the controller may still keep a stale block, which only encryption of the partition can help against.
    static func erase(_ path: String) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return try remove(path) }
        if status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
            if descriptor >= 0 {
                defer { close(descriptor) }
                let zeros = [UInt8](repeating: 0, count: 65_536)
                var left = Int(status.st_size)
                while left > 0 {
                    let count = zeros.withUnsafeBytes { write(descriptor, $0.baseAddress, min(left, $0.count)) }
                    guard count > 0 else { throw Failure(operation: "overwrite", path: path, code: errno) }
                    left -= count
                }
                guard fsync(descriptor) == 0 else { throw Failure(operation: "sync", path: path, code: errno) }
            }
        }
        try remove(path)
    }

    /// As `rename`, and the bytes of the file that was there are overwritten. A power cut leaves one or the other, and at
    /// worst `….former`.
    static func rename(_ path: String, to target: String, erasingFormer former: String) throws(Failure) {
        try remove(former)
        let isLinked = link(target, former) == 0
        try rename(path, to: target)
        if isLinked { try erase(former) }
    }

    /// Removes a directory of plain files, and their bytes.
    static func removeDirectory(_ path: String) throws(Failure) {
        for name in DirectoryNames.list(path) { try erase("\(path)/\(name)") }
        if rmdir(path) != 0, errno != ENOENT { throw Failure(operation: "remove", path: path, code: errno) }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

// `DurableFile` has methods of these names; the plain functions of the C library stay reachable through these.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
private let systemRename: @Sendable (String, String) -> Int32 = { rename($0, $1) }
