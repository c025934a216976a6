import CloudWire
import Glibc
import NIOConcurrencyHelpers
import Primitives

/// A value in the log of received messages.
enum LogValue: Sendable, Encodable {
    case text(String)
    case integer(Int64)
    case number(Double)
    /// A secret: only its length is written.
    case secret(length: Int)
    /// Bytes that are nobody's business, or too many: only their count is written.
    case opaque(bytes: Int64)
    case list([LogValue])
    case object([String: LogValue])

    private enum Key: String, CodingKey { case secretLength, opaqueBytes }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .text(let text): try write(text, encoder)
        case .integer(let integer): try write(integer, encoder)
        case .number(let number): try write(number, encoder)
        case .list(let values): try write(values, encoder)
        case .object(let values): try write(values, encoder)
        case .secret(let length):
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(length, forKey: .secretLength)
        case .opaque(let bytes):
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(bytes, forKey: .opaqueBytes)
        }
    }

    private func write(_ value: some Encodable, _ encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// One JSON line per received message, in `DATA/logs/<server>.jsonl`, so that a test can hold what arrived against the
/// privacy contract. Call records are never written here, only their field names (R7).
final class MessageLog: Sendable {
    private struct Line: Encodable {
        var time: String
        var server: String
        var peer: String?
        var peerUnit: String?
        var what: String
        var fields: [String: LogValue]
        var bytes: Int64
    }

    private let path: String
    private let server: String
    private let descriptor: NIOLockedValueBox<Int32>

    init(directory: String, server: String) throws(ServerFiles.Failure) {
        path = "\(directory)/\(server).jsonl"
        self.server = server
        descriptor = NIOLockedValueBox(try ServerFiles.openLog(path))
    }

    deinit { _ = descriptor.withLockedValue { close($0) } }

    /// `bytes` counts the message's body. A failing disk loses lines, never a request.
    func record(peer: String?, unit: String? = nil, what: String, fields: [String: LogValue] = [:], bytes: Int64) {
        let line = Line(
            time: ServerClock.wall.rfc3339, server: server, peer: peer, peerUnit: unit, what: what, fields: fields,
            bytes: bytes)
        guard let json = try? WireJSON.encode(line, what: "log line") else { return }
        descriptor.withLockedValue { descriptor in
            try? ServerFiles.writeAll(descriptor, path: path, bytes: json + [0x0A], offset: nil)
        }
    }
}
