import CallControl
import CloudMessages
import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Settings
import Testing

/// What the parties hear when it is not each other.
@Suite struct HearingTests: AmongThree {
    let trio = Trio()
    private static let music = AudioProgram.playing(.music(MusicOnHold.builtIn), then: .peer)
    private static let ringback = AudioProgram.playing(Playlist(.ringback, of: .itu), then: .peer)

    private func direct(_ side: TestSide, _ direction: String, version: Int) throws {
        let port = side.phone.flow.remote.port
        let body = sdp(["PCMU"], port: port + 1, direction: direction, version: version)
        #expect(try side.request(.invite, body: body).status == 200)
        side.phone.send(side.dialog.makeAck(cseq: side.dialog.localCSeq))
    }

    @Test(arguments: ["sendonly", "inactive"])
    func `who is put on hold hears music until taken back`(direction: String) throws {
        let call = try ada.call(bob)
        #expect(world.hearing(.a) == nil && world.hearing(.b) == nil)
        try direct(call.near, direction, version: 2)
        #expect(world.hearing(.b) == Self.music && world.hearing(.a) == nil)
        try direct(call.near, "sendrecv", version: 3)
        #expect(world.hearing(.b) == .peer)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a network that holds with music of its own is heard, one that sends nothing is not`() throws {
        world.lines["100"] = LineID(1)
        let call = try ada.call(bob)
        try direct(call.near, "sendonly", version: 2)
        #expect(world.hearing(.b) == nil)
        try direct(call.near, "inactive", version: 3)
        #expect(world.hearing(.b) == Self.music)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `both may hold; each is taken back for itself`() throws {
        let call = try ada.call(bob)
        try direct(call.near, "sendonly", version: 2)
        try direct(call.far, "sendonly", version: 2)
        #expect(world.hearing(.a) == Self.music && world.hearing(.b) == Self.music)
        try direct(call.near, "sendrecv", version: 3)
        #expect(world.hearing(.a) == Self.music && world.hearing(.b) == .peer)
        try call.far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `who is being transferred hears music, then the ring once the transferor has left, then the new party`()
        throws
    {
        let call = try ada.call(bob)
        try direct(call.far, "sendonly", version: 2)
        #expect(try call.far.refer(to: "102").status == 202)
        let incoming = try cleo.nextRequest(.invite)
        cleo.respond(incoming, 180)
        #expect(world.hearing(.a) == Self.music)
        try call.far.hangUp()
        #expect(world.hearing(.a) == Self.ringback)
        let left = world.stream(.b)
        // Who has left neither hears the call nor is heard in it.
        #expect(left?.sends == false && left?.receives == false)
        let far = try cleo.answer(incoming)
        #expect(world.hearing(.a) == .peer)
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `music can be switched off`() throws {
        let world = Switchboard(playsMusic: false)
        let (ada, bob) = (world.phone("100", port: 40_000), world.phone("101", port: 40_100))
        let call = try ada.call(bob)
        try direct(call.near, "sendonly", version: 2)
        #expect(world.hearing(.b) == nil)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `who calls a conference room is answered and put into it`() throws {
        world.services["102"] = .conference(RoomID(3))
        let invite = ada.invite("102", codecs: ["opus", "PCMU"])
        let side = try ada.confirm(invite)
        #expect(world.hearing(.a) == .room(RoomID(3), RoomParticipation()))
        #expect(world.stream(.a)?.codec == .opus)
        try direct(side, "sendonly", version: 2)
        #expect(world.hearing(.a) == .room(RoomID(3), RoomParticipation()), "it may listen to nobody for a while")
        try side.hangUp()
        #expect(world.records.count == 1)
        world.expectNothingLeft()
    }

    @Test func `a conference room is full with as many as the media mix`() throws {
        world.services["102"] = .conference(RoomID(3))
        let sides = try (0..<Limits().roomParticipants).map { index in
            let phone = world.phone("10\(3 + index % 7)", port: 41_000 + UInt16(index) * 10)
            return try phone.confirm(phone.invite("102", codecs: ["PCMU"], callID: "room\(index)"))
        }
        _ = ada.invite("102", codecs: ["PCMU"])
        #expect(try ada.nextResponse().status == 486)
        try sides[0].hangUp()
        let invite = ada.invite("102", codecs: ["PCMU"], callID: "again")
        let side = try ada.confirm(invite)
        for side in sides.dropFirst() + [side] { try side.hangUp() }
        world.expectNothingLeft()
    }

    @Test func `a conference that the media backend cannot make is refused before it is answered`() throws {
        let world = Switchboard(backend: .rtpengine)
        let ada = world.phone("100", port: 40_000)
        world.services["102"] = .conference(RoomID(3))
        world.services["103"] = .echo
        _ = ada.invite("102", codecs: ["PCMU"])
        #expect(try ada.nextResponse().status == 501)
        #expect(world.media.isEmpty && world.counts.contains("media.refused"))
        try ada.confirm(ada.invite("103", codecs: ["PCMU"], callID: "echo")).hangUp()
        world.expectNothingLeft()
    }

    @Test(arguments: [(MediaRefusal.unavailable, 501), (.roomFull(RoomID(3), limit: 10), 503)])
    func `a conference that the media workers refuse ends, and says why`(refusal: MediaRefusal, cause: Int) throws {
        world.services["102"] = .conference(RoomID(3))
        _ = try ada.confirm(ada.invite("102", codecs: ["PCMU"]))
        world.feed(.refused(MediaSessionID(1), refusal))
        let bye = try ada.nextRequest(.bye)
        #expect(bye.reasons().first?.cause == cause)
        ada.respond(bye, 200)
        world.expectNothingLeft()
    }

    @Test func `music that is not to be had is done without`() throws {
        let call = try ada.call(bob)
        try direct(call.near, "sendonly", version: 2)
        world.feed(.refused(MediaSessionID(1), .unavailable))
        #expect(world.counts.contains("media.refused"))
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }
}
