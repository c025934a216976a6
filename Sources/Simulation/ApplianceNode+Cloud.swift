import ApplianceCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract

/// The Control Center's end of a call data stream.
struct CallDataStream {
    let event: (CallRecord) -> Void
    let end: () -> Void
}

/// The appliance's ways to and from the vendor cloud.
extension ApplianceNode {
    // MARK: - Messages

    /// A permit is used: whatever the gate believes, the contract's switches are asked again here.
    func used(_ permit: Permit) {
        egressed[permit.flow, default: 0] += 1
        Invariants.checkPermit(permit, switches: disk.snapshot.switches, world: world)
    }

    /// A connection is made first; what is cancelled until then has sent nothing.
    func egress(_ message: OutboundMessage, _ permit: Permit) {
        let names = message.fields.map(\.name.rawValue).joined(separator: ",")
        world.note("egress \(message.flow.rawValue) to \(message.recipient.rawValue) [\(names)]")
        departing.insert(message.id)
        let artifact = jobs.artifact(for: message)
        afterwards(.milliseconds(2) + entropy.jitter(upTo: .milliseconds(30))) { [unowned self] in
            guard departing.remove(message.id) != nil else {
                input(.cloudReply(message.id, .unreachable("cancelled"), bytesSent: 0))
                return
            }
            used(permit)
            Invariants.checkFields(message, permit, world: world)
            Invariants.checkCiphertext(message, artifact: artifact, world: world)
            let (delay, reply, bytes) = world.cloud.receive(message, artifact: artifact)
            later(delay, .cloudReply(message.id, reply, bytesSent: bytes))
        }
    }

    func cancelEgress(_ id: CloudRequestID) {
        world.note("egress of message \(id.value) cancelled")
        departing.remove(id)
    }

    // MARK: - Uplink

    func openUplink(_ permit: Permit) {
        used(permit)
        uplink.isWanted = true
        dial(after: .milliseconds(20))
    }

    func closeUplink() {
        uplink.isWanted = false
        uplinkLost("closed by the owner")
    }

    private func dial(after delay: Duration) {
        let attempt = uplink.nextAttempt()
        afterwards(delay) { [unowned self] in
            guard uplink.isCurrent(attempt), uplink.isWanted, !uplink.isUp else { return }
            guard !world.cloudIsUnreachable, let external = world.cloud.relayAccepts(serial: Self.serial) else {
                dial(after: .seconds(1) + entropy.jitter(upTo: .seconds(4)))
                return
            }
            uplink.isUp = true
            // The source of the connection and its certificate: not one byte of a body.
            world.cloud.saw(.s5, [.externalAddress, .externalPort, .serial], bytes: 0)
            world.note("uplink up as \(external)")
            input(.uplink(.up(external: external)))
        }
    }

    func uplinkLost(_ reason: String) {
        guard uplink.isUp else { return }
        uplink.isUp = false
        world.note("uplink down: \(reason)")
        connectionsLost()
        input(.uplink(.down(reason: reason)))
        if uplink.isWanted { dial(after: .seconds(1) + entropy.jitter(upTo: .seconds(4))) }
    }

    /// What ran inside the uplink ends with it, at both ends.
    func connectionsLost() {
        world.cloud.relayLost()
        let replies = serviceReplies.sorted { $0.key < $1.key }
        let open = streams.filter { serviceReplies[$0.key] == nil }.sorted { $0.key < $1.key }
        serviceReplies = [:]
        streams = [:]
        for (id, stream) in open {
            input(.serviceClosed(id))
            stream.end()
        }
        for (id, reply) in replies {
            input(.serviceClosed(id))
            reply(nil)
        }
    }

    // MARK: - Services

    /// A request on one of the appliance's services, through the relay. The reply is nil when the connection breaks.
    func request(_ request: ServiceRequest, reply: @escaping (ServiceReply?) -> Void) {
        guard uplink.isUp else { return reply(nil) }
        nextRequest += 1
        let id = ServiceRequestID(nextRequest)
        serviceReplies[id] = reply
        // The client's token, its half of F-S3.
        if case .provisioningFile = request { world.cloud.saw(.s3, [.identification], bytes: 0) }
        input(.service(id, request))
    }

    /// A call data stream (F-C6): the reply, then events until it ends. Without uplink the reply is nil at once.
    func subscribe(
        _ credentials: Credentials, after cursor: UInt64, reply: @escaping (ServiceReply?) -> Void,
        event: @escaping (CallRecord) -> Void, end: @escaping () -> Void = {}
    ) {
        guard uplink.isUp else { return reply(nil) }
        nextRequest += 1
        let id = ServiceRequestID(nextRequest)
        serviceReplies[id] = reply
        streams[id] = CallDataStream(event: event, end: end)
        input(.service(id, .callData(credentials, after: cursor)))
    }

    func serviceReply(_ id: ServiceRequestID, _ reply: ServiceReply) {
        world.note("service \(id.value) answers \(Summary.of(reply))")
        if sessionReply(id, reply) { return }
        switch reply {
        case .provisioningFile(let file, let permit):
            used(permit)
            world.cloud.saw(.s3, WireFields.of(file: file), bytes: Int64(file.count))
        case .deviceState(let state, let permit):
            used(permit)
            world.cloud.saw(.c13, WireFields.of(state), bytes: WireFields.bytes(of: state))
        case .noContent, .callDataStream, .adminSession, .problem: break
        }
        if case .callDataStream = reply {} else { streams[id] = nil }
        serviceReplies.removeValue(forKey: id)?(reply)
    }

    func serviceEvent(_ id: ServiceRequestID, _ record: CallRecord, _ permit: Permit) {
        used(permit)
        world.note("call data \(record.callDataID) on stream \(id.value)")
        world.cloud.saw(.c6, WireFields.of(record), bytes: WireFields.bytes(of: record))
        streams[id]?.event(record)
    }

    func serviceEnd(_ id: ServiceRequestID) {
        world.note("service \(id.value) ends")
        let stream = streams.removeValue(forKey: id)
        guard let reply = serviceReplies.removeValue(forKey: id) else { return stream?.end() ?? () }
        reply(nil)
    }
}
