import Testing

@testable import Simulation

@Suite struct ServiceExampleTests {
    /// RFC 5359 has eighteen, 2.1 to 2.18.
    @Test func `every service example of RFC 5359 is in the table, in its order`() {
        let sections = ServiceExample.allCases.compactMap { $0.rawValue.split(separator: " ").first.map(String.init) }
        #expect(sections == (1...18).map { "2.\($0)" })
    }

    @Test(arguments: ServiceExample.allCases)
    func `a service example is played under its name, or said to be missing`(example: ServiceExample) throws {
        switch example.coverage {
        case .scenario(let scenario):
            #expect(scenario.purpose == example.title)
            #expect(Scenario.all.contains { $0.name == scenario.name })
            for seed in UInt64(1)...3 {
                try SeedRun.play(seed: seed, scenarios: [scenario], trace: Trace(isMuted: true))
            }
        case .missing(let reason):
            print("MISSING \(example.title): \(reason)")
            #expect(!reason.isEmpty)
        }
    }
}
