import CloudCore
import CloudMessages
import CloudWire
import Glibc
import NIOConcurrencyHelpers
import NIOHTTP1
import OpenSSLCrypto
import Primitives
import Testing
import VendorCloud

/// Sessions, roles and companies over the page's API.
@Suite struct AccountsTests {
    private let json: HTTPHeaders = ["content-type": "application/json"]

    private func body(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static let protected: [(HTTPMethod, String)] = [
        (.GET, "/api/session"), (.GET, "/api/devices"), (.POST, "/api/devices"), (.DELETE, "/api/devices/PBX-0001"),
        (.GET, "/api/devices/PBX-0001/metrics"), (.GET, "/api/devices/PBX-0001/history"),
        (.GET, "/api/devices/PBX-0001/calls"), (.GET, "/api/devices/PBX-0001/backups"),
        (.GET, "/api/devices/PBX-0001/backups/b/content"), (.DELETE, "/api/devices/PBX-0001/backups/b"),
        (.GET, "/api/accounts"), (.POST, "/api/accounts"), (.DELETE, "/api/accounts/olga"),
        (.PUT, "/api/session/password"), (.PUT, "/api/accounts/olga/role"),
    ]

    @Test func `without a session nothing is told and nothing done`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                for (method, path) in Self.protected {
                    for cookie in ["x=y", "pbx-session=", "\(world.cookie)0"] {
                        let headers: HTTPHeaders = ["cookie": cookie, "content-type": "application/json"]
                        let sent = method == .GET || method == .DELETE ? nil : body("{}")
                        let answer = try await client.send(method, .web, path, headers: headers, body: sent)
                        #expect(answer.status == 401, "\(method) \(path)")
                        #expect(answer.headers.first(name: "content-type") == "application/problem+json")
                        let policy = answer.headers.first(name: "content-security-policy")
                        #expect(policy?.contains("default-src 'none'") == true)
                    }
                }
            }
        }
    }

    @Test func `the cookie is for this server and not for scripts, and log-out ends the session`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                let login = body(#"{"login":"OLGA","password":"a-password-for-tests"}"#)
                let answer = try await client.send(.POST, .web, "/api/session", headers: json, body: login)
                #expect(answer.status == 200)
                #expect(answer.text.contains(#""role":"owner""#))
                #expect(!answer.text.contains("scrypt"))
                let cookie = try #require(answer.headers.first(name: "set-cookie"))
                #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
                let own: HTTPHeaders = ["cookie": String(cookie.prefix { $0 != ";" })]
                #expect(try await client.send(.GET, .web, "/api/session", headers: own).status == 200)
                #expect(try await client.send(.DELETE, .web, "/api/session", headers: own).status == 204)
                #expect(try await client.send(.GET, .web, "/api/session", headers: own).status == 401)
                #expect(try await client.send(.GET, .web, "/api/session").status == 200)
            }
        }
    }

    @Test func `guessing is slowed down, whether the login exists or not`() async throws {
        try await CloudWorld.run {
            $0.limits.freeLoginFailures = 1
        } _: { world in
            try await world.withClient(nil) { client async throws in
                for login in ["olga", "nobody"] {
                    let wrong = body(#"{"login":"\#(login)","password":"wrong"}"#)
                    #expect(
                        try await client.send(.POST, .web, "/api/session", headers: json, body: wrong).status == 401)
                    let refused = try await client.send(.POST, .web, "/api/session", headers: json, body: wrong)
                    #expect(refused.status == 429)
                    #expect(refused.headers.first(name: "retry-after") == "1")
                }
            }
        }
    }

    @Test func `requests of other sites change nothing`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                for (name, value) in [
                    ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null"),
                    ("origin", "http://evil.example"),
                ] {
                    let headers = HTTPHeaders([(name, value), ("content-type", "application/json")])
                    let device = body(#"{"serial":"PBX-1","name":"x"}"#)
                    let answer = try await client.send(.POST, .web, "/api/devices", headers: headers, body: device)
                    #expect(answer.status == 403)
                    #expect(try await client.send(.DELETE, .web, "/api/session", headers: headers).status == 403)
                }
                #expect(try await client.send(.GET, .web, "/api/devices").text == #"{"devices":[]}"#)
            }
        }
    }

    @Test func `an owner makes and removes accounts, and their sessions end with them`() async throws {
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                let new = body(#"{"login":"Vera","name":"Vera","role":"viewer","password":"a-password-for-tests"}"#)
                #expect(try await client.send(.POST, .web, "/api/accounts", headers: json, body: new).status == 201)
                #expect(try await client.send(.POST, .web, "/api/accounts", headers: json, body: new).status == 412)
                let short = body(#"{"login":"x","name":"x","role":"viewer","password":"short"}"#)
                #expect(try await client.send(.POST, .web, "/api/accounts", headers: json, body: short).status == 400)
                let role = body(#"{"login":"y","name":"y","role":"king","password":"a-password-for-tests"}"#)
                #expect(try await client.send(.POST, .web, "/api/accounts", headers: json, body: role).status == 400)

                let vera: HTTPHeaders = ["cookie": try await world.logIn("vera"), "content-type": "application/json"]
                #expect(try await client.send(.GET, .web, "/api/devices", headers: vera).status == 200)
                let device = body(#"{"serial":"PBX-0001","name":"x"}"#)
                #expect(try await client.send(.POST, .web, "/api/devices", headers: json, body: device).status == 201)
                for (method, path) in [
                    (.POST, "/api/devices"), (.DELETE, "/api/devices/PBX-0001"),
                    (.GET, "/api/devices/PBX-0001/calls"), (.GET, "/api/devices/PBX-0001/backups/b/content"),
                    (.DELETE, "/api/devices/PBX-0001/backups/b"), (.GET, "/api/accounts"),
                    (.DELETE, "/api/accounts/olga"),
                ] as [(HTTPMethod, String)] {
                    let answer = try await client.send(
                        method, .web, path, headers: vera, body: method == .POST ? device : nil)
                    #expect(answer.status == 403)
                }
                let promoted = body(#"{"role":"technician"}"#)
                #expect(
                    try await client.send(.PUT, .web, "/api/accounts/vera/role", headers: json, body: promoted).status
                        == 204)
                #expect(try await client.send(.GET, .web, "/api/session", headers: vera).status == 401)
                #expect(try await client.send(.DELETE, .web, "/api/accounts/olga").status == 400)
                #expect(try await client.send(.DELETE, .web, "/api/accounts/vera").status == 204)
                let gone = body(#"{"login":"vera","password":"a-password-for-tests"}"#)
                #expect(try await client.send(.POST, .web, "/api/session", headers: json, body: gone).status == 401)
            }
        }
    }

    @Test func `another company's appliances and accounts are not there`() async throws {
        try await CloudWorld.run {
            try? CloudWorld.addAccount($0.dataDirectory, login: "otto", company: "Other")
        } _: { world in
            try await world.withClient(nil) { client async throws in
                let device = body(#"{"serial":"PBX-0001","name":"x"}"#)
                #expect(try await client.send(.POST, .web, "/api/devices", headers: json, body: device).status == 201)
                let otto: HTTPHeaders = ["cookie": try await world.logIn("otto"), "content-type": "application/json"]
                #expect(try await client.send(.GET, .web, "/api/devices", headers: otto).text == #"{"devices":[]}"#)
                #expect(
                    try await client.send(.POST, .web, "/api/devices", headers: otto, body: device).status == 409)
                for path in ["", "/metrics", "/history", "/calls", "/backups", "/backups/b/content"] {
                    let method: HTTPMethod = path.isEmpty ? .DELETE : .GET
                    let answer = try await client.send(method, .web, "/api/devices/PBX-0001\(path)", headers: otto)
                    #expect(answer.status == 404)
                }
                #expect(try await client.send(.DELETE, .web, "/api/accounts/olga", headers: otto).status == 404)
                #expect(!(try await client.send(.GET, .web, "/api/accounts", headers: otto).text.contains("olga")))
            }
        }
    }

    @Test func `a new password ends all sessions, and survives a restart; the file is private`() async throws {
        let directory = NIOLockedValueBox("")
        try await CloudWorld.run { world in
            try await world.withClient(nil) { client async throws in
                let change = #"{"current":"%","new":"another-long-password"}"#
                func send(_ current: String) async throws -> Int {
                    let text = change.split(separator: "%", omittingEmptySubsequences: false).joined(separator: current)
                    return try await client.send(.PUT, .web, "/api/session/password", headers: json, body: body(text))
                        .status
                }
                #expect(try await send("wrong") == 400)
                #expect(try await send(CloudWorld.password) == 204)
                #expect(try await client.send(.GET, .web, "/api/session").status == 401)
                let new = body(#"{"login":"olga","password":"another-long-password"}"#)
                #expect(try await client.send(.POST, .web, "/api/session", headers: json, body: new).status == 200)
            }
            directory.withLockedValue { $0 = world.directory }
        }
        var status = stat()
        let path = directory.withLockedValue { $0 }
        #expect(stat("\(path)/accounts.json", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(throws: CloudRefusal.alreadyExists(what: "login olga")) { try CloudWorld.addAccount(path) }
    }

    @Test func `accounts are not changed behind the back of a running cloud`() async throws {
        try await CloudWorld.run { world in
            #expect(throws: VendorCloudError.self) { try CloudWorld.addAccount(world.directory, login: "late") }
        }
    }

    /// The course itself, of a paired appliance, is seen in the browser (`make centre`).
    @Test func `what an appliance has reported is not for whom has only typed its serial`() async throws {
        try await CloudWorld.run {
            $0.limits.shortestReportInterval = .zero
            $0.limits.reportSpacing = .zero
        } _: { world in
            try await world.withClient(try world.material.device(CloudWorld.serial)) { appliance async throws in
                for value in [0.25, 0.5] {
                    let point = MetricPoint(name: "system.cpu.utilization", unit: "1", value: value)
                    let report = try OTLPMetrics.encode([point], at: UnixTime(seconds: 1))
                    #expect(
                        try await appliance.send(.POST, .monitoring, "/v1/metrics", headers: json, body: report).status
                            == 200)
                }
                let foreign = try await appliance.send(.GET, .monitoring, "/v1/devices/\(CloudWorld.serial)/history")
                #expect(foreign.status == 403)
            }
            try await world.withClient(nil) { client async throws in
                let device = body(#"{"serial":"PBX-0001","name":"x"}"#)
                #expect(try await client.send(.POST, .web, "/api/devices", headers: json, body: device).status == 201)
                let history = try await client.send(.GET, .web, "/api/devices/PBX-0001/history")
                #expect(history.status == 404)
                let backups = try await client.send(.GET, .web, "/api/devices/PBX-0001/backups")
                #expect(backups.status == 404)
            }
        }
    }
}
