import NIOCore
import Primitives
import Transport

/// The addresses under which a listener can be reached.
enum LocalAddresses {
    /// Itself; for one on all addresses, those of the interfaces, in the system's order and loopback last.
    static func of(_ listener: Endpoint) -> [Endpoint] {
        guard listener.address.isUnspecified else { return [listener] }
        let addresses = ((try? System.enumerateDevices()) ?? []).compactMap { device in
            device.address.flatMap { Endpoint($0)?.address }
        }.filter { $0.isV4 == listener.address.isV4 && !$0.isLinkLocal }
        let ordered = addresses.filter { !$0.isLoopback } + addresses.filter(\.isLoopback)
        return ordered.isEmpty ? [listener] : ordered.map { Endpoint(address: $0, port: listener.port) }
    }
}

extension IPAddress {
    /// fe80::/10, which is of no use without its interface; 169.254/16 is, where there is nothing else.
    fileprivate var isLinkLocal: Bool {
        switch self {
        case .v4: false
        case .v6(let high, _): high >> 54 == 0xFE80 >> 6
        }
    }
}
