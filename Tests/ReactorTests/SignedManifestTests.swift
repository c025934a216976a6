import CloudLink
import CloudMessages
import CloudWire
import Foundation
import OpenSSLCrypto
import Primitives
import PrivacyContract
import Testing

/// What the update server answers, judged by its signature.
struct SignedManifestTests {
    private static let now = UnixTime(seconds: 1_800_000_000)
    private static let manifest = UpdateManifest(
        version: "1.1.0", board: "rpi4", notes: "Better.", sizeBytes: 5, sha256: [UInt8](repeating: 3, count: 32),
        rolloutPercent: 25, issuedAt: now, expiresAt: now + .seconds(900))

    private final class PKI {
        let path = "/tmp/pbx-\(UUID().uuidString.prefix(13))"
        let pki: DevelopmentPKI
        init() throws { pki = try DevelopmentPKI.create(directory: path, at: now) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func sign(_ role: String = DevelopmentPKI.updateSigner) throws -> [UInt8] {
            let (chain, key) = try pki.load(role: role)
            let payload = try UpdateManifestBody(manifest).encoded()
            return Array(try JWS.sign(payload: payload, chain: chain, signer: key).utf8)
        }
    }

    @Test func `the vendor's manifest is believed as it was signed`() throws {
        let vendor = try PKI()
        #expect(
            SignedManifest.reply(try vendor.sign(), root: vendor.pki.root, at: Self.now)
                == .update(Self.manifest, forgery: nil))
    }

    @Test func `one of another root, of another role, or changed on its way is a forgery`() throws {
        let vendor = try PKI()
        let stranger = try PKI()
        var changed = try vendor.sign()
        let dots = changed.indices.filter { changed[$0] == UInt8(ascii: ".") }
        var payload = UpdateManifestBody(Self.manifest)
        payload.rolloutPercent = 100
        let text = Base64.encode(try payload.encoded(), alphabet: .url, padding: false)
        changed.replaceSubrange(dots[0] + 1..<dots[1], with: Array(text.utf8))
        for answer in [try stranger.sign(), try vendor.sign(DevelopmentPKI.controlCenterClient), changed] {
            guard case .update(_, forgery: .some) = SignedManifest.reply(answer, root: vendor.pki.root, at: Self.now)
            else {
                Issue.record("believed")
                continue
            }
        }
        let later = Self.now + .seconds(86_400 * 365 * 20)
        guard
            case .update(_, forgery: .some) = SignedManifest.reply(try vendor.sign(), root: vendor.pki.root, at: later)
        else {
            Issue.record("believed although the certificate is over")
            return
        }
    }

    @Test(arguments: ["", "x", "a.b.c", "..", "{}"])
    func `what is no manifest is no answer`(text: String) throws {
        let vendor = try PKI()
        guard case .unreachable = SignedManifest.reply(Array(text.utf8), root: vendor.pki.root, at: Self.now) else {
            Issue.record("understood")
            return
        }
    }
}
