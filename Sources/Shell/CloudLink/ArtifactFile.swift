import NIOCore
import NIOPosix
import OpenSSLCrypto

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A prepared file, read in pieces on the thread pool: never on the event loop.
struct ArtifactFile: Sendable {
    struct Unreadable: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { "cannot read \(path): \(String(cString: strerror(code)))" }
    }

    static let chunkBytes = 65_536

    let path: String
    let pool: NIOThreadPool

    /// Up to `chunkBytes` bytes from `offset`; empty at the end.
    func chunk(at offset: Int64) async throws -> [UInt8] {
        try await pool.runIfActive { [path] in try Self.read(path, at: offset) }
    }

    func sha256() async throws -> [UInt8] {
        try await pool.runIfActive { [path] in
            let hasher = SHA256Hasher()
            var offset: Int64 = 0
            while true {
                let piece = try Self.read(path, at: offset)
                if piece.isEmpty { return hasher.digest() }
                hasher.update(piece)
                offset += Int64(piece.count)
            }
        }
    }

    private static func read(_ path: String, at offset: Int64) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unreadable(path: path, code: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: chunkBytes)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        guard count >= 0 else { throw Unreadable(path: path, code: errno) }
        bytes.removeLast(chunkBytes - count)
        return bytes
    }
}
