import Primitives
import SIPMessage

extension SIPFlow {
    /// The top Via of a request over this flow (RFC 3261 section 18.1.1); asks for `rport` over UDP (RFC 3581).
    func via(branch: String) -> Via {
        var parameters = SIPParameters()
        if transport == .udp { parameters.set("rport", nil) }
        parameters.set("branch", branch)
        return Via(
            transport: transport.rawValue, host: local.address.sentBy, port: local.port, parameters: parameters)
    }

    /// Where the response to a request with that top Via goes that came over this flow.
    ///
    /// Over a connection, back the same way. Over UDP to the source address, and to the source port if `rport` asked
    /// for it (RFC 3581 section 4), else to the port of sent-by (RFC 3261 section 18.2.2). Deviation: `maddr` is not
    /// followed, it would let a stranger choose whom our responses hit.
    func reply(to via: Via) -> SIPFlow {
        guard transport == .udp, !via.parameters.contains("rport") else { return self }
        var flow = self
        flow.remote.port = via.port ?? 5060
        return flow
    }

    /// True when both name the same connection, or the same pair of UDP endpoints. A flow to a peer over no particular
    /// connection (see `SIPFlow.connection`) fails with any connection to it.
    func isSameWay(as other: SIPFlow) -> Bool {
        if let connection { return connection == other.connection && transport == other.transport }
        return transport == other.transport && remote == other.remote && (transport.isReliable || local == other.local)
    }
}

extension IPAddress {
    /// As a host of a Via or URI: IPv6 in brackets.
    var sentBy: String { isV4 ? description : "[\(description)]" }
}

extension SIPRequest {
    /// The top Via, and the request with that Via completed by where it came from (RFC 3261 section 18.2.1, RFC 3581
    /// section 4). Nil when there is no top Via that can be read: such a request cannot be answered.
    func stamped(from remote: Endpoint) -> (request: SIPRequest, via: Via)? {
        guard let via = try? topVia() else { return nil }
        var completed = via
        completed.parameters.remove("received")
        let asksForPort = via.parameters.contains("rport")
        if asksForPort { completed.parameters.set("rport", String(remote.port)) }
        if asksForPort || IPAddress(via.host) != remote.address {
            completed.parameters.set("received", remote.address.description)
        }
        return (replacingTopVia(with: completed), via)
    }

    /// The request with that Via on top, and with Max-Forwards if it had none (RFC 3261 section 8.1.1.6).
    func adding(_ via: Via) -> SIPRequest {
        var request = self
        if request.headers.contains(.via) {
            request.headers.prepend(.via, via.description)
        } else {
            request.headers = SIPHeaders([SIPHeaders.Field(.via, via.description)] + request.headers.fields)
        }
        if !request.headers.contains(.maxForwards) { request.headers.append(.maxForwards, "70") }
        return request
    }
}
