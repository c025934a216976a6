import CloudMessages
import Primitives
import PrivacyContract
import Testing

private let allOn = Dictionary(uniqueKeysWithValues: Switch.allCases.map { ($0, true) })
private let sentRows = Contract.flows.filter { $0.direction == .sent }

/// What the row declares, as it would be sent: every field, implied by the connection.
private func honest(_ flow: Flow) -> OutboundMessage {
    OutboundMessage(
        id: CloudRequestID(1), flow: flow.id, recipient: flow.recipient ?? .client,
        fields: flow.fields.map { OutboundField($0, .implied) })
}

/// For every row: one field, one host, one trigger more than it declares, and nothing leaves.
struct MutationTests {
    private func refusal(
        _ message: OutboundMessage, on trigger: Trigger, switches: [Switch: Bool] = allOn, isStrict: Bool = false
    ) -> EgressRefusal? {
        var gate = EgressGate(isStrict: isStrict)
        guard case .failure(let refusal) = gate.authorise(message, trigger: trigger, switches: switches) else {
            return nil
        }
        #expect(gate.permitCount == 0 && gate.refusedCount == 1)
        return refusal
    }

    @Test(arguments: sentRows)
    func `what a row declares passes`(flow: Flow) {
        for trigger in flow.triggers { #expect(refusal(honest(flow), on: trigger) == nil) }
    }

    @Test(arguments: sentRows)
    func `one more field is refused, and the refusal names the clause`(flow: Flow) {
        let known = Set(Contract.flows.flatMap(\.fields)).subtracting(flow.fields).sorted()
        for name in [FieldName("location")] + known {
            var message = honest(flow)
            message.fields.append(OutboundField(name, .implied))
            let refused = refusal(message, on: flow.triggers[0])
            #expect(refused == .undeclaredField(flow.id, name))
            #expect(refused?.description.contains(flow.clauseText) == true)
        }
    }

    @Test(arguments: sentRows)
    func `another host is refused, and the refusal names the clause`(flow: Flow) {
        for recipient in Recipient.allCases where recipient != flow.recipient {
            var message = honest(flow)
            message.recipient = recipient
            let refused = refusal(message, on: flow.triggers[0])
            #expect(refused == .undeclaredRecipient(flow.id, recipient))
            #expect(refused?.description.contains(flow.clauseText) == true)
        }
    }

    @Test(arguments: sentRows)
    func `another trigger is refused, and the refusal names the clause`(flow: Flow) {
        for trigger in Trigger.allCases where !flow.triggers.contains(trigger) {
            let refused = refusal(honest(flow), on: trigger)
            #expect(refused == .undeclaredTrigger(flow.id, trigger))
            #expect(refused?.description.contains(flow.clauseText) == true)
        }
    }

    @Test(arguments: Contract.flows.filter { $0.direction != .sent })
    func `a row that is not the appliance's is refused, and the refusal names the clause`(flow: Flow) {
        for trigger in Trigger.allCases {
            let refused = refusal(honest(flow), on: trigger)
            #expect(refused == .notSentByAppliance(flow.id))
            #expect(refused?.description.contains(flow.clauseText) == true)
        }
    }

    @Test(arguments: Contract.flows)
    func `each row has a sentence of a policy to name`(flow: Flow) throws {
        let clause = try #require(flow.clauses.first)
        #expect(flow.clauseText.contains(clause.description))
        #expect(clause.paragraph >= 1 && clause.sentence >= 1)
        let places = Set(Contract.statements.map(\.clause))
        let isQuoted = flow.clauses.contains { places.contains($0) }
        #expect(isQuoted || [.c13].contains(flow.id), "the linter knows none of the sentences of \(flow.id.rawValue)")
    }

    @Test func `a refusal about what the contract lacks says that no clause describes it`() {
        var gate = EgressGate(flows: [])
        let result = gate.authorise(honest(sentRows[0]), trigger: .schedule, switches: allOn)
        #expect(result == .failure(.unknownFlow(sentRows[0].id)))
    }

    @Test(arguments: sentRows)
    func `strict mode stops the row without a country, and no other`(flow: Flow) {
        let refused = refusal(honest(flow), on: flow.triggers[0], isStrict: true)
        #expect((refused != nil) == (flow.id == .s10))
        if flow.id == .s10 { #expect(refused == .strictMode(.s10, "the policy gives the server no country")) }
    }

    @Test func `strict mode drops caller and callee`() throws {
        // F-S9 is kept at the push server; were it the appliance's to send, the gate would hold these two back.
        var row = try #require(Contract.flow(.s9))
        #expect(row.fields(isStrict: true) == [.userName, .addresses, .device])
        #expect(row.fields(isStrict: false) == [.userName, .caller, .callee, .addresses, .device])
        row.direction = .sent
        row.triggers = [.incomingCall]
        for isStrict in [true, false] {
            var gate = EgressGate(flows: [row], isStrict: isStrict)
            for name in [FieldName.caller, .callee] {
                let message = OutboundMessage(
                    id: CloudRequestID(1), flow: .s9, recipient: .push, fields: [OutboundField(name, .implied)])
                let result = gate.authorise(message, trigger: .incomingCall, switches: [:])
                #expect((try? result.get()) == nil ? isStrict : !isStrict)
                if isStrict { #expect(result == .failure(.strictField(.s9, name))) }
            }
        }
    }

    @Test func `strict mode counts from the next message on`() throws {
        let report = honest(try #require(Contract.flow(.s10)))
        var gate = EgressGate(isStrict: false)
        #expect((try? gate.authorise(report, trigger: .afterCrash, switches: allOn).get()) != nil)
        gate.isStrict = true
        #expect((try? gate.authorise(report, trigger: .afterCrash, switches: allOn).get()) == nil)
        gate.isStrict = false
        #expect((try? gate.authorise(report, trigger: .afterCrash, switches: allOn).get()) != nil)
    }
}
