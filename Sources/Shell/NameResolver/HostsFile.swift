import Glibc
import Primitives
import ServerLocation

/// The names of /etc/hosts (hosts(5)), read again when the file changes; `localhost` is known without (RFC 6761
/// section 6.3).
struct HostsFile {
    private static let largestBytes = 262_144
    private static let lifetime = Duration.seconds(60)
    private var file: WatchedFile
    private var addresses: [String: [IPAddress]] = [:]

    init(_ path: String) {
        file = WatchedFile(path)
    }

    /// Nil when the name servers are to be asked.
    mutating func outcome(of query: DNSQuery) -> DNSOutcome? {
        guard query.type == .a || query.type == .aaaa else { return nil }
        if file.hasChanged() { addresses = Self.parse(file.contents(atMost: Self.largestBytes)) }
        let isLocal = query.name == "localhost" || query.name.hasSuffix(".localhost")
        guard let known = addresses[query.name] ?? (isLocal ? [.loopbackV4, .v6(0, 1)] : nil) else { return nil }
        let wanted = known.filter { $0.isV4 == (query.type == .a) }
        if wanted.isEmpty { return .noRecords(timeToLive: Self.lifetime) }
        return .records(wanted.map { DNSRecord(query.name, timeToLive: Self.lifetime, .address($0)) })
    }

    private static func parse(_ text: String) -> [String: [IPAddress]] {
        var result: [String: [IPAddress]] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
            guard let first = words.first, let address = IPAddress(first) else { continue }
            for name in words.dropFirst().map({ DNSName.canonical(String($0)) }) {
                if result[name]?.contains(address) != true { result[name, default: []].append(address) }
            }
        }
        return result
    }
}

/// Tells whether a file has been written since it was last asked.
struct WatchedFile {
    private let path: String
    private var last: [Int]?

    init(_ path: String) {
        self.path = path
    }

    /// True the first time.
    mutating func hasChanged() -> Bool {
        var status = stat()
        let found = stat(path, &status) == 0
        let now =
            found
            ? [Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec] : []
        defer { last = now }
        return now != last
    }

    /// Empty when it cannot be read; cut at `limit` bytes.
    func contents(atMost limit: Int) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let got = bytes.withUnsafeMutableBytes {
                let rest = UnsafeMutableRawBufferPointer(rebasing: $0[count...])
                return read(descriptor, rest.baseAddress, rest.count)
            }
            guard got > 0 else { break }
            count += got
        }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
