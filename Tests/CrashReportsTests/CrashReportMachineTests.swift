import CloudMessages
import CrashReports
import Primitives
import PrivacyContract
import Testing

struct CrashReportMachineTests {
    static func report(_ id: String) -> CrashReport {
        CrashReport(
            id: id, make: "pbx-appliance", model: "next", codename: "rpi4", osVersion: "6.1.0", language: "de",
            appVersion: "1.0.0", appName: "pbxd", startTime: UnixTime(seconds: 1_800_000_000),
            crashDay: UnixTime(seconds: 1_800_050_000))
    }

    private struct Bench {
        var machine = CrashReportMachine()
        var now = Instant(nanoseconds: 1)
        var entropy = Entropy(SeededGenerator(seed: 4))

        @discardableResult
        mutating func handle(_ input: CrashReportMachine.Input) -> [CrashReportMachine.Effect] {
            machine.handle(input, at: now, entropy: &entropy)
        }
    }

    @Test func `a report says nine things, and of the crash no more than its day`() {
        let report = Self.report("2027-01-15-1")
        #expect(
            report.values == [
                "pbx-appliance", "next", "rpi4", "6.1.0", "de", "1.0.0", "pbxd", "2027-01-15T08:00:00.000Z",
                "2027-01-15",
            ])
        #expect(CrashReport.wireNames.map { FieldName($0) } == FieldName.crashReport)
    }

    @Test(arguments: [
        ("6.1.0-rpi", "6.1.0-rpi"), ("/opt/ada/pbx", "optadapbx"), ("sip:100@192.0.2.1", "sip100192.0.2.1"),
        ("line\none", "lineone"), (String(repeating: "x", count: 100), String(repeating: "x", count: 64)),
        ("Zoë", "Zo"),
    ])
    func `values are cut down to what a name can be`(text: String, scrubbed: String) {
        #expect(CrashReport.scrubbed(text) == scrubbed)
    }

    @Test func `nothing is sent without leave, everything is shown`() {
        var bench = Bench()
        #expect(bench.handle(.found([Self.report("1"), Self.report("2")])).isEmpty)
        #expect(bench.handle(.wanted(false)).isEmpty)
        #expect(bench.machine.reports.map(\.id) == ["1", "2"] && bench.machine.nextDeadline == nil)
    }

    @Test func `one after the other, and each is deleted once the server has it`() {
        var bench = Bench()
        bench.handle(.found([Self.report("1"), Self.report("2")]))
        #expect(bench.handle(.wanted(true)) == [.send(Self.report("1"))])
        #expect(bench.handle(.wanted(true)).isEmpty, "one at a time")
        let effects = bench.handle(.answered(.accepted))
        #expect(effects.first == .remove(id: "1") && effects.last == .send(Self.report("2")))
        bench.handle(.answered(.accepted))
        #expect(bench.machine.reports.isEmpty)
    }

    @Test func `an unreachable server is asked again, more and more seldom`() throws {
        var bench = Bench()
        bench.handle(.found([Self.report("1")]))
        bench.handle(.wanted(true))
        for _ in 0..<5 {
            #expect(bench.handle(.answered(.unreachable("no route"))).isEmpty)
            bench.now = try #require(bench.machine.nextDeadline)
            #expect(bench.handle(.timePassed) == [.send(Self.report("1"))])
        }
        bench.handle(.answered(.unreachable("no route")))
        bench.handle(.wanted(false))
        #expect(bench.machine.nextDeadline == nil)
    }

    @Test func `what a server refuses is kept and not sent again`() {
        var bench = Bench()
        bench.handle(.found([Self.report("1"), Self.report("2")]))
        bench.handle(.wanted(true))
        let effects = bench.handle(.answered(.refused(status: 400, detail: "no", retryAfter: nil)))
        #expect(effects.last == .send(Self.report("2")))
        bench.handle(.answered(.accepted))
        #expect(bench.handle(.wanted(true)).isEmpty && bench.machine.reports.map(\.id) == ["1"])
    }

    @Test func `the owner's deletion wins over an answer that comes later`() {
        var bench = Bench()
        bench.handle(.found([Self.report("1")]))
        bench.handle(.wanted(true))
        #expect(bench.handle(.delete(id: "1")) == [.remove(id: "1")])
        #expect(bench.handle(.answered(.accepted)).isEmpty)
        #expect(bench.handle(.delete(id: "none")).isEmpty)
    }

    @Test func `the number of reports is bounded, the oldest go`() {
        var bench = Bench()
        let effects = bench.handle(.found((0..<12).map { Self.report("\($0)") }))
        #expect(effects == [.remove(id: "0"), .remove(id: "1")])
        #expect(bench.machine.reports.count == CrashReportMachine.capacity)
    }
}
