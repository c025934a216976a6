/// What the relay reads of a TLS ClientHello (RFC 8446 section 4.1.2) before it forwards the bytes untouched.
package struct ClientHello: Sendable, Hashable {
    /// `server_name` (RFC 6066 section 3), lower case; nil when absent.
    package var serverName: String?
    /// `application_layer_protocol_negotiation` (RFC 7301), in the client's order of preference.
    package var applicationProtocols: [String] = []

    package enum Outcome: Sendable, Hashable {
        /// The bytes so far are a valid beginning.
        case needsMore
        case complete(ClientHello)
        /// Never a ClientHello, however many bytes follow.
        case invalid(Reason)
    }

    package enum Reason: String, Sendable, Hashable {
        case notTLS, tooLong, malformed
    }

    /// Records and handshake message together may be this long; a usual hello has 200 to 2000 bytes.
    package static let maximumBytes = 16_384

    package init(serverName: String?, applicationProtocols: [String]) {
        self.serverName = serverName
        self.applicationProtocols = applicationProtocols
    }

    /// Judges the first bytes of a connection; call it again with all bytes when more have arrived.
    package static func parse(_ bytes: [UInt8]) -> Outcome {
        var message: [UInt8] = []
        var position = 0
        while true {
            // TLSPlaintext (RFC 8446 section 5.1): type, legacy version, length, fragment.
            let header = bytes[position...].prefix(5)
            guard matchesRecordHeader(header) else { return .invalid(.notTLS) }
            guard header.count == 5 else { return bytes.count > maximumBytes ? .invalid(.tooLong) : .needsMore }
            let length = Int(bytes[position + 3]) << 8 | Int(bytes[position + 4])
            guard length > 0 else { return .invalid(.malformed) }
            guard length <= maximumBytes else { return .invalid(.tooLong) }
            let fragment = bytes[(position + 5)...].prefix(length)
            message += fragment
            if let first = message.first, first != 1 { return .invalid(.notTLS) }
            if message.count >= 4 {
                let size = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
                guard size + 4 <= maximumBytes else { return .invalid(.tooLong) }
                if message.count >= size + 4 {
                    var reader = Reader(message[4..<4 + size])
                    return reader.clientHello().map { .complete($0) } ?? .invalid(.malformed)
                }
            }
            guard fragment.count == length else { return bytes.count > maximumBytes ? .invalid(.tooLong) : .needsMore }
            position += 5 + length
            guard position <= maximumBytes else { return .invalid(.tooLong) }
        }
    }

    /// Content type handshake, any legacy version 3.x.
    private static func matchesRecordHeader(_ header: ArraySlice<UInt8>) -> Bool {
        zip(header, [22, 3] as [UInt8]).allSatisfy { $0 == $1 }
    }

    private struct Reader {
        private var bytes: ArraySlice<UInt8>

        init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

        var isAtEnd: Bool { bytes.isEmpty }

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard bytes.count >= count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        /// A big-endian integer of `size` bytes.
        mutating func integer(_ size: Int) -> Int? { take(size)?.reduce(0) { $0 << 8 | Int($1) } }

        /// A vector with a length prefix of `size` bytes.
        mutating func vector(_ size: Int) -> Reader? {
            guard let count = integer(size), let content = take(count) else { return nil }
            return Reader(content)
        }

        var text: String? {
            bytes.allSatisfy { (0x21...0x7E).contains($0) } ? String(decoding: bytes, as: UTF8.self) : nil
        }

        mutating func clientHello() -> ClientHello? {
            // legacy_version, random, session id, cipher suites, compression methods
            guard take(2) != nil, take(32) != nil, let session = vector(1), session.bytes.count <= 32,
                let suites = vector(2), suites.bytes.count >= 2, let compression = vector(1), !compression.isAtEnd
            else { return nil }
            var hello = ClientHello(serverName: nil, applicationProtocols: [])
            if isAtEnd { return hello }
            guard var extensions = vector(2), isAtEnd else { return nil }
            while !extensions.isAtEnd {
                guard let type = extensions.integer(2), var content = extensions.vector(2) else { return nil }
                switch type {
                case 0: guard content.serverName(into: &hello) else { return nil }
                case 16: guard content.protocols(into: &hello) else { return nil }
                default: break
                }
            }
            return hello
        }

        private mutating func serverName(into hello: inout ClientHello) -> Bool {
            guard hello.serverName == nil, var list = vector(2), isAtEnd else { return false }
            while !list.isAtEnd {
                guard let type = list.integer(1), let name = list.vector(2) else { return false }
                guard type == 0 else { continue }
                guard hello.serverName == nil, !name.isAtEnd, name.bytes.count <= 255, let text = name.text else {
                    return false
                }
                hello.serverName = text.lowercased()
            }
            return hello.serverName != nil
        }

        private mutating func protocols(into hello: inout ClientHello) -> Bool {
            guard hello.applicationProtocols.isEmpty, var list = vector(2), isAtEnd, !list.isAtEnd else { return false }
            while !list.isAtEnd {
                guard let name = list.vector(1), !name.isAtEnd else { return false }
                // GREASE values (RFC 8701) are not text; they match nothing.
                hello.applicationProtocols.append(name.text ?? "")
            }
            return true
        }
    }
}
