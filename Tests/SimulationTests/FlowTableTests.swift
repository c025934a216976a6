import PrivacyContract
import Simulation
import Testing

/// Every flow that the appliance sends, captured in the simulated world and compared with the contract.
struct FlowTableTests {
    /// Played once: nine flows, each of their switches off in a world of its own.
    private static let captures = Result { try FlowProof.capture(seed: 7) }

    private func capture(_ flow: FlowID) throws -> FlowCapture {
        try #require(try Self.captures.get().first { $0.flow == flow })
    }

    @Test func `each flow that code sends is captured`() throws {
        // F-S6 is the users' own signalling and media: no permit, no row of the ledger; the relay's tests look at it.
        let sent = Contract.flows.filter { $0.direction == .sent && $0.isImplemented && $0.id != .s6 }.map(\.id)
        #expect(Set(try Self.captures.get().map(\.flow)) == Set(sent))
    }

    @Test(arguments: FlowProof.flows)
    func `with its switches on a flow works against the cloud`(flow: FlowID) throws {
        let captured = try capture(flow)
        #expect(captured.uses > 0)
        #expect(captured.bytes > 0 || flow == .s5, "F-S5 alone has no byte of its own: the connection says it all")
    }

    @Test(arguments: FlowProof.flows)
    func `the fields on the wire are the declared ones, no more and no fewer`(flow: FlowID) throws {
        let declared = try #require(Contract.flow(flow)).fields.sorted()
        #expect(try capture(flow).fields == declared)
    }

    @Test(arguments: FlowProof.flows)
    func `with any of its switches off a flow sends zero bytes`(flow: FlowID) throws {
        let bytes = try capture(flow).bytesWhenOff
        let hasSwitch = Contract.flow(flow)?.switches.isEmpty == false
        #expect(bytes == (hasSwitch ? 0 : nil))
    }
}
