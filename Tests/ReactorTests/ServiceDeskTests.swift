import ApplianceCore
import NIOCore
import NIOEmbedded
import Primitives
import Settings
import Testing

@testable import CloudLink

@Suite struct ServiceDeskTests {
    @Test func `requests over the uplink beyond its streams are refused at once`() throws {
        let loop = EmbeddedEventLoop()
        var limits = Limits()
        limits.uplinkStreams = 2
        let desk = ServiceDesk(eventLoop: loop, limits: limits) { _ in }
        let credentials = Credentials(user: "u", password: Secret("p"))
        let asked = (0..<3).map { _ in desk.ask(.deviceState(credentials)) }
        loop.run()
        guard case .problem(503, _, _) = try asked[2].wait().1 else {
            Issue.record("a third request was taken")
            return
        }
        loop.advanceTime(by: ServiceDesk.patience)
        for future in asked.prefix(2) {
            guard case .problem(503, _, _) = try future.wait().1 else {
                Issue.record("nobody answered, and nobody was told")
                return
            }
        }
    }
}
