import ApplianceCore
import Applications
import Media
import Primitives
import SIPDialog
import SIPMessage
import Settings
import Testing

/// Recordings of calls, from the code to the file: who is told before, who must agree, what ends it.
@Suite struct RecordingTests {
    private static let first = MediaSessionID(1)

    private func office(_ change: @escaping (inout ApplianceSettings) -> Void = { _ in }) throws -> FeatureOffice {
        try FeatureOffice {
            $0.users[1].features.recording = .byCode
            change(&$0)
        }
    }

    private func announced(_ world: World, _ side: MediaSide) -> Bool {
        world.mediaCommands.contains { command in
            if case .hear(Self.first, side, .playing(_, then: .peer)) = command { true } else { false }
        }
    }

    /// The announcement plays to its end.
    private func hearOut(_ office: FeatureOffice, _ side: MediaSide) {
        for command in office.world.mediaCommands.reversed() {
            guard case .hear(Self.first, side, .playing(let playlist, then: .peer)) = command else { continue }
            office.world.advance(by: playlist.duration ?? .zero)
            break
        }
        office.world.feed(.media(.played(Self.first, side)))
    }

    private func recording(_ world: World) -> RecordingID? {
        world.mediaCommands.compactMap { command -> RecordingID? in
            if case .record(Self.first, let id, .perSide) = command { id } else { nil }
        }.last
    }

    private func isStopped(_ world: World, _ id: RecordingID) -> Bool {
        world.mediaCommands.contains(.stopRecording(Self.first, id))
    }

