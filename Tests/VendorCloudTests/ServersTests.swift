import CloudCore
import CloudMessages
import CloudWire
import Glibc
import HAL
import NIOConcurrencyHelpers
import NIOHTTP1
import NIOPosix
import OpenSSLCrypto
import Primitives
import TLS
import Testing
import VendorCloud

@Suite struct ServersTests {
    private let points = [MetricPoint(name: "system.cpu.utilization", unit: "1", value: 0.5)]

    @Test(arguments: [
        (VendorCloudOptions.Listener.monitoring, "/v1/metrics"), (.backup, "/v1/service"),
        (.controlCenter, "/v1/pairings"),
    ])
    func `no one gets in without a certificate`(listener: VendorCloudOptions.Listener, path: String) async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                _ = await #expect(throws: (any Error).self) { try await client.send(.GET, listener, path) }
            }
        }
    }

    @Test func `metrics are accepted for the certificate's serial, shown to the Control Center, and logged`()
        async throws
    {
        try await CloudWorld.run { world in
            let body = try OTLPMetrics.encode(points, at: UnixTime(seconds: 1))
            let json: HTTPHeaders = ["content-type": "application/json"]
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                let answer = try await client.send(.POST, .monitoring, "/v1/metrics", headers: json, body: body)
                #expect(answer.status == 200)
                #expect(answer.text == "{}")
                let bad = try await client.send(.POST, .monitoring, "/v1/metrics", headers: json, body: [1])
                #expect(bad.status == 400)
                #expect(bad.headers.first(name: "content-type") == "application/problem+json")
                let huge = [UInt8](repeating: 32, count: 300_000)
                #expect(
                    try await client.send(.POST, .monitoring, "/v1/metrics", headers: json, body: huge).status == 413)
                let form = try await client.send(.POST, .monitoring, "/v1/metrics", body: body)
                #expect(form.status == 415)
                let foreign = try await client.send(.GET, .monitoring, "/v1/devices/\(CloudWorld.serial)/metrics")
                #expect(foreign.status == 403)
            }
            try await world.withClient(try world.material.controlCenter()) { client async throws in
                let answer = try await client.send(.GET, .monitoring, "/v1/devices/\(CloudWorld.serial)/metrics")
                #expect(answer.status == 200)
                #expect(answer.text.contains(#""name":"system.cpu.utilization","unit":"1","value":0.5"#))
                #expect(try await client.send(.GET, .monitoring, "/v1/devices/other/metrics").status == 404)
                #expect(
                    try await client.send(.POST, .monitoring, "/v1/metrics", headers: json, body: body).status == 403)
            }
            let line = try #require(try world.log("monitoring").split(separator: "\n").first)
            #expect(line.contains(#""bytes":\#(body.count),"#))
            #expect(line.contains(#""peer":"PBX-0001""#))
            #expect(line.contains(#""value":0.5"#))
        }
    }

    private func upload(_ bytes: [UInt8], digest: [UInt8]? = nil, range: String? = nil) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "content-type": "application/octet-stream", "if-none-match": "*", "backup-key-id": "k1",
            "backup-created-at": "2026-01-02T03:04:05Z",
            "repr-digest": BackupHeaders.digest(sha256: digest ?? OpenSSLHashes().sha256(bytes)),
        ]
        if let range { headers.add(name: "content-range", value: range) }
        return headers
    }

    @Test func `a backup goes up whole, is listed, fetched by its owner and the Control Center, and deleted`()
        async throws
    {
        try await CloudWorld.run { world in
            let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                let service = try await client.send(.GET, .backup, "/v1/service")
                #expect(service.text == #"{"available":true,"maximumBytes":268435456,"retainedCount":10}"#)
                let put = try await client.send(.PUT, .backup, "/v1/backups/b1", headers: upload(bytes), body: bytes)
                #expect(put.status == 201)
                let again = try await client.send(.PUT, .backup, "/v1/backups/b1", headers: upload(bytes), body: bytes)
                #expect(again.status == 204, "a lost answer must not look like a failure")
                let other = try await client.send(.PUT, .backup, "/v1/backups/b1", headers: upload([1]), body: [1])
                #expect(other.status == 412)
                let list = try BackupListBody.decode(try await client.send(.GET, .backup, "/v1/backups").body)
                #expect(list.map(\.id) == ["b1"])
                #expect(list.first?.sha256 == OpenSSLHashes().sha256(bytes))
                #expect(try await client.send(.GET, .backup, "/v1/backups/b1").body == bytes)
            }
            try await world.withClient(try world.material.device("PBX-0002")) { client async throws in
                #expect(try await client.send(.GET, .backup, "/v1/backups").text == #"{"backups":[]}"#)
                #expect(try await client.send(.GET, .backup, "/v1/backups/b1").status == 404)
                #expect(try await client.send(.GET, .backup, "/v1/backups?serial=PBX-0001").status == 403)
            }
            try await world.withClient(try world.material.controlCenter()) { client async throws in
                #expect(try await client.send(.GET, .backup, "/v1/backups").status == 400)
                #expect(try await client.send(.GET, .backup, "/v1/backups/b1?serial=PBX-0001").body == bytes)
                #expect(
                    try await client.send(.PUT, .backup, "/v1/backups/b2", headers: upload(bytes), body: bytes).status
                        == 403)
                #expect(try await client.send(.DELETE, .backup, "/v1/backups/b1?serial=PBX-0001").status == 204)
                #expect(try await client.send(.GET, .backup, "/v1/backups/b1?serial=PBX-0001").status == 404)
            }
            #expect(access("\(world.directory)/backups/PBX-0001/b1.age", F_OK) != 0, "deleting is final")
        }
    }

    @Test func `an upload is resumed where it stopped, and only there`() async throws {
        try await CloudWorld.run { world in
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let digest = OpenSSLHashes().sha256(bytes)
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                func put(_ part: Range<Int>) async throws -> CloudClient.Answer {
                    let range = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(bytes.count)"
                    let headers = upload(bytes, digest: digest, range: range)
                    return try await client.send(
                        .PUT, .backup, "/v1/backups/b1", headers: headers, body: Array(bytes[part]))
                }
                let first = try await put(0..<40_000)
                #expect(first.status == 202)
                #expect(first.headers.first(name: "range") == "bytes=0-39999")
                let gap = try await put(50_000..<100_000)
                #expect(gap.status == 416)
                #expect(gap.headers.first(name: "range") == "bytes=0-39999")
                #expect(try await put(40_000..<100_000).status == 201)
                #expect(try await client.send(.GET, .backup, "/v1/backups/b1").body == bytes)
            }
        }
    }

    @Test func `bytes that do not have the announced digest are thrown away`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                let headers = upload([1, 2, 3], digest: OpenSSLHashes().sha256([1, 2, 4]))
                let answer = try await client.send(.PUT, .backup, "/v1/backups/b1", headers: headers, body: [1, 2, 3])
                #expect(answer.status == 422)
                #expect(answer.text.contains(#""title":"Digest mismatch""#))
                #expect(try await client.send(.GET, .backup, "/v1/backups").text == #"{"backups":[]}"#)
                #expect(access("\(world.directory)/backups/PBX-0001/b1.part", F_OK) != 0)
                let bare = try await client.send(.PUT, .backup, "/v1/backups/b1", body: [1])
                #expect(bare.status == 428)
            }
        }
    }

    @Test func `a full disk is said to be one`() async throws {
        try await CloudWorld.run {
            $0.limits.storageBytes = 10
        } _: { world in
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                let bytes = [UInt8](repeating: 1, count: 11)
                let answer = try await client.send(.PUT, .backup, "/v1/backups/b1", headers: upload(bytes), body: bytes)
                #expect(answer.status == 507)
                #expect(answer.headers.first(name: "content-type") == "application/problem+json")
            }
        }
    }

    @Test func `the encrypted identity is stored beside the backups and never replaced`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                #expect(try await client.send(.PUT, .backup, "/v1/backup-keys/k1", body: [1, 2]).status == 201)
                #expect(try await client.send(.PUT, .backup, "/v1/backup-keys/k1", body: [1, 2]).status == 204)
                #expect(try await client.send(.PUT, .backup, "/v1/backup-keys/k1", body: [3]).status == 412)
                #expect(try await client.send(.GET, .backup, "/v1/backup-keys/k1").body == [1, 2])
                let huge = [UInt8](repeating: 1, count: 20_000)
                #expect(try await client.send(.PUT, .backup, "/v1/backup-keys/k2", body: huge).status == 413)
                #expect(try await client.send(.DELETE, .backup, "/v1/backup-keys/k1").status == 204)
                #expect(try await client.send(.GET, .backup, "/v1/backup-keys/k1").status == 404)
            }
        }
    }

    @Test func `the page is served to localhost alone, and errors are problem details`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                let page = try await client.send(.GET, .web, "/")
                #expect(page.status == 200)
                #expect(page.text.contains("<label for=\"serial\""))
                #expect(page.headers.first(name: "content-security-policy") != nil)
                #expect(try await client.send(.GET, .web, "/app.js").status == 200)
                #expect(try await client.send(.GET, .web, "/", headers: ["host": "evil.example"]).status == 421)
                let json: HTTPHeaders = ["content-type": "application/json"]
                for (headers, body, status) in [
                    (json, #"{"serial":"a b","name":"x"}"#, 400), (json, "{", 400),
                    ([:], #"{"serial":"1","name":"x"}"#, 415),
                ] as [(HTTPHeaders, String, Int)] {
                    let answer = try await client.send(
                        .POST, .web, "/api/devices", headers: headers, body: Array(body.utf8))
                    #expect(answer.status == status)
                    #expect(answer.headers.first(name: "content-type") == "application/problem+json")
                }
                for path in [
                    "/api/devices/none/metrics", "/api/devices/none/calls", "/api/devices/none/backups", "/nothing",
                ] {
                    #expect(try await client.send(.GET, .web, path).status == 404)
                }
            }
        }
    }

    @Test func `an appliance whose key stays in its hardware gets in`() async throws {
        try await CloudWorld.run { world in
            let identity = try TLSIdentity(
                device: try HardwareIdentity(serial: CloudWorld.serial), pool: NIOThreadPool.singleton)
            try await world.withClient(identity) { client async throws in
                #expect(try await client.send(.GET, .backup, "/v1/service").status == 200)
            }
            #expect(try world.log("backup").contains(#""peer":"PBX-0001""#))
        }
    }

    @Test func `a restart keeps the list, the code that waits, and the backups`() async throws {
        let bytes: [UInt8] = [1, 2, 3]
        let upload = upload(bytes)
        let before = NIOLockedValueBox(("", ""))
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                #expect(
                    try await client.send(.PUT, .backup, "/v1/backups/b1", headers: upload, body: bytes).status == 201)
            }
            try await world.withClient(nil) { browser async throws in
                let body = Array(#"{"serial":"PBX-0001","name":"Office"}"#.utf8)
                let json: HTTPHeaders = ["content-type": "application/json"]
                #expect(try await browser.send(.POST, .web, "/api/devices", headers: json, body: body).status == 201)
                let list = try await browser.send(.GET, .web, "/api/devices").text
                before.withLockedValue { $0 = (world.directory, list) }
            }
        }
        let (directory, list) = before.withLockedValue { $0 }
        try await CloudWorld.run {
            $0.dataDirectory = directory
        } _: { world in
            try await world.withClient(nil) { browser async throws in
                #expect(try await browser.send(.GET, .web, "/api/devices").text == list)
            }
            try await world.withClient(try world.material.device(CloudWorld.serial)) { client async throws in
                let kept = try await client.send(.GET, .backup, "/v1/backups/b1")
                #expect(kept.status == 200 && kept.body == bytes)
            }
        }
        #expect(try PrivateFile.permissions("\(directory)/control-center.json") & 0o777 == 0o600)
    }
}

/// A device whose key can only be asked to sign.
private struct HardwareIdentity: IdentityDevice {
    let serial: String
    let model = "Next"
    let certificateChainPEM: String
    let vendorRootPEM: String
    private let key: ECDSAKey

    init(serial: String) throws {
        self.serial = serial
        let material = try CloudWorld.Material.shared.get()
        key = try ECDSAKey.generate()
        let pki = try DevelopmentPKI.open(directory: material.pkiDirectory)
        let chain = try pki.issueDevice(
            serial: serial, model: model, publicKey: key.publicKey, dnsNames: [],
            at: UnixTime(seconds: Int64(time(nil))))
        certificateChainPEM = chain.map(\.pem).joined()
        vendorRootPEM = material.rootPEM
    }

    func sign(sha256Digest: [UInt8]) throws(HALError) -> [UInt8] {
        do { return try key.sign(sha256Digest: sha256Digest) } catch { throw .signingFailed("\(error)") }
    }
}
