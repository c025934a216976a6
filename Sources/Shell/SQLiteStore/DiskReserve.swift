import Glibc

/// Room that is kept for promised deletions: on a full disk nothing can be stored, but a pairing must still be erasable
/// (X5, R8), and erasing needs room for the journal.
struct DiskReserve: Sendable {
    static let sizeBytes = 1 << 20
    private let path: String

    init(directory: String) {
        path = directory + "/reserve"
    }

    /// Allocates the reserve if it is not there in full; false when the disk has no room for it at present.
    @discardableResult
    func keep() -> Bool {
        var status = stat()
        if stat(path, &status) == 0, status.st_size == off_t(Self.sizeBytes) { return true }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard posix_fallocate(descriptor, 0, off_t(Self.sizeBytes)) == 0 else {
            unlink(path)
            return false
        }
        return true
    }

    /// Gives the room back; false when there was none.
    func release() -> Bool { unlink(path) == 0 }
}
