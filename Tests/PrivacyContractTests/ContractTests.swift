import PrivacyContract
import Testing

struct ContractTests {
    @Test func `every flow of the policies has exactly one row, and one assumption is added`() {
        #expect(Contract.flows.filter { $0.id != .c13 }.count == 23)
        #expect(Contract.flow(.c13)?.basis != .clause)
        #expect(Contract.flows.map(\.id).sorted() == FlowID.allCases.sorted())
    }

    @Test func `a flow that the appliance sends names recipient, fields, trigger and clause`() {
        for flow in Contract.flows where flow.direction == .sent {
            #expect(flow.recipient != nil, "\(flow.id)")
            #expect(!flow.fields.isEmpty && !flow.triggers.isEmpty, "\(flow.id)")
            #expect(flow.basis != .none, "\(flow.id)")
            #expect(Set(flow.fields).count == flow.fields.count, "\(flow.id)")
        }
    }

    @Test(arguments: [FlowID.c1, .c2, .c9, .c11, .s1, .s4, .s7, .s9, .s11])
    func `a flow of others is not the appliance's to send`(id: FlowID) {
        #expect(Contract.flow(id)?.direction != .sent)
    }

    @Test func `the Control Center option is part of everything that depends on it`() {
        for id in [FlowID.c3, .c5, .c6, .c10] {
            #expect(Contract.flow(id)?.switches.contains(.controlCenter) == true, "\(id)")
        }
        // Q5: remote backup is a function of its own and goes on.
        #expect(Contract.flow(.c8)?.switches == [.backup])
    }

    @Test func `flows that no code sends say so`() {
        #expect(Contract.flows.filter { !$0.isImplemented }.map(\.id) == [.c12, .s8])
    }

    @Test func `of a server's words the ledger keeps printable ASCII`() {
        let reply = CloudReply.refused(status: 500, detail: "\u{1B}[2Jh\u{E9}llo\r\n\u{202E}x", retryAfter: nil)
        #expect(reply.ledgerResult == "refused 500 [2Jhllox")
        let reason = String(repeating: "\u{7F}", count: 50) + String(repeating: "a", count: 500)
        #expect(CloudReply.unreachable(reason).ledgerResult == "unreachable " + String(repeating: "a", count: 120))
    }

    @Test func `call records carry the seventeen fields of FLOWS section 5`() {
        #expect(Contract.flow(.c6)?.fields.count == 17)
        #expect(Contract.flow(.c6)?.fields.contains(FieldName("quality")) == false)
    }
}
