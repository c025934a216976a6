import Glibc

/// A UDP socket of the loopback interface that waits with a deadline, for checks that a program makes on its own machine.
final class LoopbackSocket {
    let port: UInt16
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 65_535)

    /// Throws when there is no such socket.
    init() throws(CommandFailure) {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var own = Self.address("127.0.0.1", 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutableBytes(of: &own) { bytes in
            let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        }
        guard descriptor >= 0, isBound else {
            throw CommandFailure(.general, "no UDP socket on 127.0.0.1: \(String(cString: strerror(errno)))")
        }
        self.descriptor = descriptor
        port = UInt16(bigEndian: own.sin_port)
    }

    deinit { close(descriptor) }

    /// Sends one datagram; what cannot be sent is lost, as on the way.
    func send(_ bytes: [UInt8], to port: UInt16, at host: String = "127.0.0.1") {
        var target = Self.address(host, port)
        withUnsafeBytes(of: &target) { address in
            _ = sendto(
                descriptor, bytes, bytes.count, 0, address.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(address.count))
        }
    }

    /// The next datagram; nil after so many milliseconds without one.
    func receive(within milliseconds: Int32) -> [UInt8]? {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, milliseconds) > 0 else { return nil }
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }
}
