#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One appliance per data directory: an advisory lock that ends with the process (or its execv).
enum InstanceLock {
    /// Makes the directory if need be, and takes the lock for as long as the process lives.
    static func take(in directory: String) throws(ApplianceError) -> Int32 {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw .directory(path: directory, reason: String(cString: strerror(errno)))
        }
        let descriptor = open("\(directory)/pbxd.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .directory(path: directory, reason: String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .alreadyRunning(directory: directory)
        }
        return descriptor
    }

    static func release(_ descriptor: Int32) { close(descriptor) }
}
