import CloudMessages
import Primitives
import PrivacyContract
import Testing

private let allOn = Dictionary(uniqueKeysWithValues: Switch.allCases.map { ($0, true) })

private func message(_ flow: FlowID, to recipient: Recipient, _ fields: [OutboundField]) -> OutboundMessage {
    OutboundMessage(id: CloudRequestID(1), flow: flow, recipient: recipient, fields: fields)
}

private let pairingFields = [
    OutboundField(.userName, .text("ccc-0123abcd")), OutboundField(.password, .secret(Secret("p"))),
    OutboundField(.tokenID, .text("t")),
]

struct EgressGateTests {
    @Test func `what the contract declares is permitted, with the names of its fields`() throws {
        var gate = EgressGate()
        let permit = try gate.authorise(
            message(.c3, to: .controlCenter, pairingFields), trigger: .codeAccepted, switches: allOn
        ).get()
        #expect(permit.flow == .c3)
        #expect(permit.recipient == .controlCenter)
        #expect(permit.fieldNames == [.userName, .password, .tokenID])
        #expect(gate.permitCount == 1 && gate.refusedCount == 0)
    }

    @Test(
        arguments: Contract.flows.filter { $0.direction == .sent }.flatMap { flow in flow.switches.map { (flow, $0) } })
    func `one switch off stops the flow`(flow: Flow, off: Switch) {
        var gate = EgressGate(isStrict: false)
        var switches = allOn
        for value in [false, nil] {
            switches[off] = value
            let recipient = flow.recipient ?? .client
            let result = gate.authorise(
                message(flow.id, to: recipient, []), trigger: flow.triggers[0], switches: switches)
            #expect(result == .failure(.switchedOff(flow.id, off)))
        }
        #expect(gate.permitCount == 0)
    }

    @Test(arguments: Contract.flows.filter { $0.direction != .sent })
    func `a flow that is not the appliance's is refused whatever the switches say`(flow: Flow) {
        var gate = EgressGate(isStrict: false)
        for recipient in Recipient.allCases {
            for trigger in Trigger.allCases {
                let result = gate.authorise(message(flow.id, to: recipient, []), trigger: trigger, switches: allOn)
                #expect(result == .failure(.notSentByAppliance(flow.id)))
            }
        }
    }

    @Test func `an undeclared field is refused by name and counted`() {
        var gate = EgressGate()
        let extra = pairingFields + [OutboundField(FieldName("location"), .text("x"))]
        let result = gate.authorise(message(.c3, to: .controlCenter, extra), trigger: .codeAccepted, switches: allOn)
        #expect(result == .failure(.undeclaredField(.c3, FieldName("location"))))
        #expect(gate.refusals.map(\.name) == ["field"])
        #expect(gate.refusedCount == 1)
    }

    @Test func `a recipient that the contract does not name is refused`() {
        var gate = EgressGate()
        for recipient in Recipient.allCases where recipient != .controlCenter {
            let result = gate.authorise(
                message(.c3, to: recipient, pairingFields), trigger: .codeAccepted, switches: allOn)
            #expect(result == .failure(.undeclaredRecipient(.c3, recipient)))
        }
    }

    @Test func `a trigger that the contract does not name is refused`() {
        var gate = EgressGate()
        let result = gate.authorise(
            message(.c3, to: .controlCenter, pairingFields), trigger: .schedule, switches: allOn)
        #expect(result == .failure(.undeclaredTrigger(.c3, .schedule)))
    }

    @Test func `a flow that the contract lacks is denied`() {
        var gate = EgressGate(flows: Contract.flows.filter { $0.id != .c7 })
        let result = gate.authorise(message(.c7, to: .backup, []), trigger: .beforeBackup, switches: allOn)
        #expect(result == .failure(.unknownFlow(.c7)))
    }

    @Test func `a field occurs once`() {
        var gate = EgressGate()
        let twice = pairingFields + [pairingFields[0]]
        let result = gate.authorise(message(.c3, to: .controlCenter, twice), trigger: .codeAccepted, switches: allOn)
        #expect(result == .failure(.repeatedField(.c3, .userName)))
    }

    @Test(arguments: [
        MetricPoint(name: "pbx.caller", unit: "1", value: 1),
        MetricPoint(name: "system.uptime", unit: "s", value: 1, attributes: [MetricAttribute("user", "100")]),
        MetricPoint(name: "system.memory.usage", unit: "By", value: 1, attributes: [MetricAttribute("state", "Ada")]),
        MetricPoint(name: "system.uptime", unit: "ms", value: 1),
        MetricPoint(name: "system.uptime", unit: "s", value: .infinity),
    ])
    func `a metric off the allow-list does not leave`(point: MetricPoint) {
        var gate = EgressGate()
        let result = gate.authorise(
            message(.c5, to: .monitoring, [OutboundField(.metrics, .metrics([point]))]), trigger: .monitoringInUse,
            switches: allOn)
        #expect(result == .failure(.undeclaredMetric(.c5, point.name)))
    }

