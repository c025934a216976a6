import CloudMessages
import CloudWire
import Primitives
import PrivacyContract
import Testing

@Suite struct HTTPMappingTests {
    private let now = UnixTime(seconds: 1_767_323_045)

    private func message(_ flow: FlowID, _ recipient: Recipient, _ fields: [OutboundField]) -> OutboundMessage {
        OutboundMessage(id: CloudRequestID(1), flow: flow, recipient: recipient, fields: fields)
    }

    @Test func `the pairing user goes out once, as JSON`() throws {
        let request = try HTTPMapping.request(
            for: message(
                .c3, .controlCenter,
                [
                    OutboundField(.userName, .text("ccc-abc")), OutboundField(.password, .secret(Secret("pw"))),
                    OutboundField(.tokenID, .text("t1")),
                ]), at: now)
        #expect(request.method == "POST")
        #expect(request.path == "/v1/pairings")
        #expect(request.body == .bytes(Array(#"{"password":"pw","tokenId":"t1","user":"ccc-abc"}"#.utf8)))
    }

    @Test func `a revocation names the token in the path`() throws {
        let revocation = message(.c4, .controlCenter, [OutboundField(.revocation, .text("t1"))])
        let request = try HTTPMapping.request(for: revocation, at: now)
        #expect(request == CloudHTTPRequest(method: "DELETE", path: "/v1/pairings/t1"))
        let hostile = message(.c4, .controlCenter, [OutboundField(.revocation, .text("../../x"))])
        #expect(throws: CloudWireError.self) { try HTTPMapping.request(for: hostile, at: now) }
    }

    @Test func `a backup is a conditional upload with its digest`() throws {
        let fields = [
            OutboundField(.ciphertext, .artifact(name: "b1", sizeBytes: 9)), OutboundField(.size, .integer(9)),
            OutboundField(.time, .time(now)), OutboundField(.keyID, .text("k1")),
        ]
        let upload = message(.c8, .backup, fields)
        let request = try HTTPMapping.request(for: upload, at: now, artifactSHA256: [UInt8](repeating: 0, count: 32))
        #expect(request.method == "PUT")
        #expect(request.path == "/v1/backups/b1")
        #expect(request.body == .artifact(name: "b1", sizeBytes: 9))
        #expect(request.headers.contains(WireHeader("If-None-Match", "*")))
        #expect(request.headers.contains(WireHeader("Backup-Key-Id", "k1")))
        #expect(request.headers.contains(WireHeader("Backup-Created-At", "2026-01-02T03:04:05.000Z")))
        #expect(throws: CloudWireError.self) { try HTTPMapping.request(for: upload, at: now) }
    }

    @Test func `an encrypted identity, a list and an availability query have their requests`() throws {
        let key = message(
            .c8, .backup, [OutboundField(.ciphertext, .bytes([1, 2])), OutboundField(.keyID, .text("k1"))])
        #expect(try HTTPMapping.request(for: key, at: now).path == "/v1/backup-keys/k1")
        #expect(try HTTPMapping.request(for: message(.c8, .backup, []), at: now).method == "GET")
        let query = message(.c7, .backup, [OutboundField(.certificate, .implied)])
        #expect(try HTTPMapping.request(for: query, at: now) == CloudHTTPRequest(method: "GET", path: "/v1/service"))
    }

