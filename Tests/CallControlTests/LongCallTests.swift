import CallControl
import Primitives
import SIPMessage
import Testing

/// What a call keeps does not grow with what is said in it.
@Suite struct LongCallTests {
    let desk = Desk(timers: .recommended)
    private let digit = Array("Signal=5\r\nDuration=160\r\n".utf8)

    private func press(_ line: Line) throws -> SIPResponse {
        try line.request(.info, digit, type: "application/dtmf-relay")
    }

    @Test func `keys and changes of the session leave nothing behind`() throws {
        let (a, b) = try desk.talkByInfo()
        let count = desk.world.context.entryCount
        for _ in 0..<400 {
            desk.world.advance(by: .milliseconds(60))
            #expect(try press(a).status == 200)
            desk.bob.respond(try desk.bob.take(.info), 200)
        }
        #expect(desk.world.context.entryCount == count)
        for version in 2..<62 {
            desk.world.advance(by: .milliseconds(60))
            let side = version % 2 == 0 ? a : b
            let body = sdp(["PCMU"], port: 30_000 + UInt16(version), version: version)
            #expect(try side.request(.invite, body).status == 200)
        }
        #expect(desk.world.context.entryCount == count)
        try desk.end(a, b)
    }

    @Test func `requests of ours that nobody answers are forgotten as well`() throws {
        let (a, b) = try desk.talkByInfo()
        let count = desk.world.context.entryCount
        for _ in 0..<100 {
            desk.world.advance(by: .seconds(4))
            #expect(try press(a).status == 200)
        }
        desk.world.advance(by: .seconds(33))
        #expect(desk.world.context.entryCount == count)
        desk.bob.inbox = []
        try desk.end(a, b)
    }

    @Test func `more keys than a leg may press in a second are refused for a moment`() throws {
        let (a, b) = try desk.talkByInfo()
        let statuses = try (0..<30).map { _ in try press(a).status }
        #expect(statuses == Array(repeating: 200, count: 20) + Array(repeating: 500, count: 10))
        #expect(try press(a).retryAfter() == 1)
        #expect(desk.world.count("calls.digits-refused") == 11)
        desk.world.advance(by: .seconds(1))
        #expect(try press(a).status == 200)
        for _ in 0..<21 { desk.bob.respond(try desk.bob.take(.info), 200) }
        try desk.end(a, b)
    }
}
