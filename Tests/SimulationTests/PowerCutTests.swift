import Simulation
import Testing

@Suite struct PowerCutTests {
    /// Prints how many writes and syncs there are: each was the last one once, and once followed by another cut.
    @Test(arguments: PowerCutSweep.all.map(\.name), [UInt64(1), 2])
    func `the power may go at every write and every sync`(name: String, seed: UInt64) throws {
        let sweep = try #require(PowerCutSweep.all.first { $0.name == name })
        let result = try sweep.run(seed: seed)
        print("power cuts in \(name), seed \(seed): \(result.points) cut points, \(result.runs) runs, 0 violations")
        #expect(result.points >= 3, "nothing was written")
    }
}
