import CloudCore
import CloudMessages
import CloudWire
import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import OpenSSLCrypto
import Pairing
import Primitives
import TLS
import Testing
import VendorCloud

/// F-C1 to F-C6 from the user's browser to a (test) appliance and back, over real TLS and HTTP.
@Suite struct PairingJourneyTests {
    /// What the test appliance has seen.
    private struct Seen: Sendable {
        var offers: [PairingOffer] = []
        var offerUnits: [String?] = []
        var authorizations: [String] = []
        var callPaths: [String] = []
    }

    private static let record: CallRecord = {
        var record = CallRecord(callDataID: 42, startDate: UnixTime(seconds: 1_767_323_045), lengthSeconds: 61)
        record.externalPhoneNumber = "+49555987654"
        record.direction = .incoming
        return record
    }()

    private func answer(_ request: FakeAppliance.Request, _ seen: NIOLockedValueBox<Seen>, root: Certificate)
        -> FakeAppliance.Answer
    {
        let expected = "Basic " + Base64.encode(Array("ccc-abcdefgh:secret-password".utf8))
        switch (request.service, request.method, request.path.prefix { $0 != "?" }) {
        case ("pairing", .POST, "/v1/offer"):
            let time = UnixTime(seconds: Int64(time(nil)))
            let payload = try? JWS.verify(
                String(decoding: request.body, as: UTF8.self), root: root, requiredOU: "control-center", at: time)
            guard let offer = try? payload.map({ try PairingOfferBody.decode($0) }) else {
                return .init(status: .badRequest)
            }
            seen.withLockedValue {
                $0.offers.append(offer)
                $0.offerUnits.append(request.clientUnit)
            }
            return .init(status: .noContent)
        case ("control", .GET, "/v1/state"):
            let authorization = request.headers.first(name: "authorization") ?? ""
            seen.withLockedValue { $0.authorizations.append(authorization) }
            guard authorization == expected else { return .init(status: .unauthorized) }
            let state = DeviceState(
                model: "Next", firmwareVersion: "1.0.0", edition: "next", registeredUsers: 2, activeCalls: 1,
                services: ["control-center"])
            return .init(status: .ok, body: (try? WireJSON.encode(DeviceStateBody(state), what: "state")) ?? [])
        case ("control", .GET, "/v1/calls"):
            guard request.headers.first(name: "authorization") == expected else { return .init(status: .unauthorized) }
            seen.withLockedValue { $0.callPaths.append(request.path) }
            let event = (try? ServerSentEvent(Self.record).encoded) ?? []
            return .init(status: .ok, type: ServerSentEvent.contentType, body: event, staysOpen: true)
        default: return .init(status: .notFound)
        }
    }

    /// Asks until the list's answer contains `text`; each round is a request to the server, bounded in number.
    private func list(_ client: CloudClient, until text: String) async throws -> String {
        var answer = ""
        for _ in 0..<20_000 {
            answer = try await client.send(.GET, .web, "/api/devices").text
            if answer.contains(text) { return answer }
        }
        return answer
    }

    @Test func `add, offer, register, poll, call data, revoke`() async throws {
        try await CloudWorld.run {
            $0.limits.offerRetry = .milliseconds(20)
            $0.limits.statePoll = .milliseconds(50)
        } _: { world in
            let seen = NIOLockedValueBox(Seen())
            let root = world.material.root
            let device = try world.material.device(CloudWorld.serial)
            try await world.withClient(nil) { browser async throws in
                try await add(browser)
                let appliance = try await FakeAppliance.connect(to: world, identity: device) {
                    answer($0, seen, root: root)
                }
                try await register(browser, world, device, seen)
                try await watchCalls(browser, world, seen)
                try await configure(browser, world, device)
                try await revoke(browser, world, device, seen)
                await appliance.close()
            }
        }
    }

    /// F-C10 and F-C11: through the remote access server while the appliance is open, and not a moment longer.
    private func configure(_ browser: CloudClient, _ world: CloudWorld, _ device: TLSIdentity) async throws {
        let path = "/api/devices/PBX-0001/admin/v1/status?a=b"
        #expect(try await browser.send(.GET, .web, path).status == 409)
        let expected = "Basic " + Base64.encode(Array("ccc-abcdefgh:secret-password".utf8))
        let appliance = try await FakeAppliance.connect(to: world, identity: device, listener: .remoteAccess) {
            guard $0.service == "admin", $0.headers.first(name: "authorization") == expected,
                $0.clientUnit == "control-center"
            else { return .init(status: .unauthorized) }
            return .init(status: .ok, body: Array("\($0.method.rawValue) \($0.path) \($0.body.count)".utf8))
        }
        _ = try await appliance.welcome.get()
        #expect(try await browser.send(.GET, .web, path).text == "GET /v1/status?a=b 0")
        let settings = try await browser.send(
            .PUT, .web, "/api/devices/PBX-0001/admin/v1/settings", headers: ["content-type": "application/yaml"],
            body: [1, 2, 3])
        #expect(settings.text == "PUT /v1/settings 3")
        let form = try await browser.send(.POST, .web, "/api/devices/PBX-0001/admin/v1/backups", body: [])
        #expect(form.status == 415, "a form of another site")
        // Who came is written down twice: as it was, for 14 days, and so that it is nobody.
        let log = try world.text("remote-access-log.json")
        #expect(log.contains(#""address":"127.0.0.1""#) && log.contains(#""address":"127.0.0.0""#))
        #expect(!log.contains("PBX-0001"))
        #expect(!(try world.log("remote-access")).contains("v1/status"), "the server reads nothing of a session")
        await appliance.close()
        var status = 0
        for _ in 0..<2_000 where status != 409 { status = try await browser.send(.GET, .web, path).status }
        #expect(status == 409)
    }

