import ApplianceCore
import Media
import Primitives
import RTP
import SIPDialog
import SIPMessage
import SIPTransaction
import Settings
import Testing

/// What telephones are offered by the setting `media.srtp` and by how their signalling travels.
@Suite struct ProtectionOfferTests {
    private static let key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + String(repeating: "A", count: 40) + "\r\n"

    /// Ada, who is protected herself where the setting demands it, calls Bob on `transport`.
    private func call(
        _ security: MediaSecurity, over transport: SIPFlow.Transport
    ) throws -> (world: World, ada: Phone, bob: Phone, invite: SIPRequest) {
        var settings = World.settings()
        settings.media.security = security
        let world = World(settings)
        let ada = Phone(world, "100", port: 40_000, transport: .tls)
        let bob = Phone(world, "101", port: 40_100, transport: transport)
        try ada.register()
        try bob.register()
        var offer = String(decoding: sdp(["PCMU"], port: 33_000), as: UTF8.self)
        if security == .required { offer = offer.replacing("RTP/AVP", with: "RTP/SAVP") + Self.key }
        let invite = try ada.invite("101", body: Array(offer.utf8))
        return (world, ada, bob, invite)
    }

    private func profile(_ invite: SIPRequest) -> String? {
        let lines = String(decoding: invite.body, as: UTF8.self).split(separator: "\r\n")
        return lines.first { $0.hasPrefix("m=audio") }?.split(separator: " ").dropFirst(2).first.map(String.init)
    }

    @Test(arguments: [
        (MediaSecurity.optional, SIPFlow.Transport.tls, "RTP/SAVP"), (.optional, .tcp, "RTP/AVP"),
        (.optional, .udp, "RTP/AVP"), (.required, .tls, "RTP/SAVP"), (.required, .udp, "RTP/SAVP"),
        (.off, .tls, "RTP/AVP"),
    ])
    func `the offer`(security: MediaSecurity, transport: SIPFlow.Transport, profile expected: String) throws {
        let (_, _, bob, _) = try call(security, over: transport)
        let invite = try bob.nextRequest(.invite)
        #expect(profile(invite) == expected)
        let hasKeys = String(decoding: invite.body, as: UTF8.self).contains("a=crypto:")
        #expect(hasKeys == (expected == "RTP/SAVP" && transport == .tls), "no key in the clear")
    }

    @Test(arguments: [488, 415, 606])
    func `who refuses protection is called again without, once`(status: Int) throws {
        let (world, ada, bob, _) = try call(.optional, over: .tls)
        let first = try bob.nextRequest(.invite)
        bob.respond(first, status)
        _ = try bob.nextRequest(.ack)
        let second = try bob.nextRequest(.invite)
        #expect(profile(second) == "RTP/AVP")
        #expect(try second.cseq().number == (try first.cseq().number) + 1)
        #expect(second.headers[.callID] == first.headers[.callID])
        bob.respond(second, status)
        _ = try bob.nextRequest(.ack)
        #expect(!bob.has(.invite))
        #expect(try ada.nextResponse().status == status)
        world.advance(by: .seconds(60))
    }

    /// Ada calls Bob, who refuses protected media and is called without; the call ends before he answers.
    private func refuseOnce(_ world: World, _ bob: Phone) throws {
        bob.respond(try bob.nextRequest(.invite), 488)
        _ = try bob.nextRequest(.ack)
        let plain = try bob.nextRequest(.invite)
        #expect(profile(plain) == "RTP/AVP")
        bob.respond(plain, 180)
        bob.respond(plain, 486)
        _ = try bob.nextRequest(.ack)
        world.advance(by: .seconds(40))
    }

    private func next(_ ada: Phone, _ bob: Phone, callID: String) throws -> SIPRequest {
        ada.inbox = []
        _ = try ada.invite("101", body: sdp(["PCMU"], port: 33_000), callID: callID)
        return try bob.nextRequest(.invite)
    }

    @Test func `who has refused protection is called without at once, until it registers anew`() throws {
        let (world, ada, bob, _) = try call(.optional, over: .tls)
        try refuseOnce(world, bob)
        let second = try next(ada, bob, callID: "second")
        #expect(profile(second) == "RTP/AVP")
        bob.respond(second, 486)
        _ = try bob.nextRequest(.ack)
        try bob.register()
        let afterRefresh = try next(ada, bob, callID: "third")
        #expect(profile(afterRefresh) == "RTP/AVP", "a refresh is not another registration")
        bob.respond(afterRefresh, 486)
        _ = try bob.nextRequest(.ack)
        try bob.register(callID: "restarted")
        #expect(profile(try next(ada, bob, callID: "fourth")) == "RTP/SAVP")
    }

    @Test func `after an hour it is asked again`() throws {
        let (world, ada, bob, _) = try call(.optional, over: .tls)
        try refuseOnce(world, bob)
        ada.inbox = []
        for _ in 0..<8 {
            world.advance(by: .seconds(500))
            try bob.register()
            try ada.register()
        }
        #expect(profile(try next(ada, bob, callID: "later")) == "RTP/SAVP")
    }

