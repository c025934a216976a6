import OpenSSLCrypto
import Primitives
import RTP

/// `srtp_kdf`, `srtp_protect`, `srtp_unprotect` and `srtcp_unprotect`.
///
/// `suite` is a name of RFC 4568 or RFC 7714; keys are `master` (key and salt in one) or `session_key`, `session_salt` and,
/// without AEAD, `session_auth`. `roc` is the rollover counter that the source begins with, 0 if missing.
enum SRTPVectors {
    /// What the product sends at most beside the packet itself: tag and index.
    private static let trailerBytes = 24

    /// The session keys of both kinds of packets; those of RTP also by themselves.
    static func derive(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let master = try masterKey(request, suite: try suite(request))
        let (rtp, rtcp) = try attempt { () throws(CryptoError) in
            (
                try SRTPKeyDerivation.sessionKeys(master, for: .rtp),
                try SRTPKeyDerivation.sessionKeys(master, for: .rtcp)
            )
        }
        return [
            "rtp": .object(fields(rtp, prefix: "")), "rtcp": .object(fields(rtcp, prefix: "")),
        ].merging(fields(rtp, prefix: "session_")) { own, _ in own }
    }

    static func protect(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let suite = try suite(request)
        let rollover = try rollover(request)
        let packet = try request.bytes("packet")
        let protector: SRTPProtector
        if let keys = try sessionKeys(request, suite: suite) {
            protector = try attempt { () throws(SRTPError) in
                try SRTPProtector(suite, sessionKeys: keys, rollover: rollover)
            }
        } else {
            let master = try masterKey(request, suite: suite)
            protector = try attempt { () throws(SRTPError) in try SRTPProtector(master, rollover: rollover) }
        }
        var bytes = packet + [UInt8](repeating: 0, count: trailerBytes)
        let size = bytes.withUnsafeMutableBytes { try? protector.protectRTP($0, size: packet.count) }
        guard let size else { throw .refused }
        return ["packet": .text(Hex.encode(bytes[..<size]))]
    }

    static func unprotect(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let unprotector = try unprotector(request)
        var bytes = try request.bytes("packet")
        let size = bytes.withUnsafeMutableBytes { try? unprotector.unprotectRTP($0) }
        guard let size else { throw .refused }
        return ["rtp": .text(Hex.encode(bytes[..<size]))]
    }

    static func unprotectRTCP(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let unprotector = try unprotector(request)
        var bytes = try request.bytes("packet")
        let size = bytes.withUnsafeMutableBytes { try? unprotector.unprotectRTCP($0) }
        guard let size else { throw .refused }
        return ["rtcp": .text(Hex.encode(bytes[..<size]))]
    }

    private static func unprotector(_ request: VectorRequest) throws(VectorFailure) -> SRTPUnprotector {
        let suite = try suite(request)
        let rollover = try rollover(request)
        if let keys = try sessionKeys(request, suite: suite) {
            return try attempt { () throws(SRTPError) in
                try SRTPUnprotector(suite, sessionKeys: keys, rollover: rollover)
            }
        }
        let master = try masterKey(request, suite: suite)
        return try attempt { () throws(SRTPError) in try SRTPUnprotector(master, rollover: rollover, guesses: 1) }
    }

    // MARK: Fields

    private static func suite(_ request: VectorRequest) throws(VectorFailure) -> SRTPSuite {
        guard let suite = SRTPSuite(rawValue: try request.text("suite").uppercased()) else { throw .unsupported }
        return suite
    }

    private static func rollover(_ request: VectorRequest) throws(VectorFailure) -> UInt32 {
        guard let value = UInt32(exactly: try request.integer("roc", or: 0)) else {
            throw .malformed("the field 'roc' does not fit 32 bits")
        }
        return value
    }

    private static func masterKey(
        _ request: VectorRequest, suite: SRTPSuite
    ) throws(VectorFailure) -> SRTPMasterKey {
        guard let key = SRTPMasterKey(suite: suite, keyAndSalt: Secret(try request.bytes("master"))) else {
            throw .malformed("the field 'master' is not \(suite.keyBytes) bytes of key and \(suite.saltBytes) of salt")
        }
        return key
    }

    /// Nil when the request has no `session_key`.
    private static func sessionKeys(
        _ request: VectorRequest, suite: SRTPSuite
    ) throws(VectorFailure) -> SRTPSessionKeys? {
        let key = try request.optionalBytes("session_key")
        guard !key.isEmpty else { return nil }
        let salt = try request.bytes("session_salt")
        let authentication = suite.isAEAD ? [] : try request.bytes("session_auth")
        guard key.count == suite.keyBytes, salt.count == suite.saltBytes,
            authentication.count == suite.authenticationKeyBytes
        else { throw .malformed("the session keys do not have the lengths of \(suite.rawValue)") }
        return SRTPSessionKeys(
            encryption: Secret(key), salt: Secret(salt), authentication: Secret(authentication))
    }

    private static func fields(_ keys: SRTPSessionKeys, prefix: String) -> [String: JSONValue] {
        func text(_ secret: Secret) -> JSONValue { .text(secret.withBytes { Hex.encode($0) }) }
        return [
            prefix + "key": text(keys.encryption), prefix + "salt": text(keys.salt),
            prefix + "auth": text(keys.authentication),
        ]
    }

    private static func attempt<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(VectorFailure) -> Result {
        do throws(Failure) { return try body() } catch { throw .refused }
    }
}
