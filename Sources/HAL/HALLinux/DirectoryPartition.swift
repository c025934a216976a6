import Glibc
package import HAL
import OpenSSLCrypto

/// A partition in a directory of the file system, mode 0700; files have mode 0600.
package struct DirectoryPartition: PartitionDevice {
    /// What `read` takes into memory at most.
    package static let readLimitBytes = 256 * 1024 * 1024

    package let path: String
    package var directory: String? { path }

    /// Makes the directory if it is absent, and removes what a power cut left of unfinished writes.
    package init(path: String) throws(HALError) {
        self.path = path
        do {
            try PrivateFile.makeDirectory(path)
            for name in try Self.names(in: path) where name.hasSuffix(PrivateFile.temporarySuffix) {
                try PrivateFile.remove("\(path)/\(name)")
            }
        } catch { throw HALError.writing(error) }
    }

    package func read(_ name: String) throws(HALError) -> [UInt8] {
        try PartitionName.validate(name)
        do { return try PrivateFile.read("\(path)/\(name)", limit: Self.readLimitBytes) } catch {
            throw HALError.reading(error, name: name)
        }
    }

    package func replace(_ name: String, with bytes: [UInt8]) throws(HALError) {
        try PartitionName.validate(name)
        do { try PrivateFile.replace("\(path)/\(name)", with: bytes) } catch { throw HALError.writing(error) }
    }

    package func remove(_ name: String) throws(HALError) {
        try PartitionName.validate(name)
        do { try PrivateFile.remove("\(path)/\(name)") } catch {
            throw error.isNotFound ? .notFound(name: name) : HALError.writing(error)
        }
    }

    /// Sorted; directories and files of other origin are left out.
    package func list() throws(HALError) -> [String] {
        do {
            return try Self.names(in: path).filter { PartitionName.isValid($0) && isRegularFile("\(path)/\($0)") }
                .sorted()
        } catch { throw HALError.reading(error, name: path) }
    }

    package func freeBytes() throws(HALError) -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else {
            throw .readFailed(path: path, reason: String(cString: strerror(errno)))
        }
        return Int64(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    private func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func names(in path: String) throws(FileFailure) -> [String] {
        guard let stream = opendir(path) else { throw FileFailure(path: path, operation: "list", code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.append(name)
        }
        return names
    }
}