    @Test func `who wants protection by now, and is offered none, gets it, and first at the next call`() throws {
        let (world, ada, bob, _) = try call(.optional, over: .tls)
        try refuseOnce(world, bob)
        let plain = try next(ada, bob, callID: "second")
        #expect(profile(plain) == "RTP/AVP")
        bob.respond(plain, 488)
        _ = try bob.nextRequest(.ack)
        let protected = try bob.nextRequest(.invite)
        #expect(profile(protected) == "RTP/SAVP")
        bob.respond(protected, 180)
        bob.respond(protected, 486)
        _ = try bob.nextRequest(.ack)
        world.advance(by: .seconds(40))
        #expect(profile(try next(ada, bob, callID: "third")) == "RTP/SAVP")
    }

    @Test func `who refuses both is known for nothing`() throws {
        let (world, ada, bob, _) = try call(.optional, over: .tls)
        for _ in 0..<2 {
            bob.respond(try bob.nextRequest(.invite), 488)
            _ = try bob.nextRequest(.ack)
        }
        world.advance(by: .seconds(40))
        #expect(profile(try next(ada, bob, callID: "second")) == "RTP/SAVP")
    }

    @Test func `who must have protection is not called without`() throws {
        let (_, _, bob, _) = try call(.required, over: .tls)
        bob.respond(try bob.nextRequest(.invite), 488)
        _ = try bob.nextRequest(.ack)
        #expect(!bob.has(.invite))
    }

    @Test func `a plain call that was agreed on stays plain`() throws {
        let (_, _, bob, _) = try call(.optional, over: .tls)
        bob.respond(try bob.nextRequest(.invite), 488)
        _ = try bob.nextRequest(.ack)
        let second = try bob.nextRequest(.invite)
        let side = try bob.answer(second, body: sdp(["PCMU"], port: 34_000))
        let hold = try side.request(.invite, body: sdp(["PCMU"], port: 34_000, direction: "sendonly", version: 2))
        #expect(hold.status == 200 && String(decoding: hold.body, as: UTF8.self).contains("RTP/AVP"))
    }

    // MARK: A dialog over TLS stays there

    private func hasKeys(_ body: [UInt8]) -> Bool { String(decoding: body, as: UTF8.self).contains("a=crypto:") }

    /// With the tag that our offers give this suite.
    private func protected(port: UInt16, version: Int = 1, direction: String = "sendrecv") -> [UInt8] {
        let plain = String(
            decoding: sdp(["PCMU"], port: port, direction: direction, version: version), as: UTF8.self)
        return Array(
            (plain.replacing("RTP/AVP", with: "RTP/SAVP") + Self.key.replacing("crypto:1", with: "crypto:3")).utf8)
    }

    @Test(arguments: [SIPFlow.Transport.udp, .tcp], [SIPMethod.invite, .update, .options, .bye])
    func `a request in the clear gets 403 and changes nothing`(transport: SIPFlow.Transport, method: SIPMethod) throws {
        let (world, ada, bob, invite) = try call(.required, over: .tls)
        let incoming = try bob.nextRequest(.invite)
        #expect(hasKeys(incoming.body))
        let b = try bob.answer(incoming, body: protected(port: 34_000))
        let a = try ada.confirm(invite, ada.nextResponse())
        let clear = Phone(world, "101", port: 40_300, transport: transport)
        let hasBody = method == .invite || method == .update
        let body = hasBody ? protected(port: 35_000, version: 2) : []
        var forged = b.dialog
        clear.send(
            forged.makeRequest(
                method, contact: clear.contact, contentType: hasBody ? "application/sdp" : nil, body: body))
        let refusal = try clear.nextResponse()
        #expect(refusal.status == 403 && refusal.body.isEmpty)
        // The same number over TLS is new there, and what follows goes over TLS.
        let held = try b.request(.invite, body: protected(port: 34_000, version: 2, direction: "sendonly"))
        #expect(held.status == 200 && hasKeys(held.body))
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        #expect(!clear.inbox.contains { if case .request(let request) = $0 { request.method != .ack } else { false } })
        world.expectEverythingEnded()
    }

    @Test func `an ACK in the clear does not take the dialog with it`() throws {
        let (world, ada, bob, invite) = try call(.required, over: .tls)
        let b = try bob.answer(bob.nextRequest(.invite), body: protected(port: 34_000))
        let response = try ada.nextResponse()
        let dialog = try Dialog(sent: invite, received: response)
        let clear = Phone(world, "100", port: 40_300)
        clear.send(dialog.makeAck(cseq: dialog.localCSeq))
        world.advance(by: .seconds(1))
        #expect(try ada.nextResponse().status == 200, "it has not counted")
        let a = try ada.confirm(invite, response)
        #expect(try b.request(.bye).status == 200)
        try a.takeBye()
        #expect(clear.inbox.isEmpty)
        world.expectEverythingEnded()
    }

    @Test func `a failure of keys is told with its side and its cause`() throws {
        let (world, _, _, _) = try call(.optional, over: .tls)
        world.feed(.media(.failed(MediaSessionID(1), .keysNotAgreed(.b, .wrongCertificate))))
        let logs = world.trace.compactMap { if case .log(.notice, let text) = $0 { text } else { nil } }
        #expect(logs.contains { $0.contains("side b") && $0.contains("certificate") })
    }
}
