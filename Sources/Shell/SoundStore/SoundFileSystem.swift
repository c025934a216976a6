#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// An open file, closed when it is let go. Calls are repeated when a signal interrupts them.
final class SoundFileHandle {
    let path: String
    private let descriptor: Int32

    private init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// A new file that only its owner may read.
    static func create(_ path: String) throws(SoundFileError) -> SoundFileHandle {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? .alreadyThere(path: path) : .system(operation: "create", path: path, code: errno)
        }
        return SoundFileHandle(descriptor, path)
    }

    /// The whole of a plain file, `limit` bytes and one more at most.
    static func contents(of path: String, limit: Int) throws(SoundFileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ELOOP ? .notPlain(path: path) : .system(operation: "open", path: path, code: errno)
        }
        let file = SoundFileHandle(descriptor, path)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw file.failure("examine") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notPlain(path: path) }
        var bytes = [UInt8](repeating: 0, count: max(0, min(Int(status.st_size), limit + 1)))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw file.failure("read") }
            guard count > 0 else { break }
            done += count
        }
        bytes.removeLast(bytes.count - done)
        return bytes
    }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: [UInt8], at offset: Int) throws(SoundFileError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(offset + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(operation: "write", path: path, code: count < 0 ? errno : ENOSPC) }
            done += count
        }
    }

    /// Waits until what has been written would survive a power cut.
    func synchronise() throws(SoundFileError) {
        guard fdatasync(descriptor) == 0 else { throw failure("synchronise") }
    }

    /// Takes its name away; a failure leaves an empty file behind, and hurts nobody.
    func remove() { unlink(path) }

    /// Bytes that the file's file system has left for us.
    func freeBytes() throws(SoundFileError) -> Int {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0 else { throw failure("examine the file system of") }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int(clamping: bytes)
    }

    private func failure(_ operation: String) -> SoundFileError {
        .system(operation: operation, path: path, code: errno)
    }
}

/// What is done with directories of sounds.
enum SoundDirectory {
    /// Makes the directory for its owner alone; one that is there stays as it is.
    static func make(_ path: String) throws(SoundFileError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .system(operation: "make the directory", path: path, code: errno)
        }
    }

    /// The names in it, sorted; not "." and "..".
    static func names(_ path: String) throws(SoundFileError) -> [String] {
        guard let stream = opendir(path) else { throw .system(operation: "list", path: path, code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Takes a file's name away; one that is not there is no error.
    static func remove(_ path: String) throws(SoundFileError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw .system(operation: "delete", path: path, code: errno)
        }
    }

    static func rename(_ path: String, to new: String) throws(SoundFileError) {
        #if canImport(Glibc)
        let result = Glibc.rename(path, new)
        #elseif canImport(Musl)
        let result = Musl.rename(path, new)
        #endif
        guard result == 0 else { throw .system(operation: "rename", path: path, code: errno) }
    }

    /// Waits until a name that was added would survive a power cut.
    static func synchronise(_ path: String) throws(SoundFileError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(operation: "synchronise", path: path, code: errno) }
    }
}
