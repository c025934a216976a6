import NIOCore
import Synchronization

/// A part of a file as buffers, and how much of it has been asked for.
final class FileChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let file: ArtifactFile
    private let offset: Int64
    private let end: Int64
    private let progress = Mutex<Int64>(0)

    init(file: ArtifactFile, offset: Int64, end: Int64) {
        self.file = file
        self.offset = offset
        self.end = end
    }

    var handedOut: Int64 { progress.withLock { $0 } }

    func makeAsyncIterator() -> Iterator { Iterator(chunks: self) }

    struct Iterator: AsyncIteratorProtocol {
        let chunks: FileChunks

        mutating func next() async throws -> ByteBuffer? {
            let position = chunks.offset + chunks.handedOut
            guard position < chunks.end else { return nil }
            let piece = try await chunks.file.chunk(at: position).prefix(Int(clamping: chunks.end - position))
            guard !piece.isEmpty else { return nil }
            chunks.progress.withLock { $0 += Int64(piece.count) }
            return ByteBuffer(bytes: piece)
        }
    }
}
