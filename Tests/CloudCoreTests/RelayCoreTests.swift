import CloudCore
import CloudMessages
import Primitives
import Testing

@Suite struct RelayCoreTests {
    private let home = Endpoint(address: .loopbackV4, port: 1_000)
    private let office = Endpoint(address: .loopbackV4, port: 2_000)

    private func hello(_ serial: String, _ protocols: [String]) -> ClientHello {
        ClientHello(serverName: RelayName.serverName(serial: serial), applicationProtocols: protocols)
    }

    @Test func `a location record lives exactly as long as its connection`() throws {
        var relay = RelayCore()
        #expect(relay.location(serial: "PBX-1") == nil)
        let id = try relay.uplinkUp(serial: "PBX-1", external: home)
        #expect(relay.location(serial: "pbx-1") == LocationRecord(external: home, serial: "PBX-1"))
        relay.uplinkDown(id)
        #expect(relay.locations.isEmpty)
    }

    @Test func `a handed-over uplink takes new streams while the old one drains`() throws {
        var relay = RelayCore()
        let old = try relay.uplinkUp(serial: "PBX-1", external: home)
        let new = try relay.uplinkUp(serial: "PBX-1", external: office)
        #expect(relay.uplink(serial: "PBX-1") == new)
        #expect(relay.location(serial: "PBX-1")?.external == office)
        relay.uplinkDown(old)
        #expect(relay.location(serial: "PBX-1")?.external == office)
        relay.uplinkDown(new)
        #expect(relay.uplink(serial: "PBX-1") == nil)
    }

    @Test(arguments: [
        (["sip/2"], UplinkService.sips), (["http/1.1"], .provisioning), (["h2", "http/1.1"], .provisioning),
    ])
    func `the application protocol picks the service`(protocols: [String], service: UplinkService) throws {
        var relay = RelayCore()
        let id = try relay.uplinkUp(serial: "PBX-1", external: home)
        let route = try relay.route(hello("PBX-1", protocols))
        #expect(route.0 == id)
        #expect(route.1 == service)
    }

    @Test func `unknown names and protocols are refused and counted`() throws {
        var relay = RelayCore()
        _ = try relay.uplinkUp(serial: "PBX-1", external: home)
        let refused = [
            hello("PBX-2", ["sip/2"]), hello("PBX-1", ["h2"]), hello("PBX-1", []),
            ClientHello(serverName: nil, applicationProtocols: ["sip/2"]),
            ClientHello(serverName: "spbx-1.pbx.other.example", applicationProtocols: ["sip/2"]),
        ]
        for hello in refused { #expect(throws: CloudRefusal.self) { try relay.route(hello) } }
        relay.countRefusal()
        #expect(relay.refusedConnections == 6)
    }

    @Test func `the limit of uplinks and strange serials are refused`() throws {
        var limits = CloudLimits()
        limits.uplinks = 1
        var relay = RelayCore(limits: limits)
        #expect(throws: CloudRefusal.foreignIdentity) { try relay.uplinkUp(serial: "a/b", external: home) }
        _ = try relay.uplinkUp(serial: "a", external: home)
        #expect(throws: CloudRefusal.tooMany(what: "uplinks", limit: 1)) {
            try relay.uplinkUp(serial: "b", external: home)
        }
    }
}

@Suite struct MonitoringCoreTests {
    private let start = UnixTime(seconds: 1_000_000)
    private func points(_ value: Double) -> [MetricPoint] { [MetricPoint(name: "a", unit: "1", value: value)] }

    @Test func `the newest values are shown, per appliance`() throws {
        var core = MonitoringCore()
        try core.receive(points(1), serial: "A", at: start)
        try core.receive(points(2), serial: "B", at: start)
        try core.receive(points(3), serial: "A", at: start + .seconds(10))
        #expect(core.latest(serial: "A", at: start + .seconds(10))?.points == points(3))
        #expect(core.latest(serial: "B", at: start + .seconds(10))?.points == points(2))
        #expect(core.latest(serial: "C", at: start) == nil)
    }

    @Test func `values are gone after 24 hours, whether or not more arrive`() throws {
        var core = MonitoringCore()
        try core.receive(points(1), serial: "A", at: start)
        let day = start + .seconds(86_400)
        #expect(core.latest(serial: "A", at: day) != nil)
        #expect(core.latest(serial: "A", at: day + .seconds(1)) == nil)
        core.expire(at: day + .seconds(1))
        #expect(core.history(serial: "A", at: start).isEmpty)
    }

    @Test func `older reports thin out to one a minute, and their number is bounded`() throws {
        var limits = CloudLimits()
        limits.reportsPerDevice = 5
        var core = MonitoringCore(limits: limits)
        for step in 0..<120 {
            try core.receive(points(Double(step)), serial: "A", at: start + .seconds(Int64(step) * 10))
        }
        let history = core.history(serial: "A", at: start + .seconds(1_200))
        #expect(history.count == 5)
        #expect(history.last?.points == points(119))
        let gaps = zip(history, history.dropFirst()).dropLast().map { $1.receivedAt - $0.receivedAt }
        #expect(gaps.allSatisfy { $0 >= .seconds(60) })
    }

