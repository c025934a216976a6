import Media
import MediaEngine
import OpenSSLCrypto
import OpusCodec
import Primitives
import RTP
import Testing

/// Who is let into an engine, and how much it takes itself to be able to do.
@Suite struct AdmissionTests {
    /// A relayed packet takes 50 us: a relayed session 5 ms a second; Opus to G.711 another 20.
    private static let costs = MediaCosts(
        packet: .microseconds(50), protectedPacket: .zero,
        decode: .init(g711: .zero, g722: .zero, opus: .milliseconds(5)),
        encode: .init(g711: .zero, g722: .zero, opus: .milliseconds(15)))

    /// An engine that may take about 30 ms of processor time a second, whatever the number of cores.
    private func harness(_ host: UInt32) throws -> EngineHarness {
        let cores = try EngineHarness(host, share: 100).engine.counters.capacity / .seconds(1)
        #expect(cores >= 1)
        let share = max(1, Int((3 / cores).rounded()))
        return try EngineHarness(host + 1, sessions: 100, share: share, costs: Self.costs)
    }

    @Test func `sessions are let in until the budget is used up, those for help beyond it`() throws {
        let harness = try harness(71)
        let capacity = harness.engine.counters.capacity
        let fitting = Int(capacity / .milliseconds(5))
        for id in 0..<fitting { #expect(harness.open(UInt64(id)) != nil) }
        harness.engine.submit(.open(MediaSessionID(90)))
        let left = capacity - .milliseconds(5 * fitting)
        #expect(
            harness.log.next() == .failed(MediaSessionID(90), .overBudget(needed: .milliseconds(5), left: left)))
        harness.engine.submit(.openForHelp(MediaSessionID(91)))
        guard case .opened(MediaSessionID(91), _, _) = harness.log.next() else {
            Issue.record("a call for help was refused")
            return
        }
        #expect(harness.engine.counters.refusedOverBudget == 1)
        #expect(harness.engine.counters.charged == .milliseconds(5 * fitting + 5))
        harness.engine.submit(.close(MediaSessionID(91)))
        harness.engine.submit(.close(MediaSessionID(0)))
        for _ in 0..<2 { _ = harness.log.next() }
        #expect(harness.open(92) != nil)
    }

    @Test func `a session is charged what it turns out to be, and refused if that is too much`() throws {
        let harness = try harness(73)
        let peer = try #require(UDPPeer(harness.address))
        let capacity = harness.engine.counters.capacity
        // Ballast, so that one more transcoded session does not fit.
        let ballast = Int(capacity / .milliseconds(5)) - 4
        for id in 0..<max(0, ballast) { _ = harness.open(UInt64(id)) }
        #expect(harness.open(50) != nil)
        harness.configure(50, .a, .opus, peer)
        harness.configure(50, .b, .pcmu, peer)
        guard case .failed(MediaSessionID(50), .overBudget(let needed, let left)) = harness.log.next() else {
            Issue.record("was not refused")
            return
        }
        #expect(needed == .milliseconds(20) && left < needed)
        harness.engine.submit(.openForHelp(MediaSessionID(51)))
        _ = harness.log.next()
        harness.configure(51, .a, .opus, peer)
        harness.configure(51, .b, .pcmu, peer)
        harness.engine.submit(.open(MediaSessionID(51)))
        guard case .opened(MediaSessionID(51), _, _) = harness.log.next() else {
            Issue.record("a call for help was refused")
            return
        }
        #expect(harness.engine.counters.charged == .milliseconds(5 * (max(0, ballast) + 1) + 25))
        for id in 0..<max(0, ballast) { harness.engine.submit(.close(MediaSessionID(UInt64(id)))) }
        harness.engine.submit(.close(MediaSessionID(50)))
        harness.engine.submit(.close(MediaSessionID(51)))
        for _ in 0..<max(0, ballast) + 2 { _ = harness.log.next() }
        #expect(harness.engine.counters.charged == .zero && harness.engine.counters.sessions == 0)
    }

    @Test func `what media cost here is measured in little time`() throws {
        let harness = try EngineHarness(75, costs: nil)
        let costs = harness.engine.costs
        #expect(costs.packet > .zero && costs.packet < .milliseconds(1))
        #expect(costs.protectedPacket > .zero && costs.protectedPacket < .milliseconds(1))
        #expect(costs.encode.opus > costs.encode.g711 && costs.encode.opus < .seconds(1))
        #expect(costs.decode.opus > .zero && costs.decode.g722 > .zero)
    }

    @Test(arguments: [(Duration.seconds(100), 10), (.microseconds(1), 0)])
    func `the complexity of Opus is the best that the budget allows`(capacity: Duration, expected: Int) {
        let found = Calibration().complexity(for: capacity, beside: Self.costs) {
            LibraryCodecs(opus: OpusEncoder.Options(complexity: $0))
        }
        #expect(found.complexity == expected && found.encode > .zero)
    }

    @Test func `a machine that takes its time is not asked for more than it gives`() {
        // Every look at the clock takes 20 ms: time is over after three.
        final class Slow: @unchecked Sendable { var time: Int64 = 0 }
        let slow = Slow()
        var looks = 0
        let calibration = Calibration {
            looks += 1
            slow.time += 20_000_000
            return slow.time
        }
        let costs = calibration.costs(codecs: BuiltInCodecs(), protection: OpenSSLPacketProtection())
        #expect(costs.encode.g711 > .zero)
        #expect(calibration.complexity(for: .zero, beside: costs) { _ in BuiltInCodecs() }.complexity == 0)
        #expect(looks < 60)
    }
}
