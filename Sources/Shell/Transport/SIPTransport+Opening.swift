import NIOCore
import Primitives
import SIPMessage
import SIPTransaction

/// A connection under way, and what waits for it.
struct OpeningConnection {
    /// The first sender's address names the new flow's local side.
    let flow: SIPFlow
    var messages: [[UInt8]] = []
    var waitingBytes = 0
    /// Flows to report `.closed` when it fails.
    var reporting: [SIPFlow] = []
}

/// Flows without a connection (RFC 3261 section 18.1.1), and responses whose connection is gone (section 18.2.2).
extension SIPTransport {
    /// Sends over a connection that leads where `flow` points, opening one if there is none. On failure `reported` is
    /// reported closed.
    func sendAnyWay(_ bytes: [UInt8], on flow: SIPFlow, reporting reported: SIPFlow) {
        guard let target = ConnectionTarget(flow) else { return }
        if let number = connections.number(leadingTo: target) {
            if reported.connection == nil { connections.note(reported, of: number) }
            write(bytes, to: number)
            return
        }
        var waiting = opening[target] ?? OpeningConnection(flow: flow)
        let isNew = waiting.reporting.isEmpty
        if !waiting.reporting.contains(reported) { waiting.reporting.append(reported) }
        waiting.messages.append(bytes)
        waiting.waitingBytes += bytes.count
        opening[target] = waiting
        guard waiting.waitingBytes <= limits.sipConnectingBytes else { return fail(target, .connectingQueueFull) }
        if isNew { open(target) }
    }

    /// RFC 3261 section 18.2.2: the response to a request whose connection is gone goes to the address it came from, at
    /// the port of its Via's sent-by. A request is not sent another way: its flow was the point.
    func sendAfterClose(_ bytes: [UInt8], on flow: SIPFlow) {
        guard case .response(let response)? = try? SIPParser.parse(bytes, limits: limits, framing: .stream),
            let field = response.headers[.via], let via = try? Via(parsing: String(field.prefix { $0 != "," }))
        else { return reportLater([.closed(flow)]) }
        var other = SIPFlow(
            transport: flow.transport, local: flow.local, remote: flow.remote, peerName: flow.peerName)
        other.remote.port = via.port ?? (flow.transport == .tls ? 5061 : 5060)
        report(.counted(.reopenedForResponse))
        sendAnyWay(bytes, on: other, reporting: flow)
    }

    private func open(_ target: ConnectionTarget) {
        guard connections.count + opening.count <= limits.sipConnections else {
            return fail(target, .tooManyConnections)
        }
        let tls = target.transport == .tls ? clientTLS : nil
        guard target.transport != .tls || tls != nil else { return fail(target, .noClientTLS) }
        openChannel(to: target.remote, tls: tls, serverName: target.peerName).whenComplete { [self] result in
            switch result {
            case .failure: fail(target, .failedConnection)
            case .success(let channel): opened(target, channel)
            }
        }
    }

    private func opened(_ target: ConnectionTarget, _ channel: any Channel) {
        // Gone: given up meanwhile.
        guard let waiting = opening.removeValue(forKey: target) else { return channel.close(promise: nil) }
        do {
            let local = waiting.flow.local.port == 0 ? nil : waiting.flow.local
            let flow = try register(
                channel, transport: target.transport, local: local, remote: target.remote, origin: .dialled(target))
            guard let number = flow.connection else { return }
            for user in waiting.reporting where user.connection == nil { connections.note(user, of: number) }
            for bytes in waiting.messages { write(bytes, to: number) }
        } catch {
            for flow in waiting.reporting { report(.closed(flow)) }
        }
    }

    private func fail(_ target: ConnectionTarget, _ counter: SIPTransportCounter) {
        guard let waiting = opening.removeValue(forKey: target) else { return }
        reportLater([.counted(counter)] + waiting.reporting.map { .closed($0) })
    }
}
