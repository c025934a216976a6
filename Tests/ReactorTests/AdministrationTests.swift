import CloudMessages
import Foundation
import NIOHTTP1
import Persistence
import Primitives
import Reactor
import SQLiteStore
import Testing

struct AdministrationTests {
    private let test = TestAppliance()

    @Test func `every resource answers, and errors are problem documents`() async throws {
        let running = try await test.start()
        let cases: [(HTTPMethod, String, String?, Int, String)] = [
            (.GET, "/health", nil, 200, #"{"status":"ok"}"#),
            (.GET, "/v1/status", nil, 200, #""pairing":"unpaired""#),
            (.GET, "/v1/privacy", nil, 200, #""flow":"F-C8""#),
            (.GET, "/v1/privacy", nil, 200, #""strict":true"#),
            (.GET, "/v1/ledger/checkpoints", nil, 200, #"{"checkpoints":[]}"#),
            (.GET, "/v1/calls", nil, 200, #"{"calls":[]}"#),
            (.GET, "/v1/ledger", nil, 200, #"{"entries":[]}"#),
            (.GET, "/v1/call-records?after=0", nil, 200, #"{"records":[]}"#),
            (.GET, "/v1/backups", nil, 200, #"{"backups":[]}"#),
            (.GET, "/metrics", nil, 200, "pbx_users 1\n"),
            (.GET, "/metrics", nil, 200, "pbx_media_unheard 0\n"),
            (.GET, "/metrics", nil, 200, "pbx_leg_mos_bucket{direction=\"sent\",le=\"3.6\"} 0\n"),
            (.GET, "/v1/status", nil, 200, #""audio":{"legs":0,"unheard":0}"#),
            (.PUT, "/v1/switches/updates", #"{"on":true}"#, 200, "updates is on"),
            (.POST, "/v1/provisioning/tokens", #"{"extension":"100"}"#, 201, #""extension":"100""#),
            (.POST, "/v1/provisioning/tokens", #"{"extension":"9"}"#, 404, "extension 9"),
            (.POST, "/v1/telephones/resync", #"{"extension":"9"}"#, 404, "extension 9"),
            (.POST, "/v1/telephones/resync", #"{"extension":"100","reboot":true}"#, 409, "no telephone"),
            (.POST, "/v1/pairing/code", #"{"code":"AAAA"}"#, 409, "control-center"),
            (.PUT, "/v1/backup/password", #"{"password":"short"}"#, 400, "detail"),
            (.PUT, "/v1/switches/nothing", #"{"on":true}"#, 404, "there are control-center"),
            (.PUT, "/v1/switches/updates", "{", 400, "not JSON"),
            (.PUT, "/v1/switches/updates", #"{"an":true}"#, 400, "key 'on' is missing"),
            (.GET, "/v1/ledger?after=x", nil, 400, "decimal cursor"),
            (.GET, "/v1/nowhere", nil, 404, "not served here"),
            (.POST, "/v1/restore", #"{"password":"x"}"#, 400, "either 'path' or 'id'"),
            (.POST, "/v1/restore", #"{"path":"/nowhere","password":"x"}"#, 422, "/nowhere"),
            (.POST, "/v1/restore", #"{"id":"b1","password":"x"}"#, 409, "backup"),
            (.PUT, "/v1/settings", "users: 1", 422, "expected a list"),
            (.GET, "/provisioning/wrong", nil, 401, "token"),
        ]
        for (method, path, body, status, says) in cases {
            let answer = try await test.request(method, path, body)
            #expect(answer.text.contains(says), "\(method) \(path): \(answer)")
            #expect(answer.status == status, "\(method) \(path): \(answer)")
            #expect((answer.type == "application/problem+json") == (status >= 400), "\(method) \(path): \(answer)")
        }
        await running.stop()
    }

    @Test func `a record says how each leg sounded, under names that stay`() async throws {
        let store = try SQLiteStore(directory: test.directory, at: UnixTime(seconds: 1))
        var record = CallRecord(
            callDataID: 1, startDate: UnixTime(seconds: Int64(Date().timeIntervalSince1970) - 60), lengthSeconds: 61)
        var leg = CallLegQuality(
            codec: "opus", packetsReceived: 99, packetsSent: 200, packetsLost: 1, jitterMilliseconds: 1.23456)
        leg.party = "100"
        leg.packetsDiscarded = 2
        leg.roundTripMilliseconds = 12.5
        leg.opinionReceived = 4.25
        leg.opinionSent = 3.5
        leg.isOpinionReported = true
        leg.peerLossFraction = 0.05
        leg.peerDiscardFraction = 0.25
        leg.peerJitterMilliseconds = 3
        leg.audioPath = "heard"
        leg.trouble = "sends nothing that arrives"
        record.quality = [
            leg,
            CallLegQuality(codec: "PCMA", packetsReceived: 0, packetsSent: 0, packetsLost: 0, jitterMilliseconds: 0),
        ]
        try store.runAndWait([.appendCallRecord(record)])
        store.close()
        let running = try await test.start()
        let text = try await test.request(.GET, "/v1/call-records?after=0").text
        await running.stop()
        let full =
            #"{"audioPath":"heard","codec":"opus","jitterMilliseconds":1.235,"lossPercent":1,"mosReceived":4.25,"#
            + #""mosSent":3.5,"mosSentIsReported":true,"packetsDiscarded":2,"packetsLost":1,"packetsReceived":99,"#
            + #""packetsSent":200,"party":"100","peerDiscardPercent":25,"peerJitterMilliseconds":3,"peerLossPercent":5,"#
            + #""roundTripMilliseconds":12.5,"trouble":"sends nothing that arrives"}"#
        let bare =
            #"{"codec":"PCMA","jitterMilliseconds":0,"packetsDiscarded":0,"packetsLost":0,"packetsReceived":0,"#
            + #""packetsSent":0,"party":""}"#
        #expect(text.contains(#""quality":["# + full + "," + bare + "]"), "\(text)")
    }

    @Test func `a body beyond its limit is refused with 413`() async throws {
        let running = try await test.start()
        let large = String(repeating: "x", count: 70_000)
        #expect(try await test.request(.POST, "/v1/pairing/code", "{\"code\":\"\(large)\"}").status == 413)
        #expect(try await test.request(.PUT, "/v1/settings", String(repeating: "#", count: 1_048_577)).status == 413)
        await running.stop()
    }

    @Test func `HTTPS wants the bearer token, but not for health`() async throws {
        let running = try await test.start()
        let server = try #require(running.ready["https"])
        let path = "\(test.directory)/configuration/admin-token"
        let token = try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try await test.https(server, "/health", token: nil).status == 200)
        #expect(try await test.https(server, "/v1/status", token: nil).status == 401)
        #expect(try await test.https(server, "/metrics", token: "wrong").status == 401)
        #expect(try await test.https(server, "/v1/status", token: token).status == 200)
        await running.stop()
    }

    @Test func `the local socket is for its owner alone`() async throws {
        let running = try await test.start()
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(test.directory)/pbxd.sock")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        await running.stop()
    }

    @Test func `a switch survives a restart`() async throws {
        let running = try await test.start()
        _ = try await test.request(.PUT, "/v1/switches/monitoring", #"{"on":true}"#)
        await running.stop()
        let again = try await test.start()
        #expect(try await test.request(.GET, "/v1/status").text.contains(#""monitoring":true"#))
        await again.stop()
    }
}
