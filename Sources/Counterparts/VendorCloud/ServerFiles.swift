import Glibc

/// The few file operations of the servers, blocking: called off the event loops. Errors carry `errno`.
enum ServerFiles {
    struct Failure: Error, CustomStringConvertible {
        var path: String
        var code: Int32
        var description: String { "\(path): \(String(cString: strerror(code)))" }
        var isFull: Bool { code == ENOSPC || code == EDQUOT }
    }

    static func makeDirectory(_ path: String) throws(Failure) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += part
            if mkdir(prefix, 0o700) != 0, errno != EEXIST { throw Failure(path: prefix, code: errno) }
            prefix += "/"
        }
    }

    static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            let chunk = try read(descriptor, path: path, count: 65_536)
            if chunk.isEmpty { return bytes }
            bytes += chunk
        }
    }

    static func readChunk(_ path: String, offset: Int64, count: Int) throws(Failure) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw Failure(path: path, code: errno) }
        return try read(descriptor, path: path, count: count)
    }

    static func size(_ path: String) throws(Failure) -> Int64 {
        let descriptor = try open(path, O_RDONLY)
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw Failure(path: path, code: errno) }
        return Int64(end)
    }

    private static func read(_ descriptor: Int32, path: String, count: Int) throws(Failure) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let result = Glibc.read(descriptor, buffer.baseAddress, count)
            failure = result < 0 ? errno : 0
            initialized = max(0, result)
        }
        if failure != 0 { throw Failure(path: path, code: failure) }
        return bytes
    }

    /// Appends at exactly `offset`; what an interrupted write left behind it is cut off first.
    static func write(_ path: String, offset: Int64, bytes: [UInt8]) throws(Failure) {
        let descriptor = try open(path, O_WRONLY | O_CREAT)
        defer { close(descriptor) }
        if ftruncate(descriptor, off_t(offset)) != 0 { throw Failure(path: path, code: errno) }
        try writeAll(descriptor, path: path, bytes: bytes, offset: offset)
    }

    /// All or nothing: a temporary file is written, synchronised and renamed.
    static func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let temporary = path + ".tmp"
        try write(temporary, offset: 0, bytes: bytes)
        try publish(temporary, as: path)
    }

    /// Makes a written file durable under its final name.
    static func publish(_ temporary: String, as path: String) throws(Failure) {
        try synchronise(temporary, flags: O_RDWR)
        if rename(temporary, path) != 0 { throw Failure(path: path, code: errno) }
        let slash = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try synchronise(slash, flags: O_RDONLY | O_DIRECTORY)
    }

    /// Absent files are fine.
    static func remove(_ path: String) throws(Failure) {
        if unlink(path) != 0, errno != ENOENT { throw Failure(path: path, code: errno) }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Opens for appending; the caller keeps the descriptor.
    static func openLog(_ path: String) throws(Failure) -> Int32 { try open(path, O_WRONLY | O_CREAT | O_APPEND) }

    static func writeAll(_ descriptor: Int32, path: String, bytes: [UInt8], offset: Int64?) throws(Failure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer -> Int in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
                guard let offset else { return Glibc.write(descriptor, rest.baseAddress, rest.count) }
                return pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(written))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Failure(path: path, code: errno)
            }
            written += count
        }
    }

    private static func open(_ path: String, _ flags: Int32) throws(Failure) -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw Failure(path: path, code: errno) }
        return descriptor
    }

    private static func synchronise(_ path: String, flags: Int32) throws(Failure) {
        let descriptor = try open(path, flags)
        defer { close(descriptor) }
        if fsync(descriptor) != 0 { throw Failure(path: path, code: errno) }
    }
}