    @Test(arguments: [FlowID.c1, .c6, .s1, .s5, .s6, .s11])
    func `a flow without a request of its own is refused`(flow: FlowID) {
        #expect(throws: CloudWireError.notAnHTTPFlow(flow.rawValue)) {
            try HTTPMapping.request(for: message(flow, .relay, []), at: now)
        }
    }

    @Test(arguments: [FlowID.c3, .c4, .c5])
    func `a message without its fields is refused`(flow: FlowID) {
        #expect(throws: CloudWireError.self) {
            try HTTPMapping.request(for: message(flow, .controlCenter, []), at: now)
        }
    }

    @Test func `answers become replies`() {
        let status = Array(#"{"available":true,"maximumBytes":100,"retainedCount":3}"#.utf8)
        #expect(
            HTTPMapping.reply(status: 200, headers: [], body: status, for: .c7)
                == .serviceStatus(BackupServiceStatus(available: true, maximumBytes: 100, retainedCount: 3)))
        #expect(
            HTTPMapping.reply(status: 200, headers: [], body: Array(#"{"backups":[]}"#.utf8), for: .c8) == .backups([]))
        #expect(HTTPMapping.reply(status: 201, headers: [], body: [], for: .c8) == .accepted)
        #expect(HTTPMapping.reply(status: 204, headers: [], body: [], for: .c3) == .accepted)
        let problem = Array(#"{"detail":"wait","status":429,"title":"x"}"#.utf8)
        #expect(
            HTTPMapping.reply(status: 429, headers: [WireHeader("Retry-After", "7")], body: problem, for: .c5)
                == .refused(status: 429, detail: "wait", retryAfter: .seconds(7)))
        guard case .unreachable = HTTPMapping.reply(status: 200, headers: [], body: [0xFF], for: .c7) else {
            Issue.record("an unreadable answer counts as none")
            return
        }
        guard case .refused(500, _, nil) = HTTPMapping.reply(status: 500, headers: [], body: [0xFF], for: .c3) else {
            Issue.record("a refusal without problem details is one all the same")
            return
        }
    }
}

@Suite struct ServiceMessageTests {
    private let now = UnixTime(seconds: 1_767_323_045)
    private let manifest = UpdateManifest(
        version: "1.1.0", board: "rpi4", notes: "n", sizeBytes: 5, sha256: [UInt8](repeating: 9, count: 32),
        rolloutPercent: 25, issuedAt: UnixTime(seconds: 1_767_323_000), expiresAt: UnixTime(seconds: 1_767_324_000))

    private func request(_ flow: FlowID, _ recipient: Recipient, _ fields: [OutboundField]) throws -> CloudHTTPRequest {
        try HTTPMapping.request(
            for: OutboundMessage(id: CloudRequestID(1), flow: flow, recipient: recipient, fields: fields), at: now)
    }

    private func question(_ version: String) -> [OutboundField] {
        [
            OutboundField(.externalAddress, .implied), OutboundField(.version, .text(version)),
            OutboundField(.operatingSystem, .text("linux-rpi4")), OutboundField(.installationID, .text("00ff")),
            OutboundField(.activationStatus, .text("activated")),
        ]
    }

    @Test func `a question about updates is its fields, and nothing else`() throws {
        let request = try request(.s2, .update, question("1.0.0"))
        let query = "operatingSystem=linux-rpi4&version=1.0.0&installationId=00ff&activationStatus=activated"
        #expect(request == CloudHTTPRequest(method: "GET", path: "/v1/updates?\(query)"))
        #expect(throws: CloudWireError.self) { try self.request(.s2, .update, question("1 0&serial=1")) }
    }

    @Test func `a bundle is named by board and version`() throws {
        let fields = [
            OutboundField(.version, .bundle(manifest)), OutboundField(.operatingSystem, .text("linux-rpi4")),
        ]
        #expect(try request(.s2, .update, fields).path == "/v1/bundles/linux-rpi4/1.1.0")
    }

    @Test func `a manifest is read as it was written, and nothing else is one`() throws {
        let bytes = try UpdateManifestBody(manifest).encoded()
        #expect(try UpdateManifestBody.decode(bytes) == manifest)
        for hostile in ["{}", #"{"version":"../x"}"#, "[]", String(repeating: " ", count: 70_000)] {
            #expect(throws: CloudWireError.self) { try UpdateManifestBody.decode(Array(hostile.utf8)) }
        }
    }

    @Test func `a crash report goes out with nine members`() throws {
        let fields = FieldName.crashReport.map { name in
            OutboundField(name, name == .startTime ? .time(now) : .text("2026-01-02"))
        }
        guard case .bytes(let body) = try request(.s10, .crash, fields).body else {
            Issue.record("no body")
            return
        }
        #expect(try CrashReportBody.decode(body).map(\.name) == CrashReport.wireNames)
        #expect(throws: CloudWireError.self) { try self.request(.s10, .crash, Array(fields.dropLast())) }
    }
}
