import AsyncHTTPClient
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

/// An appliance with a good certificate and bad intentions: what the cloud refuses, and that nothing of it stays.
@Suite struct HostileApplianceTests {
    private let json: HTTPHeaders = ["content-type": "application/json"]

    private func upload(_ bytes: [UInt8], range: String? = nil) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "content-type": "application/octet-stream", "if-none-match": "*", "backup-key-id": "k1",
            "backup-created-at": "2026-01-02T03:04:05Z",
            "repr-digest": BackupHeaders.digest(sha256: OpenSSLHashes().sha256(bytes)),
        ]
        if let range { headers.add(name: "content-range", value: range) }
        return headers
    }

    private func storedFiles(_ world: CloudWorld, serial: String) -> [String] {
        guard let directory = opendir("\(world.directory)/backups/\(serial)") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    // MARK: Another's serial

    @Test func `another's serial opens nothing, whether in path, query, body or header`() async throws {
        try await CloudWorld.run { world in
            let bytes: [UInt8] = [1, 2, 3]
            try await world.withClient(try world.material.device("PBX-0001")) { owner async throws in
                #expect(
                    try await owner.send(.PUT, .backup, "/v1/backups/b1", headers: upload(bytes), body: bytes).status
                        == 201)
                #expect(try await owner.send(.PUT, .backup, "/v1/backup-keys/k1", body: [7]).status == 201)
            }
            try await world.withClient(try world.material.device("PBX-0002")) { thief async throws in
                for path in ["/v1/backups?serial=PBX-0001", "/v1/backups/b1?serial=PBX-0001"] {
                    #expect(try await thief.send(.GET, .backup, path).status == 403)
                }
                #expect(try await thief.send(.DELETE, .backup, "/v1/backups/b1?serial=PBX-0001").status == 403)
                for path in ["/v1/backups/b1", "/v1/backup-keys/k1", "/v1/backups/..%2FPBX-0001%2Fb1"] {
                    #expect(try await thief.send(.GET, .backup, path).status == 404)
                    #expect(try await thief.send(.DELETE, .backup, path).status == 404)
                }
                // The query is not asked on an upload: what is stored, is the thief's own.
                let put = try await thief.send(
                    .PUT, .backup, "/v1/backups/b1?serial=PBX-0001", headers: upload([9]), body: [9])
                #expect(put.status == 201)
                let point = MetricPoint(name: "system.cpu.utilization", unit: "1", value: 1)
                let report = try OTLPMetrics.encode([point], at: UnixTime(seconds: 1))
                var headers = json
                headers.add(name: "x-serial", value: "PBX-0001")
                let sent = try await thief.send(
                    .POST, .monitoring, "/v1/metrics?serial=PBX-0001", headers: headers, body: report)
                #expect(sent.status == 200)
                #expect(try await thief.send(.GET, .monitoring, "/v1/devices/PBX-0001/metrics").status == 403)
            }
            try await world.withClient(try world.material.controlCenter()) { center async throws in
                #expect(try await center.send(.GET, .backup, "/v1/backups/b1?serial=PBX-0001").body == bytes)
                #expect(try await center.send(.GET, .monitoring, "/v1/devices/PBX-0001/metrics").status == 404)
            }
        }
    }

    // MARK: Too much

    private static let tooLarge: [(HTTPMethod, VendorCloudOptions.Listener, String, Int64)] = [
        (.PUT, .backup, "/v1/backups/b1", 268_435_457), (.PUT, .backup, "/v1/backup-keys/k1", 16_385),
        (.POST, .monitoring, "/v1/metrics", 262_145), (.POST, .controlCenter, "/v1/pairings", 65_537),
    ]

    @Test func `what is announced too large is refused before it comes`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                for (method, listener, path, size) in Self.tooLarge {
                    var request = HTTPClientRequest(url: "https://\(world.endpoint(listener))\(path)")
                    request.method = method
                    request.headers = listener == .backup ? upload([1]) : json
                    // Not one byte of it is ever sent.
                    let (body, source) = AsyncStream.makeStream(of: ByteBuffer.self)
                    request.body = .stream(body, length: .known(size))
                    let answer = try await client.client.execute(request, timeout: .seconds(10))
                    #expect(answer.status.code == 413, "\(path)")
                    source.finish()
                }
            }
            #expect(storedFiles(world, serial: "PBX-0001").isEmpty)
        }
    }

    @Test func `an upload without an end, or longer than its announcement, is refused and not kept`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                var request = HTTPClientRequest(url: "https://\(world.endpoint(.backup))/v1/backups/b1")
                request.method = .PUT
                request.headers = upload([1])
                let (endless, source) = AsyncStream.makeStream(of: ByteBuffer.self)
                source.yield(ByteBuffer(bytes: [1, 2, 3]))
                request.body = .stream(endless, length: .unknown)
                #expect(try await client.client.execute(request, timeout: .seconds(10)).status.code == 411)
                source.finish()
                for range in ["bytes 0-9/5", "bytes 0-1/100", "bytes 5-1/100", "bytes 0-2/9223372036854775808", "x"] {
                    let answer = try await client.send(
                        .PUT, .backup, "/v1/backups/b1", headers: upload([1], range: range), body: [1, 2, 3])
                    #expect(answer.status == 400)
                }
                let huge = "bytes 0-2/268435457"
                let answer = try await client.send(
                    .PUT, .backup, "/v1/backups/b1", headers: upload([1], range: huge), body: [1, 2, 3])
                #expect(answer.status == 413)
            }
            #expect(storedFiles(world, serial: "PBX-0001").isEmpty)
        }
    }

    @Test func `an upload that stops coming is cut off, and another can go on`() async throws {
        try await CloudWorld.run {
            $0.limits.requestIdle = .milliseconds(300)
        } _: { world in
            let bytes = [UInt8](repeating: 5, count: 1_000)
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                var request = HTTPClientRequest(url: "https://\(world.endpoint(.backup))/v1/backups/b1")
                request.method = .PUT
                request.headers = upload(bytes)
                let (stalled, source) = AsyncStream.makeStream(of: ByteBuffer.self)
                source.yield(ByteBuffer(bytes: bytes[..<400]))
                request.body = .stream(stalled, length: .known(Int64(1_000)))
                let sent = request
                _ = await #expect(throws: (any Error).self) {
                    try await client.client.execute(sent, timeout: .seconds(10))
                }
                source.finish()
                var status = 0
                var from = 400
                // The cut connection gives the upload back a moment later; how much of it came, the server says.
                for _ in 0..<500 where status != 201 {
                    let rest = upload(bytes, range: from > 0 ? "bytes \(from)-999/1000" : nil)
                    let answer = try await client.send(
                        .PUT, .backup, "/v1/backups/b1", headers: rest, body: Array(bytes[from...]))
                    status = answer.status
                    let received = answer.headers.first(name: "range")?.split(separator: "-").last
                    if status == 416 { from = received.flatMap { Int($0) }.map { $0 + 1 } ?? 0 }
                }
                #expect(status == 201)
                #expect(try await client.send(.GET, .backup, "/v1/backups/b1").body == bytes)
            }
        }
    }

    @Test func `an upload that takes too long is ended`() async throws {
        try await CloudWorld.run {
            $0.limits.uploadDuration = .zero
        } _: { world in
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                let answer = try await client.send(.PUT, .backup, "/v1/backups/b1", headers: upload([1]), body: [1])
                #expect(answer.status == 503)
                #expect(try await client.send(.GET, .backup, "/v1/backups").text == #"{"backups":[]}"#)
            }
        }
    }

    @Test func `unfinished uploads and keys have a number`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                for (id, status) in [("b1", 202), ("b2", 202), ("b3", 503)] {
                    let answer = try await client.send(
                        .PUT, .backup, "/v1/backups/\(id)", headers: upload([1], range: "bytes 0-0/10"), body: [1])
                    #expect(answer.status == status)
                }
                for number in 0..<33 {
                    let answer = try await client.send(.PUT, .backup, "/v1/backup-keys/k\(number)", body: [1])
                    #expect(answer.status == (number < 32 ? 201 : 503))
                }
            }
        }
    }

    @Test func `a head without an end is cut off`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                for headers in [
                    HTTPHeaders([("x-long", String(repeating: "a", count: 10_000))]),
                    HTTPHeaders((0..<200).map { ("x-\($0)", "a") }),
                ] {
                    let status = try? await client.send(.GET, .backup, "/v1/service", headers: headers).status
                    #expect(status != 200)
                }
                #expect(try await client.send(.GET, .backup, "/v1/service").status == 200)
            }
        }
    }

    // MARK: Pairing

    @Test func `a replayed pairing changes nothing: not again, not of another, not after its end`() async throws {
        let offers = NIOLockedValueBox<[PairingOffer]>([])
        try await CloudWorld.run {
            $0.limits.offerRetry = .milliseconds(20)
        } _: { world in
            let device = try world.material.device(CloudWorld.serial)
            let root = world.material.root
            let appliance = try await FakeAppliance.connect(to: world, identity: device) { request in
                // The state is not what is asked here: an answer of 401 would end the pairing.
                guard request.service == "pairing" else { return .init(status: .serviceUnavailable) }
                let time = UnixTime(seconds: Int64(time(nil)))
                let text = String(decoding: request.body, as: UTF8.self)
                guard
                    let payload = try? JWS.verify(text, root: root, requiredOU: "control-center", at: time),
                    let offer = try? PairingOfferBody.decode(payload)
                else { return .init(status: .unauthorized) }
                offers.withLockedValue { $0.append(offer) }
                return .init(status: .noContent)
            }
            try await world.withClient(device) { client async throws in
                let first = try await registration(world, offers: offers, count: 1)
                #expect(try await pair(client, first) == 204)
                let kept = try stored(world)
                #expect(kept.contains("ccc-1"))
                #expect(try await pair(client, first) == 204, "a lost answer is asked for again")
                #expect(try stored(world) == kept)
                try await world.withClient(try world.material.device("PBX-0002")) { thief async throws in
                    #expect(try await pair(thief, first) == 403)
                    #expect(
                        try await thief.send(.DELETE, .controlCenter, "/v1/pairings/\(first.tokenID)").status == 403)
                }
                #expect(try stored(world) == kept)
                #expect(try await client.send(.DELETE, .controlCenter, "/v1/pairings/\(first.tokenID)").status == 204)
                #expect(try await pair(client, first) == 404)
                #expect(!(try stored(world)).contains("ccc-1"))
                let second = try await registration(world, offers: offers, count: 2)
                #expect(try await pair(client, first) == 404)
                #expect(try await pair(client, second) == 204)
                #expect(try await pair(client, first) == 404)
                #expect(try stored(world).contains("ccc-2"))
                #expect(!(try stored(world)).contains("ccc-1"))
            }
            await appliance.close()
        }
    }

    private func stored(_ world: CloudWorld) throws -> String {
        let file = try #require(fopen("\(world.directory)/control-center.json", "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = getc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func pair(_ client: CloudClient, _ registration: PairingRegistration) async throws -> Int {
        try await client.send(
            .POST, .controlCenter, "/v1/pairings", headers: json, body: try registration.encoded()
        ).status
    }

    /// Adds the appliance and waits for its offer, the `count`th.
    private func registration(
        _ world: CloudWorld, offers: NIOLockedValueBox<[PairingOffer]>, count: Int
    ) async throws -> PairingRegistration {
        try await world.withClient(nil) { browser async throws in
            let body = Array(#"{"serial":"PBX-0001","name":"Office"}"#.utf8)
            #expect(try await browser.send(.POST, .web, "/api/devices", headers: json, body: body).status == 201)
            while offers.withLockedValue({ $0.count }) < count {
                _ = try await browser.send(.GET, .web, "/api/devices")
            }
        }
        let offer = try #require(offers.withLockedValue { $0.last })
        return PairingRegistration(
            tokenID: offer.tokenID, user: "ccc-\(count)", password: Secret("password-\(count)"))
    }

    // MARK: Updates

    @Test func `a forged update finds no taker: no server lets an appliance publish one`() async throws {
        try await CloudWorld.run { world in
            let manifest = Array(#"{"version":"99.0.0","url":"https://evil.example/x","size":1,"sha256":"00"}"#.utf8)
            try await world.withClient(try world.material.device("PBX-0001")) { client async throws in
                // The relay's two other ports speak no HTTP.
                for listener in VendorCloudOptions.Listener.allCases where ![.relay, .publicPort].contains(listener) {
                    for method in [HTTPMethod.PUT, .POST, .DELETE] {
                        for path in ["/v1/updates", "/v1/updates/99.0.0", "/v1/bundles/99.0.0"] {
                            // The relay's service port hangs up on who is not the Control Center.
                            let answer = try? await client.send(method, listener, path, headers: json, body: manifest)
                            let status = answer?.status
                            #expect([401, 403, 404, 405, nil].contains(status), "\(method) \(listener) \(path)")
                        }
                    }
                }
            }
            let found = try logs(world).filter { $0.contains("99.0.0") }
            #expect(found.isEmpty)
        }
    }

    private func logs(_ world: CloudWorld) throws -> [String] {
        ["relay", "backup", "monitoring", "control-center"].compactMap { try? world.log($0) }
    }
}
