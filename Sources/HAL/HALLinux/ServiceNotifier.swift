import Glibc

/// Tells the service manager how we are (sd_notify(3) protocol: a datagram to the socket in `NOTIFY_SOCKET`).
package struct ServiceNotifier: Sendable {
    private let socketPath: String

    /// `path` beginning with `@` is in the abstract name space.
    package init(socketPath: String) { self.socketPath = socketPath }

    /// Nil when the service manager wants no notifications.
    package static func fromEnvironment() -> ServiceNotifier? {
        getenv("NOTIFY_SOCKET").map { ServiceNotifier(socketPath: String(cString: $0)) }
    }

    /// Sends `READY=1`, `WATCHDOG=1`, `STOPPING=1`, …; false when nobody could take it.
    @discardableResult
    package func send(_ state: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(socketPath.utf8)
        guard (1..<MemoryLayout.size(ofValue: address.sun_path)).contains(name.count) else { return false }
        if name[0] == UInt8(ascii: "@") { name[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let bytes = Array(state.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
        return sent == bytes.count
    }
}
