import ApplianceCore
import Media
import Primitives
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
}
