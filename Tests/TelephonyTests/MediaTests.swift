import ApplianceCore
import CloudMessages
import Media
import Primitives
import SDP
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

@Suite struct MediaTests {
    @Test(arguments: [
        (["opus", "PCMU"], ["PCMU"], AudioCodec.pcmu, AudioCodec.pcmu, true),
        (["PCMU", "opus"], ["opus"], .opus, .opus, true), (["PCMA", "PCMU"], ["PCMU"], .pcmu, .pcmu, true),
        (["opus", "PCMU"], ["opus", "PCMU"], .opus, .opus, true), (["opus"], ["PCMU"], .opus, .pcmu, false),
        (["PCMA"], ["PCMU"], .pcma, .pcmu, false),
    ])
    func `what both sides speak is relayed, anything else transcoded`(
        offer: [String], answer: [String], a: AudioCodec, b: AudioCodec, isRelayed: Bool
    ) throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(offer, port: 30_000))
        _ = try pair.bob.answer(pair.bob.nextRequest(.invite), body: sdp(answer, port: 31_000))
        let response = try pair.ada.nextResponse()
        let side = try pair.ada.confirm(invite, response)
        let codecs = try SessionDescription.parse(response.body).media[0].audioFormats.map { $0.encodingName }
        #expect(codecs == [a.rawValue])
        let streams = (try #require(pair.world.stream(.a)), try #require(pair.world.stream(.b)))
        #expect(streams.0.codec == a && streams.1.codec == b)
        #expect(MediaSession.canRelay(streams.0, streams.1) == isRelayed)
        #expect(MediaSession.canRelay(streams.1, streams.0) == isRelayed)
        #expect(try side.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a renumbered codec is sent under the callee's number and awaited under ours`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk(offer: sdp(["opus"], port: 30_000), answer: sdp(["opus"], port: 31_000))
        #expect(pair.world.stream(.b)?.payloadType == 107)
        #expect(pair.world.stream(.b)?.receivePayloadType == 96)
        #expect(pair.world.stream(.a)?.payloadType == 107)
        #expect(pair.world.stream(.a)?.receivePayloadType == 107)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `keys beside Opus are agreed in the only clock that the telephone knows`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk(
            offer: sdp(["opus", "telephone-event"], port: 30_000),
            answer: sdp(["PCMU", "telephone-event"], port: 31_000))
        #expect(pair.world.stream(.a)?.telephoneEventPayloadType == 101)
        #expect(pair.world.stream(.a)?.telephoneEventClockRate == 8_000)
        #expect(pair.world.stream(.b)?.telephoneEventClockRate == 8_000)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a later offer of ours keeps the payload types, and the codec of the other side leads`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk(
            offer: sdp(["opus", "PCMU"], port: 30_000), answer: sdp(["opus", "PCMU"], port: 31_000))
        for (side, opus) in [(a, 107), (b, 96)] {
            let before = pair.world.mediaCommands.count
            let request = side.dialog.makeRequest(.invite, contact: side.phone.contact)
            side.phone.send(request)
            let response = try side.phone.nextResponse()
            #expect(response.status == 200)
            let offer = try SessionDescription.parse(response.body)
            #expect(offer.media.count == 1)
            #expect(offer.media[0].audioFormats.first?.encodingName == "opus")
            #expect(offer.media[0].audioFormats.first?.payloadType == UInt8(opus))
            side.ack(side.dialog.localCSeq, body: sdp(["opus", "PCMU"], port: 30_002, version: 2))
            #expect(pair.world.mediaCommands.count == before + 1)
        }
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a side that changes its codec is answered with the other's if it still has it`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk(
            offer: sdp(["opus", "PCMU", "PCMA"], port: 30_000), answer: sdp(["PCMU"], port: 31_000))
        _ = try a.request(.invite, body: sdp(["opus", "PCMU"], port: 30_000, version: 2))
        #expect(pair.world.stream(.a)?.codec == .pcmu)
        _ = try b.request(.invite, body: sdp(["PCMA"], port: 31_000, version: 2))
        #expect(pair.world.stream(.b)?.codec == .pcma)
        _ = try a.request(.invite, body: sdp(["opus", "PCMA"], port: 30_000, version: 3))
        #expect(pair.world.stream(.a)?.codec == .pcma)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `different codecs are transcoded`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk(offer: sdp(["opus"], port: 30_000), answer: sdp(["PCMU"], port: 31_000))
        #expect(pair.world.stream(.a)?.codec == .opus)
        #expect(pair.world.stream(.a)?.payloadType == 107)
        #expect(pair.world.stream(.b)?.codec == .pcmu)
        #expect(try a.request(.bye).status == 200)
        #expect(pair.world.records.first?.quality.map(\.codec) == ["opus", "PCMU"])
        pair.world.expectEverythingEnded()
    }

    @Test func `the callee is offered the caller's codecs first and all others after them`() throws {
        let pair = try Pair()
        _ = try pair.ada.invite("101", body: sdp(["PCMA", "PCMU"], port: 30_000))
        let offer = try SessionDescription.parse(pair.bob.nextRequest(.invite).body)
        let names = offer.media.first?.audioFormats.map(\.encodingName).filter { $0 != "telephone-event" }
        #expect(names == ["PCMA", "PCMU", "opus", "G722"])
        #expect(offer.media.first?.port == 20_006)
        pair.world.expectEverythingEnded()
    }

    @Test func `the caller is answered with the callee's codec when it has it`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk(
            offer: sdp(["opus", "PCMU", "PCMA"], port: 30_000), answer: sdp(["PCMA"], port: 31_000))
        #expect(pair.world.stream(.a)?.codec == .pcma)
        #expect(pair.world.stream(.b)?.codec == .pcma)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `hold and resume change the flags of one leg and leave the other alone`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        let held = try a.request(.invite, body: sdp(["PCMU"], port: 30_000, direction: "sendonly", version: 2))
        #expect(held.status == 200)
        #expect(String(decoding: held.body, as: UTF8.self).contains("a=recvonly"))
        #expect(pair.world.stream(.a)?.sends == false)
        #expect(pair.world.stream(.a)?.receives == true)
        #expect(pair.bob.inbox.isEmpty)
        let resumed = try a.request(.invite, body: sdp(["PCMU"], port: 30_000, version: 3))
        #expect(String(decoding: resumed.body, as: UTF8.self).contains("a=sendrecv"))
        #expect(pair.world.stream(.a)?.sends == true)
        // The origin counts up with each change.
        let versions = try [held, resumed].map { try SessionDescription.parse($0.body).origin.sessionVersion }
        #expect(versions[1] == versions[0] + 1)
        // The callee moves its port, by UPDATE.
        let moved = try b.request(.update, body: sdp(["PCMU"], port: 31_500, version: 2))
        #expect(moved.status == 200)
        #expect(pair.world.stream(.b)?.remote == Endpoint("10.0.0.100:31500"))
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `an old-style hold with address 0 is understood`() throws {
        let pair = try Pair()
        let (_, b) = try pair.talk()
        #expect(try b.request(.invite, body: sdp(["PCMU"], port: 31_000, host: "0.0.0.0", version: 2)).status == 200)
        #expect(pair.world.stream(.b)?.sends == false)
        #expect(try b.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `a re-INVITE that cannot be met is refused and changes nothing`() throws {
        let pair = try Pair()
        let (a, _) = try pair.talk()
        let before = pair.world.stream(.a)
        let refused = try a.request(.invite, body: sdp(["G729"], port: 30_000, version: 2))
        #expect(refused.status == 488)
        #expect(refused.headers.contains(.warning))
        let wrongType = try a.request(.invite, body: Array("hello".utf8), contentType: "text/plain")
        #expect(wrongType.status == 415)
        #expect(pair.world.stream(.a) == before)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `an INVITE without an offer is offered in the 200 and agreed in the ACK`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: [])
        _ = try pair.bob.answer(pair.bob.nextRequest(.invite), body: sdp(["PCMA"], port: 31_000))
        let response = try pair.ada.nextResponse()
        let offer = try SessionDescription.parse(response.body)
        #expect(offer.media.first?.audioFormats.first?.encodingName == "PCMA")
        #expect(pair.world.stream(.a) == nil)
        let a = try pair.ada.confirm(invite, response, body: sdp(["PCMA"], port: 30_000))
        #expect(pair.world.stream(.a)?.remote == Endpoint("10.0.0.100:30000"))
        #expect(pair.world.stream(.a)?.codec == .pcma)
        #expect(try a.request(.bye).status == 200)
        pair.world.expectEverythingEnded()
    }

    @Test func `an ACK without the answer it owes ends the call`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: [])
        let b = try pair.bob.answer(pair.bob.nextRequest(.invite), body: sdp(["PCMA"], port: 31_000))
        let a = try pair.ada.confirm(invite, try pair.ada.nextResponse())
        try a.takeBye()
        try b.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `the echo feature needs one leg`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("600", body: sdp(["opus", "PCMU"], port: 30_000))
        let response = try pair.ada.nextResponse()
        #expect(response.status == 200)
        let a = try pair.ada.confirm(invite, response)
        #expect(pair.world.mediaCommands.contains(.setEcho(MediaSessionID(1))))
        #expect(pair.world.stream(.a)?.codec == .opus)
        #expect(pair.world.stream(.b) == nil)
        pair.world.advance(by: .seconds(2))
        #expect(try a.request(.bye).status == 200)
        let record = try #require(pair.world.records.first)
        #expect([record.connectedUserNumber, record.connectedUserName] == ["600", "Echo"])
        #expect(record.lengthSeconds == 2)
        #expect(record.quality.count == 1)
        pair.world.expectEverythingEnded()
    }

    @Test(arguments: [
        (["G729"], "application/sdp", 488), (["PCMU"], "text/plain", 415), (["PCMU"], "multipart/mixed", 400),
    ])
    func `what cannot be talked about is refused before anybody rings`(codecs: [String], type: String, status: Int)
        throws
    {
        let pair = try Pair()
        let invite = try pair.ada.invite(
            "101", body: sdp(codecs, port: 30_000), fields: [.init(.contentType, type)])
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == status)
        pair.ada.ack(refusal: refusal, of: invite)
        #expect(!pair.bob.has(.invite))
        #expect(pair.world.mediaCommands.isEmpty)
        pair.world.expectEverythingEnded()
    }

    @Test func `a callee whose answer has no common codec is hung up, the caller gets 488`() throws {
        let pair = try Pair()
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        let b = try pair.bob.answer(pair.bob.nextRequest(.invite), body: sdp(["G729"], port: 31_000))
        try b.takeBye()
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == 488)
        pair.ada.ack(refusal: refusal, of: invite)
        pair.world.expectEverythingEnded()
    }

    @Test(
        arguments: [
            (MediaFailure.noPortFree, 503), (.tooManySessions(limit: 4), 503), (.heldUp, 503),
            (.overBudget(needed: .milliseconds(7), left: .milliseconds(3)), 503), (.socket(errno: 13), 500),
        ])
    func `without media ports the call is refused`(failure: MediaFailure, status: Int) throws {
        let pair = try Pair()
        pair.world.opensMedia = false
        pair.world.failedOpens = 1
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        pair.world.feed(.media(.failed(MediaSessionID(1), failure)))
        let refusal = try pair.ada.nextResponse()
        #expect(refusal.status == status)
        #expect(refusal.headers.contains(.retryAfter) == (status == 503))
        pair.ada.ack(refusal: refusal, of: invite)
        #expect(pair.world.records.map(\.success) == [false])
        pair.world.expectEverythingEnded()
    }

    @Test func `media workers that say nothing do not hold up a call for ever`() throws {
        let pair = try Pair()
        pair.world.opensMedia = false
        pair.world.closesMedia = false
        _ = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        pair.world.advance(by: .seconds(6))
        #expect(
            pair.ada.inbox.contains { if case .response(let response) = $0 { response.status == 503 } else { false } })
        pair.world.advance(by: .seconds(6))
        #expect(pair.world.records.count == 1)
        pair.world.expectEverythingEnded()
    }

    @Test func `ports that come after the caller has given up are closed again`() throws {
        let pair = try Pair()
        pair.world.opensMedia = false
        let invite = try pair.ada.invite("101", body: sdp(["PCMU"], port: 30_000))
        pair.ada.cancel(invite)
        pair.world.feed(.media(.opened(MediaSessionID(1), portA: 20_000, portB: 20_002)))
        #expect(!pair.bob.has(.invite))
        pair.world.expectEverythingEnded()
    }
}
