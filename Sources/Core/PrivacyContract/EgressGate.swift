import CloudMessages

/// The one door towards vendor servers (DESIGN.md section 3): compares a message with the contract and the owner's
/// switches, and makes the permit without which the shell opens no connection.
///
/// Pure and strict: what no clause describes is refused (Q19). Never throws; a refusal is counted by kind.
package struct EgressGate: Sendable {
    private let flows: [Flow]
    /// Refuses flows whose clause is incomplete, the crash server for one (Q18), and fields that strict mode drops (Q14).
    /// May change at any time: it counts from the next message on.
    package var isStrict: Bool
    private var refusalCounts: [(name: String, count: UInt64)] = []
    /// How many permits were made since start.
    package private(set) var permitCount: UInt64 = 0

    package init(flows: [Flow] = Contract.flows, isStrict: Bool = true) {
        self.flows = flows
        self.isStrict = isStrict
    }

    /// Leave to send one message of fields, or why not.
    package mutating func authorise(
        _ message: OutboundMessage, trigger: Trigger, switches: [Switch: Bool]
    ) -> Result<Permit, EgressRefusal> {
        let check = checked(message.flow, to: message.recipient, trigger: trigger, switches: switches)
        let row: Flow
        switch check {
        case .failure(let refusal): return counted(refusal)
        case .success(let flow): row = flow
        }
        var seen: [FieldName] = []
        for field in message.fields {
            guard row.fields.contains(field.name) else {
                return counted(.undeclaredField(row.id, field.name))
            }
            guard row.fields(isStrict: isStrict).contains(field.name) else {
                return counted(.strictField(row.id, field.name))
            }
            guard !seen.contains(field.name) else { return counted(.repeatedField(row.id, field.name)) }
            seen.append(field.name)
            if let refusal = Self.contentRefusal(field, in: row) { return counted(refusal) }
        }
        return permitted(row, to: message.recipient, fieldNames: seen)
    }

    /// Leave to hold a connection that is itself the flow: the uplink (F-S5), remote access (F-C10).
    ///
    /// - Parameter fields: what will be sent; nil: what the row declares. So for the three below.
    package mutating func permitConnection(
        _ id: FlowID, fields: [FieldName]? = nil, switches: [Switch: Bool]
    ) -> Result<Permit, EgressRefusal> {
        let connections: [FlowID: Trigger] = [.s5: .uplink, .c10: .usedInControlCenter]
        guard let trigger = connections[id] else { return counted(.notAConnection(id)) }
        let recipient: Recipient = id == .s5 ? .relay : .remoteAccess
        return permitWhole(id, to: recipient, fields, trigger: trigger, switches: switches)
    }

    /// Leave to pass one call record on to a subscribed Control Center (F-C6).
    package mutating func permitCallRecord(
        fields: [FieldName]? = nil, switches: [Switch: Bool]
    ) -> Result<Permit, EgressRefusal> {
        permitWhole(.c6, to: .controlCenter, fields, trigger: .usedInControlCenter, switches: switches)
    }

    /// Leave to show the device state to a paired Control Center that asked for it (F-C13).
    package mutating func permitDeviceState(
        fields: [FieldName]? = nil, switches: [Switch: Bool]
    ) -> Result<Permit, EgressRefusal> {
        permitWhole(.c13, to: .controlCenter, fields, trigger: .usedInControlCenter, switches: switches)
    }

    /// Leave to hand an identified client its provisioning file (F-S3).
    package mutating func permitProvisioningFile(
        fields: [FieldName]? = nil, switches: [Switch: Bool]
    ) -> Result<Permit, EgressRefusal> {
        permitWhole(.s3, to: .client, fields, trigger: .clientStart, switches: switches)
    }

    /// Counts a refusal that was made before the gate was asked (no room to record or to wait for an answer).
    package mutating func count(_ refusal: EgressRefusal) {
        if let index = refusalCounts.firstIndex(where: { $0.name == refusal.kind }) {
            refusalCounts[index].count += 1
        } else {
            refusalCounts.append((refusal.kind, 1))
        }
    }

    /// Refusals by kind, sorted by name.
    package var refusals: [(name: String, count: UInt64)] { refusalCounts.sorted { $0.name < $1.name } }

    package var refusedCount: UInt64 { refusalCounts.reduce(0) { $0 + $1.count } }

    private mutating func permitWhole(
        _ id: FlowID, to recipient: Recipient, _ fields: [FieldName]?, trigger: Trigger, switches: [Switch: Bool]
    ) -> Result<Permit, EgressRefusal> {
        switch checked(id, to: recipient, trigger: trigger, switches: switches) {
        case .failure(let refusal): return counted(refusal)
        case .success(let flow):
            let declared = flow.fields(isStrict: isStrict)
            let sent = fields ?? declared
            if let stranger = sent.first(where: { !declared.contains($0) }) {
                return counted(.undeclaredField(id, stranger))
            }
            return permitted(flow, to: recipient, fieldNames: sent)
        }
    }

    private func checked(
        _ id: FlowID, to recipient: Recipient, trigger: Trigger, switches: [Switch: Bool]
    ) -> Result<Flow, EgressRefusal> {
        guard let row = flows.first(where: { $0.id == id }) else { return .failure(.unknownFlow(id)) }
        guard row.direction == .sent, row.basis != .none else { return .failure(.notSentByAppliance(id)) }
        if isStrict, case .incompleteClause(let missing) = row.basis { return .failure(.strictMode(id, missing)) }
        guard row.recipient == recipient else { return .failure(.undeclaredRecipient(id, recipient)) }
        guard row.triggers.contains(trigger) else { return .failure(.undeclaredTrigger(id, trigger)) }
        if let off = row.switches.first(where: { switches[$0] != true }) { return .failure(.switchedOff(id, off)) }
        return .success(row)
    }

    /// Content that a declared field name must not smuggle out.
    private static func contentRefusal(_ field: OutboundField, in row: Flow) -> EgressRefusal? {
        switch field.value {
        case .metrics(let points):
            guard field.name == .metrics else { return .undeclaredContent(row.id, field.name) }
            let stranger = points.first { !MetricAllowList.permits($0) }
            return stranger.map { .undeclaredMetric(row.id, $0.name) }
        case .secret:
            // X4: the one secret that ever leaves is the pairing user's password.
            return row.id == .c3 && field.name == .password ? nil : .undeclaredContent(row.id, field.name)
        case .callRecord: return .undeclaredContent(row.id, field.name)  // has a permit of its own
        case .bytes, .artifact:
            return field.name == .ciphertext ? nil : .undeclaredContent(row.id, field.name)
        case .bundle: return row.id == .s2 && field.name == .version ? nil : .undeclaredContent(row.id, field.name)
        case .text(let text) where row.id == .s10:
            // X16: a word about the program or the machine, and of the crash no more than its day.
            let isFit = text == CrashReport.scrubbed(text) && (field.name != .crashDate || text.utf8.count == 10)
            return isFit ? nil : .undeclaredContent(row.id, field.name)
        case .time where row.id == .s10:
            return field.name == .startTime ? nil : .undeclaredContent(row.id, field.name)
        case .text, .integer, .time:
            // What the connection implies is never written in a body.
            let implied: [FieldName] = [.externalAddress, .externalPort, .certificate]
            return implied.contains(field.name) || (field.name == .serial && row.id == .c5)
                ? .undeclaredContent(row.id, field.name) : nil
        case .implied: return nil
        }
    }

    private mutating func permitted(
        _ row: Flow, to recipient: Recipient, fieldNames: [FieldName]
    ) -> Result<Permit, EgressRefusal> {
        permitCount += 1
        return .success(Permit(flow: row.id, recipient: recipient, fieldNames: fieldNames))
    }

    private mutating func counted(_ refusal: EgressRefusal) -> Result<Permit, EgressRefusal> {
        count(refusal)
        return .failure(refusal)
    }
}
