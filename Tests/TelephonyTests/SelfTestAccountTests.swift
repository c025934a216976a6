import ApplianceCore
import Primitives
import SIPMessage
import SIPTransaction
import Testing

/// The account with which the machine calls itself after an update.
@Suite struct SelfTestAccountTests {
    private static let loopback: UInt32 = 0x7F00_0001

    private func world() -> World { World(selfTest: SelfTestAccount(password: Secret("secretself-test"))) }

    @Test func `the machine calls its own echo and leaves no record`() throws {
        let world = world()
        let phone = Phone(world, "self-test", port: 40_000, host: Self.loopback)
        let invite = try phone.invite("self-test", body: sdp(["PCMU"], port: 30_000))
        let response = try phone.nextResponse()
        #expect(response.status == 200)
        let side = try phone.confirm(invite, response)
        #expect(world.telephony.calls(at: world.now).count == 1)
        world.advance(by: .seconds(1))
        #expect(try side.request(.bye).status == 200)
        #expect(world.telephony.calls(at: world.now).isEmpty)
        #expect(world.records.isEmpty)
    }

    @Test func `from another machine its password is wrong`() throws {
        let phone = Phone(world(), "self-test", port: 40_000)
        _ = try phone.invite("self-test", body: sdp(["PCMU"], port: 30_000))
        #expect(try phone.nextResponse().status == 403)
    }

    @Test func `it cannot register`() throws {
        let phone = Phone(world(), "self-test", port: 40_000, host: Self.loopback)
        #expect(try phone.register().status == 403)
    }

    @Test func `without a password nobody has the account`() throws {
        let phone = Phone(World(), "self-test", port: 40_000, host: Self.loopback)
        _ = try phone.invite("self-test", body: sdp(["PCMU"], port: 30_000))
        #expect(try phone.nextResponse().status == 403)
    }
}
