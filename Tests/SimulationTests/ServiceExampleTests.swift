import Testing

@testable import Simulation

@Suite struct ServiceExampleTests {
    /// RFC 5359 has eighteen, 2.1 to 2.18.
    @Test func `every service example of RFC 5359 is in the table, in its order`() {
        let sections = ServiceExample.allCases.compactMap { $0.rawValue.split(separator: " ").first.map(String.init) }
        #expect(sections == (1...18).map { "2.\($0)" })
    }

    @Test func `every service example is played under its name`() {
        for example in ServiceExample.allCases {
            #expect(example.scenario.purpose == example.title)
            #expect(example.scenario.name.hasPrefix("rfc5359-"))
        }
    }
}
