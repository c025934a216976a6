import FoundationEssentials
import Glibc
import Simulation

/// Asks a running appliance over the socket in its data directory; one short HTTP request each, which blocks.
struct Administration {
    let directory: String

    private struct Records: Decodable {
        struct Entry: Decodable { var record: StageRecord }
        var records: [Entry]
    }
    private struct Calls: Decodable {
        struct Call: Decodable {}
        var calls: [Call]
    }

    func records() throws(LiveFailure) -> [StageRecord] {
        try get("/v1/call-records?after=0", as: Records.self).records.map(\.record)
    }

    func calls() throws(LiveFailure) -> Int { try get("/v1/calls", as: Calls.self).calls.count }

    private func get<Answer: Decodable>(_ path: String, as type: Answer.Type) throws(LiveFailure) -> Answer {
        let answer = try exchange("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        let text = String(decoding: answer, as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 200"), let open = text.firstIndex(of: "{"), let close = text.lastIndex(of: "}")
        else { throw LiveFailure("GET \(path): \(text.prefix(200))") }
        do {
            return try JSONDecoder().decode(type, from: Data(text[open...close].utf8))
        } catch { throw LiveFailure("GET \(path): \(error)") }
    }

    private func exchange(_ request: String) throws(LiveFailure) -> [UInt8] {
        let path = "\(directory)/data/pbxd.sock"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw LiveFailure("no socket") }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw LiveFailure("\(path) is too long for a socket's name; run in a directory with a shorter one")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw LiveFailure("cannot connect to \(path)") }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let bytes = Array(request.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw LiveFailure("cannot write to \(path)") }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while answer.count < 4_194_304 {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        return answer
    }
}