    @Test func `a declared name cannot smuggle out another kind of content`() {
        var gate = EgressGate()
        let cases: [(FlowID, Recipient, Trigger, OutboundField)] = [
            (.c3, .controlCenter, .codeAccepted, OutboundField(.userName, .secret(Secret("x")))),
            (.c7, .backup, .beforeBackup, OutboundField(.certificate, .text("x"))),
            (.c8, .backup, .administrator, OutboundField(.keyID, .bytes([1]))),
            (.c5, .monitoring, .monitoringInUse, OutboundField(.serial, .text("4711"))),
            (.c5, .monitoring, .monitoringInUse, OutboundField(.serial, .metrics([]))),
            (
                .c3, .controlCenter, .codeAccepted,
                OutboundField(
                    .tokenID,
                    .callRecord(
                        CallRecord(callDataID: 1, startDate: UnixTime(seconds: 0), lengthSeconds: 1)))
            ),
        ]
        for (flow, recipient, trigger, field) in cases {
            let result = gate.authorise(message(flow, to: recipient, [field]), trigger: trigger, switches: allOn)
            #expect(result == .failure(.undeclaredContent(flow, field.name)))
        }
    }

    @Test func `strict mode blocks the crash server, which the policy places in no country`() {
        var strict = EgressGate()
        var lenient = EgressGate(isStrict: false)
        let report = message(.s10, to: .crash, [OutboundField(FieldName("make"), .text("x"))])
        guard case .failure(.strictMode) = strict.authorise(report, trigger: .afterCrash, switches: allOn) else {
            Issue.record("strict mode let a crash report out")
            return
        }
        #expect((try? lenient.authorise(report, trigger: .afterCrash, switches: allOn).get()) != nil)
    }

    @Test func `the uplink, call records and provisioning files have permits of their own`() {
        var gate = EgressGate()
        #expect((try? gate.permitConnection(.s5, switches: [.relay: true]).get())?.recipient == .relay)
        #expect(gate.permitConnection(.s5, switches: [:]) == .failure(.switchedOff(.s5, .relay)))
        #expect(gate.permitConnection(.c8, switches: allOn) == .failure(.notAConnection(.c8)))
        #expect((try? gate.permitCallRecord(switches: allOn).get())?.fieldNames.count == 17)
        #expect(gate.permitCallRecord(switches: [.callData: true]) == .failure(.switchedOff(.c6, .controlCenter)))
        #expect(gate.permitCallRecord(switches: [.controlCenter: true]) == .failure(.switchedOff(.c6, .callData)))
        #expect((try? gate.permitProvisioningFile(switches: [:]).get())?.recipient == .client)
    }

    @Test func `no refusal prints a secret`() {
        let fields = [OutboundField(.password, .secret(Secret("hunter2")))]
        #expect(!"\(message(.c3, to: .controlCenter, fields))".contains("hunter2"))
    }
}

struct RetryBackoffTests {
    @Test func `pauses grow to the cap, jittered over the whole window`() {
        var entropy = Entropy(SeededGenerator(seed: 1))
        var backoff = RetryBackoff(base: .seconds(1), cap: .seconds(60))
        for attempt in 0..<100 {
            let pause = backoff.next(retryAfter: nil, entropy: &entropy)
            let window = min(60.0, Double(1 << min(attempt, 20)))
            #expect(pause >= RetryBackoff.floor && pause.inSeconds <= max(window, 0.1))
        }
        #expect(backoff.failures == 100)
        backoff.reset()
        #expect(backoff.next(retryAfter: nil, entropy: &entropy) <= .seconds(1))
    }

    @Test func `Retry-After is honoured, but not beyond an hour`() {
        var entropy = Entropy(SeededGenerator(seed: 2))
        var backoff = RetryBackoff()
        #expect(backoff.next(retryAfter: .seconds(30), entropy: &entropy) >= .seconds(30))
        #expect(backoff.next(retryAfter: .seconds(1_000_000), entropy: &entropy) <= .seconds(3900))
        #expect(backoff.next(retryAfter: .seconds(-5), entropy: &entropy) >= RetryBackoff.floor)
    }
}
