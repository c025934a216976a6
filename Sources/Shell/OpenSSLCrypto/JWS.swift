import FoundationEssentials
package import Primitives

/// JSON Web Signatures in compact form (RFC 7515), ES256 only (RFC 7518 section 3.4), with the signer's chain in `x5c`.
package enum JWS {
    /// A longer token is refused before anything of it is parsed.
    package static let tokenLimitBytes = 64 * 1024
    package static let chainLimit = 4

    private struct Header: Codable {
        var alg: String
        var typ: String?
        var x5c: [String]?
        var crit: [String]?
    }

    /// Signs `payload`; `chain` is the signer's certificate and the authorities below the root.
    package static func sign(
        payload: [UInt8], type: String? = nil, chain: [Certificate], signer: some KeySigner
    ) throws(CryptoError) -> String {
        guard let leaf = chain.first, leaf.publicKey == signer.publicKey else {
            throw .malformed(what: "JWS certificate chain", reason: "its first certificate is not the signer's")
        }
        let header = Header(alg: "ES256", typ: type, x5c: chain.map { Base64.encode($0.der) }, crit: nil)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(header) else {
            throw .malformed(what: "JWS header", reason: "it cannot be written as JSON")
        }
        let input =
            Base64.encode(json, alphabet: .url, padding: false) + "."
            + Base64.encode(payload, alphabet: .url, padding: false)
        guard input.utf8.count + 87 <= tokenLimitBytes else {
            throw .limitExceeded(what: "JWS in bytes", value: input.utf8.count + 87, limit: tokenLimitBytes)
        }
        let signature = try signer.sign(sha256Digest: HashAlgorithm.sha256.hash(Array(input.utf8)))
        return input + "." + Base64.encode(try ECDSASignature.raw(fromDER: signature), alphabet: .url, padding: false)
    }

    /// The payload, when the signature is the leaf's, the chain in `x5c` leads to `root` at that time, and the leaf is a
    /// client certificate of exactly that organizational unit.
    package static func verify(
        _ token: String, root: Certificate, requiredOU: String, at time: UnixTime
    ) throws(CryptoError) -> [UInt8] {
        guard token.utf8.count <= tokenLimitBytes else {
            throw .limitExceeded(what: "JWS in bytes", value: token.utf8.count, limit: tokenLimitBytes)
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = decode(parts[0]), let payload = decode(parts[1]),
            let signature = decode(parts[2])
        else { throw .malformed(what: "JWS", reason: "it is not three parts in base64url") }
        let chain = try chain(inHeader: header)
        let leaf = chain[0]
        try Certificate.verifyChain(
            leaf: leaf, intermediates: Array(chain.dropFirst()), root: root, at: time, purpose: .client)
        guard leaf.organizationalUnit == requiredOU else {
            throw .wrongRole(found: leaf.organizationalUnit ?? "", required: requiredOU)
        }
        let digest = HashAlgorithm.sha256.hash(Array("\(parts[0]).\(parts[1])".utf8))
        guard let publicKey = leaf.publicKey,
            publicKey.isValid(signature: try ECDSASignature.der(fromRaw: signature), sha256Digest: digest)
        else { throw .signatureInvalid("the JWS") }
        return payload
    }

    private static func chain(inHeader bytes: [UInt8]) throws(CryptoError) -> [Certificate] {
        guard let header = try? JSONDecoder().decode(Header.self, from: Data(bytes)) else {
            throw .malformed(what: "JWS header", reason: "it is not a JSON object with 'alg'")
        }
        guard header.alg == "ES256" else { throw .unsupported("JWS algorithm '\(header.alg.prefix(16))'") }
        guard header.crit == nil else { throw .unsupported("JWS with critical header parameters") }
        let entries = header.x5c ?? []
        guard !entries.isEmpty else { throw .malformed(what: "JWS header", reason: "'x5c' is missing") }
        guard entries.count <= chainLimit else {
            throw .limitExceeded(what: "number of certificates in x5c", value: entries.count, limit: chainLimit)
        }
        var chain: [Certificate] = []
        for entry in entries {
            guard let der = Base64.decode(entry) else {
                throw .malformed(what: "JWS header", reason: "'x5c' is not base64")
            }
            chain.append(try Certificate(der: der))
        }
        return chain
    }

    private static func decode(_ part: Substring) -> [UInt8]? {
        part.contains("=") ? nil : Base64.decode(part, alphabet: .url)
    }
}
