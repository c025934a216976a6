import CloudWire
import LogPolicy
import NIOConcurrencyHelpers
import Primitives

/// The access log of the remote configuration on the disk (F-C11, R9). The whole file is replaced at each change, so
/// that what is not in the log any more is in no file.
struct AccessLogFile: Sendable {
    private struct Body: Codable {
        struct Line: Codable {
            var at: String
            var address: String
        }
        /// For 14 days.
        var originals: [Line]
        /// /24 or /48, to the hour.
        var anonymised: [Line]
    }

    static let limitBytes = 4 << 20

    let path: String

    func load() throws -> AccessLog {
        guard ServerFiles.exists(path) else { return AccessLog() }
        let body = try WireJSON.decode(
            Body.self, from: try ServerFiles.read(path), limit: Self.limitBytes, what: "access log")
        return AccessLog(
            originals: body.originals.compactMap { line in
                guard let at = RFC3339.parse(line.at), let address = IPAddress(line.address) else { return nil }
                return AccessLog.Access(at: at, address: address)
            },
            anonymised: body.anonymised.compactMap { line in
                guard let at = RFC3339.parse(line.at), let network = IPAddress(line.address) else { return nil }
                return AnonymousLine(address: network, at: at)
            })
    }

    func save(_ log: AccessLog) throws {
        let body = Body(
            originals: log.originals.map { .init(at: $0.at.rfc3339, address: "\($0.address)") },
            anonymised: log.anonymised.map { .init(at: $0.hour.rfc3339, address: "\($0.network)") })
        let bytes = try WireJSON.encode(body, what: "access log")
        try ServerFiles.replace(path, with: bytes)
    }
}

/// The log at work: who comes is written before the way opens, and what is over goes with the next sweep.
///
/// The small file is written where the access is decided: without the line there is no access.
final class AccessLogKeeper: Sendable {
    private let log: NIOLockedValueBox<AccessLog>
    private let file: AccessLogFile

    init(file: AccessLogFile) throws {
        self.file = file
        log = NIOLockedValueBox(try file.load())
    }

    func append(_ address: IPAddress) throws {
        try log.withLockedValue { log in
            log.append(address, at: ServerClock.wall)
            _ = log.expire(at: ServerClock.wall)
            try file.save(log)
        }
    }

    /// Until the task is cancelled: once now, and then every day.
    func sweep() async throws {
        while true {
            try log.withLockedValue { if $0.expire(at: ServerClock.wall) { try file.save($0) } }
            try await Task.sleep(for: LogClass.sweepInterval)
        }
    }
}
