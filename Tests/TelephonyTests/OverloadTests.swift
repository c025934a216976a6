import ApplianceCore
import Media
import Primitives
import SIPMessage
import SIPTransaction
import Testing

/// What is taken, and from whom, while more comes in than is worked off.
@Suite struct OverloadTests {
    @Test func `strangers are told to come back later, without state`() throws {
        let world = World(World.settings(protected: true))
        world.feed(.overload(true))
        let stranger = Phone(world, "100", port: 40_000, host: 0x0A00_00C8)
        for method in [SIPMethod.register, .invite, .options, .subscribe] {
            stranger.send(stranger.request(method, to: "101", callID: method.rawValue))
            let refusal = try stranger.nextResponse()
            #expect(refusal.status == 503)
            let seconds = try #require(refusal.headers[.retryAfter].flatMap { Int($0) })
            #expect((5..<15).contains(seconds), "spread, so that not all come back at once")
        }
        #expect(world.count("sip.overload") == 4)
        #expect(world.telephony.isIdle)
        world.feed(.overload(false))
        try stranger.register()
    }

    @Test func `a running call goes on as if nothing were`() throws {
        let pair = try Pair()
        let (a, b) = try pair.talk()
        pair.world.feed(.overload(true))
        #expect(try a.request(.bye).status == 200)
        try b.takeBye()
        pair.world.expectEverythingEnded()
    }

    @Test func `a registered telephone still calls`() throws {
        let world = World(World.settings(protected: true))
        let ada = Phone(world, "100", port: 40_000)
        let bob = Phone(world, "101", port: 40_100)
        try ada.register()
        try bob.register()
        world.advance(by: .seconds(1))
        world.feed(.overload(true))
        _ = try ada.invite("101", body: sdp(["PCMU"], port: 33_000))
        #expect(bob.has(.invite))
        #expect(world.count("sip.overload") == 0)
    }

    @Test func `one telephone cannot take what is left for all`() throws {
        let world = World()
        let ada = Phone(world, "100", port: 40_000)
        try ada.register()
        world.advance(by: .seconds(1))
        world.feed(.overload(true))
        for index in 0..<6 { ada.send(ada.request(.options, to: "101", callID: "o\(index)")) }
        #expect(world.count("sip.overload") == 2)
        world.advance(by: .seconds(1))
        ada.send(ada.request(.options, to: "101", callID: "later"))
        #expect(world.count("sip.overload") == 2)
    }

    @Test func `all telephones together stay within their rate`() throws {
        var limits = Limits()
        limits.overloadAdmissionsPerSecond = 3
        let world = World(limits: limits)
        let phones = ["100", "101"].enumerated().map { Phone(world, $1, port: UInt16(40_000 + $0)) }
        for phone in phones { try phone.register() }
        world.advance(by: .seconds(1))
        world.feed(.overload(true))
        for index in 0..<2 {
            for phone in phones { phone.send(phone.request(.options, to: "102", callID: "\(phone.number)-\(index)")) }
        }
        #expect(world.count("sip.overload") == 1)
    }
}
