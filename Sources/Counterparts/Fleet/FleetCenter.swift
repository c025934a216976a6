import AsyncHTTPClient
import CloudWire
import NIOCore
import NIOHTTP1
import Primitives

/// The Control Center's user of a fleet: logs in, adds appliances, reads the list.
struct FleetCenter: Sendable {
    private let http: HTTPClient
    private let base: String
    private let cookie: String

    struct Device: Decodable, Sendable {
        var serial: String
        var state: String
        var code: String?
        var registrationStatus: String
    }
    private struct DeviceList: Decodable { var devices: [Device] }
    private struct LogIn: Encodable {
        var login: String
        var password: String
    }
    private struct NewDevice: Encodable {
        var serial: String
        var name: String
    }

    /// `web` is the page's address.
    init(web: String, login: String, password: String, http: HTTPClient) async throws {
        self.http = http
        base = "http://\(web)/api"
        let body = try WireJSON.encode(LogIn(login: login, password: password), what: "log-in")
        let answer = try await Self.send(.POST, "\(base)/session", body: body, cookie: nil, http)
        guard answer.status == .ok, let cookie = answer.headers.first(name: "set-cookie") else {
            throw FleetError("the Control Center refused the log-in (\(answer.status.code))")
        }
        self.cookie = String(cookie.prefix { $0 != ";" })
    }

    /// The code that the page would show.
    func add(serial: String) async throws -> String {
        let body = try WireJSON.encode(NewDevice(serial: serial, name: "Office \(serial)"), what: "device")
        let answer = try await Self.send(.POST, "\(base)/devices", body: body, cookie: cookie, http)
        let bytes = Array(try await answer.body.collect(upTo: 1 << 20).readableBytesView)
        guard answer.status == .created else {
            throw FleetError(
                "\(serial) was not added (\(answer.status.code)): \(String(decoding: bytes, as: UTF8.self))")
        }
        let device = try WireJSON.decode(Device.self, from: bytes, limit: 1 << 20, what: "device")
        guard let code = device.code else { throw FleetError("\(serial) has no code") }
        return code
    }

    func devices() async throws -> [Device] {
        let answer = try await Self.send(.GET, "\(base)/devices", body: nil, cookie: cookie, http)
        let bytes = Array(try await answer.body.collect(upTo: 64 << 20).readableBytesView)
        guard answer.status == .ok else { throw FleetError("the list cannot be read (\(answer.status.code))") }
        return try WireJSON.decode(DeviceList.self, from: bytes, limit: 64 << 20, what: "devices").devices
    }

    private static func send(
        _ method: HTTPMethod, _ url: String, body: [UInt8]?, cookie: String?, _ http: HTTPClient
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if let cookie { request.headers.add(name: "cookie", value: cookie) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        return try await http.execute(request, timeout: .seconds(60))
    }
}

/// What a fleet could not do.
package struct FleetError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
