import Primitives
import SIPDialog
import SIPMessage

/// The challenges that one server (401) or proxy (407) gave last, kept to be answered before it asks again.
struct ChallengeMemory: Sendable {
    private var challenges: [AuthenticationParameters] = []
    private var nonceCount: UInt32 = 0
    /// The nonce was made for the request under way: who refuses an answer to it refuses the password.
    private var isFresh = false

    /// Takes new challenges; false when answering them again is of no use.
    mutating func challenged(by new: [AuthenticationParameters]) -> Bool {
        let isStale = new.contains { $0.parameters["stale"]?.lowercased() == "true" }
        let isAnswerRefused = !challenges.isEmpty && isFresh && !isStale
        challenges = new
        nonceCount = 0
        isFresh = true
        return !isAnswerRefused
    }

    /// The answer was accepted; the nonce serves on until it is challenged again.
    mutating func accepted() { isFresh = false }

    var isEmpty: Bool { challenges.isEmpty }

    /// Credentials for the best challenge; nil when none can be met.
    mutating func credentials(
        _ credentials: TrunkCredentials, method: SIPMethod, uri: String, entropy: inout Entropy,
        hashes: any HashFunctions
    ) -> AuthenticationParameters? {
        nonceCount += 1
        return DigestClient.authorization(
            for: challenges, username: credentials.username, password: credentials.password, method: method, uri: uri,
            nc: nonceCount, cnonce: entropy.hexToken(bytes: 8), hashes: hashes)
    }
}
