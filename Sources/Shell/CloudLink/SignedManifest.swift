import CloudMessages
import CloudWire
package import OpenSSLCrypto
package import Primitives
package import PrivacyContract

/// The update server's answer (F-S2): the core hears of a manifest that is not the vendor's too, and says why it is refused.
package enum SignedManifest {
    package static func reply(_ body: [UInt8], root: Certificate?, at time: UnixTime) -> CloudReply {
        let token = String(decoding: body, as: UTF8.self)
        let forgery: String
        do throws(CryptoError) {
            guard let root else { throw .unsupported("a vendor root that cannot be read") }
            let payload = try JWS.verify(
                token, root: root, requiredOU: UpdateManifestBody.signerUnit, at: time)
            do {
                return .update(try UpdateManifestBody.decode(payload), forgery: nil)
            } catch {
                return .unreachable("the server's answer is not understood: \(error)")
            }
        } catch {
            forgery = "\(error)"
        }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard token.utf8.count <= JWS.tokenLimitBytes, parts.count == 3,
            let payload = Base64.decode(parts[1], alphabet: .url),
            let manifest = try? UpdateManifestBody.decode(payload)
        else { return .unreachable("the server's answer is no signed manifest") }
        return .update(manifest, forgery: forgery)
    }
}