    @Test func `the other end has heard of it before the first sample, and the code ends it`() throws {
        let office = try office()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*38", callID: "record")
        #expect(announced(office.world, .a) && !announced(office.world, .b), "who asked for it knows")
        #expect(recording(office.world) == nil)
        hearOut(office, .a)
        let id = try #require(recording(office.world))
        try office.dial(office.bob, "*38", callID: "end")
        #expect(isStopped(office.world, id))
        office.world.feed(.messages(.written(id, seconds: 7)))
        office.world.feed(.applications(AdminRequestID(1), .recordings))
        guard case .adminReply(_, .messages(let kept))? = office.world.trace.last, let one = kept.first else {
            Issue.record("nothing is kept")
            return
        }
        #expect(one.id.box == "r101" && one.caller == "100" && one.seconds == 7)
        office.world.feed(.applications(AdminRequestID(2), .deleteRecording(user: "101", number: one.id.number)))
        #expect(office.world.trace.contains(.messages(.delete(one.id))))
        office.world.feed(.applications(AdminRequestID(3), .deleteRecording(user: "101", number: one.id.number)))
        guard case .adminReply(_, .refused(status: 404, _))? = office.world.trace.last else {
            Issue.record("it was deleted twice")
            return
        }
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test(arguments: [true, false])
    func `where consent is asked for, nothing is recorded without the key`(consents: Bool) throws {
        let office = try office { $0.features.office.recordingConsent = "1" }
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*38", callID: "record")
        hearOut(office, .a)
        office.world.feed(.media(.digit(Self.first, .b, .one, how: .event)))
        office.world.feed(.media(.digit(Self.first, .a, .two, how: .event)))
        #expect(recording(office.world) == nil, "it is the other end's to press, and that key alone")
        if consents {
            office.world.feed(.media(.digit(Self.first, .a, .one, how: .event)))
            #expect(recording(office.world) != nil)
        } else {
            office.world.advance(by: .seconds(16))
            office.world.feed(.media(.digit(Self.first, .a, .one, how: .event)))
            #expect(recording(office.world) == nil && office.world.count("calls.recording-refused") == 1)
        }
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `who holds while it is announced has not been told, and is not recorded`() throws {
        let office = try office()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*38", callID: "record")
        let held = try a.request(.invite, body: sdp(["PCMU"], port: 30_000, direction: "sendonly", version: 2))
        #expect(held.status == 200)
        let resumed = try a.request(.invite, body: sdp(["PCMU"], port: 30_000, version: 3))
        #expect(resumed.status == 200)
        hearOut(office, .a)
        #expect(recording(office.world) == nil)
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `an announcement that does not come to its end records nothing`() throws {
        let office = try office()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*38", callID: "record")
        office.world.advance(by: .seconds(30))
        hearOut(office, .a)
        #expect(recording(office.world) == nil)
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        office.world.expectEverythingEnded()
    }

    @Test func `who may not record is refused, and so is who has no call`() throws {
        let office = try office()
        try office.isRefused(office.cleo, "*38", 403, callID: "never")
        try office.isRefused(office.bob, "*38", 480, callID: "nothing")
    }

    @Test(arguments: ["101", "610"])
    func `calls of some users and groups are always recorded, and all hear of it`(number: String) throws {
        let office = try office {
            $0.users[1].features.recording = number == "101" ? .always : .never
            $0.features.office.recordedGroups = ["610"]
            $0.groups[0].members = ["101"]
        }
        let (a, b) = try office.talk(office.ada, number, office.bob)
        #expect(announced(office.world, .a) && announced(office.world, .b))
        office.world.feed(.media(.played(Self.first, .a)))
        office.world.feed(.media(.played(Self.first, .b)))
        #expect(recording(office.world) == nil, "the end of something else that was played")
        hearOut(office, .a)
        #expect(recording(office.world) == nil, "one of them has not heard it yet")
        office.world.feed(.media(.played(Self.first, .b)))
        let id = try #require(recording(office.world))
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        office.world.feed(.messages(.written(id, seconds: 60)))
        office.world.advance(by: .seconds(29 * 86_400))
        #expect(!office.world.trace.contains { if case .messages(.delete) = $0 { true } else { false } })
        office.world.advance(by: .seconds(2 * 86_400))
        #expect(office.world.trace.contains { if case .messages(.delete) = $0 { true } else { false } }, "30 days")
        office.world.expectEverythingEnded()
    }

    @Test func `a recording ends when somebody else comes into the call`() throws {
        let office = try office()
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        try office.dial(office.bob, "*38", callID: "record")
        hearOut(office, .a)
        let id = try #require(recording(office.world))
        var request = b.dialog.makeRequest(.refer, contact: office.bob.contact)
        request.headers.append(.referTo, "<sip:102@\(World.realm)>")
        office.bob.send(request)
        #expect(try office.bob.nextResponse().status == 202)
        office.bob.respond(try office.bob.nextRequest(.notify), 200)
        let c = try office.cleo.answer(office.cleo.nextRequest(.invite), body: FeatureOffice.answer)
        #expect(isStopped(office.world, id))
        office.bob.respond(try office.bob.nextRequest(.notify), 200)
        try b.takeBye()
        #expect(try a.request(.bye).status == 200)
        try c.takeBye()
        office.world.expectEverythingEnded()
    }

    // MARK: Keys in a call

    private func press(_ keys: String, on side: MediaSide, _ world: World) {
        let digits = keys.compactMap { Digit($0) }
        world.feed(.media(.collected(Self.first, side, DigitCollector.Outcome(digits: digits, reason: .timeout))))
    }

    @Test func `codes pressed in a call are for that call`() throws {
        let office = try office { $0.features.office.takesCallKeys = true }
        let (a, b) = try office.talk(office.ada, "101", office.bob)
        let collected = office.world.mediaCommands.compactMap { command -> MediaSide? in
            if case .collect(Self.first, let side, _) = command { side } else { nil }
        }
        #expect(collected == [.a, .b])
        press("123", on: .b, office.world)
        press("*99", on: .b, office.world)
        press("*38", on: .a, office.world)
        #expect(!announced(office.world, .b), "Ada may not record")
        press("*38", on: .b, office.world)
        #expect(announced(office.world, .a))
        press("*26", on: .a, office.world)
        var features = UserFeatures()
        features.doNotDisturb = true
        #expect(office.world.trace.contains(.features(extension: "100", features)))
        press("*70", on: .b, office.world)
        try b.takeBye()
        #expect(office.world.count("calls.parked") == 1)
        #expect(try a.request(.bye).status == 200)
        office.world.expectEverythingEnded()
    }

    @Test func `without the setting nobody listens for keys, and a line never gives orders`() throws {
        let plain = try office()
        let (a, b) = try plain.talk(plain.ada, "101", plain.bob)
        press("*70", on: .b, plain.world)
        #expect(plain.world.count("calls.parked") == 0)
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        plain.world.expectEverythingEnded()
    }
}
