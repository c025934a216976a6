import SIPMessage

/// How to challenge clients that do not cope with two algorithms at once.
///
/// The rule is RFC 8760 section 2.4: every algorithm in a header field of its own, SHA-256 above MD5. Known not to cope:
/// clients that give up at the first algorithm they do not know. No client says so; what they say of themselves must do.
enum DigestOffer: Sendable, Equatable {
    /// SHA-256, then MD5.
    case preferred
    /// MD5, then SHA-256: for those that read the topmost challenge alone.
    case oldestFirst
    /// MD5 alone: for those that refuse a response with any other algorithm in it.
    case oldestAlone

    init(for request: SIPRequest) {
        guard let agent = request.headers[.userAgent] else {
            self = .oldestFirst  // SIPp and other test tools do not name themselves
            return
        }
        self = Self.refusesOtherAlgorithms(agent) ? .oldestAlone : .preferred
    }

    /// `challenges` are in the order of preference, MD5 last.
    func ordered(_ challenges: [String]) -> [String] {
        switch self {
        case .preferred: challenges
        case .oldestFirst: challenges.reversed()
        case .oldestAlone: challenges.suffix(1)
        }
    }

    /// baresip before version 3: its library gives up on a response that names SHA-256 anywhere.
    private static func refusesOtherAlgorithms(_ agent: String) -> Bool {
        let name = "baresip v"
        guard agent.hasPrefix(name), let major = Int(agent.dropFirst(name.count).prefix { $0 != "." }) else {
            return false
        }
        return major < 3
    }
}
