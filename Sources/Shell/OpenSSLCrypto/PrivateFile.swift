import Glibc

/// Small files whole: keys, certificates and partitions. Writing is all or nothing, survives a power cut, and sets the
/// permissions before the first byte is there.
package enum PrivateFile {
    /// What is read at most: a key, a chain or a settings file is far smaller.
    package static let defaultReadLimitBytes = 16 * 1024 * 1024
    /// Ends the name of a file that is being written; what is left of it after a power cut may be removed.
    package static let temporarySuffix = ".new~"

    /// The whole content; `limit` in bytes (EFBIG when there is more).
    package static func read(_ path: String, limit: Int = defaultReadLimitBytes) throws(FileFailure) -> [UInt8] {
        // Not blocking, and regular files alone: a named pipe or a device would hold the calling thread for good.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileFailure(path: path, operation: "open", code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileFailure(path: path, operation: "stat", code: errno) }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG else {
            throw FileFailure(path: path, operation: "read", code: kind == S_IFDIR ? EISDIR : EINVAL)
        }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure(path: path, operation: "read", code: errno) }
            if count == 0 { return content }
            guard content.count + count <= limit else { throw FileFailure(path: path, operation: "read", code: EFBIG) }
            content.append(contentsOf: buffer[..<count])
        }
    }

    /// Old or new content, never a mixture: temporary file, fsync, rename, fsync of the directory.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(FileFailure) {
        let temporary = path + temporarySuffix
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileFailure(path: path, operation: "create", code: errno) }
        do throws(FileFailure) {
            defer { close(descriptor) }
            // The umask, or an older temporary file, must not decide.
            guard fchmod(descriptor, mode) == 0 else { throw FileFailure(path: path, operation: "chmod", code: errno) }
            try write(bytes, to: descriptor, path: path)
            guard fsync(descriptor) == 0 else { throw FileFailure(path: path, operation: "sync", code: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw FileFailure(path: path, operation: "rename into", code: code)
        }
        try synchroniseDirectory(of: path)
    }

    /// Removes a file for good.
    package static func remove(_ path: String) throws(FileFailure) {
        guard unlink(path) == 0 else { throw FileFailure(path: path, operation: "remove", code: errno) }
        try synchroniseDirectory(of: path)
    }

    /// Makes the directory and its parents; `mode` is for the last one only, and is enforced if it exists already.
    package static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(FileFailure) {
        var partial = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            partial += partial.isEmpty || partial == "/" ? String(part) : "/\(part)"
            guard mkdir(partial, 0o755) == 0 || errno == EEXIST else {
                throw FileFailure(path: partial, operation: "create directory", code: errno)
            }
        }
        guard chmod(path, mode) == 0 else { throw FileFailure(path: path, operation: "chmod", code: errno) }
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The permission bits (`0o7777`).
    package static func permissions(_ path: String) throws(FileFailure) -> UInt32 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileFailure(path: path, operation: "examine", code: errno) }
        return status.st_mode & 0o7777
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileFailure) {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + position }, buffer.count - position)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileFailure(path: path, operation: "write", code: count < 0 ? errno : ENOSPC) }
            position += count
        }
    }

    private static func synchroniseDirectory(of path: String) throws(FileFailure) {
        let directory = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure(path: directory, operation: "open", code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure(path: directory, operation: "sync", code: errno) }
    }
}