    @Test func `a flood and too many appliances are refused`() throws {
        var limits = CloudLimits()
        limits.monitoredDevices = 1
        var core = MonitoringCore(limits: limits)
        try core.receive(points(1), serial: "A", at: start)
        #expect(throws: CloudRefusal.tooOften(retryAfter: .milliseconds(400))) {
            try core.receive(points(1), serial: "A", at: start + .milliseconds(100))
        }
        #expect(throws: CloudRefusal.self) { try core.receive(points(1), serial: "B", at: start) }
    }

    @Test func `the call data buffer holds its limit, forgets what is taken, and says when it overflowed`() {
        var limits = CloudLimits()
        limits.callRecordsInFlight = 2
        var buffer = CallDataBuffer(limits: limits)
        func record(_ id: UInt64) -> CallRecord { CallRecord(callDataID: id, startDate: start, lengthSeconds: 1) }
        let appended = [buffer.append(record(1)), buffer.append(record(2))]
        #expect(appended == [true, true])
        let first = buffer.take()
        #expect(first == record(1))
        let more = [buffer.append(record(3)), buffer.append(record(4))]
        #expect(more == [true, false])
        #expect(buffer.hasOverflowed)
        let second = buffer.take()
        #expect(second == record(2))
        let late = buffer.append(record(5))
        #expect(!late, "a gap must not go unnoticed")
    }
}

@Suite struct ServiceConnectClientTests {
    @Test(arguments: ["192.0.2.7", "2001:db8::7"])
    func `on whose behalf a server asks is read back as it was written`(text: String) throws {
        let client = try #require(IPAddress(text))
        let request = ServiceConnectRequest(service: .admin, serial: "pbx-1", client: client)
        #expect(ServiceConnectRequest.parse(request.encoded) == .complete(request, headBytes: request.encoded.count))
    }

    @Test(arguments: ["Forwarded: for=somebody", "Forwarded: by=192.0.2.1", "X-Forwarded-For: 192.0.2.1"])
    func `what names no address names nobody`(line: String) throws {
        let authority = "admin.\(RelayName.serverName(serial: "pbx-1")):443"
        let bytes = Array("CONNECT \(authority) HTTP/1.1\r\nHost: x\r\n\(line)\r\n\r\n".utf8)
        guard case .complete(let request, _) = ServiceConnectRequest.parse(bytes) else {
            Issue.record("refused")
            return
        }
        #expect(request.client == nil && request.service == .admin)
    }
}

@Suite struct UpdateServerCoreTests {
    private func query(_ change: (inout [(name: String, value: String)]) -> Void = { _ in }) -> [(
        name: String, value: String
    )] {
        var query = [
            (name: "version", value: "1.0"), (name: "operatingSystem", value: "linux-rpi4"),
            (name: "installationId", value: "00"), (name: "activationStatus", value: "activated"),
        ]
        change(&query)
        return query
    }

    @Test func `the newest release answers, whoever asks`() throws {
        var core = UpdateServerCore()
        #expect(try core.answer(query()) == nil)
        try core.publish(system: "linux-rpi4", version: "1.1", signedManifest: [1])
        try core.publish(system: "linux-rpi4", version: "1.2", signedManifest: [2])
        #expect(try core.answer(query()) == [2])
        #expect(try core.answer(query { $0[2].value = "ff" }) == [2])
        #expect(try core.answer(query { $0[0].value = "1.2" }) == nil)
        #expect(!core.hasRelease(system: "linux-rpi4", version: "1.1"))
    }

    @Test func `a question with less or more is refused`() {
        var core = UpdateServerCore()
        for bad in [
            query { $0.removeLast() }, query { $0.append((name: "serial", value: "1")) },
            query { $0.append((name: "version", value: "2")) }, query { $0[0].value = "a b" },
        ] { #expect(throws: CloudRefusal.self) { try core.answer(bad) } }
        #expect(core.questionCount == 0)
    }

    @Test func `releases are bounded in number and size`() throws {
        var limits = CloudLimits()
        limits.updateBoards = 1
        limits.manifestBytes = 3
        var core = UpdateServerCore(limits: limits)
        try core.publish(system: "a", version: "1", signedManifest: [1, 2, 3])
        #expect(throws: CloudRefusal.self) { try core.publish(system: "b", version: "1", signedManifest: []) }
        #expect(throws: CloudRefusal.self) {
            try core.publish(system: "a", version: "1", signedManifest: [1, 2, 3, 4])
        }
    }

    @Test func `crash reports are bounded, and the oldest goes`() throws {
        var limits = CloudLimits()
        limits.crashReports = 2
        var core = CrashServerCore(limits: limits)
        for number in 0..<3 {
            try core.receive(CrashReport.wireNames.map { ($0, $0 == "crashDate" ? "2027-01-1\(number)" : "x") })
        }
        #expect(core.reports.map(\.last) == ["2027-01-11", "2027-01-12"])
        #expect(throws: CloudRefusal.self) { try core.receive([("serial", "1")]) }
    }
}
