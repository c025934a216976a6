import AsyncHTTPClient
import CloudMessages
import CloudWire
import NIOCore
import NIOHTTP1
import NIOPosix
import OpenSSLCrypto
import Primitives
import PrivacyContract

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Fetches a bundle into a file, in ranges that go on where the last one broke off, across restarts too (RFC 9110
/// section 14.2). What is not the manifest's bundle, byte for byte, is thrown away.
struct BundleDownload: Sendable {
    static let fileName = "bundle.raucb"
    /// How often one call resumes; after that the core's own back-off decides.
    static let resumptions = 3

    /// The bytes that came are not those that were promised: another try would bring the same.
    private struct Wrong: Error { let reason: String }

    let client: CloudClient
    let manifest: UpdateManifest

    func run(
        _ request: CloudHTTPRequest, under permit: Permit, server: String, counting bytes: inout Int64
    ) async throws -> CloudReply {
        guard let directory = client.configuration.updateDirectory else {
            return .refused(status: 404, detail: "this appliance takes no bundles", retryAfter: nil)
        }
        let part = "\(directory)/\(Hex.encode(Array(manifest.sha256.prefix(8)))).part"
        do {
            try await onPool { try Self.prepare(directory, keeping: part) }
            for attempt in 0...Self.resumptions {
                do {
                    try await fetch(request, under: permit, into: part, server: server, counting: &bytes)
                    break
                } catch let wrong as Wrong {
                    throw wrong
                } catch {
                    guard attempt < Self.resumptions, !CloudClient.happensBeforeSending(error), !Task.isCancelled else {
                        throw error
                    }
                }
            }
            let digest = try await ArtifactFile(path: part, pool: client.pool).sha256()
            guard digest == manifest.sha256 else { throw Wrong(reason: "its SHA-256 is another") }
            try Task.checkCancellation()
            try await onPool { try Self.publish(part, as: "\(directory)/\(Self.fileName)") }
            return .accepted
        } catch let wrong as Wrong {
            _ = try? await onPool { unlink(part) }
            return .refused(status: 422, detail: wrong.reason, retryAfter: nil)
        }
    }

    private func fetch(
        _ request: CloudHTTPRequest, under permit: Permit, into part: String, server: String,
        counting bytes: inout Int64
    ) async throws {
        var offset = try await onPool { try Self.size(of: part) }
        guard offset < manifest.sizeBytes else {
            if offset > manifest.sizeBytes { throw Wrong(reason: "more has come than the manifest says") }
            return
        }
        var request = request
        if offset > 0 { request.headers.append(WireHeader("Range", "bytes=\(offset)-")) }
        let size = CloudClient.headBytes(request, server: server, bodyBytes: 0)
        let response: HTTPClientResponse
        do {
            response = try await client.begin(CloudClient.wireRequest(request, server: server), under: permit)
            bytes += size
        } catch {
            if !CloudClient.happensBeforeSending(error) { bytes += size }
            throw error
        }
        switch response.status.code {
        case 200: offset = 0
        case 206:
            let range = response.headers.first(name: "content-range").flatMap(BackupHeaders.contentRange)
            guard range?.range.lowerBound == offset, range?.total == manifest.sizeBytes else {
                throw Wrong(reason: "the server goes on with another range, or has a bundle of another size")
            }
        case 416: throw Wrong(reason: "the server has less of it than the manifest says")
        case 404: throw Wrong(reason: "the server does not have it")
        case let status: throw HTTPFailure(status: status)
        }
        for try await buffer in response.body where buffer.readableBytes > 0 {
            let (at, piece) = (offset, Array(buffer.readableBytesView))
            offset += Int64(piece.count)
            guard offset <= manifest.sizeBytes else { throw Wrong(reason: "more comes than the manifest says") }
            try await onPool { try Self.write(piece, to: part, at: at) }
        }
        guard offset == manifest.sizeBytes else {
            throw Wrong(reason: "it ends after \(offset) of \(manifest.sizeBytes) bytes")
        }
    }

    private struct HTTPFailure: Error, CustomStringConvertible {
        let status: UInt
        var description: String { "the server answers \(status)" }
    }

    // MARK: Files, on the thread pool

    private func onPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await client.pool.runIfActive(body)
    }

    /// One bundle at a time: what was begun of others goes.
    private static func prepare(_ directory: String, keeping part: String) throws {
        try PrivateFile.makeDirectory(directory)
        guard let folder = opendir(directory) else { throw ArtifactFile.Unreadable(path: directory, code: errno) }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = "\(directory)/\(name)"
            if name == fileName || (name.hasSuffix(".part") && path != part) { unlink(path) }
        }
    }

    private static func size(of path: String) throws -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return 0 }
            throw ArtifactFile.Unreadable(path: path, code: errno)
        }
        return Int64(status.st_size)
    }

    /// At exactly that place; what an interrupted write left behind it is cut off.
    private static func write(_ bytes: [UInt8], to path: String, at offset: Int64) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw ArtifactFile.Unreadable(path: path, code: errno) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, off_t(offset)) == 0 else {
            throw ArtifactFile.Unreadable(path: path, code: errno)
        }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + written }, buffer.count - written,
                    off_t(offset) + off_t(written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw ArtifactFile.Unreadable(path: path, code: errno) }
            written += count
        }
    }

    private static func publish(_ part: String, as path: String) throws {
        let descriptor = open(part, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw ArtifactFile.Unreadable(path: part, code: errno) }
        let isDurable = fsync(descriptor) == 0
        close(descriptor)
        guard isDurable, rename(part, path) == 0 else { throw ArtifactFile.Unreadable(path: path, code: errno) }
    }
}
