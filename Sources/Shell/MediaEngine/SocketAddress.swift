import CSockets
import Primitives

extension csockets_address {
    init(_ endpoint: Endpoint) {
        switch endpoint.address {
        case .v4(let bits): self.init(high: 0, low: UInt64(bits), port: endpoint.port, isV6: 0)
        case .v6(let high, let low): self.init(high: high, low: low, port: endpoint.port, isV6: 1)
        }
    }

    var endpoint: Endpoint {
        let address = isV6 != 0 ? IPAddress.v6(high, low) : .v4(UInt32(truncatingIfNeeded: low))
        return Endpoint(address: address, port: port)
    }
}
