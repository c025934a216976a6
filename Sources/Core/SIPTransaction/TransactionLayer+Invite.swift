import Primitives
package import SIPMessage

/// An INVITE server transaction as the layer keeps it.
struct InviteServerEntry: Sendable {
    var machine: InviteServerTransaction
    let key: ServerTransactionKey
    let mergeKey: MergeKey?
    /// Where responses go.
    let flow: SIPFlow
    /// Counted in `pendingInvites` for as long as it is set.
    var pendingSource: IPAddress?
    /// What to send again; empty before the first response.
    var lastResponse: [UInt8] = []
    /// The To tag of our responses, once there is one.
    var toTag: String?
    /// Reduced, for 100 Trying; nil once it is answered.
    var invite: SIPRequest?
    var isCancelled = false
    /// What the CANCEL said of itself (RFC 3326).
    var cancelReasons: [ReasonValue] = []

    /// What an entry takes without its last response: a full set of header fields.
    static let sizeBytes = 4_096
}

/// INVITE as a server, with its ACK and CANCEL.
extension TransactionLayer {
    mutating func acceptInvite(
        _ incoming: IncomingRequest, key: ServerTransactionKey, from flow: SIPFlow, over reply: SIPFlow, at now: Instant
    ) -> [TransactionEffect] {
        let id = ServerTransactionID(nextID())
        let machine = InviteServerTransaction(timers: timers, isReliable: flow.transport.isReliable, at: now)
        var entry = InviteServerEntry(machine: machine, key: key, mergeKey: incoming.mergeKey, flow: reply)
        entry.invite = incoming.request.reducedToReply()
        if incoming.toTag == nil {
            entry.pendingSource = flow.remote.address
            pendingInvites[flow.remote.address, default: 0] += 1
        }
        deadlines.set(id.value, to: machine.nextDeadline)
        invites[id] = entry
        inviteIDs[key] = id
        inviteBytes += InviteServerEntry.sizeBytes
        if let mergeKey = entry.mergeKey { merges[mergeKey] = id }
        return [.request(id, incoming.request, flow)]
    }

    mutating func receiveAck(
        _ incoming: IncomingRequest, from flow: SIPFlow, at now: Instant
    ) -> [TransactionEffect] {
        guard let id = inviteIDs[incoming.key(method: .invite)] else {
            // An ACK without a To tag matches no dialog.
            return incoming.toTag == nil ? [.dropped(.strayAck)] : [.ack(incoming.request, flow)]
        }
        return drive(id, invite: .ack, ack: (incoming.request, flow), at: now)
    }

    /// Answered without state: the answer is the same each time, so a repeated CANCEL needs no transaction.
    mutating func receiveCancel(_ incoming: IncomingRequest, over reply: SIPFlow) -> [TransactionEffect] {
        guard let id = inviteIDs[incoming.key(method: .invite)], let entry = invites[id] else {
            return refuse(incoming.request, 481, .strayCancel, over: reply)
        }
        let answer = SIPResponse(
            to: incoming.request, status: 200, toTag: entry.toTag ?? incoming.request.statelessTag)
        let effects: [TransactionEffect] = [.transmit(answer.serialised(), reply)]
        guard entry.machine.awaitsFinalResponse, !entry.isCancelled else { return effects }
        invites[id]?.isCancelled = true
        if incoming.request.headers.contains(.reason) {
            invites[id]?.cancelReasons = Array(incoming.request.reasons().prefix(Self.cancelReasonLimit))
        }
        return effects + [.cancelled(id)]
    }

    /// How many reasons of one CANCEL are kept.
    private static let cancelReasonLimit = 4

    /// Why the INVITE was cancelled, as its CANCEL said (RFC 3326); empty when it said nothing.
    package func cancelReasons(of id: ServerTransactionID) -> [ReasonValue] { invites[id]?.cancelReasons ?? [] }

    mutating func drive(
        _ id: ServerTransactionID, invite input: InviteServerTransaction.Input, with response: SIPResponse? = nil,
        ack: (request: SIPRequest, flow: SIPFlow)? = nil, at now: Instant
    ) -> [TransactionEffect] {
        guard var machine = invites[id]?.machine else { return [] }
        let steps = machine.handle(input, at: now)
        invites[id]?.machine = machine
        deadlines.set(id.value, to: machine.nextDeadline)
        if !machine.awaitsFinalResponse { stopCounting(id) }
        var effects: [TransactionEffect] = []
        for step in steps {
            guard let entry = invites[id] else { break }
            switch step {
            case .send:
                guard let response else { continue }
                effects.append(remember(response, for: id, over: entry.flow))
            case .sendTrying:
                guard let invite = entry.invite else { continue }
                effects.append(remember(SIPResponse(to: invite, status: 100), for: id, over: entry.flow))
            case .sendAgain:
                effects.append(.transmit(entry.lastResponse, entry.flow))
            case .deliverAck:
                if let ack { effects.append(.ack(ack.request, ack.flow)) }
            case .strayAck:
                effects.append(.dropped(.strayAck))
            case .abandoned:
                guard !entry.isCancelled else { continue }
                invites[id]?.isCancelled = true
                effects.append(.cancelled(id))
            case .finish(let outcome):
                forget(invite: id)
                if outcome == .successUnacknowledged { effects.append(.ackMissing(id)) }
            }
        }
        return effects
    }

    mutating func forget(invite id: ServerTransactionID) {
        stopCounting(id)
        guard let entry = invites.removeValue(forKey: id) else { return }
        inviteIDs[entry.key] = nil
        inviteBytes -= InviteServerEntry.sizeBytes + entry.lastResponse.count
        if let mergeKey = entry.mergeKey, merges[mergeKey] == id { merges[mergeKey] = nil }
        deadlines.remove(id.value)
    }

    private mutating func stopCounting(_ id: ServerTransactionID) {
        guard let source = invites[id]?.pendingSource, let count = pendingInvites[source] else { return }
        pendingInvites[source] = count > 1 ? count - 1 : nil
        invites[id]?.pendingSource = nil
    }

    private mutating func remember(
        _ response: SIPResponse, for id: ServerTransactionID, over flow: SIPFlow
    ) -> TransactionEffect {
        let bytes = response.serialised()
        inviteBytes += bytes.count - (invites[id]?.lastResponse.count ?? 0)
        invites[id]?.lastResponse = bytes
        if response.isFinal { invites[id]?.invite = nil }
        if invites[id]?.toTag == nil, let tag = response.toTag() { invites[id]?.toTag = tag }
        return .transmit(bytes, flow)
    }
}
