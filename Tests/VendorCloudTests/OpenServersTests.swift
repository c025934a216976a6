import CloudCore
import CloudMessages
import CloudWire
import NIOHTTP1
import OpenSSLCrypto
import Primitives
import Testing
import VendorCloud

/// Update and crash-report server: for whom they do not know (F-S2, F-S10).
@Suite struct OpenServersTests {
    private static let wall = CloudWorld.wall
    private static let question =
        "/v1/updates?operatingSystem=linux-rpi4&version=1.0.0"
        + "&installationId=00ff&activationStatus=activated"

    private func publish(_ world: CloudWorld, _ version: String = "1.1.0") throws -> UpdateManifest {
        try UpdatePublisher(pkiDirectory: world.material.pkiDirectory, dataDirectory: world.directory).publish(
            bundle: [UInt8]("the bundle of \(version)".utf8), version: version, board: "rpi4", notes: "",
            rolloutPercent: 50, at: Self.wall)
    }

    @Test func `a question needs no certificate, and is answered the same for all`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                #expect(try await client.send(.GET, .update, Self.question).status == 204)
                let manifest = try publish(world)
                let answer = try await client.send(.GET, .update, Self.question)
                #expect(answer.status == 200 && answer.headers.first(name: "content-type") == "application/jose")
                let payload = try JWS.verify(
                    answer.text, root: world.material.root, requiredOU: "update-signer", at: Self.wall)
                #expect(try UpdateManifestBody.decode(payload).sha256 == manifest.sha256)
                let other = Self.question.replacing("00ff", with: "11ee")
                #expect(try await client.send(.GET, .update, other).body == answer.body)
                let newest = Self.question.replacing("1.0.0", with: "1.1.0")
                #expect(try await client.send(.GET, .update, newest).status == 204)
            }
            let line = try #require(try world.log("update").split(separator: "\n").first)
            for name in UpdateServerCore.fields + ["externalAddress"] { #expect(line.contains("\"\(name)\":")) }
            #expect(!line.contains("\"peer\":"))
        }
    }

    @Test(arguments: ["&serial=4711", "&version=2", "&x=", "%3Fa=b"])
    func `a question with anything else is refused`(more: String) async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                #expect(try await client.send(.GET, .update, Self.question + more).status == 400)
                #expect(try await client.send(.GET, .update, "/v1/updates?version=1").status == 400)
            }
        }
    }

    @Test func `a bundle is served from any byte on, and no other file`() async throws {
        try await CloudWorld.run { world in
            _ = try publish(world)
            try await world.withClient(nil) { client async throws in
                let whole = try await client.send(.GET, .update, "/v1/bundles/linux-rpi4/1.1.0")
                #expect(whole.status == 200 && whole.text == "the bundle of 1.1.0")
                let rest = try await client.send(
                    .GET, .update, "/v1/bundles/linux-rpi4/1.1.0", headers: ["range": "bytes=4-"])
                #expect(rest.status == 206 && rest.text == "bundle of 1.1.0")
                #expect(rest.headers.first(name: "content-range") == "bytes 4-18/19")
                for (range, status) in [("bytes=19-", 416), ("bytes=-3", 400), ("lines=1-", 400)] {
                    let answer = try await client.send(
                        .GET, .update, "/v1/bundles/linux-rpi4/1.1.0", headers: ["range": range])
                    #expect(answer.status == status, "\(range)")
                }
                for path in ["linux-rpi4/9", "..%2F..%2Fbackups/x", "linux-rpi4/.hidden"] {
                    #expect(try await client.send(.GET, .update, "/v1/bundles/\(path)").status == 404)
                }
            }
        }
    }

    @Test func `a crash report has its nine fields and no other`() async throws {
        let values = ["pbx-appliance", "next", "rpi4", "6.1.0", "de", "1.0.0", "pbxd", "2027-01-15T08:00:00.000Z"]
        let whole = Dictionary(uniqueKeysWithValues: zip(CrashReport.wireNames, values + ["2027-01-15"]))
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                func send(_ body: [String: String]) async throws -> Int {
                    let bytes = try WireJSON.encode(body, what: "report")
                    let json: HTTPHeaders = ["content-type": "application/json"]
                    return try await client.send(.POST, .crash, "/v1/crash-reports", headers: json, body: bytes).status
                }
                #expect(try await send(whole) == 204)
                #expect(try await send(whole.merging(["serial": "4711"]) { first, _ in first }) == 400)
                #expect(try await send(whole.filter { $0.key != "make" }) == 400)
                #expect(try await send(whole.merging(["crashDate": "2027-01-15T08:00:00Z"]) { $1 }) == 400)
                #expect(try await send(whole.merging(["model": String(repeating: "x", count: 65)]) { $1 }) == 400)
            }
            #expect(try world.log("crash").split(separator: "\n").count == 1)
        }
    }
}

/// The remote access server (F-C10, F-C11), from the user's browser to a (test) appliance.
@Suite struct RemoteAccessServerTests {
    @Test func `who is not open cannot be reached, and a stranger reaches nobody`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { browser async throws in
                let path = "/api/devices/\(CloudWorld.serial)/admin/v1/status"
                #expect(try await browser.send(.GET, .web, path).status == 404, "it was never added")
                let form = try await browser.send(.PUT, .web, path, body: [1])
                #expect(form.status == 404 || form.status == 415)
            }
            let identity = try world.material.device(CloudWorld.serial)
            let appliance = try await FakeAppliance.connect(to: world, identity: identity, listener: .remoteAccess) {
                _ in
                .init(status: .ok)
            }
            _ = try await appliance.welcomed()
            await appliance.close()
            await #expect(throws: (any Error).self) {
                let impostor = try await FakeAppliance.connect(
                    to: world, identity: try world.material.controlCenter(), listener: .remoteAccess
                ) { _ in .init(status: .ok) }
                _ = try await impostor.welcomed()
            }
        }
    }
}
