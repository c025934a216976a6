import Hummingbird
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where an update bundle is handed in, for the board's installer to judge: this program only writes it down.
///
/// The installer watches the directory for `request`, takes `bundle.raucb` away, and answers in `result` (one line of JSON).
package struct FirmwareInbox: Sendable {
    /// A bundle that is longer is refused.
    package static let bundleLimitBytes = 256 * 1024 * 1024
    private static let resultLimitBytes = 4_096

    private let directory: String

    package init(directory: String) { self.directory = directory }

    /// Writes the body to the disk as it comes, and asks for the installation once all of it is there.
    func take(_ body: RequestBody) async throws {
        let part = "\(directory)/bundle.part"
        let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.problem("cannot write the bundle") }
        var bytes = 0
        do {
            defer { close(descriptor) }
            for try await buffer in body {
                bytes += buffer.readableBytes
                guard bytes <= Self.bundleLimitBytes else {
                    throw AdminProblem(status: 413, detail: "a bundle has at most \(Self.bundleLimitBytes) bytes")
                }
                try buffer.withUnsafeReadableBytes { try Self.write($0, to: descriptor) }
            }
            guard bytes > 0 else { throw AdminProblem(status: 400, detail: "the body is the bundle; it is empty") }
            guard fsync(descriptor) == 0 else { throw Self.problem("cannot write the bundle") }
        } catch {
            unlink(part)
            throw error
        }
        unlink("\(directory)/result")
        guard rename(part, "\(directory)/bundle.raucb") == 0 else { throw Self.problem("cannot hand in the bundle") }
        try request("request")
    }

    /// Hands in a bundle that lies on the same file system already, whole and durable.
    package func take(file path: String) throws(AdminProblem) {
        unlink("\(directory)/result")
        guard rename(path, "\(directory)/bundle.raucb") == 0 else { throw Self.problem("cannot hand in the bundle") }
        try request("request")
    }

    /// Asks the board to forget all that is its owner's.
    func reset() throws { try request("factory-reset") }

    /// What became of the last bundle: the installer's line, or an empty object.
    func result() -> [UInt8] {
        let descriptor = open("\(directory)/result", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return Array("{}".utf8) }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: Self.resultLimitBytes)
        let count = read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : Array("{}".utf8)
    }

    private func request(_ name: String) throws(AdminProblem) {
        let descriptor = open("\(directory)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.problem("cannot ask the installer") }
        fsync(descriptor)
        close(descriptor)
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
        guard let start = bytes.baseAddress else { return }
        var written = 0
        while written < bytes.count {
            let count = systemWrite(descriptor, start + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw problem("cannot write the bundle") }
            written += count
        }
    }

    private static func problem(_ what: String) -> AdminProblem {
        AdminProblem(status: 507, detail: "\(what): \(String(cString: strerror(errno)))")
    }
}

/// The system call, which a method of the same name hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
