package import CloudMessages
package import Primitives

/// Payload of the JWS that offers a pairing code (F-C2, `POST /v1/offer` on the service `pairing`).
package struct PairingOfferBody: Codable, Sendable, Hashable {
    /// Media type of the compact JWS.
    package static let contentType = "application/jose"

    package var tokenId: String
    package var serial: String
    /// RFC 3339.
    package var issuedAt: String
    package var expiresAt: String
    /// SHA-256 of the code, base64url without padding.
    package var codeHash: String

    package init(_ offer: PairingOffer) {
        tokenId = offer.tokenID
        serial = offer.serial
        issuedAt = offer.issuedAt.rfc3339
        expiresAt = offer.expiresAt.rfc3339
        codeHash = Base64.encode(offer.codeHash, alphabet: .url, padding: false)
    }

    package func encoded() throws(CloudWireError) -> [UInt8] { try WireJSON.encode(self, what: "pairing offer") }

    /// Reads a verified payload; form only, times and serial are the core's to judge.
    package static func decode(_ payload: [UInt8], limits: WireLimits = WireLimits()) throws(CloudWireError)
        -> PairingOffer
    {
        let what = "pairing offer"
        let body = try WireJSON.decode(Self.self, from: payload, limit: limits.jsonBytes, what: what)
        guard limits.isIdentifier(body.tokenId) else {
            throw .malformed(what: what, reason: "tokenId is no identifier")
        }
        guard limits.isIdentifier(body.serial) else { throw .malformed(what: what, reason: "serial is no identifier") }
        guard let issuedAt = RFC3339.parse(body.issuedAt), let expiresAt = RFC3339.parse(body.expiresAt) else {
            throw .malformed(what: what, reason: "issuedAt or expiresAt is not RFC 3339")
        }
        guard let codeHash = Base64.decode(body.codeHash, alphabet: .url), codeHash.count == 32 else {
            throw .malformed(what: what, reason: "codeHash is not 32 bytes in base64url")
        }
        return PairingOffer(
            tokenID: body.tokenId, serial: body.serial, issuedAt: issuedAt, expiresAt: expiresAt, codeHash: codeHash)
    }
}

/// The pairing user on its one way to the Control Center (F-C3, `POST /v1/pairings`).
package struct PairingRegistration: Sendable, Equatable {
    package var tokenID: String
    package var user: String
    package var password: Secret

    package init(tokenID: String, user: String, password: Secret) {
        self.tokenID = tokenID
        self.user = user
        self.password = password
    }

    private struct Body: Codable {
        var tokenId: String
        var user: String
        var password: String
    }

    package func encoded() throws(CloudWireError) -> [UInt8] {
        let clear = password.withBytes { String(decoding: $0, as: UTF8.self) }
        return try WireJSON.encode(Body(tokenId: tokenID, user: user, password: clear), what: "pairing registration")
    }

    package static func decode(_ bytes: [UInt8], limits: WireLimits = WireLimits()) throws(CloudWireError) -> Self {
        let what = "pairing registration"
        let body = try WireJSON.decode(Body.self, from: bytes, limit: limits.jsonBytes, what: what)
        guard limits.isIdentifier(body.tokenId) else {
            throw .malformed(what: what, reason: "tokenId is no identifier")
        }
        guard limits.isIdentifier(body.user) else { throw .malformed(what: what, reason: "user is no identifier") }
        guard (1...256).contains(body.password.utf8.count) else {
            throw .malformed(what: what, reason: "password must have 1 to 256 bytes")
        }
        return Self(tokenID: body.tokenId, user: body.user, password: Secret(body.password))
    }
}
