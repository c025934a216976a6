import ApplianceCore
import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Settings
import Testing

/// Three registered users, a line to the outside and the call features, as a test has them set.
struct FeatureOffice {
    let world: World
    let ada: Phone
    let bob: Phone
    let cleo: Phone
    /// The other end of the line.
    let line: Phone

    init(limits: Limits = Limits(), _ change: (inout ApplianceSettings) -> Void = { _ in }) throws {
        var settings = World.settings()
        settings.numbering = NumberingSettings(countryCode: "49")
        settings.numbering.areaCode = "30"
        settings.outgoing.emergencyNumbers = ["112"]
        settings.features.office.parkOrbits = ["71", "72"]
        var trunk = TrunkSettings(
            name: "one", kind: .static, server: TrunkServer(host: "10.0.0.50", port: 5060), user: "account")
        trunk.transport = .udp
        trunk.healthInterval = .zero
        trunk.defaultDestination = "101"
        settings.trunks = [trunk]
        settings.outgoing.rules = [OutgoingRule(prefix: "+", trunks: ["one"])]
        change(&settings)
        world = World(settings, limits: limits)
        ada = Phone(world, "100", port: 40_000)
        bob = Phone(world, "101", port: 40_100)
        cleo = Phone(world, "102", port: 40_200)
        line = Phone(world, "line", port: 5060, host: 0x0A00_0032)
        for phone in [ada, bob, cleo] { try phone.register() }
    }

    static let offer = sdp(["PCMU"], port: 30_000)
    static let answer = sdp(["PCMU"], port: 31_000)

    /// A call that has been answered.
    func talk(_ caller: Phone, _ number: String, _ callee: Phone, callID: String = "call") throws -> (a: Side, b: Side)
    {
        let invite = try caller.invite(number, body: Self.offer, callID: callID)
        let b = try callee.answer(callee.nextRequest(.invite), body: Self.answer)
        return (try caller.confirm(invite, caller.finalResponse()), b)
    }

    /// Dials a code, hears the confirmation to its end and is hung up.
    func dial(_ phone: Phone, _ code: String, callID: String) throws {
        let invite = try phone.invite(code, body: Self.offer, callID: callID)
        let response = try phone.finalResponse()
        #expect(response.status == 200, "\(code) was refused")
        guard response.status == 200 else { return phone.ack(refusal: response, of: invite) }
        let side = try phone.confirm(invite, response)
        let session = world.mediaCommands.compactMap { command -> MediaSessionID? in
            if case .hear(let session, .a, .playing(_, then: .silence)) = command { session } else { nil }
        }.last
        world.feed(.media(.played(try #require(session, "no tone was heard"), .a)))
        try side.takeBye()
    }

    /// Dials and is refused with that status.
    func isRefused(_ phone: Phone, _ number: String, _ status: Int, callID: String) throws {
        let invite = try phone.invite(number, body: Self.offer, callID: callID)
        let response = try phone.finalResponse()
        #expect(response.status == status)
        phone.ack(refusal: response, of: invite)
    }

    func refuse(_ phone: Phone, _ status: Int) throws {
        phone.respond(try phone.nextRequest(.invite), status)
        _ = try phone.nextRequest(.ack)
    }
}

extension Phone {
    /// The final response, provisional ones passed over.
    func finalResponse() throws -> SIPResponse {
        var response = try nextResponse()
        while response.status < 200 { response = try nextResponse() }
        return response
    }
}
