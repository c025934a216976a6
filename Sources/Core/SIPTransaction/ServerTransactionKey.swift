import SIPMessage

/// What makes two requests one transaction (RFC 3261 section 17.2.3), hashed once.
struct ServerTransactionKey: Hashable, Sendable {
    /// Seeded per process, so that no peer can make many keys collide; it never reaches an effect.
    let hash: Int
    /// The branch with the magic cookie, or the fields that make a transaction of RFC 2543.
    private let text: String
    /// Sent-by, in lower case.
    private let host: String
    private let port: UInt16?
    private let method: SIPMethod

    init(branch: String, host: String, port: UInt16?, method: SIPMethod) {
        self.init(text: branch, host: host, port: port, method: method)
    }

    /// RFC 2543. The To tag is left out: within one CSeq number it cannot differ, and an ACK carries ours.
    init(legacy uri: SIPURI, fromTag: String, callID: String, number: UInt32, via: Via, method: SIPMethod) {
        // A line break stands in none of them, and a branch with the magic cookie holds no white space.
        let text = "\(number)\n\(fromTag)\n\(callID)\n\(uri)\n\(via)"
        self.init(text: text, host: via.host.lowercased(), port: via.port, method: method)
    }

    private init(text: String, host: String, port: UInt16?, method: SIPMethod) {
        self.text = text
        self.host = host
        self.port = port
        self.method = method
        var hasher = Hasher()
        hasher.combine(text)
        hasher.combine(host)
        hasher.combine(port)
        hasher.combine(method)
        hash = hasher.finalize()
    }

    /// Of no request.
    static let none = ServerTransactionKey(text: "", host: "", port: nil, method: .ack)

    /// What its text takes, roughly.
    var sizeBytes: Int { text.utf8.count + host.utf8.count }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    static func == (left: Self, right: Self) -> Bool {
        left.hash == right.hash && left.text == right.text && left.host == right.host && left.port == right.port
            && left.method == right.method
    }
}

/// What a request that took two paths has in common (RFC 3261 section 8.2.2.2): From tag, Call-ID and CSeq, of which 64
/// bits of a hash are kept. It is seeded per process, so that nobody can choose two that are equal, and two that are
/// equal by chance are rarer than a bit that flips.
struct MergeKey: Hashable, Sendable {
    private let hash: Int

    init(callID: String, fromTag: String, cseq: CSeq) {
        var hasher = Hasher()
        hasher.combine(callID)
        hasher.combine(fromTag)
        hasher.combine(cseq)
        hash = hasher.finalize()
    }
}
