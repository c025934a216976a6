import Primitives
import SIPMessage
import Testing

@testable import ApplianceCore

@Suite struct DigestOfferTests {
    private func offer(_ agent: String?) -> DigestOffer {
        var request = SIPRequest(method: .register, uri: SIPURI(host: "pbx.example"))
        if let agent { request.headers.append(.userAgent, agent) }
        return DigestOffer(for: request)
    }

    @Test(arguments: [
        "Linphone/5.1", "pbx-softphone", "baresip v3.0.0 (x86_64/Linux)", "baresip v10.1", "baresip", "baresip vNext",
    ])
    func `a client that may cope gets SHA-256 on top`(agent: String) {
        #expect(offer(agent) == .preferred)
        #expect(offer(agent).ordered(["sha", "md5"]) == ["sha", "md5"])
    }

    @Test(arguments: ["baresip v1.0.0 (x86_64/linux)", "baresip v0.6.5", "baresip v2.9.0"])
    func `a client that refuses what it does not know gets MD5 alone`(agent: String) {
        #expect(offer(agent).ordered(["sha", "md5"]) == ["md5"])
    }

    @Test func `a client without a name gets MD5 on top`() {
        #expect(offer(nil).ordered(["sha", "md5"]) == ["md5", "sha"])
    }
}
