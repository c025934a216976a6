package import Primitives

/// Reads answers of name servers (RFC 1035 section 4). Nothing in them is believed to be well-formed.
package enum DNSMessage {
    /// What `bytes`, the whole message, says about `query`.
    ///
    /// Records of other classes and types are passed over, as is what follows the first
    /// `Limits.dnsRecordsPerAnswer` records. A message that cannot be read is `.failed(.malformed)`.
    package static func outcome(of bytes: some Collection<UInt8>, for query: DNSQuery, limits: Limits) -> DNSOutcome {
        guard bytes.count <= limits.dnsAnswerBytes else {
            return .failed(.tooLong(bytes: bytes.count, limit: limits.dnsAnswerBytes))
        }
        var reader = DNSReader(Array(bytes))
        do throws(DNSFailure) {
            return try reader.outcome(for: query, limits: limits)
        } catch {
            return .failed(error)
        }
    }
}

private struct DNSReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private static let aliasType: UInt16 = 5
    private static let authorityType: UInt16 = 6
    private static let internetClass: UInt16 = 1

    mutating func outcome(for query: DNSQuery, limits: Limits) throws(DNSFailure) -> DNSOutcome {
        _ = try word()
        let flags = try word()
        guard flags & 0x8000 != 0 else { throw .malformed }
        let counts = (questions: try word(), answers: try word(), authorities: try word(), additional: try word())
        for _ in 0..<counts.questions {
            _ = try name()
            _ = try long()
        }
        switch flags & 0xF {
        case 0, 3: break
        case 5: throw .refused
        case 1: throw .malformed
        default: throw .serverFailed
        }
        // Cut short, and still so over TCP: half a set of records is worse than none.
        guard flags & 0x0200 == 0 else { throw .malformed }
        var records: [DNSRecord] = []
        for _ in 0..<min(Int(counts.answers), limits.dnsRecordsPerAnswer) {
            if let record = try record() { records.append(record) }
        }
        if flags & 0xF == 3 { return .noSuchName(timeToLive: try negativeLifetime(counts.authorities)) }
        guard records.isEmpty else { return .records(records) }
        guard counts.answers <= limits.dnsRecordsPerAnswer else { return .noRecords(timeToLive: nil) }
        return .noRecords(timeToLive: try negativeLifetime(counts.authorities))
    }

    /// One record; nil for a type or class that is of no interest here.
    private mutating func record() throws(DNSFailure) -> DNSRecord? {
        let (owner, type, lifetime, end) = try recordHeader()
        defer { position = end }
        let data: DNSRecord.Data
        switch type {
        case DNSRecordType.a.rawValue:
            guard end - position == 4 else { throw .malformed }
            data = .address(.v4(try long()))
        case DNSRecordType.aaaa.rawValue:
            guard end - position == 16 else { throw .malformed }
            let words = (try long(), try long(), try long(), try long())
            data = .address(
                .v6(UInt64(words.0) << 32 | UInt64(words.1), UInt64(words.2) << 32 | UInt64(words.3)))
        case DNSRecordType.srv.rawValue:
            let (priority, weight, port) = (try word(), try word(), try word())
            data = .service(ServiceRecord(priority: priority, weight: weight, port: port, target: try name()))
        case DNSRecordType.naptr.rawValue:
            let (order, preference) = (try word(), try word())
            let (flags, service) = (try characterString(), try characterString())
            _ = try characterString()
            data = .pointer(
                NamingAuthorityPointer(
                    order: order, preference: preference, flags: flags, service: service, replacement: try name()))
        case Self.aliasType: data = .alias(DNSName.canonical(try name()))
        default: return nil
        }
        guard position == end else { throw .malformed }
        return owner.map { DNSRecord($0, timeToLive: lifetime, data) }
    }

    /// The owner is nil for another class than the Internet's.
    private mutating func recordHeader() throws(DNSFailure) -> (String?, UInt16, Duration, Int) {
        let owner = try name()
        let (type, `class`, seconds, length) = (try word(), try word(), try long(), try word())
        guard position + Int(length) <= bytes.count else { throw .malformed }
        // The topmost bit set means zero (RFC 2181 section 8).
        let lifetime = Duration.seconds(seconds >> 31 == 0 ? Int64(seconds) : 0)
        return (`class` == Self.internetClass ? owner : nil, type, lifetime, position + Int(length))
    }

    /// The lesser of the SOA record's own time to live and its MINIMUM (RFC 2308 section 5).
    private mutating func negativeLifetime(_ authorities: UInt16) throws(DNSFailure) -> Duration? {
        for _ in 0..<min(authorities, 16) {
            let (owner, type, lifetime, end) = try recordHeader()
            defer { position = end }
            guard type == Self.authorityType, owner != nil else { continue }
            _ = try name()
            _ = try name()
            for _ in 0..<4 { _ = try long() }
            return min(lifetime, .seconds(Int64(try long())))
        }
        return nil
    }

    // MARK: Parts

    private mutating func byte() throws(DNSFailure) -> UInt8 {
        guard position < bytes.count else { throw .malformed }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func word() throws(DNSFailure) -> UInt16 { UInt16(try byte()) << 8 | UInt16(try byte()) }
    private mutating func long() throws(DNSFailure) -> UInt32 { UInt32(try word()) << 16 | UInt32(try word()) }

    private mutating func characterString() throws(DNSFailure) -> String {
        let length = Int(try byte())
        guard position + length <= bytes.count else { throw .malformed }
        defer { position += length }
        return String(decoding: bytes[position..<position + length], as: UTF8.self)
    }

    /// A name, dots between its labels. Pointers must lead backwards, so that they end (RFC 1035 section 4.1.4).
    private mutating func name() throws(DNSFailure) -> String {
        var text: [UInt8] = []
        var index = position
        var earliest = position
        var hasJumped = false
        while true {
            guard index < bytes.count else { throw .malformed }
            let length = Int(bytes[index])
            switch length {
            case 0:
                if !hasJumped { position = index + 1 }
                return String(decoding: text, as: UTF8.self)
            case 1...63:
                guard index + 1 + length <= bytes.count, text.count + length < 255 else { throw .malformed }
                // A dot inside a label would read as two labels.
                let label = bytes[index + 1..<index + 1 + length]
                guard !label.contains(UInt8(ascii: ".")) else { throw .malformed }
                if !text.isEmpty { text.append(UInt8(ascii: ".")) }
                text += label
                index += 1 + length
            case 0xC0...:
                guard index + 1 < bytes.count else { throw .malformed }
                let target = (length & 0x3F) << 8 | Int(bytes[index + 1])
                guard target < earliest else { throw .malformed }
                if !hasJumped { position = index + 2 }
                hasJumped = true
                earliest = target
                index = target
            default: throw .malformed
            }
        }
    }
}
