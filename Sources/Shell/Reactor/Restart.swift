#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Replaces the running program by a fresh start of itself, with the same arguments.
package enum Restart {
    /// Returns only when the system refuses; the supervisor's restart is the second way then.
    package static func executeSelf() {
        // Whatever a library left open must not reach the new program (sockets would keep their ports).
        for descriptor in 3..<Int32(min(sysconf(Int32(_SC_OPEN_MAX)), 65_536)) {
            let flags = fcntl(descriptor, F_GETFD)
            if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        execv("/proc/self/exe", arguments)
        exit(70)
    }
}