    private func add(_ browser: CloudClient) async throws {
        let body = Array(#"{"serial":"PBX-0001","name":"Office"}"#.utf8)
        let added = try await browser.send(
            .POST, .web, "/api/devices", headers: ["content-type": "application/json"], body: body)
        #expect(added.status == 201)
        // Without the appliance the offer waits.
        let waiting = try await list(browser, until: #""state":"waiting-with-token""#)
        #expect(waiting.contains(#""registrationStatus":"never""#))
        #expect(try await browser.send(.GET, .web, "/api/devices/PBX-0001/calls").status == 503)
    }

    private func register(
        _ browser: CloudClient, _ world: CloudWorld, _ device: TLSIdentity, _ seen: NIOLockedValueBox<Seen>
    ) async throws {
        let waiting = try await list(browser, until: "type the code on the appliance")
        let offer = try #require(seen.withLockedValue { $0.offers.first })
        #expect(seen.withLockedValue { $0.offerUnits.first } == "control-center")
        // The code on the page is the one whose hash the appliance got.
        let tail = try #require(waiting.split(separator: #""code":""#).last)
        let code = try PairingCode(parsing: tail.prefix(14))
        let input = PairingCode.hashInput(tokenID: offer.tokenID, serial: offer.serial, code: code)
        #expect(OpenSSLHashes().sha256(input) == offer.codeHash)

        let registration = PairingRegistration(
            tokenID: offer.tokenID, user: "ccc-abcdefgh", password: Secret("secret-password"))
        let body = try registration.encoded()
        let json: HTTPHeaders = ["content-type": "application/json"]
        try await world.withClient(try world.material.device("PBX-0002")) { thief async throws in
            let answer = try await thief.send(.POST, .controlCenter, "/v1/pairings", headers: json, body: body)
            #expect(answer.status == 403)
        }
        try await world.withClient(device) { appliance async throws in
            let answer = try await appliance.send(.POST, .controlCenter, "/v1/pairings", headers: json, body: body)
            #expect(answer.status == 204)
        }
        let paired = try await list(browser, until: #""registrationStatus":"online""#)
        #expect(paired.contains(#""state":"paired""#))
        #expect(paired.contains(#""licences":"next""#))
        #expect(!paired.contains("secret-password"))
        #expect(!paired.contains(#""code":"#))
        let log = try world.log("control-center")
        #expect(log.contains(#""password":{"secretLength":15}"#))
        #expect(!log.contains("secret-password"))
    }

    private func watchCalls(_ browser: CloudClient, _ world: CloudWorld, _ seen: NIOLockedValueBox<Seen>) async throws {
        let text = try await browser.stream("/api/devices/PBX-0001/calls?after=41") { $0.contains("987654\"") }
        #expect(text.contains("id: 42\nevent: call\ndata: {\"CallDataId\":\"42\""))
        #expect(seen.withLockedValue { $0.callPaths } == ["/v1/calls?after=41"])
        for server in ["control-center", "relay"] {
            let log = try world.log(server)
            #expect(!log.contains("987654"), "call data is stored nowhere")
        }
    }

    private func revoke(
        _ browser: CloudClient, _ world: CloudWorld, _ device: TLSIdentity, _ seen: NIOLockedValueBox<Seen>
    ) async throws {
        let token = try #require(seen.withLockedValue { $0.offers.first?.tokenID })
        // A stream that is open when the pairing ends must end too.
        let ended = try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await browser.stream("/api/devices/PBX-0001/calls?after=0") { _ in false } }
            while seen.withLockedValue({ $0.callPaths.count }) < 2 {
                _ = try await browser.send(.GET, .web, "/api/devices")
            }
            try await world.withClient(device) { appliance async throws in
                let answer = try await appliance.send(.DELETE, .controlCenter, "/v1/pairings/\(token)")
                #expect(answer.status == 204)
            }
            return try await group.next() ?? ""
        }
        #expect(ended.contains("event: problem"))
        let after = try await list(browser, until: #""state":"unknown""#)
        #expect(after.contains(#""registrationStatus":"offline""#))
        #expect(try await browser.send(.GET, .web, "/api/devices/PBX-0001/calls").status == 503)
    }
}
