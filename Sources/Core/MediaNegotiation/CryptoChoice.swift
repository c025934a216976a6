import Primitives
import RTP
import SDP

/// Which of the peer's `a=crypto` lines is used, and what ours look like (RFC 4568 sections 5 and 6).
struct CryptoChoice {
    /// The line's, which both descriptions share.
    let tag: Int
    /// What we protect with.
    let sendKey: SRTPMasterKey
    /// What the peer protects with.
    let receiveKey: SRTPMasterKey

    private init?(_ line: CryptoAttribute, sendKey: SRTPMasterKey?) {
        guard let sendKey, let receiveKey = Self.key(of: line), receiveKey.suite == sendKey.suite else { return nil }
        tag = line.tag
        self.sendKey = sendKey
        self.receiveKey = receiveKey
    }

    /// The line of an offer with the strongest suite that we have a key for; nil when none can be used.
    static func strongest(of offered: MediaDescription, _ security: LegSecurity) -> CryptoChoice? {
        let lines = offered.cryptoAttributes
        for own in security.keys {
            for line in lines {
                if let choice = CryptoChoice(line, sendKey: own) { return choice }
            }
        }
        return nil
    }

    /// The one line of an answer; nil unless it takes a line of our offer by tag and suite. We send with that line's key.
    static func answered(_ answer: MediaDescription, offer: MediaDescription?) -> CryptoChoice? {
        let lines = answer.cryptoAttributes
        guard lines.count == 1, let own = offer?.cryptoAttributes.first(where: { $0.tag == lines[0].tag }) else {
            return nil
        }
        return CryptoChoice(lines[0], sendKey: key(of: own))
    }

    /// Nil for a suite that we do not know, several keys or one with an identifier, a key of the wrong length, and session
    /// parameters that we cannot keep. Lifetimes bind who sends: the peer ends its own keys.
    private static func key(of line: CryptoAttribute) -> SRTPMasterKey? {
        guard let suite = SRTPSuite(rawValue: line.suite), line.keys.count == 1, !line.keys[0].hasIdentifier,
            line.sessionParameters.allSatisfy(isHarmless)
        else { return nil }
        return SRTPMasterKey(suite: suite, keyAndSalt: line.keys[0].keyAndSalt)
    }

    /// A hint for the replay window, the default derivation rate, and extensions marked as optional (section 6.3).
    private static func isHarmless(_ parameter: String) -> Bool {
        parameter.hasPrefix("-") || parameter.hasPrefix("WSH=") || parameter == "KDR=0"
    }

    /// The lines of our offer: those of `previous` where it has some that we still speak, else every suite of ours.
    static func offered(_ security: LegSecurity, keeping previous: MediaDescription?) -> [SDPAttribute] {
        guard security.takesProtected else { return [] }
        let kept = (previous?.cryptoAttributes ?? []).compactMap { line in
            SRTPSuite(rawValue: line.suite).flatMap(security.key).map { attribute(tag: line.tag, $0) }
        }
        return kept.isEmpty ? security.keys.enumerated().map { attribute(tag: $0.offset + 1, $0.element) } : kept
    }

    static func attribute(tag: Int, _ key: SRTPMasterKey) -> SDPAttribute {
        CryptoAttribute(tag: tag, suite: key.suite.rawValue, keys: [.init(keyAndSalt: key.keyAndSalt)]).attribute
    }
}
