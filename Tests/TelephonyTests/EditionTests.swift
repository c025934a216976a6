import ApplianceCore
import Media
import Primitives
import SIPMessage
import Settings
import Testing

@Suite struct EditionTests {
    /// As many calls as the edition has, all by one telephone.
    private func fullHouse(_ edition: ApplianceSettings.Edition, ownLimit: Int? = nil) throws -> (Pair, Phone) {
        var limits = Limits()
        limits.callsPerUser = 1_000
        let pair = try Pair(limits: limits)
        var settings = World.settings()
        settings.edition = edition
        settings.sip.calls = ownLimit
        settings.features.echo = "600"
        pair.world.feed(.settings(settings))
        for index in 0..<(try #require(edition.limits.calls)) {
            pair.ada.inbox.removeAll()
            _ = try pair.ada.invite("600", body: sdp(["PCMU"], port: 30_000), callID: "call-\(index)")
        }
        #expect(pair.world.count("calls.refused-edition") == 0)
        return (pair, pair.ada)
    }

    @Test func `one call more than the edition has is refused with the reason, and what runs goes on`() throws {
        let (pair, ada) = try fullHouse(.next)
        #expect(pair.world.telephony.callCount == 40)
        ada.inbox.removeAll()
        _ = try ada.invite("600", body: sdp(["PCMU"], port: 30_000), callID: "one-more")
        let refusal = try ada.nextResponse()
        #expect(refusal.status == 503 && refusal.reason == "Edition Allows No More Calls")
        #expect(pair.world.telephony.callCount == 40)
        var settings = World.settings()
        settings.edition = .tryout
        pair.world.feed(.settings(settings))
        #expect(pair.world.telephony.callCount == 40)
    }

    @Test func `calls that the owner has set stand instead`() throws {
        let (pair, ada) = try fullHouse(.next, ownLimit: 60)
        ada.inbox.removeAll()
        _ = try ada.invite("600", body: sdp(["PCMU"], port: 30_000), callID: "one-more")
        #expect(pair.world.telephony.callCount == 41)
    }

    @Test(
        arguments: [
            (ApplianceSettings.Edition.next, 40, nil, 40), (.flex, 250, 500, 48), (.tryout, 3, nil, nil),
        ] as [(ApplianceSettings.Edition, Int, Int?, Int?)])
    func `each edition has its limits`(edition: ApplianceSettings.Edition, users: Int, devices: Int?, calls: Int?) {
        #expect(edition.limits == EditionLimits(users: users, devices: devices, calls: calls))
    }
}
